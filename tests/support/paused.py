"""A store as a process sees it that is paused in the midst of its work, and goes on when others have done theirs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import anyio

from airegistry.core.documents import Change, Document, DocumentStore, Json, Where

Act = Literal["get", "put", "delete"]


@dataclass
class Pause:
    """One act that waits: `reached` when it is about to be done, done when `over` is set."""

    act: Act
    collection: str
    reached: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)


class Paused:
    """A store over another one, which others use as well. See `pause`."""

    def __init__(self, inner: DocumentStore) -> None:
        self._inner = inner
        self._pauses: list[Pause] = []

    def pause(self, act: Act, collection: str) -> Pause:
        """Have the next such act in a collection wait."""
        pause = Pause(act, collection)
        self._pauses.append(pause)
        return pause

    async def get(self, collection: str, key: str) -> Document | None:
        await self._wait("get", collection)
        return await self._inner.get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        await self._wait("put", collection)
        return await self._inner.put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        await self._wait("delete", collection)
        return await self._inner.delete(collection, key, expect=expect)

    def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        return self._inner.find(collection, where=where, any_of=any_of, after=after, limit=limit)

    async def collections(self) -> Sequence[str]:
        return await self._inner.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._inner.watch(since=since)

    async def _wait(self, act: Act, collection: str) -> None:
        for pause in self._pauses:
            if (pause.act, pause.collection) == (act, collection):
                self._pauses.remove(pause)
                pause.reached.set()
                await pause.over.wait()
                return
