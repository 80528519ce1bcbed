"""The store, watched: each operation is timed, and a span where it is part of a recorded trace."""

from collections.abc import AsyncIterator, Sequence
from time import perf_counter

from airegistry.core.assets import Json
from airegistry.core.documents import Change, Document, DocumentStore, Where
from airegistry.core.telemetry import Value
from airegistry.telemetry.live import Live

DURATION = "airegistry.store.operation.duration"
SLOW = 0.001
"""Seconds from which on reading one document is a span of its own."""


class WatchedStore:
    """The `DocumentStore` port over another store. One that is `local` reads a document from memory, which is done at
    each call: that is not watched."""

    def __init__(self, store: DocumentStore, live: Live, *, local: bool) -> None:
        self._store = store
        if local:
            self.get = store.get  # type: ignore[method-assign]  # nothing stands in between
        self._live = live
        self._duration = live.figures.of(DURATION)

    async def get(self, collection: str, key: str) -> Document | None:
        """See `DocumentStore`."""
        began = perf_counter()
        found = await self._store.get(collection, key)
        if (seconds := perf_counter() - began) > SLOW:  # most are answered from memory, a few at each call
            self._live.looked_back(f"get {collection}", seconds, _about("get", collection))
        self._duration.record(seconds, ("get", collection))
        return found

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        """See `DocumentStore`."""
        with _Operation(self, "put", collection):
            return await self._store.put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        """See `DocumentStore`."""
        with _Operation(self, "delete", collection):
            return await self._store.delete(collection, key, expect=expect)

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        """See `DocumentStore`; the time is that of whoever reads, too."""
        with _Operation(self, "find", collection):
            async for found in self._store.find(collection, where=where, any_of=any_of, after=after, limit=limit):
                yield found

    async def collections(self) -> Sequence[str]:
        """See `DocumentStore`."""
        return await self._store.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        """See `DocumentStore`."""
        return self._store.watch(since=since)


def _about(operation: str, collection: str) -> dict[str, Value]:
    return {"db.operation.name": operation, "db.collection.name": collection}


class _Operation:
    """One operation. Its span is nobody's present one: `find` hands out documents while it is open."""

    __slots__ = ("_began", "_collection", "_on", "_operation", "_span")

    def __init__(self, on: WatchedStore, operation: str, collection: str) -> None:
        self._on = on
        self._operation = operation
        self._collection = collection

    def __enter__(self) -> None:
        live = self._on._live
        self._span = None
        if live.recording:
            about = _about(self._operation, self._collection)
            self._span = live.begin(f"{self._operation} {self._collection}", "client", about)
        self._began = perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._on._duration.record(perf_counter() - self._began, (self._operation, self._collection))
        if self._span is not None:
            if kind is not None and issubclass(kind, Exception):
                self._span.fail(kind.__name__)
            self._span.end()
