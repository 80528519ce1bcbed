"""Approvals on the way of bytes: the caller is asked on the stream of its own call, before that goes on anywhere."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Self

import anyio
import orjson
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.pleas import ELICITATION, Plea, Verdict, can_elicit, form, is_ours, verdict_of, without_answer
from airegistry.core.principals import Principal
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import Reply, RequestId
from airegistry.gateway.fronts.pleas import still_waiting
from airegistry.gateway.fronts.streams import KEEP_ALIVE, SSE_HEADERS
from airegistry.gateway.late_reply import LateReply, framed
from airegistry.gateway.message import capabilities_of, params_of

Holder = tuple[str, str, str]
"""Subject, endpoint and session: who may answer a question."""

_CANCELLED: Final = "notifications/cancelled"


@dataclass(slots=True, eq=False)
class _Open:
    """A question that a client was asked, and what it said."""

    holder: Holder
    answered: anyio.Event = field(default_factory=anyio.Event)
    result: JsonValue = None


class Questions:
    """What clients in sessions of the older era are asked, and which of their calls wait."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._calls: dict[tuple[Holder, RequestId], Callable[[], None]] = {}

    def ask(self, holder: Holder) -> tuple[str, _Open]:
        """A new question, and the id under which it goes out."""
        id_ = f"airegistry-approval-{secrets.token_urlsafe(18)}"
        made = self._open[id_] = _Open(holder)
        return id_, made

    def forget(self, id: str) -> None:
        """Nobody waits for the answer any more."""
        self._open.pop(id, None)

    def wait(self, holder: Holder, id: RequestId, cancel: Callable[[], None]) -> None:
        """A call waits, until `waited`."""
        self._calls[holder, id] = cancel

    def waited(self, holder: Holder, id: RequestId) -> None:
        """It does no more."""
        self._calls.pop((holder, id), None)

    def takes(self, holder: Holder, envelope: Envelope, body: bytes | None) -> bool:
        """Whether a message is an answer to a question of ours, and not the backend's; what is taken back is told."""
        if envelope.kind == "response":
            asked = self._open.get(envelope.id) if isinstance(envelope.id, str) else None
            if asked is None or asked.holder != holder or body is None:
                return False
            asked.result = orjson.loads(body).get("result")
            asked.answered.set()
            return True
        if envelope.method == _CANCELLED and self._calls:
            request_id = params_of(body).get("requestId")
            cancel = self._calls.get((holder, request_id)) if isinstance(request_id, str | int) else None
            if cancel is not None:
                cancel()
        return False


@dataclass(slots=True, eq=False)
class DirectPlea(Plea):
    """A call on the way of bytes. `opening` is the `initialize` of its session; `late` the reply once it was begun."""

    inbound: Inbound
    envelope: Envelope
    body: bytes | None
    opening: bytes | None
    reply: Reply
    questions: Questions
    holder: Holder
    late: LateReply | None = field(default=None, init=False)

    @classmethod
    def of(
        cls, now: Callable[[], Principal | None], inbound: Inbound, envelope: Envelope, body: bytes | None,
        opening: bytes | None, reply: Reply, questions: Questions, holder: Holder,
    ) -> Self:  # fmt: skip
        """The plea of one call."""
        plea = cls(lambda: params_of(body), now, inbound, envelope, body, opening, reply, questions, holder)
        plea.size = 0 if body is None else len(body)
        return plea

    @property
    def comes_back(self) -> bool:
        """Whether the call comes with an answer to a question of ours, which its backend is not to see."""
        return self.envelope.state is not None and is_ours(self.envelope.state)

    def stripped(self) -> tuple[Envelope, bytes]:
        """The message without that answer."""
        message = orjson.loads(self.body or b"{}")
        message["params"] = without_answer(message["params"])
        return self.envelope._replace(state=None), orjson.dumps(message)

    @property
    def can_ask(self) -> bool:
        """Whether the client declared that it shows its person a form, and can be sent one."""
        if self.inbound.modern:
            return can_elicit(capabilities_of(self.params))
        return self.opening is not None and self._streams and can_elicit(capabilities_of(params_of(self.opening)))

    def on_gone(self, cancel: Callable[[], None]) -> None:
        """Have the wait cancelled with the call."""
        self.questions.wait(self.holder, self.envelope.id, cancel)

    async def ask(self, id: str, question: str) -> Verdict:
        """Have the client's person confirm: in this era by an answer of ours, in the older one by a request."""
        if self.inbound.modern:
            return await super(DirectPlea, self).ask(id, question)
        key, asked = self.questions.ask(self.holder)
        try:
            await self._send({"jsonrpc": "2.0", "id": key, "method": ELICITATION, "params": form(question)})
            await asked.answered.wait()
        finally:
            self.questions.forget(key)
        return verdict_of(asked.result)

    async def waiting(self, id: str, times: int) -> None:
        """Send a sign of life, and how long it takes to whoever wants to know."""
        if not self._streams:
            return
        meta = self.params.get("_meta")
        token = meta.get("progressToken") if isinstance(meta, dict) else None
        if token is None:
            await self._begin()
            await self.reply.body(KEEP_ALIVE, more=True)
        else:
            await self._send(still_waiting(token, id, times))

    @property
    def _streams(self) -> bool:
        """Whether the client takes an event stream for an answer, as every client of MCP says it does."""
        return any(name == "accept" and "text/event-stream" in value for name, value in self.inbound.forward)

    async def _begin(self) -> None:
        if self.late is None:
            await self.reply.start(200, [*SSE_HEADERS])
            self.late = LateReply(self.reply)

    async def _send(self, message: Json) -> None:
        await self._begin()
        await self.reply.body(framed(orjson.dumps(message)), more=True)
