"""All other HTTP of the registry: an httpx2 client whose every connection the guard has checked and pinned."""

import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpcore2
import httpx2

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard, Target, parse_url
from airegistry.egress.messages import printable, reason
from airegistry.egress.tls import shared_context

_KEEPALIVE_SECONDS = 4.0
"""As in `stream.py`: many servers close an idle connection after 5 s."""
_MAX_CONNECTIONS = 100
_GZIP_OR_ZLIB = 47
Wrap = Callable[[httpx2.AsyncBaseTransport], httpx2.AsyncBaseTransport]
SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class TooLarge(UpstreamFailed):
    """An answer is longer than what is taken of it."""


def guarded_http(
    guard: Guard,
    *,
    timeout: float = 10.0,
    headers: Mapping[str, str] | None = None,
    auth: httpx2.Auth | None = None,
    follow_redirects: bool = False,
    tls: ssl.SSLContext | None = None,
    wrap: Wrap | None = None,
    connections: int = _MAX_CONNECTIONS,
) -> httpx2.AsyncClient:
    """A client that connects only where the guard allows, ignores proxies of the environment and keeps no cookies.

    `timeout` is in seconds, for each of connect, read and write. Redirects, when followed, are checked hop by hop.
    Besides httpx2's own errors its requests raise `Invalid` (forbidden) and `UpstreamFailed` (no such name).
    `wrap` may put another transport around the guarded one. `connections` may be open at once.
    """
    transport: httpx2.AsyncBaseTransport = GuardedTransport(guard, tls or shared_context(), connections)
    return httpx2.AsyncClient(
        transport=wrap(transport) if wrap else transport,
        timeout=timeout,
        headers=dict(headers or {}),
        auth=auth,
        follow_redirects=follow_redirects,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        trust_env=False,
    )


async def fetch_bytes(client: httpx2.AsyncClient, url: str, *, limit: int, timeout: float, accept: str) -> bytes:
    """GET a small document: at most `limit` bytes after decompression, within `timeout` seconds in all.

    Raises:
        Invalid: the URL is forbidden.
        UpstreamFailed: it cannot be had, is too large, or the answer is not 200.
    """
    target = parse_url(url)
    try:
        with anyio.fail_after(timeout):
            async with client.stream("GET", url, headers={"accept": accept, "accept-encoding": "gzip"}) as answer:
                if answer.status_code != 200:
                    raise UpstreamFailed(f"{target} answered {describe_status(answer)}")
                return await read_limited(answer, limit, target)
    except TimeoutError:
        raise UpstreamFailed(f"{target} did not answer within {timeout:g} s") from None
    except httpx2.HTTPError as error:
        raise explain(error, target) from error
    except httpx2.InvalidURL as error:
        raise Invalid(f"{target} is no valid host: {printable(str(error))}", field="url") from error


async def fetch_nothing(client: httpx2.AsyncClient, url: str, *, timeout: float) -> None:
    """GET a URL for the head of its answer alone, within `timeout` seconds.

    Raises:
        Invalid: the URL is forbidden.
        UpstreamFailed: nothing answers, or it says that it is broken (5xx).
    """
    target = parse_url(url)
    try:
        with anyio.fail_after(timeout):
            async with client.stream("GET", url) as answer:
                if answer.status_code >= 500:
                    raise UpstreamFailed(f"{target} answered {describe_status(answer)}")
    except TimeoutError:
        raise UpstreamFailed(f"{target} did not answer within {timeout:g} s") from None
    except httpx2.HTTPError as error:
        raise explain(error, target) from error
    except httpx2.InvalidURL as error:
        raise Invalid(f"{target} is no valid host: {printable(str(error))}", field="url") from error


class GuardedTransport(httpx2.AsyncHTTPTransport):
    """httpx2's transport with a connection pool that connects through the guard."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext, connections: int = _MAX_CONNECTIONS) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._guard = guard
        # httpx2 has no parameter for the network backend; the pool it made holds nothing yet.
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=connections,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=_GuardedBackend(guard),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._guard.check_url(str(request.url.copy_with(fragment=None)))
        return await super().handle_async_request(request)


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that the guard returned for a name; TLS still sees the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            with anyio.fail_after(timeout):
                return await self._connect_any(host, port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(str(error)) from error

    async def _connect_any(
        self, host: str, port: int, local_address: str | None, socket_options: Iterable[SocketOption] | None
    ) -> httpcore2.AsyncNetworkStream:
        failure: httpcore2.ConnectError | None = None
        for address in await self._guard.resolve(host, port):
            self._guard.check_address(address, port, host)
            try:
                return await self._inner.connect_tcp(address, port, None, local_address, socket_options)
            except httpcore2.ConnectError as error:
                failure = failure or error
        raise failure or httpcore2.ConnectError("no address")


def describe_status(answer: httpx2.Response) -> str:
    """The status of an answer that was not the one wanted, with what a person can do about it."""
    location = answer.headers.get("location")
    if location is not None and 300 <= answer.status_code < 400:
        to = answer.request.url.join(location).copy_with(userinfo=b"", query=None, fragment=None)
        return f"HTTP {answer.status_code}, a redirect to {printable(str(to))}: use that address if it is the right one"
    hints = {401: ": it asks for credentials", 403: ": it forbids access", 404: ": is the path right?"}
    return f"HTTP {answer.status_code}{hints.get(answer.status_code, '')}"


def explain(error: Exception, target: Target) -> UpstreamFailed:
    """What went wrong with the target, in one sentence without anything of ours or of the answer's body."""
    if isinstance(error, httpx2.ConnectTimeout):
        return UpstreamFailed(f"no connection to {target} within the time allowed")
    if isinstance(error, httpx2.TimeoutException):
        return UpstreamFailed(f"{target} did not answer within the time allowed")
    if isinstance(error, httpx2.RemoteProtocolError):
        return UpstreamFailed(f"{target} broke off or does not speak HTTP: {printable(str(error))}")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLError):
            return UpstreamFailed(f"TLS with {target} failed: {reason(cause)}")
        if isinstance(cause, OSError) and cause.errno is not None:
            return UpstreamFailed(f"no connection to {target}: {reason(cause)}")
        cause = cause.__cause__ or cause.__context__
    return UpstreamFailed(f"the connection to {target} broke: {reason(error)}")


async def read_limited(answer: httpx2.Response, limit: int, target: Target) -> bytes:
    """The body of an answer, at most `limit` bytes of it after decompression.

    Raises:
        UpstreamFailed: it does not decompress, or is longer: TooLarge.
    """
    encoding = answer.headers.get("content-encoding", "identity").lower()
    too_large = TooLarge(f"{target} sent more than {limit} bytes")
    if encoding not in {"identity", "gzip", "x-gzip", "deflate"}:
        raise UpstreamFailed(f"{target} answered with content encoding {printable(encoding)}")
    parts: list[bytes] = []
    left = limit
    chunks = answer.aiter_raw() if encoding == "identity" else _inflated(answer, limit, target)
    async for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise too_large
        parts.append(chunk)
    return b"".join(parts)


async def _inflated(answer: httpx2.Response, limit: int, target: Target) -> AsyncIterator[bytes]:
    """The decompressed body, never more than `limit` + 1 bytes of it from one chunk: a bomb does not go off."""
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        async for chunk in answer.aiter_raw():
            yield inflate.decompress(chunk, limit + 1)
    except zlib.error as error:
        raise UpstreamFailed(f"{target} sent a body that does not decompress") from error
    if not inflate.eof:
        raise UpstreamFailed(f"{target} broke off in the middle of its answer")
