"""A backend of the older era that says what a test has it say: for what no server at hand does."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from airegistry.core.assets import Json, Server
from airegistry.core.errors import UpstreamFailed
from airegistry.gateway.channels.exchange import (
    Answer,
    Channel,
    Client,
    Era,
    Event,
    Exchange,
    Notice,
    Opening,
    Question,
)
from airegistry.gateway.channels.passage import Passage
from airegistry.gateway.channels.pool import Channels

PATH = "scripted"


class ScriptedExchange:
    def __init__(self, script: list[Event]) -> None:
        self._script = script
        self.replies: list[Json] = []

    async def __aiter__(self) -> AsyncIterator[Event]:
        for event in self._script:
            yield event
        raise UpstreamFailed("the script is over")

    async def passage(self) -> Passage | None:
        return None

    async def reply(self, question: Question, reply: Json) -> None:
        self.replies.append(reply)


class ScriptedChannel:
    """`tell` sends what comes unasked; what was listened to and notified is remembered."""

    era: Era = "legacy"

    def __init__(self) -> None:
        self.scripts: dict[str, list[Event]] = {}
        self.asked: list[str] = []
        self.listened: list[Json] = []
        self.refuses = False
        self.notified: list[str] = []
        self.exchanges: list[ScriptedExchange] = []
        self._tellers: list[MemoryObjectSendStream[Notice | Question]] = []

    async def open(self) -> Opening:
        return Opening({"logging": {}}, {"name": "scripted", "version": "1"}, "Read this.", "2025-11-25")

    @asynccontextmanager
    async def request(self, method: str, params: Json) -> AsyncIterator[Exchange]:
        self.asked.append(method)
        exchange = ScriptedExchange(self.scripts.get(method, [Answer({}, None)]))
        self.exchanges.append(exchange)
        yield exchange

    async def notify(self, method: str, params: Json) -> None:
        self.notified.append(method)

    @asynccontextmanager
    async def listen(self, wanted: Json, *, rest: bool = True) -> AsyncIterator[AsyncIterator[Notice | Question]]:
        if self.refuses:
            raise UpstreamFailed("nobody is heard")
        self.listened.append(wanted)
        into, out = anyio.create_memory_object_stream[Notice | Question](10)
        self._tellers.append(into)
        try:
            with into, out:
                yield out
        finally:
            self._tellers.remove(into)

    async def tell(self, event: Notice | Question) -> None:
        for teller in self._tellers:
            await teller.send(event)

    @property
    def heard(self) -> int:
        """How many listen."""
        return len(self._tellers)

    async def close(self) -> None:
        """Nothing is held."""


class ScriptedChannels(Channels):
    """Real channels, but to `/scripted`."""

    scripted: ScriptedChannel

    async def open(self, server: Server, headers: Mapping[str, str], client: Client) -> Channel:
        return self.scripted if server.path == PATH else await super().open(server, headers, client)

    @asynccontextmanager
    async def shared(
        self, server: Server, headers: Mapping[str, str], client: Client, *, owner: str
    ) -> AsyncIterator[Channel]:
        if server.path == PATH:
            yield self.scripted
            return
        async with super().shared(server, headers, client, owner=owner) as channel:
            yield channel
