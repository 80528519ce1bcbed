"""The gateway's way out: requests whose answers pass through as they arrive (aiohttp, 0.2 ms CPU a call)."""

import asyncio
import contextlib
import io
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import aiohttp
import multidict
import yarl
from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard, Target
from airegistry.egress.messages import reason
from airegistry.egress.tls import shared_context

_OWN_HEADERS_ONLY = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_KEEPALIVE_SECONDS = 30.0
_LARGE_BODY = 2**20

_host: ContextVar[str] = ContextVar("airegistry.egress.host")
"""The host of the request that a socket is being opened for: the connector does not say."""


class StreamResponse:
    """An answer whose head has arrived. Names in `headers` are lower case, order and repeats are kept."""

    __slots__ = ("_response", "_target", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, target: Target) -> None:
        self.status: int = response.status
        self.headers: list[tuple[bytes, bytes]] = [(name.lower(), value) for name, value in response.raw_headers]
        self._response = response
        self._target = target

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, still compressed if it was.

        Raises:
            UpstreamFailed: the backend broke off before the end.
        """
        with _translated(self._target):
            async for chunk in self._response.content.iter_any():
                yield chunk


class StreamClient:
    """A pool of connections to backends, each address checked by the guard when it is connected to.

    Seconds: `connect_timeout` bounds name resolution, TCP and TLS; `first_byte_timeout` bounds the wait for an answer's
    head. A body may take for ever. `tls` replaces the shared context.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        connect_timeout: float = 5.0,
        first_byte_timeout: float = 60.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._connect_timeout = connect_timeout
        self._first_byte_timeout = first_byte_timeout
        self._tls = tls
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_GuardedResolver(self._guard),
                socket_factory=self._open_socket,
                limit=0,
                keepalive_timeout=_KEEPALIVE_SECONDS,
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(
                total=None, connect=self._connect_timeout, sock_connect=self._connect_timeout, sock_read=None
            ),
            skip_auto_headers=_OWN_HEADERS_ONLY,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @contextlib.asynccontextmanager
    async def open(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None = None,
        *,
        first_byte_timeout: float | None = None,
    ) -> AsyncIterator[StreamResponse]:
        """Send a request and yield its answer when the head is there; leaving early closes the connection.

        Redirects are answers like any other. Only the headers given are sent, beside Host and the body's length.

        Raises:
            Invalid: the URL or an address behind it is forbidden, or a header cannot be sent.
            UpstreamFailed: refused, no such name, TLS failure, timeout, or not HTTP.
        """
        if self._session is None:
            raise RuntimeError("StreamClient is used outside its context")
        target = self._guard.target(url)
        limit = self._first_byte_timeout if first_byte_timeout is None else first_byte_timeout
        token = _host.set(target.host)
        try:
            with _translated(target):
                try:
                    async with asyncio.timeout(limit) as deadline:
                        response = await self._session.request(
                            method,
                            yarl.URL(url, encoded=True),
                            headers=multidict.CIMultiDict(headers),
                            data=io.BytesIO(body) if isinstance(body, bytes) and len(body) > _LARGE_BODY else body,
                            allow_redirects=False,
                            ssl=(self._tls or shared_context()) if target.scheme == "https" else True,
                        )
                except TimeoutError:
                    if deadline.expired():
                        raise UpstreamFailed(f"{target} did not answer within {limit:g} s") from None
                    raise
        finally:
            _host.reset(token)
        try:
            yield StreamResponse(response, target)
        finally:
            # After the whole body the connection is back in the pool already, and this does nothing.
            response.close()

    def _open_socket(self, info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        self._guard.check_address(str(address[0]), int(address[1]), _host.get())
        return socket.socket(family=family, type=kind, proto=protocol)


class _GuardedResolver(AbstractResolver):
    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._guard.resolve(host, port)
        ]

    async def close(self) -> None:
        """Nothing is held."""


@contextlib.contextmanager
def _translated(target: Target) -> Iterator[None]:
    """Turn what aiohttp raises into one clear sentence about the backend."""
    try:
        yield
    except aiohttp.ClientConnectorCertificateError as error:
        raise UpstreamFailed(f"TLS with {target} failed: {reason(error.certificate_error)}") from error
    except aiohttp.ClientConnectorSSLError as error:
        raise UpstreamFailed(f"TLS with {target} failed: {reason(error.os_error)}") from error
    except aiohttp.ClientConnectorError as error:
        raise UpstreamFailed(f"no connection to {target}: {reason(error.os_error)}") from error
    except aiohttp.ServerDisconnectedError as error:
        raise UpstreamFailed(f"{target} closed the connection without an answer") from error
    except aiohttp.ClientResponseError as error:
        raise UpstreamFailed(f"{target} does not speak HTTP properly") from error
    except aiohttp.ClientPayloadError as error:
        raise UpstreamFailed(f"{target} broke off in the middle of its answer") from error
    except TimeoutError as error:
        raise UpstreamFailed(f"no connection to {target} within the time allowed") from error
    except (aiohttp.InvalidURL, ValueError) as error:
        raise Invalid(f"the request to {target} cannot be sent: {reason(error)}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise UpstreamFailed(f"the connection to {target} broke: {reason(error)}") from error
