"""Which era a backend speaks: asked once, remembered for a while, asked again when in doubt."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import anyio
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from airegistry import __version__
from airegistry.core.assets import Server
from airegistry.core.errors import CallRefused, Unsupported, UpstreamFailed
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.exchange import Client, Era, Headers
from airegistry.gateway.channels.legacy import LegacyChannel
from airegistry.gateway.channels.modern import ModernChannel
from airegistry.gateway.errors import BadAnswer

GATEWAY: Final = Client({"name": "airegistry", "version": __version__})
"""The registry itself as a client that nobody asks anything."""

ASK_SECONDS: Final = 10.0
MAX_REMEMBERED: Final = 4096

_ELSEWISE: Final = frozenset((401, 403, 408, 425, 429, *range(300, 400)))
"""Statuses that are about the caller or the moment."""

_Key = tuple[str, Era]


@dataclass(slots=True)
class _Memory:
    """What a backend said, and until when that is believed; `spoken` None is doubt. `failures` counts the questions
    that it did not answer, and `failure` says why not the latest one."""

    spoken: bool | None = None
    until: float = 0.0
    failures: int = 0
    failure: str = ""
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Eras:
    """What is known of backends' eras, by URL. An answer is believed for `seconds`.

    Before the first question the version that the catalog has from its last fetch is believed.
    """

    def __init__(self, client: StreamClient, *, seconds: float = 600.0, clock: Callable[[], float] = monotonic) -> None:
        self._client = client
        self._seconds = seconds
        self._clock = clock
        self._memories: OrderedDict[_Key, _Memory] = OrderedDict()

    def known(self, server: Server, era: Era) -> bool | None:
        """Whether a backend speaks an era, without asking it; None when that is not known.

        Raises:
            Unsupported: it runs on its user's machine.
        """
        url = _url(server)
        if server.transport == "sse":
            return era == "legacy"
        memory = self._memories.get((url, era))
        if memory is not None:
            return memory.spoken if self._clock() < memory.until else None
        if server.protocol_version in MODERN_PROTOCOL_VERSIONS:
            return True if era == "modern" else None
        if server.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
            return era == "legacy"
        return None

    async def speaks(self, server: Server, headers: Headers, era: Era) -> bool:
        """Whether a backend speaks an era; asks it where that is not known.

        Raises:
            UpstreamFailed: it cannot be reached, or fails; that is not remembered.
            Unsupported: it runs on its user's machine.
        """
        known = self.known(server, era)
        if known is not None:
            return known
        memory = self._remembered(_url(server), era)
        failures = memory.failures
        async with memory.lock:
            if memory.spoken is None or self._clock() >= memory.until:
                memory.spoken = None
                if memory.failures > failures:  # while this one waited: a backend that hangs holds each up once
                    raise UpstreamFailed(memory.failure)
                memory.spoken = await self._asked(memory, server, headers, era)
                memory.until = self._clock() + self._seconds
            return memory.spoken

    def doubt(self, server: Server, era: Era) -> None:
        """Ask again next time; also whether the backend is modern by now."""
        if server.url is not None and server.transport != "sse":
            for each in {era, "modern"}:
                self._remembered(server.url, each).spoken = None

    async def best(self, server: Server, headers: Headers, preferred: Era = "modern") -> Era:
        """The era to speak with a backend: the preferred one when it does, else modern when it does, else legacy
        without asking further.

        Raises:
            UpstreamFailed: it cannot be reached, or fails.
            Unsupported: it runs on its user's machine.
        """
        if preferred == "legacy" and await self._is_older(server, headers):
            return "legacy"
        return "modern" if await self.speaks(server, headers, "modern") else "legacy"

    async def _is_older(self, server: Server, headers: Headers) -> bool:
        try:
            return await self.speaks(server, headers, "legacy")
        except CallRefused:
            raise
        except UpstreamFailed:
            return False  # one that fails at a handshake may be modern only

    def _remembered(self, url: str, era: Era) -> _Memory:
        memory = self._memories.setdefault((url, era), _Memory())
        self._memories.move_to_end((url, era))
        if len(self._memories) > MAX_REMEMBERED:
            self._memories.popitem(last=False)
        return memory

    async def _asked(self, memory: _Memory, server: Server, headers: Headers, era: Era) -> bool:
        try:
            return await self._ask(server, headers, era)
        except CallRefused:  # another caller may fare better
            raise
        except UpstreamFailed as error:
            memory.failures, memory.failure = memory.failures + 1, error.message
            raise

    async def _ask(self, server: Server, headers: Headers, era: Era) -> bool:
        kind = ModernChannel if era == "modern" else LegacyChannel
        channel = kind(self._client, server, headers, GATEWAY, first_byte_timeout=ASK_SECONDS)
        try:
            with anyio.fail_after(ASK_SECONDS):
                await channel.open()
        except BadAnswer:
            # What it says is no answer of this era, unless it says nothing of eras at all.
            if channel.wire.status in _ELSEWISE or not 200 <= channel.wire.status < 500:
                raise
            return False
        except TimeoutError:
            raise UpstreamFailed(f"the backend did not answer within {ASK_SECONDS:g} s") from None
        finally:
            await channel.close()
        return True


def _url(server: Server) -> str:
    if server.transport == "stdio" or server.url is None:
        raise Unsupported(f"server {server.path!r} is reached by {server.transport}, which cannot be called from here")
    return server.url
