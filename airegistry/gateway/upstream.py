"""One JSON-RPC request to a backend, whatever its era: what `call_tool` uses where the gateway streams."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Final, Self

import anyio
import orjson
from mcp.shared.inbound import NAME_BEARING_METHODS, encode_header_value, mcp_param_headers, x_mcp_header_map
from mcp_types import CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY, METHOD_NOT_FOUND, PROTOCOL_VERSION_META_KEY
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION, MODERN_PROTOCOL_VERSIONS

from airegistry import __version__
from airegistry.core.assets import Json, Server
from airegistry.core.errors import Unsupported, UpstreamFailed
from airegistry.core.ports import UpstreamResult
from airegistry.egress.stream import StreamClient, StreamResponse
from airegistry.gateway.errors import BadAnswer
from airegistry.gateway.sse import Events, data_of

MAX_ANSWER: Final = 32 * 2**20
"""The longest answer to one request, all its events together, in bytes."""

_FAREWELL_SECONDS: Final = 2.0
_A_DAY: Final = 86_400.0
_INFO: Json = {"name": "airegistry", "version": __version__}


class _SessionLost(Exception):
    """The backend no longer knows the session with this id."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


@dataclass(slots=True, eq=False)
class _Session:
    """A conversation of the older era with one backend: opened at its first use, shared by requests of one owner."""

    url: str
    headers: Mapping[str, str]
    lock: anyio.Lock = field(default_factory=anyio.Lock)
    opened: bool = False
    id: str | None = None
    version: str = LATEST_HANDSHAKE_VERSION
    users: int = 0


class PooledUpstream:
    """The `Upstream` port over the gateway's pool of connections; leaving its context ends the sessions it opened.

    A session of the older era may hold state, so it is shared only between requests of one `owner`; a request without
    an owner has a session of its own. No client capabilities are declared: nobody is there to answer a question.
    """

    def __init__(self, client: StreamClient, *, max_sessions: int = 256) -> None:
        self._client = client
        self._max_sessions = max_sessions
        self._sessions: OrderedDict[tuple[str, ...], _Session] = OrderedDict()
        self._ids = count(1)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        sessions = list(self._sessions.values())
        self._sessions.clear()
        async with anyio.create_task_group() as group:
            for session in sessions:
                group.start_soon(self._end, session)

    async def request(
        self,
        server: Server,
        headers: Mapping[str, str],
        method: str,
        params: Json,
        *,
        timeout: float,
        owner: str | None = None,
    ) -> UpstreamResult:
        """The answer of a backend; `timeout` in seconds bounds the whole exchange.

        Raises:
            UpstreamFailed: there was none, or none that can be read.
            Unsupported: the server is not reached over streamable HTTP, or asks for input before it answers.
        """
        if server.transport != "streamable-http" or server.url is None:
            raise Unsupported(f"server {server.path!r} is reached by {server.transport}, which cannot be called yet")
        try:
            with anyio.fail_after(timeout):
                if server.protocol_version in MODERN_PROTOCOL_VERSIONS:
                    return await self._modern(server, server.url, headers, method, params)
                return await self._legacy(server, server.url, headers, method, params, owner)
        except TimeoutError:
            raise UpstreamFailed(f"the backend did not answer within {timeout:g} s") from None

    async def _modern(
        self, server: Server, url: str, headers: Mapping[str, str], method: str, params: Json
    ) -> UpstreamResult:
        version = MODERN_PROTOCOL_VERSIONS[-1]
        meta = params.get("_meta")
        envelope: Json = {
            PROTOCOL_VERSION_META_KEY: version,
            CLIENT_CAPABILITIES_META_KEY: {},
            CLIENT_INFO_META_KEY: _INFO,
        }
        params = {**params, "_meta": {**(meta if isinstance(meta, dict) else {}), **envelope}}
        mirrored = {"mcp-protocol-version": version, "mcp-method": method, **_mirrored(server, method, params)}
        request_id = next(self._ids)
        message: Json = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        async with self._post(url, {**headers, **mirrored}, message) as response:
            answer = await self._answer(response, request_id, None)
        if answer.result is not None and answer.result.get("resultType") == "input_required":
            raise Unsupported(f"{method} asks for input before it answers: call it through the server's own endpoint")
        return answer

    async def _legacy(
        self, server: Server, url: str, headers: Mapping[str, str], method: str, params: Json, owner: str | None
    ) -> UpstreamResult:
        async with self._session(server, url, headers, owner) as session:
            try:
                return await self._in_session(session, method, params)
            except _SessionLost as lost:
                # A backend that restarted has forgotten its sessions; the request was not run, so it is safe to repeat.
                # Another request may have opened the session anew meanwhile.
                session.opened = session.opened and session.id != lost.id
            try:
                return await self._in_session(session, method, params)
            except _SessionLost:
                raise BadAnswer("the backend loses its sessions") from None

    @asynccontextmanager
    async def _session(
        self, server: Server, url: str, headers: Mapping[str, str], owner: str | None
    ) -> AsyncIterator[_Session]:
        if owner is None:
            session = _Session(url, dict(headers))
            try:
                yield session
            finally:
                await self._end(session)
            return
        key = (owner, server.path, url, *(part for header in sorted(headers.items()) for part in header))
        session = self._sessions.setdefault(key, _Session(url, dict(headers)))
        self._sessions.move_to_end(key)
        session.users += 1
        try:
            yield session
        finally:
            session.users -= 1
            await self._trim()

    async def _trim(self) -> None:
        while len(self._sessions) > self._max_sessions:
            idle = next((key for key, session in self._sessions.items() if not session.users), None)
            if idle is None:
                return
            await self._end(self._sessions.pop(idle))

    async def _in_session(self, session: _Session, method: str, params: Json) -> UpstreamResult:
        async with session.lock:
            if not session.opened:
                await self._open(session)
        request_id = next(self._ids)
        message: Json = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        used = session.id
        try:
            async with self._post(session.url, _identified(session), message) as response:
                if response.status == 404 and used is not None:
                    raise _SessionLost(used)
                return await self._answer(response, request_id, session)
        except anyio.get_cancelled_exc_class():
            # In this era closing the connection does not cancel: the backend has to be told.
            await self._tell(session, "notifications/cancelled", {"requestId": request_id})
            raise

    async def _open(self, session: _Session) -> None:
        session.id, session.version = None, LATEST_HANDSHAKE_VERSION
        request_id = next(self._ids)
        offer: Json = {"protocolVersion": LATEST_HANDSHAKE_VERSION, "capabilities": {}, "clientInfo": _INFO}
        message: Json = {"jsonrpc": "2.0", "id": request_id, "method": "initialize", "params": offer}
        async with self._post(session.url, session.headers, message) as response:
            session.id = _session_id(response)
            answer = await self._answer(response, request_id, session)
        version = None if answer.result is None else answer.result.get("protocolVersion")
        if not isinstance(version, str) or version not in HANDSHAKE_PROTOCOL_VERSIONS:
            raise BadAnswer("the backend did not agree on a protocol version")
        session.version = version
        session.opened = True
        await self._notify(session, {"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def _answer(self, response: StreamResponse, request_id: int, session: _Session | None) -> UpstreamResult:
        """Read until the response to `request_id`, answering what the backend asks meanwhile."""
        async for message in _messages(response):
            if "method" in message:
                if session is not None and "id" in message:
                    await self._notify(session, _reaction(message))
                continue
            if message.get("id") == request_id or ("error" in message and message.get("id") is None):
                return _result(message)
        raise BadAnswer("the backend ended its answer without a result")

    @asynccontextmanager
    async def _post(self, url: str, headers: Mapping[str, str], message: Json) -> AsyncIterator[StreamResponse]:
        own = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        sent = [*own.items(), *((name, value) for name, value in headers.items() if name.lower() not in own)]
        # Not orjson: arguments may hold integers beyond 64 bits.
        body = json.dumps(message, separators=(",", ":")).encode()
        async with self._client.open("POST", url, sent, body, first_byte_timeout=_A_DAY) as response:
            if response.status in (401, 403) or 300 <= response.status < 400:
                raise BadAnswer(f"the backend answered {response.status}")
            yield response

    async def _notify(self, session: _Session, message: Json) -> None:
        async with self._post(session.url, _identified(session), message):
            pass

    async def _tell(self, session: _Session, method: str, params: Json) -> None:
        """Send a last word that nobody waits for long, even while being cancelled."""
        with anyio.move_on_after(_FAREWELL_SECONDS, shield=True):
            try:
                await self._notify(session, {"jsonrpc": "2.0", "method": method, "params": params})
            except UpstreamFailed:
                pass

    async def _end(self, session: _Session) -> None:
        if session.id is None:
            return
        with anyio.move_on_after(_FAREWELL_SECONDS, shield=True):
            try:
                headers = list(_identified(session).items())
                async with self._client.open("DELETE", session.url, headers):
                    session.id = None
            except UpstreamFailed:
                pass


def _identified(session: _Session) -> dict[str, str]:
    held = {} if session.id is None else {"mcp-session-id": session.id}
    return {**session.headers, **held, "mcp-protocol-version": session.version}


def _session_id(response: StreamResponse) -> str | None:
    return next((value.decode("latin-1") for name, value in response.headers if name == b"mcp-session-id"), None)


def _mirrored(server: Server, method: str, params: Json) -> dict[str, str]:
    """The headers that repeat parts of a modern request's body."""
    member = NAME_BEARING_METHODS.get(method)
    name = params.get(member) if member else None
    if not isinstance(name, str):
        return {}
    headers = {"mcp-name": encode_header_value(name)}
    arguments = params.get("arguments")
    if method == "tools/call" and isinstance(arguments, dict):
        schema = next((tool.input_schema for tool in server.tools if tool.name == name), {})
        headers |= mcp_param_headers(x_mcp_header_map(schema), arguments)
    return headers


async def _messages(response: StreamResponse) -> AsyncIterator[Json]:
    """The JSON-RPC messages of an answer, whichever way it is framed."""
    kind = next((value for name, value in response.headers if name == b"content-type"), b"")
    kind = kind.partition(b";")[0].strip().lower()
    if kind not in (b"application/json", b"text/event-stream"):
        raise BadAnswer(f"the backend answered {response.status} with neither JSON nor an event stream")
    events = Events(MAX_ANSWER)
    body = bytearray()
    size = 0
    async for chunk in response.chunks():
        size += len(chunk)
        if size > MAX_ANSWER:
            raise BadAnswer(f"the backend's answer is longer than {MAX_ANSWER} bytes")
        if kind == b"application/json":
            body += chunk
            continue
        for event in events.feed(chunk):
            if data := data_of(event):
                yield _message(data)
    if kind == b"application/json":
        yield _message(bytes(body))


def _message(data: bytes) -> Json:
    try:
        message = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise BadAnswer("the backend's answer is not JSON") from None
    if not isinstance(message, dict):
        raise BadAnswer("the backend's answer is not a JSON-RPC message")
    return message


def _result(message: Json) -> UpstreamResult:
    result, error = message.get("result"), message.get("error")
    if isinstance(error, dict) and result is None:
        return UpstreamResult(None, error)
    if isinstance(result, dict) and error is None:
        return UpstreamResult(result, None)
    raise BadAnswer("the backend's answer has neither a result nor an error")


def _reaction(question: Json) -> Json:
    """What a client without capabilities answers a server's request."""
    head: Json = {"jsonrpc": "2.0", "id": question["id"]}
    if question["method"] == "ping":
        return {**head, "result": {}}
    return {**head, "error": {"code": METHOD_NOT_FOUND, "message": "not supported by this client"}}
