"""Opens a session of the older era anew, behind its client, after the backend has lost it."""

from collections.abc import Sequence

import orjson
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient, StreamResponse
from airegistry.gateway.sessions import SESSION_ID, Session
from airegistry.gateway.sse import Events, data_of

_MAX_ANSWER = 1 << 20
_ACCEPT = ("accept", "application/json, text/event-stream")
_JSON = ("content-type", "application/json")
_READY = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'

Headers = Sequence[tuple[str, str]]


class Reopening:
    """One attempt to open a session anew, after `lost`, the backend's id of it, was refused."""

    def __init__(self, client: StreamClient, session: Session, url: str, lost: str, timeout: float) -> None:
        self._client = client
        self._session = session
        self._url = url
        self._lost = lost
        self._timeout = timeout

    async def run(self, headers: Headers) -> bool:
        """Whether the session is open again; of several requests that found it lost, one opens it."""
        session = self._session
        async with session.renewing:
            if session.backend != self._lost:
                return True
            try:
                opened = await self._initialize(headers)
                if opened is None:
                    return False
                session.backend, protocol = opened
                for body in (_READY, *session.settings.values()):
                    await self._say(headers, protocol, body)
            except UpstreamFailed:
                return False
            return True

    async def _initialize(self, headers: Headers) -> tuple[str, str] | None:
        """The backend's new id and the protocol version, when it opens the session as it did before."""
        async with self._client.open(
            "POST", self._url, [_ACCEPT, _JSON, *headers], self._session.opening, first_byte_timeout=self._timeout
        ) as response:
            ids = [value for name, value in response.headers if name == b"mcp-session-id"]
            result = await _result(response)
        offered = ids[0].decode("latin-1") if ids else ""
        version = None if result is None else result.get("protocolVersion")
        if not SESSION_ID.fullmatch(offered) or version not in HANDSHAKE_PROTOCOL_VERSIONS:
            return None
        if self._session.protocol is not None and version != self._session.protocol:
            return None
        return offered, str(version)

    async def _say(self, headers: Headers, protocol: str, body: bytes) -> None:
        said = [_ACCEPT, _JSON, ("mcp-protocol-version", protocol), ("mcp-session-id", self._session.backend), *headers]
        async with self._client.open("POST", self._url, said, body, first_byte_timeout=self._timeout) as response:
            await _result(response)


async def _result(response: StreamResponse) -> dict[str, object] | None:
    """The result of a small answer, JSON or an event stream; None when there is none."""
    if response.status >= 300:
        return None
    kind = next((value for name, value in response.headers if name == b"content-type"), b"")
    sse = kind.lower().startswith(b"text/event-stream")
    events, body = Events(_MAX_ANSWER), bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) > _MAX_ANSWER:
            return None
        for event in events.feed(chunk) if sse else ():
            if (found := _read(data_of(event))) is not None:
                return found
    return None if sse else _read(bytes(body))


def _read(data: bytes) -> dict[str, object] | None:
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
    result = message.get("result") if isinstance(message, dict) else None
    return result if isinstance(result, dict) else None
