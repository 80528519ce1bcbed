"""Calls of tools as event streams: how far they are, what their backends ask the caller meanwhile, and their results.

The stream begins with the first event; what fails before that is refused as ever. A call is held by the process that
it came to: answers to its questions are for that one, as messages in sessions of the older era are.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import anyio
from mcp_types import METHOD_NOT_FOUND
from starlette.requests import Request
from starlette.types import Send

from airegistry.core.assets import Json
from airegistry.core.errors import AirError, Conflict, Invalid, NotFound, RateLimited, Unauthenticated
from airegistry.core.pleas import ELICITATION
from airegistry.core.ports import Audience
from airegistry.core.principals import Principal
from airegistry.oauth.identity import AUDIENCE, again_of, principal_of
from airegistry.rest.api.answers import refusal, written
from airegistry.rest.api.routes import PREFIX

ANSWERS: Final = f"{PREFIX}/calls/{{call}}/answers"
"""Where questions of a call are answered."""
HEARTBEAT: Final = 10.0
"""Seconds between two comments, each after a look whether the caller may still be told."""
MOST: Final = 8
"""Calls of one subject that are streamed at once."""
MOST_QUESTIONS: Final = 20
"""Questions of one call; whatever more a backend asks is refused."""
ACTIONS: Final = ("accept", "decline", "cancel")
_ASKED: Final = ("message", "mode", "requestedSchema", "url", "elicitationId")
_REFUSED: Final[Json] = {"error": {"code": METHOD_NOT_FOUND, "message": "not supported by this client"}}
Run = Callable[[], Awaitable[Json]]


class CallStreams:
    """Runs calls as streams, and takes the answers to what they ask."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    async def serve(self, request: Request, send: Send, run: Run) -> None:
        """Tell the caller of a request how its call goes, and last the result or what went wrong.

        Raises:
            RateLimited: the caller has too many of them.
            AirError: whatever the call fails with before anything was told.
        """
        call = self._begin(request, send)
        failure: AirError | None = None
        result: Json | None = None
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_until_gone, request, tasks.cancel_scope)
                tasks.start_soon(call.beat, tasks.cancel_scope)
                try:
                    result = await run()
                except AirError as error:
                    failure = error
                tasks.cancel_scope.cancel()
        finally:
            del self._calls[call.id]
        await call.end(result, failure)

    def answer(self, who: Principal, id: str, said: Json) -> Json:
        """Give a running call of somebody the answer to the question that it waits for.

        Raises:
            NotFound: the caller has no such call here.
            Conflict: it does not wait for that.
            Invalid: it is no answer.
        """
        call = self._calls.get(id)
        if call is None or call.holder != _holder(who):
            raise NotFound("you have no call of that id here; it may have ended")
        call.take(said.get("question"), _reply(said))
        return {"ok": True}

    def _begin(self, request: Request, send: Send) -> "_Call":
        holder = _holder(principal_of(request.scope))
        if sum(each.holder[0] == holder[0] for each in self._calls.values()) >= MOST:
            raise RateLimited(f"at most {MOST} calls of yours are streamed at once", retry_after=1.0)
        call = _Call(uuid4().hex, holder, again_of(request.scope), send)
        self._calls[call.id] = call
        request.scope[AUDIENCE] = call.audience()
        return call


@dataclass(slots=True, eq=False)
class _Question:
    """What a call waits for; `reply` is an `ElicitResult` once it was answered."""

    number: int
    answered: anyio.Event = field(default_factory=anyio.Event)
    reply: Json = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Call:
    """One call under way, and the stream that tells of it. `holder` are subject and client of its caller."""

    id: str
    holder: tuple[str, str]
    again: Callable[[], Principal | None]
    send: Send
    _begun: bool = False
    _over: bool = False
    _asked: int = 0
    _open: _Question | None = None
    _sending: anyio.Lock = field(default_factory=anyio.Lock)

    def audience(self) -> Audience:
        """What its caller can do meanwhile."""
        return Audience(
            on_progress=self._progress, on_question=self._question,
            capabilities={"elicitation": {"form": {}, "url": {}}},
        )  # fmt: skip

    async def beat(self, scope: anyio.CancelScope) -> None:
        """Show that the call goes on, until its caller is none any more."""
        while True:
            await anyio.sleep(HEARTBEAT)
            if self.again() is None:
                self._over = True
                scope.cancel()
                return
            await self._say(b": alive\n\n")

    def take(self, number: object, reply: Json) -> None:
        """Take an answer.

        Raises:
            Conflict: no question of that number waits.
        """
        question = self._open
        if question is None or question.number != number:
            raise Conflict("the call does not wait for an answer to that question")
        self._open = None
        question.reply = reply
        question.answered.set()

    async def end(self, result: Json | None, failure: AirError | None) -> None:
        """Tell how it ended; neither is given where its caller is gone, or is none any more.

        Raises:
            AirError: the failure, where nothing was told yet.
        """
        if self._over or ((result or failure) and self.again() is None):
            failure = Unauthenticated("the session or token that began the call has ended")
        if failure is not None and not self._begun:
            raise failure
        if failure is not None:
            await self._say(_event("error", bytes(refusal(failure).body)))
        elif result is not None:
            await self._tell("result", result)
        if self._begun:
            await self.send({"type": "http.response.body", "body": b""})

    async def _progress(self, params: Json) -> None:
        told: Json = {name: params[name] for name in ("progress", "total", "message") if name in params}
        await self._tell("progress", told)

    async def _question(self, method: str, params: Json) -> Json:
        if method != ELICITATION or self._asked == MOST_QUESTIONS:
            return _REFUSED
        self._asked += 1
        self._open = question = _Question(self._asked)
        asked: Json = {name: params[name] for name in _ASKED if name in params}
        try:
            await self._tell("elicitation", {"call": self.id, "question": question.number, **asked})
            await question.answered.wait()
        finally:
            self._open = None
        return {"result": question.reply}

    async def _tell(self, name: str, data: Json) -> None:
        await self._say(_event(name, written(data)))

    async def _say(self, chunk: bytes) -> None:
        async with self._sending:
            if not self._begun:
                self._begun = True
                await self.send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self.send({"type": "http.response.body", "body": chunk, "more_body": True})


_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


def streams(request: Request) -> bool:
    """Whether a caller wants events, and no plain answer."""
    accepted = request.headers.get("accept", "")
    return "text/event-stream" in accepted and "json" not in accepted


def call_of(path: str) -> str | None:
    """The id of the call whose questions are answered at a path; None when it is another one."""
    head, _, tail = ANSWERS.partition("{call}")
    id_ = path.removeprefix(head).removesuffix(tail)
    return id_ if id_ and path == f"{head}{id_}{tail}" and "/" not in id_ else None


def _event(name: str, data: bytes) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), data)


def _holder(who: Principal) -> tuple[str, str]:
    return who.subject, who.client


def _reply(said: Json) -> Json:
    """An answer as an `ElicitResult`.

    Raises:
        Invalid: it is none.
    """
    action, content = said.get("action"), said.get("content")
    if unknown := sorted(said.keys() - {"question", "action", "content"}):
        raise Invalid(f"{unknown[0][:40]!r} is no member of the body here", field=unknown[0][:40])
    if action not in ACTIONS:
        raise Invalid(f"action is one of {', '.join(ACTIONS)}", field="action")
    if content is not None and not isinstance(content, dict):
        raise Invalid("content is an object", field="content")
    return {"action": action, "content": content or {}} if action == "accept" else {"action": action}


async def _until_gone(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
