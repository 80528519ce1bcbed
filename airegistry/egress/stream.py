"""The gateway's way out: requests whose answers pass through as they arrive, over a pool of connections.

Our own on llhttp, because it is the data path: a call costs a third of what it costs with aiohttp
(`benchmarks/gateway`).
"""

import asyncio
import contextlib
import re
import socket
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import lru_cache
from types import TracebackType
from typing import Self

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard, Target
from airegistry.egress.http1 import Closed, Http1, Idle, NotHttp
from airegistry.egress.messages import reason
from airegistry.egress.timers import Patience
from airegistry.egress.tls import shared_context

_KEEPALIVE_SECONDS = 4.0
"""An idle connection is used again that long: many servers close theirs after 5 s, and what is sent at that moment is
lost, perhaps after it was acted on."""
_MAX_IDLE = 256
"""Idle connections kept for one backend."""

MOMENT = 0.005
"""Seconds that a piece is held for what mostly follows at once: a result for the end of its stream."""

LINGER = 1.0
"""Seconds that the head of an answer is held for the first piece of its body, so that one write does for both; and that
a connection has to end an answer of which no more is wanted."""

_METHOD = re.compile(r"[A-Z]{3,10}")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_COMMON = frozenset(("accept", "content-type", "mcp-protocol-version", "mcp-method", "mcp-name"))
_FRAMING = frozenset(("host", "content-length", "transfer-encoding", "connection"))

Body = bytes | AsyncIterator[bytes]
Headers = Sequence[tuple[str, str]]
Ended = Callable[[int, BaseException | None], None]
"""Told how an exchange began to be answered: with a status, or with an error instead."""
Watch = Callable[[str, str, Headers, Body | None], tuple[Headers, Body | None, Ended]]
"""Told of a request before it goes out; what goes out is what it gives back."""


class NotSent(UpstreamFailed):
    """There was no connection: the backend has seen nothing of the request."""


class Dropped(UpstreamFailed):
    """The connection ended before an answer began: whether the request was run is not known."""


class StreamResponse:
    """An answer whose head has arrived. Names in `headers` are lower case, order and repeats are kept."""

    __slots__ = ("_connection", "_done", "_idle", "_linger", "_moment", "_target", "headers", "status")

    def __init__(
        self, connection: Http1, target: Target, idle: float | None, moment: Patience, linger: Patience
    ) -> None:
        self.status: int = connection.status
        self.headers: list[tuple[bytes, bytes]] = connection.headers
        self._connection = connection
        self._target = target
        self._idle = idle
        self._moment = moment
        self._linger = linger
        self._done = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    async def settle(self) -> None:
        """Wait a MOMENT for the next piece of the body, or its end."""
        await self._connection.settle(self._moment)

    @property
    def has_piece(self) -> bool:
        """Whether a piece of the body is there to be read at once."""
        return self._connection.has_piece

    @property
    def ended(self) -> bool:
        """Whether all of the body was read."""
        return self._connection.ended

    def finish(self, *, ending: bool = False) -> None:
        """No more of it is wanted: the connection is closed, unless the answer was read to its end.

        One that is `ending` may LINGER.
        """
        if not self._done:  # the second time the connection may be another exchange's
            self._done = True
            self._connection.finish(self._linger if ending else None)

    async def piece(self) -> bytes | None:
        """The next piece of the body as it arrives, still compressed if it was; None at its end.

        Raises:
            UpstreamFailed: the backend broke off before the end, or fell silent.
        """
        try:
            return await self._connection.read(self._idle)
        except (Closed, NotHttp) as error:
            raise UpstreamFailed(f"{self._target} broke off in the middle of its answer") from error
        except Idle:
            raise UpstreamFailed(f"{self._target} sent nothing for {self._idle:g} s") from None

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """All pieces of the body; see `piece`."""
        while (piece := await self.piece()) is not None:
            yield piece


class StreamClient:
    """A pool of connections to backends, each address checked by the guard when it is connected to.

    Seconds: `connect_timeout` bounds name resolution, TCP and TLS; `first_byte_timeout` bounds the wait for an answer's
    head; `idle_timeout` bounds the silence within an answer, None lets it last. `tls` replaces the shared context.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        connect_timeout: float = 5.0,
        first_byte_timeout: float = 60.0,
        idle_timeout: float | None = None,
        tls: ssl.SSLContext | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._guard = guard
        self._connect_timeout = connect_timeout
        self._first_byte_timeout = first_byte_timeout
        self._idle_timeout = idle_timeout
        self._tls = tls
        self._watch = watch
        self._moment = Patience(MOMENT)
        self._linger = Patience(LINGER)
        self._entered = False
        self._idle: dict[Target, deque[tuple[Http1, float]]] = {}
        self._open: set[Http1] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._entered = False
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._idle.clear()
        for connection in list(self._open):
            connection.abort()
        if self._open:
            await asyncio.sleep(0)  # transports close in the next turn of the loop

    @property
    def connections(self) -> int:
        """How many connections are open, idle ones included."""
        return len(self._open)

    @contextlib.asynccontextmanager
    async def open(
        self, method: str, url: str, headers: Headers, body: Body | None = None, *,
        first_byte_timeout: float | None = None, endless: bool = False,
    ) -> AsyncIterator[StreamResponse]:  # fmt: skip
        """`request`, whose answer is finished with at the end of the block."""
        answer = await self.request(method, url, headers, body, first_byte_timeout=first_byte_timeout, endless=endless)
        with answer:
            yield answer

    async def request(
        self, method: str, url: str, headers: Headers, body: Body | None = None, *,
        first_byte_timeout: float | None = None, endless: bool = False,
    ) -> StreamResponse:  # fmt: skip
        """Send a request; returns its answer when the head is there. Whoever asked calls its `finish`, or uses `with`.

        A head without a first piece of the body may LINGER, so that both can go on together.

        Redirects are answers like any other. Only the headers given are sent, beside Host and the body's length.
        `endless` is for streams that may be silent for ever.

        Raises:
            Invalid: the URL or an address behind it is forbidden, or a header cannot be sent.
            NotSent: refused, no such name, TLS failure.
            Dropped: the connection ended before the answer began.
            UpstreamFailed: timeout, or not HTTP.
        """
        if not self._entered:
            raise RuntimeError("StreamClient is used outside its context")
        ended = None
        if self._watch is not None:
            headers, body, ended = self._watch(method, url, headers, body)
        try:
            target = self._guard.target(url)
            head = _head(method, url, target, headers, body)
            limit = self._first_byte_timeout if first_byte_timeout is None else first_byte_timeout
            connection = await self._sent(target, head, body, limit, None if endless else self._linger)
        except BaseException as error:
            if ended is not None:
                ended(0, error)
            raise
        if ended is not None:
            ended(connection.status, None)
        return StreamResponse(connection, target, None if endless else self._idle_timeout, self._moment, self._linger)

    async def _sent(
        self, target: Target, head: bytes, body: Body | None, limit: float, moment: Patience | None
    ) -> Http1:
        """A connection on which a request went out, and the head of an answer came back."""
        while True:
            connection = self._pooled(target) or await self._connected(target, limit)
            try:
                await connection.send(head, body, limit, moment)
            except BaseException as error:
                connection.abort()
                if isinstance(error, Closed) and not error.began and connection.used and _repeatable(body, head):
                    continue  # the backend had closed an idle connection: a request that is safe goes out anew
                if isinstance(error, Closed | NotHttp | Idle):
                    raise _failure(error, target, limit) from error
                raise
            return connection

    def _pooled(self, target: Target) -> Http1 | None:
        idle = self._idle.get(target)
        if not idle:
            return None
        fresh = asyncio.get_running_loop().time() - _KEEPALIVE_SECONDS
        while idle:
            connection, since = idle.pop()
            if since > fresh and not connection.closed:
                return connection
            connection.abort()
        return None

    async def _connected(self, target: Target, limit: float) -> Http1:
        allowed = min(self._connect_timeout, limit)
        try:
            async with asyncio.timeout(allowed):
                return await self._connect(target)
        except TimeoutError:
            if allowed < self._connect_timeout:
                raise UpstreamFailed(f"{target} did not answer within {limit:g} s") from None
            raise UpstreamFailed(f"no connection to {target} within the time allowed") from None

    async def _connect(self, target: Target) -> Http1:
        problem: OSError | None = None
        for address in await self._guard.resolve(target.host, target.port):
            try:
                return await self._connect_to(target, address)
            except ssl.SSLError as error:
                raise NotSent(f"TLS with {target} failed: {reason(error)}") from error
            except OSError as error:
                problem = error
        if problem is None:
            raise NotSent(f"{target.host}: the name does not resolve (no address)")
        raise NotSent(f"no connection to {target}: {reason(problem)}") from problem

    async def _connect_to(self, target: Target, address: str) -> Http1:
        self._guard.check_address(address, target.port, target.host)
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.setblocking(False)
            connecting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(connecting, (address, target.port))
            secure = (self._tls or shared_context()) if target.scheme == "https" else None
            name = target.host if secure is not None else None
            _, connection = await loop.create_connection(
                lambda: Http1(lambda free: self._free(target, free), self._open.discard),
                sock=connecting, ssl=secure, server_hostname=name,
            )  # fmt: skip
        except BaseException:
            connecting.close()
            raise
        self._open.add(connection)
        return connection

    def _free(self, target: Target, connection: Http1) -> None:
        """Keep a connection for the next request to its backend."""
        idle = self._idle.setdefault(target, deque())
        if not self._entered or len(idle) >= _MAX_IDLE:
            connection.abort()
            return
        loop = asyncio.get_running_loop()
        idle.append((connection, loop.time()))
        if self._sweeper is None:
            self._sweeper = loop.call_later(_KEEPALIVE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle too long."""
        loop = asyncio.get_running_loop()
        before = loop.time() - _KEEPALIVE_SECONDS
        for target, idle in list(self._idle.items()):
            while idle and (idle[0][1] <= before or idle[0][0].closed):
                idle.popleft()[0].abort()
            if not idle:
                del self._idle[target]
        self._sweeper = loop.call_later(_KEEPALIVE_SECONDS, self._sweep) if self._idle else None


def _repeatable(body: Body | None, head: bytes) -> bool:
    """Whether a request that met a stale connection may go out on another: by RFC 9110 section 9.2.2 GET may."""
    return body is None and head.startswith((b"GET ", b"DELETE "))


def _failure(error: Exception, target: Target, limit: float) -> UpstreamFailed:
    if isinstance(error, Idle):
        return UpstreamFailed(f"{target} did not answer within {limit:g} s")
    if isinstance(error, NotHttp):
        return UpstreamFailed(f"{target} does not speak HTTP properly")
    assert isinstance(error, Closed)
    if isinstance(error.error, OSError):
        return Dropped(f"the connection to {target} broke: {reason(error.error)}")
    return Dropped(f"{target} closed the connection without an answer")


@lru_cache(4096)
def _line(method: str, url: str, target: Target) -> bytes:
    """The request line and Host."""
    if not _METHOD.fullmatch(method):
        raise Invalid(f"the request to {target} cannot be sent: its method is none")
    rest = url.partition("://")[2]
    at = min((place for mark in "/?" if (place := rest.find(mark)) >= 0), default=len(rest))
    path = rest[at:] or "/"
    path = f"/{path}" if path.startswith("?") else path
    return f"{method} {path} HTTP/1.1\r\nHost: {target}\r\n".encode("ascii")


def _head(method: str, url: str, target: Target, headers: Headers, body: Body | None) -> bytes:
    parts = [_line(method, url, target)]
    for name, value in headers:
        parts.append(_header(name, value, target))
    if isinstance(body, bytes):
        parts.append(b"Content-Length: %d\r\n\r\n" % len(body))
    elif body is not None:
        parts.append(b"Transfer-Encoding: chunked\r\n\r\n")
    else:
        parts.append(b"Content-Length: 0\r\n\r\n" if method in {"POST", "PUT", "PATCH"} else b"\r\n")
    return b"".join(parts)


@lru_cache(1024)
def _field_name(name: str) -> bytes | None:
    return name.encode("ascii") if _NAME.fullmatch(name) and name.lower() not in _FRAMING else None


@lru_cache(1024)
def _common(name: str, value: str, target: Target) -> bytes:
    """A header of the kind that most requests carry, and that is no secret."""
    return _printed(name, value, target)


def _header(name: str, value: str, target: Target) -> bytes:
    return (_common if name in _COMMON else _printed)(name, value, target)


def _printed(name: str, value: str, target: Target) -> bytes:
    known = _field_name(name)
    if known is None or _BAD_VALUE.search(value):
        raise Invalid(f"the request to {target} cannot be sent: a header is malformed")
    try:
        return b"%b: %b\r\n" % (known, value.encode("latin-1"))
    except UnicodeEncodeError:
        raise Invalid(f"the request to {target} cannot be sent: a header is malformed") from None
