"""What the client does to the world, in two forms: requests, pauses and locks that suspend, and such that block."""

import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import anyio
import httpx2

from airegistry_client.errors import RegistryError, TimedOut, Unreachable

MAX_REASON = 64 * 1024
"""Bytes that are read of a stream that was refused."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, without the caller's token; `patience` is for how many seconds nothing may come, where
    the client's own timeout is not meant."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    patience: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class NotSent(Unreachable):
    """There was no connection, so that the request was not made, whatever it asks for."""


class IO(Protocol):
    """The world. `blocks` says that no method ever suspends."""

    @property
    def blocks(self) -> bool: ...

    async def send(self, request: Request) -> Reply:
        """Make a request, read the whole answer.

        Raises:
            Unreachable: there was none.
        """
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager["Stream"]:
        """Make a request whose answer is read while it comes.

        Raises:
            Unreachable: there was none; while it is read, that it broke off.
        """
        ...

    async def sleep(self, seconds: float) -> None: ...

    def lock(self) -> AbstractAsyncContextManager[object]: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer that comes piece by piece."""

    status: int
    headers: Mapping[str, str]
    pieces: AsyncIterator[bytes]


class AsyncIO:
    """Over an asynchronous HTTP client, which is closed with it if it is `owned`."""

    blocks = False

    def __init__(self, client: httpx2.AsyncClient, *, owned: bool) -> None:
        self._client = client
        self._owned = owned

    async def send(self, request: Request) -> Reply:
        try:
            response = await self._client.send(_prepared(self._client, request))
        except httpx2.HTTPError as error:
            raise _failure(error) from error
        return Reply(response.status_code, _headers(response), response.content)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        try:
            response = await self._client.send(_prepared(self._client, request), stream=True)
        except httpx2.HTTPError as error:
            raise _failure(error) from error
        try:
            yield Stream(response.status_code, _headers(response), self._pieces(response))
        finally:
            with anyio.CancelScope(shield=True):
                await response.aclose()

    async def _pieces(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        try:
            async for piece in response.aiter_bytes():
                yield piece
        except httpx2.HTTPError as error:
            raise _failure(error) from error

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def lock(self) -> AbstractAsyncContextManager[object]:
        return anyio.Lock()

    async def close(self) -> None:
        if self._owned:
            await self._client.aclose()


class BlockingIO:
    """Over a blocking HTTP client, which is closed with it if it is `owned`. Threads may share it."""

    blocks = True

    def __init__(self, client: httpx2.Client, *, owned: bool) -> None:
        self._client = client
        self._owned = owned

    async def send(self, request: Request) -> Reply:
        try:
            response = self._client.send(_prepared(self._client, request))
        except httpx2.HTTPError as error:
            raise _failure(error) from error
        return Reply(response.status_code, _headers(response), response.content)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        try:
            response = self._client.send(_prepared(self._client, request), stream=True)
        except httpx2.HTTPError as error:
            raise _failure(error) from error
        try:
            yield Stream(response.status_code, _headers(response), self._pieces(response))
        finally:
            response.close()

    async def _pieces(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        try:
            for piece in response.iter_bytes():
                yield piece
        except httpx2.HTTPError as error:
            raise _failure(error) from error

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251  # this one blocks

    def lock(self) -> AbstractAsyncContextManager[object]:
        return _ThreadLock()

    async def close(self) -> None:
        if self._owned:
            self._client.close()


class _ThreadLock:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    async def __aenter__(self) -> None:
        self._lock.acquire()

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()


async def reason(stream: Stream) -> Reply:
    """The beginning of an answer that is none of a stream, as one."""
    body = bytearray()
    async for piece in stream.pieces:
        body += piece
        if len(body) > MAX_REASON:
            break
    return Reply(stream.status, stream.headers, bytes(body[:MAX_REASON]))


def _prepared(client: httpx2.Client | httpx2.AsyncClient, request: Request) -> httpx2.Request:
    timeouts = client.timeout.as_dict()
    if request.patience is not None:
        timeouts["read"] = request.patience
    return client.build_request(
        request.method, request.url, headers=dict(request.headers), content=request.body or None,
        timeout=httpx2.Timeout(**timeouts),
    )  # fmt: skip


def _headers(response: httpx2.Response) -> Mapping[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _failure(error: httpx2.HTTPError) -> RegistryError:
    if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout):
        return NotSent(f"no connection to the registry: {error or type(error).__name__}")
    if isinstance(error, httpx2.TimeoutException):
        return TimedOut("the registry did not answer in time")
    return Unreachable(f"the connection to the registry ended: {error or type(error).__name__}")
