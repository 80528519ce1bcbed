"""The gateway: `/{path}/mcp`, `/{path}@{version}/mcp` and `/{path}/sse` as an ASGI application on the data path.

It reads the envelope, finds what stands at the path, and hands the message to the way that leads there: bytes to a
backend of the client's era, messages to a backend of another era or to a virtual server. No rule of the domain is here.
"""

import re
from collections.abc import Callable
from typing import Protocol

from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Server, VirtualServer
from airegistry.core.errors import (
    ConsentRequired,
    Internal,
    Invalid,
    NotFound,
    Quarantined,
    Unsupported,
)
from airegistry.core.pleas import InputWanted
from airegistry.core.principals import Principal
from airegistry.egress.stream import StreamClient
from airegistry.gateway.consents import consent_answer
from airegistry.gateway.direct import JSON_HEADERS, SESSION_CLOSE, STREAM_OPEN, Direct, Request
from airegistry.gateway.entry import Entry
from airegistry.gateway.envelope import Envelope, Inbound, check_headers, parse, read_headers
from airegistry.gateway.errors import Malformed, Reply
from airegistry.gateway.fronts.listening import OnToolsChanged, ignore
from airegistry.gateway.outermost import MAX_BODY, Challenge, Outermost
from airegistry.gateway.presence import Presence
from airegistry.gateway.proxy import Proxy
from airegistry.gateway.sessions import Sessions
from airegistry.oauth.identity import again_of, principal_of

_PATH = re.compile(r"/([a-z0-9][a-z0-9._-]{0,63})(?:@([A-Za-z0-9][A-Za-z0-9._+-]{0,63}))?/(mcp|sse)")
_SESSION = re.compile(rb"session=([A-Za-z0-9_-]{1,128})")


class Elsewhere(Protocol):
    """The ways on which messages are read and written anew: virtual servers, and backends of another era."""

    async def leads(self, who: Principal, asset: Server | VirtualServer, *, modern: bool) -> bool:
        """Whether a client of an era reaches this asset by messages, not by bytes."""
        ...

    def doubt(self, asset: Server, modern: bool) -> None:
        """Have the backend asked again what it speaks: it refused a message that should have been of its era."""
        ...

    async def serve(self, request: Request, asset: Server | VirtualServer, reply: Reply, presence: Presence) -> None:
        """Answer one message.

        Raises:
            AirError: it is refused.
        """
        ...

    async def serve_sse(
        self, request: Request, asset: Server | VirtualServer, reply: Reply, presence: Presence, session: str | None
    ) -> None:
        """Answer one request of the transport of 2024-11-05; `session` is the one that its URL names.

        Raises:
            AirError: it is refused.
        """
        ...


class Gateway(Outermost[Reply]):
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
        elsewhere: Elsewhere | None = None,
        announce: Callable[[Server | VirtualServer], list[tuple[bytes, bytes]]] | None = None,
        on_tools_changed: OnToolsChanged = ignore,
        proxy: Proxy | None = None,
    ) -> None:
        super().__init__(max_body, challenge)
        self._entry = entry
        self._sessions = Sessions() if sessions is None else sessions
        self._elsewhere = elsewhere
        doubt = elsewhere.doubt if elsewhere is not None else _no_doubt
        self._direct = Direct(
            entry, client, self._sessions, first_byte_timeout=first_byte_timeout, doubt=doubt,
            on_tools_changed=on_tools_changed, proxy=proxy,
        )  # fmt: skip
        self._announce = announce
        self._stops = False

    def end_streams(self) -> None:
        """End the streams that have no end of their own: the registry is about to stop."""
        self._stops = True
        self._direct.end_streams()

    def _reply(self, send: Send) -> Reply:
        return Reply(send)

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        who = principal_of(scope)
        path, version, transport = _target(scope)
        inbound = read_headers(scope["headers"])
        reply.handshake = not inbound.modern
        version = _pinned(version, inbound.server_version)
        envelope, body = await self._message(scope, receive, reply, inbound)
        self._understood(scope, inbound, envelope, body)
        target = path if version is None else f"{path}@{version}"
        session = None
        if inbound.session is not None and not inbound.modern and transport == "mcp":
            session = self._sessions.find(who.subject, target, inbound.session)
            # A session stays with the version it was opened at, whatever has become the default since.
            version = session.version if session is not None else version
        asset = await self._entry.find(who, path, envelope.method, envelope.name, version=version)
        if self._announce is not None:
            reply.extra = self._announce(asset)
        request = Request(who, target, scope["method"], inbound, envelope, body, session, again_of(scope))
        with Presence(receive, self._patience) as presence:
            if transport == "sse":
                await self._serve_sse(scope, request, asset, reply, presence)
            elif session is None and self._elsewhere and await self._elsewhere.leads(who, asset, modern=inbound.modern):
                await self._elsewhere.serve(request, asset, reply, presence)
            elif isinstance(asset, Server):
                await self._serve_directly(request, asset, reply, presence)
            else:
                raise Unsupported(f"{path!r} is a virtual server, which is not served here")
        if presence.over:
            await reply.cut(Internal("the registry stops") if self._stops else Quarantined("cut off"))

    def _understood(self, scope: Scope, inbound: Inbound, envelope: Envelope, body: bytes | None) -> None:
        """It is known what is asked: for those who watch."""

    async def _serve_directly(self, request: Request, asset: Server, reply: Reply, presence: Presence) -> None:
        try:
            await self._direct.serve(request, asset, reply, presence)
        except (ConsentRequired, InputWanted) as error:
            answer = consent_answer(error, request)
            if answer is None:
                raise
            await reply.whole(200, [*JSON_HEADERS], answer)

    async def _serve_sse(
        self, scope: Scope, request: Request, asset: Server | VirtualServer, reply: Reply, presence: Presence
    ) -> None:
        if self._elsewhere is None:
            raise Unsupported("the transport of 2024-11-05 is not served here")
        match = _SESSION.fullmatch(scope.get("query_string", b""))
        session = match[1].decode("ascii") if match else None
        await self._elsewhere.serve_sse(request, asset, reply, presence, session)

    async def _message(
        self, scope: Scope, receive: Receive, reply: Reply, inbound: Inbound
    ) -> tuple[Envelope, bytes | None]:
        match scope["method"]:
            case "POST":
                body = await self._read(inbound, receive)
                envelope = parse(body, modern=inbound.modern)
                reply.request_id = envelope.id
                check_headers(inbound, envelope)
                return envelope, body
            case "GET":
                return Envelope("request", None, STREAM_OPEN), None
            case "DELETE":
                return Envelope("notification", None, SESSION_CLOSE), None
        raise Malformed("only POST, GET and DELETE are served here", status=405)

    async def _read(self, inbound: Inbound, receive: Receive) -> bytes:
        if inbound.content_type.partition(b";")[0].strip().lower() != b"application/json":
            raise Malformed("the body must be application/json", status=415)
        return await self._body(inbound, receive)


def _no_doubt(asset: Server, modern: bool) -> None:
    """There is no other way for a message to go."""


def _target(scope: Scope) -> tuple[str, str | None, str]:
    """Path, version and transport, from the path as it was sent: an escaped or doubled character is another path."""
    path: str = scope["path"]
    match = _PATH.fullmatch(path)
    if match is None or scope.get("raw_path", b"") not in (b"", path.encode("latin-1")):
        raise NotFound("no such endpoint")
    return match[1], match[2], match[3]


def _pinned(in_path: str | None, in_header: str | None) -> str | None:
    """The version that a client asks for, in the one way or the other.

    Raises:
        Invalid: in both ways, and they differ.
    """
    if in_path is not None and in_header is not None and in_path != in_header:
        raise Invalid("X-MCP-Server-Version and the path name different versions")
    return in_path if in_header is None else in_header
