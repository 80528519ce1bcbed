"""The gateway: `/{server}/mcp` and `/{server}@{version}/mcp` as an ASGI application on the data path.

It reads the envelope, asks `Entry` whether this caller may do this, and streams. No rule of the domain is here.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal, Protocol

from starlette.types import Receive, Scope, Send

from airegistry.core.calls import Call, Outcome
from airegistry.core.errors import AccessDenied, AirError, Internal, NotFound, Unsupported
from airegistry.core.principals import Principal
from airegistry.egress.stream import StreamClient
from airegistry.gateway.envelope import Envelope, Inbound, check_headers, parse, read_headers
from airegistry.gateway.errors import BadAnswer, Malformed, Reply
from airegistry.gateway.lists import LISTS, Keep
from airegistry.gateway.proxy import CANCELLED, OK, Outgoing, Proxy, Result
from airegistry.gateway.sessions import Sessions
from airegistry.oauth.identity import principal_of

MAX_BODY = 16 * 2**20
STREAM_OPEN = "stream/open"
SESSION_CLOSE = "session/close"

_LOG = logging.getLogger(__name__)
_PATH = re.compile(r"/([a-z0-9][a-z0-9._-]{0,63})(?:@([A-Za-z0-9][A-Za-z0-9._+-]{0,63}))?/mcp")
_ENDED_BY_CLIENT = frozenset((STREAM_OPEN, "subscriptions/listen"))
_SESSION_ID = re.compile(r"[\x21-\x7e]{1,1024}")
_A_DAY = 86_400.0


Challenge = Callable[[Scope, Principal, Sequence[str]], bytes]
"""Makes the `WWW-Authenticate` that names the scopes a broader token would carry."""


class Entry(Protocol):
    """What the core decides and records around each call; `Invocation` of the core is one."""

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None
    ) -> Call:
        """Admit one request to the server at `path`.

        Raises:
            AirError: it is refused; the refusal is recorded already.
        """
        ...

    def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
        """Record how an admitted request ended; never blocks."""
        ...

    def may_use(self, call: Call, member: Literal["tools", "prompts", "resources"], name: str) -> bool:
        """Whether a list shows this item to the caller."""
        ...


class Gateway:
    """An ASGI application over one pool of connections. `max_body` is in bytes, `first_byte_timeout` in seconds."""

    def __init__(
        self,
        entry: Entry,
        client: StreamClient,
        *,
        max_body: int = MAX_BODY,
        first_byte_timeout: float = 300.0,
        sessions: Sessions | None = None,
        challenge: Challenge | None = None,
    ) -> None:
        self._challenge = challenge
        self._entry = entry
        self._proxy = Proxy(client)
        self._max_body = max_body
        self._first_byte_timeout = first_byte_timeout
        self._sessions = Sessions() if sessions is None else sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        reply = Reply(send)
        try:
            await self._serve(scope, receive, reply)
        except AirError as error:
            await reply.refuse(error, challenge=self._step_up(scope, error))
        except _ClientGone:
            pass
        except Exception:  # noqa: BLE001  # the outermost handler: a fault of ours ends one request, in the protocol's form
            _LOG.exception("the gateway failed on %s", scope["path"])
            await reply.refuse(Internal("internal error"))

    def _step_up(self, scope: Scope, error: AirError) -> bytes | None:
        """What a client is told whose person may do more than its token."""
        if self._challenge is None or not isinstance(error, AccessDenied) or not error.step_up:
            return None
        return self._challenge(scope, principal_of(scope), error.step_up)

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        who = principal_of(scope)
        path, version = _target(scope)
        inbound = read_headers(scope["headers"])
        body: bytes | None = None
        match scope["method"]:
            case "POST":
                body = await self._read(inbound, receive)
                envelope = parse(body)
                reply.request_id = envelope.id
                check_headers(inbound, envelope)
            case "GET":
                envelope = Envelope("request", None, STREAM_OPEN)
            case "DELETE":
                envelope = Envelope("notification", None, SESSION_CLOSE)
            case _:
                raise Malformed("only POST, GET and DELETE are served here", status=405)
        for uri in envelope.watched:
            watch = await self._entry.enter(who, path, "resources/subscribe", uri, version=version)
            self._entry.leave(watch, "ok")
        call = await self._entry.enter(who, path, envelope.method, envelope.name, version=version)
        try:
            outgoing = self._outgoing(call, envelope, inbound, scope["method"], body)
            seat = _Seat(self._sessions, who.subject, f"{path}@{version or ''}", envelope.method, inbound)
        except AirError as error:
            self._entry.leave(call, "error", error.code)
            raise
        try:
            async with asyncio.TaskGroup() as group:
                watcher = group.create_task(_until_gone(receive))
                await self._relay(call, outgoing, reply, seat)
                watcher.cancel()
        except* _ClientGone:
            pass

    async def _read(self, inbound: Inbound, receive: Receive) -> bytes:
        if inbound.content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise Malformed("the body must be application/json", status=415)
        if inbound.length > self._max_body:
            raise Malformed(f"the body is longer than {self._max_body} bytes", status=413)
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _ClientGone
            part: bytes = message.get("body", b"")
            size += len(part)
            if size > self._max_body:
                raise Malformed(f"the body is longer than {self._max_body} bytes", status=413)
            parts.append(part)
            if not message.get("more_body", False):
                return parts[0] if len(parts) == 1 else b"".join(parts)

    def _outgoing(self, call: Call, envelope: Envelope, inbound: Inbound, verb: str, body: bytes | None) -> Outgoing:
        """The request for the backend: the message as it came, the headers that may be seen, the backend's own."""
        server = call.server
        if server.transport != "streamable-http" or server.url is None:
            raise Unsupported(f"server {server.path!r} is reached by {server.transport}, which has no gateway yet")
        if envelope.method.startswith("tasks/"):
            # A task id is no credential either, and is not bound to its caller yet: fail closed.
            raise Unsupported("tasks are not offered through the gateway yet")
        headers = inbound.forward
        if body is not None:
            # The charset that the body was checked in, whatever the client declared.
            headers.append(("content-type", "application/json"))
        if inbound.session is not None and not inbound.modern:
            headers.append(("mcp-session-id", inbound.session))
        if call.headers:
            own = {name.lower() for name in call.headers}
            headers = [*(header for header in headers if header[0] not in own), *call.headers.items()]
        patience = _A_DAY if envelope.method in _ENDED_BY_CLIENT else self._first_byte_timeout
        return Outgoing(verb, server.url, headers, body, envelope.kind != "request", patience)

    async def _relay(self, call: Call, outgoing: Outgoing, reply: Reply, seat: "_Seat") -> None:
        filtered = call.method in LISTS or call.method == STREAM_OPEN
        keep: Keep | None = partial(self._entry.may_use, call) if filtered else None
        result = OK if call.method in _ENDED_BY_CLIENT else CANCELLED
        try:
            result = await self._proxy.relay(outgoing, reply, seat.on_head, keep)
        except Exception:
            result = Result("error", "internal")
            raise
        finally:
            self._entry.leave(call, result.outcome, result.error)


class _Seat:
    """The caller's place in a session of the older era during one request.

    Raises:
        NotFound: the session is unknown, or another caller's.
    """

    __slots__ = ("_holder", "_method", "_modern", "_session", "_sessions")

    def __init__(self, sessions: Sessions, subject: str, target: str, method: str, inbound: Inbound) -> None:
        self._sessions = sessions
        self._holder = (subject, target)
        self._method = method
        self._modern = inbound.modern
        self._session = None if inbound.modern else inbound.session
        if self._session is not None and not sessions.holds(subject, target, self._session):
            raise NotFound("no such session")

    def on_head(self, status: int, offered: str | None) -> str | None:
        """Bind a session that begins, forget one that ends; returns the id to show."""
        if self._modern:
            return None
        if self._method == "initialize" and offered is not None and status < 300:
            if not _SESSION_ID.fullmatch(offered):
                raise BadAnswer("the backend's session id is not visible ASCII")
            self._sessions.bind(*self._holder, offered)
            return offered
        if self._session is None:
            return None
        if status == 404 or (self._method == SESSION_CLOSE and status < 300):
            self._sessions.unbind(*self._holder, self._session)
        return self._session if offered == self._session else None


class _ClientGone(Exception):
    """The client closed its connection."""


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _ClientGone


def _target(scope: Scope) -> tuple[str, str | None]:
    """Server path and version, from the path as it was sent: an escaped or doubled character is another path."""
    path: str = scope["path"]
    match = _PATH.fullmatch(path)
    if match is None or scope.get("raw_path", b"") not in (b"", path.encode("latin-1")):
        raise NotFound("no such endpoint")
    return match[1], match[2]
