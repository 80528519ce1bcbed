"""Channels to backends: opened for one user, or pooled per owner."""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import Self

import anyio
from anyio.abc import TaskGroup

from airegistry.core.assets import Server
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Channel, Client, Era, Headers
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.channels.legacy_sse import LegacySseChannel
from airegistry.gateway.channels.modern import ModernChannel
from airegistry.gateway.channels.wire import FIRST_BYTE_SECONDS
from airegistry.gateway.errors import CredentialRefused

_Key = tuple[str, ...]


@dataclass(slots=True, eq=False)
class _Pooled:
    channel: Channel
    server: Server
    users: int = 0
    idle_since: float = 0.0


class Channels:
    """Opens channels in the client's era if a backend speaks it, else in the best; leaving ends those pooled.

    `idle` is how long, in seconds, a pooled channel is kept unused, `limit` how many are. Both transports wait at most
    `first_byte_timeout` seconds for the head of an answer.
    """

    def __init__(
        self, client: StreamClient, eras: Eras, *, idle: float = 600.0, limit: int = 256,
        first_byte_timeout: float = FIRST_BYTE_SECONDS, clock: Callable[[], float] = monotonic,
    ) -> None:  # fmt: skip
        self.eras = eras
        self._client = client
        self._idle = idle
        self._limit = limit
        self._first_byte_timeout = first_byte_timeout
        self._clock = clock
        self._pooled: OrderedDict[_Key, _Pooled] = OrderedDict()
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._sweep)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tasks is not None
        pooled = list(self._pooled.values())
        self._pooled.clear()
        with anyio.CancelScope(shield=True):
            await self._closed(pooled)
        self._tasks.cancel_scope.cancel()
        # What ended the context is no error of a reader, and goes on as it is instead of in a group.
        await self._tasks.__aexit__(None, None, None)
        self._tasks = None

    async def open(self, server: Server, headers: Headers, client: Client) -> Channel:
        """A channel of one's own; whoever opened it closes it. Nothing is sent to the backend if its era is known.

        Raises:
            UpstreamFailed: its era cannot be found out.
            Unsupported: it runs on its user's machine.
        """
        return self._channel(server, headers, client, await self.eras.best(server, headers, client.era))

    @asynccontextmanager
    async def shared(self, server: Server, headers: Headers, client: Client, *, owner: str) -> AsyncIterator[Channel]:
        """A channel shared between requests of one owner with one credential and the same capabilities.

        Raises:
            UpstreamFailed, Unsupported: as `open`.
        """
        era = await self.eras.best(server, headers, client.era)
        key = _key(server, headers, client, owner, era)
        pooled = self._pooled.get(key)
        if pooled is None or (era == "modern" and pooled.server is not server):
            # A modern channel mirrors arguments as the latest definitions of the tools say, and holds nothing else.
            pooled = self._pooled[key] = _Pooled(self._channel(server, headers, client, era), server)
        self._pooled.move_to_end(key)
        pooled.users += 1
        try:
            yield pooled.channel
        except UpstreamFailed as error:
            if not isinstance(error, CredentialRefused):
                self.eras.doubt(server, era)
            raise
        finally:
            pooled.users -= 1
            pooled.idle_since = self._clock()
            if len(self._pooled) > self._limit:
                await self._trim()

    def _channel(self, server: Server, headers: Headers, client: Client, era: Era) -> Channel:
        if self._tasks is None:
            raise RuntimeError("Channels is used outside its context")
        patience = self._first_byte_timeout
        if era == "modern":
            return ModernChannel(self._client, server, headers, client, first_byte_timeout=patience)
        kind = LegacySseChannel if server.transport == "sse" else LegacyChannel
        return kind(self._client, server, headers, client, self._tasks, first_byte_timeout=patience)

    async def _trim(self) -> None:
        """End what nobody uses: beyond the limit the longest unused first, and whatever is unused for too long."""
        before = self._clock() - self._idle
        unused = [(key, pooled) for key, pooled in self._pooled.items() if not pooled.users]
        beyond = len(unused) - self._limit
        ended = [pair for number, pair in enumerate(unused) if number < beyond or pair[1].idle_since <= before]
        for key, _ in ended:
            del self._pooled[key]
        await self._closed([pooled for _, pooled in ended])

    async def _closed(self, pooled: list[_Pooled]) -> None:
        async with anyio.create_task_group() as group:
            for each in pooled:
                group.start_soon(each.channel.close)

    async def _sweep(self) -> None:
        while True:
            await anyio.sleep(self._idle / 10)
            await self._trim()


def _key(server: Server, headers: Headers, client: Client, owner: str, era: Era) -> _Key:
    credential = (part for header in sorted(headers.items()) for part in header)
    capabilities = json.dumps(client.capabilities, sort_keys=True) if client.capabilities else ""
    return (era, owner, server.path, server.version or "", server.url or "", capabilities, *credential)
