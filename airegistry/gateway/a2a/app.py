"""A2A agents behind the registry: `/agents/{path}` in JSON-RPC and HTTP+JSON, and the card that leads there.

It reads what policy is about, asks `Entry` whether this caller may do this, and passes the rest on as it came.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import orjson
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Agent
from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AccessDenied, AirError, NotFound, Quarantined, Unsupported
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.a2a.answers import Reading
from airegistry.gateway.a2a.callbacks import check_callback
from airegistry.gateway.a2a.handles import Handles, Holder
from airegistry.gateway.a2a.operations import CARD, LIST, READS, SENDS, STREAMS, WELL_KNOWN, place_of
from airegistry.gateway.a2a.reach import headers_for, interface_for, url_for
from airegistry.gateway.a2a.relay import MAX_ANSWER, Headers, Relay, Sending
from airegistry.gateway.a2a.replies import AgentReply, UnknownTask
from airegistry.gateway.a2a.request import (
    Asked,
    content_type,
    forwarded,
    of_http,
    of_rpc,
    parameters,
    said,
    stated_version,
)
from airegistry.gateway.a2a.served_card import served
from airegistry.gateway.attempts import CANCELLED, OK, Result
from airegistry.gateway.envelope import Inbound, read_headers
from airegistry.gateway.errors import BadAnswer, Malformed
from airegistry.gateway.outermost import MAX_BODY, Challenge, Outermost
from airegistry.gateway.presence import Presence
from airegistry.oauth.identity import again_of, principal_of

PATHS: Final = ("/agents/{path}", "/agents/{path}/{rest:path}")
"""Templates of the paths that are served, for the inventory of routes."""

_PATH = re.compile(r"/agents/([a-z0-9][a-z0-9._-]{0,63})(/[^?#]*)?")
_HINT = "; a message may name one skill, as skillId in its metadata"


class Entry(Protocol):
    """What the core decides and records around each call; `Invocation` of the core is one."""

    async def enter_agent(
        self, who: Principal, path: str, method: str, skill: str | None, *, some: bool = False,
        plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        """Admit one request to an agent. `skill` None stands for all of them or, with `some`, for any one.

        With a `plea` it waits for an approval it needs.

        Raises:
            AirError: it is refused; the refusal is recorded already.
        """
        ...

    def may_ask(self, call: Call, skill: str) -> bool:
        """Whether the caller may use a skill of the agent that is called."""
        ...

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how an admitted request ended; never blocks."""
        ...

    async def renewed(self, call: Call) -> Call | None:
        """The call with another credential after the agent refused the one it had."""
        ...


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """One request: what was read of it, and what goes on."""

    asked: Asked
    version: str | None
    headers: list[tuple[str, str]]
    body: bytes | None
    content: str | None


class AgentGateway(Outermost[AgentReply]):
    """An ASGI application over one pool of connections. `url` is the registry's own, `max_body` and `max_answer` are in
    bytes, `first_byte_timeout` in seconds."""

    def __init__(
        self,
        entry: Entry,
        client: StreamClient,
        guard: Guard,
        handles: Handles,
        *,
        url: str,
        max_body: int = MAX_BODY,
        max_answer: int = MAX_ANSWER,
        first_byte_timeout: float = 300.0,
        challenge: Challenge | None = None,
    ) -> None:
        super().__init__(max_body, challenge)
        self._entry = entry
        self._relay = Relay(client, max_answer)
        self._guard = guard
        self._handles = handles
        self._url = url
        self._first_byte_timeout = first_byte_timeout

    def _reply(self, send: Send) -> AgentReply:
        return AgentReply(send)

    async def _serve(self, scope: Scope, receive: Receive, reply: AgentReply) -> None:
        who = principal_of(scope)
        path, rest = target_of(scope)
        reply.rpc = rest == ""
        inbound = read_headers(scope["headers"])
        if inbound.content_type.lower().startswith(b"application/grpc"):
            raise Unsupported("gRPC is not carried by this gateway; it speaks JSON-RPC and HTTP+JSON")
        if rest in WELL_KNOWN:
            if scope["method"] not in {"GET", "HEAD"}:
                raise Malformed("a card is read by GET", status=405)
            await self._card(who, path, scope, reply, None)
            return
        request = await self._read(scope, rest, inbound, receive, reply)
        asked = request.asked
        reply.request_id, reply.older = asked.id, asked.version == "0.3"
        if asked.operation == CARD:
            await self._card(who, path, scope, reply, asked)
            return
        with Presence(receive, self._patience) as presence:
            plea = Plea(partial(said, request.body), again_of(scope))
            plea.size = len(request.body or b"")
            call, holders = await self._admitted(who, path, asked, plea)
            try:
                sending = self._sending(call, request, scope["method"])
                await self._check(call, asked, holders)
            except AirError as error:
                self._entry.leave(call, "error", error.code)
                raise
            if call.permit is not None:
                call.permit.on_cut(presence.cut)
            await self._exchange(call, asked, sending, reply)
        if presence.over:
            await reply.cut(Quarantined("the call was cut off"))

    async def _read(
        self, scope: Scope, rest: str, inbound: Inbound, receive: Receive, reply: AgentReply
    ) -> AgentRequest:
        """What is asked, and what of it goes on.

        Raises:
            Malformed: it is no request of A2A.
            NotFound: nor is the path one.
        """
        headers, query = forwarded(scope["headers"]), parameters(scope.get("query_string", b""))
        version, verb = stated_version(headers, query), scope["method"]
        place = place_of(verb, rest) if rest else None
        if rest and place is None:
            raise NotFound("no such endpoint")
        if not rest and verb != "POST":
            raise Malformed("JSON-RPC is sent by POST", status=405)
        reply.older = place is not None and place.version == "0.3"
        body = await self._body(inbound, receive) if verb == "POST" else b""
        content = content_type(inbound.content_type) if body or not rest else None
        if place is None:
            if query:
                raise Malformed("JSON-RPC of A2A has no query but A2A-Version")
            return AgentRequest(of_rpc(body, version), version, headers, body, "application/json")
        asked = of_http(place, rest, query, body, version)
        return AgentRequest(asked, version, headers, body or None, content)

    async def _admitted(self, who: Principal, path: str, asked: Asked, plea: Plea) -> tuple[Call, list[Holder]]:
        """The call, and whose the tasks of the request are: none of them when one is not the caller's.

        A task goes on under the skill that it was begun with.

        Raises:
            AirError: the call is refused.
        """
        found = [await self._handles.holder(path, "task", task) for task in asked.tasks]
        holders = [holder for holder in found if holder is not None and holder.subject == who.subject]
        if len(holders) < len(found):
            holders = []
        skill, some = asked.skill, asked.operation == LIST or (bool(found) and not holders)
        if holders and asked.task is not None:
            begun = holders[0].skill
            if begun is not None and skill not in {None, begun}:
                raise Malformed("the task was begun with another skill", id=asked.id)
            skill = begun
        try:
            return await self._entry.enter_agent(who, path, asked.operation, skill, some=some, plea=plea), holders
        except AccessDenied as error:
            if skill is not None or some:
                raise
            raise AccessDenied(error.message + _HINT, missing=error.missing, step_up=error.step_up) from None

    async def _check(self, call: Call, asked: Asked, holders: list[Holder]) -> None:
        """Make sure that a request is about what is the caller's, and calls nobody back who must not be called.

        Raises:
            UnknownTask: a task or context is not the caller's.
            Invalid: a URL for push notifications is forbidden.
        """
        if len(holders) < len(asked.tasks):
            raise UnknownTask
        for holder in holders:
            if not self._entry.may_ask(call, holder.skill or ""):
                raise UnknownTask
        for url in asked.callbacks:
            await check_callback(self._guard, url)
        if asked.context is None:
            return
        owner = await self._handles.holder(call.asset.path, "context", asked.context)
        if owner is None and asked.operation in SENDS:
            owner = await self._handles.claim(call.asset.path, "context", asked.context, call.who.subject, None)
        if owner is None or owner.subject != call.who.subject:
            raise UnknownTask

    def _sending(self, call: Call, request: AgentRequest, verb: str) -> Sending:
        asked, agent = request.asked, _agent(call)
        interface = interface_for(agent, asked, credential=bool(call.headers))

        def headers(call: Call) -> Headers:
            return headers_for(request.headers, request.version, request.content, call.headers)

        async def renew() -> Headers | None:
            other = await self._entry.renewed(call)
            return None if other is None else headers(other)

        return Sending(
            verb, url_for(interface, asked), headers(call), request.body, self._first_byte_timeout,
            asked.operation in READS, renew, asked.operation in STREAMS,
        )  # fmt: skip

    async def _exchange(self, call: Call, asked: Asked, sending: Sending, reply: AgentReply) -> None:
        owner = _Owner(self._entry, self._handles, call)
        result = OK if asked.operation in STREAMS else CANCELLED
        try:
            result = await self._relay.exchange(sending, reply, Reading(asked, owner))
        except Exception:
            result = Result("error", "internal")
            raise
        finally:
            self._entry.leave(call, result.outcome, result.error)

    async def _card(self, who: Principal, path: str, scope: Scope, reply: AgentReply, asked: Asked | None) -> None:
        """The card as it was registered and scanned, for this caller; that is the extended one, too."""
        call = await self._entry.enter_agent(who, path, CARD, None)
        try:
            card = served(_agent(call), self._url, lambda skill: self._entry.may_ask(call, skill))
        except AirError as error:
            self._entry.leave(call, "error", error.code)
            raise
        self._entry.leave(call, "ok")
        rpc = asked is not None and asked.binding == "JSONRPC"
        body = orjson.dumps({"jsonrpc": "2.0", "id": reply.request_id, "result": card} if rpc else card)
        etag = b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
        headers = [
            (b"cache-control", b"no-store" if rpc else b"private, max-age=60, must-revalidate"),
            (b"vary", b"authorization"),
        ]
        if not rpc:
            headers.append((b"etag", etag))
            if any(name == b"if-none-match" and etag in value for name, value in scope["headers"]):
                await reply.start(304, headers)
                await reply.body(b"", more=False)
                return
        await reply.whole(200, [*headers, (b"content-type", b"application/json")], body)


class _Owner:
    """The caller of a request, to whom belongs what the answer gives out."""

    def __init__(self, entry: Entry, handles: Handles, call: Call) -> None:
        self._entry = entry
        self._handles = handles
        self._call = call

    async def got(self, task: str | None, context: str | None) -> None:
        call, path = self._call, self._call.asset.path
        if task is not None:
            holder = await self._handles.claim(path, "task", task, call.who.subject, call.name)
            if holder.subject != call.who.subject:
                raise BadAnswer("the agent answered with a task of another caller")
        if context is not None:
            # An agent may have one context for all. Then it is nobody's but the first one's, and no reason to fail.
            await self._handles.claim(path, "context", context, call.who.subject, None)

    async def may_see(self, task: str) -> bool:
        holder = await self._handles.holder(self._call.asset.path, "task", task)
        if holder is None or holder.subject != self._call.who.subject:
            return False
        return self._entry.may_ask(self._call, holder.skill or "")


def target_of(scope: Scope) -> tuple[str, str]:
    """The agent's path and what follows, from the path as it was sent: an escaped character is another path."""
    path: str = scope["path"]
    match = _PATH.fullmatch(path)
    if match is None or scope.get("raw_path", b"") not in (b"", path.encode("utf-8", "surrogateescape")):
        raise NotFound("no such endpoint")
    return match[1], (match[2] or "").removesuffix("/") if match[2] == "/" else match[2] or ""


def _agent(call: Call) -> Agent:
    assert isinstance(call.asset, Agent)
    return call.asset
