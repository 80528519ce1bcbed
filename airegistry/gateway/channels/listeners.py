"""Who hears what a backend of the older era sends unasked: one stream, any number of listeners."""

from collections import deque
from typing import Final, Self

import anyio

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.gateway.channels.wire import MAX_ANSWER
from airegistry.gateway.errors import BadAnswer

_UPDATED: Final = "notifications/resources/updated"
_LISTS: Final = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
}


class Box:
    """Messages for one reader, at most MAX_ANSWER bytes waiting. It may be waited at again after a cancellation."""

    __slots__ = ("_emptied", "_failure", "_left", "_waiting", "_wake")

    def __init__(self) -> None:
        self._waiting: deque[tuple[Json, int]] = deque()
        self._left = MAX_ANSWER
        self._failure: Exception | None = None
        self._wake = anyio.Event()
        self._emptied = anyio.Event()

    def put(self, message: Json, size: int) -> None:
        """Add a message of `size` bytes; too many of them are the end."""
        self._left -= size
        if self._left < 0:
            self.fail(BadAnswer(f"more than {MAX_ANSWER} bytes of the backend wait to be read"))
        elif self._failure is None:
            self._waiting.append((message, size))
            self._wake.set()

    async def emptied(self) -> None:
        """Wait until everything is read."""
        while self._waiting:
            self._emptied = anyio.Event()
            await self._emptied.wait()

    def fail(self, error: Exception) -> None:
        """Let the reader know, after what is waiting."""
        self._failure = self._failure or error
        self._wake.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Json:
        while not self._waiting:
            if self._failure is not None:
                raise self._failure
            self._wake = anyio.Event()
            await self._wake.wait()
        message, size = self._waiting.popleft()
        self._left += size
        if not self._waiting:
            self._emptied.set()
        return message


class Listener(Box):
    """A Box for what a listener wants: `wanted` is the filter of `subscriptions/listen`, `uris` its resources.

    `rest` is whether it also takes what is for nobody in particular.
    """

    __slots__ = ("rest", "uris", "wanted")

    def __init__(self, wanted: Json, *, rest: bool = True) -> None:
        super().__init__()
        self.wanted = wanted
        self.rest = rest
        uris = wanted.get("resourceSubscriptions")
        self.uris = tuple(uri for uri in uris if isinstance(uri, str)) if isinstance(uris, list) else ()


class Listeners:
    """The listeners of one channel, the longest there first."""

    def __init__(self) -> None:
        self._all: list[Listener] = []

    def __len__(self) -> int:
        return len(self._all)

    def add(self, listener: Listener) -> None:
        """Let it hear what comes from now on."""
        self._all.append(listener)

    def remove(self, listener: Listener) -> None:
        """Let it hear no more."""
        self._all.remove(listener)

    def deliver(self, message: Json, size: int) -> bool:
        """Give a message to those who want it; whether there was one.

        A changed list goes to all who asked for it, an updated resource to all who watch it or a whole of which it is a
        part. The rest (questions, log messages) is for one alone that takes it, and so is what a request subscribed to.
        """
        method = message["method"]
        member = _LISTS.get(method) if isinstance(method, str) else None
        if member is not None:
            takers = [each for each in self._all if each.wanted.get(member) is True]
        else:
            takers = self._watching(message) if method == _UPDATED else []
            takers = takers or [each for each in self._all if each.rest][:1]
        for each in takers:
            each.put(message, size)
        return bool(takers)

    def _watching(self, message: Json) -> list[Listener]:
        params = message.get("params")
        uri = params.get("uri") if isinstance(params, dict) else None
        return [each for each in self._all if isinstance(uri, str) and each.uris and uri.startswith(each.uris)]

    def fail(self, error: UpstreamFailed) -> None:
        """Let all know that nothing more comes."""
        for each in self._all:
            each.fail(error)
