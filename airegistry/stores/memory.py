"""Stores that forget: for tests, evaluations and `airegistry serve` without a data folder."""

from collections.abc import AsyncIterator, Sequence

import orjson
from anyio.lowlevel import checkpoint

from airegistry.core.documents import Change, Document, Json, LogRecord, Where
from airegistry.stores.feed import Feed
from airegistry.stores.find import select
from airegistry.stores.rows import Rows, check_name, copy_body, encode, next_version
from airegistry.stores.streams import check_stream
from airegistry.stores.where import clauses, predicate

TURN = 100
"""Records read before other tasks get a turn."""


class MemoryStore:
    """A `DocumentStore` in dictionaries."""

    def __init__(self, feed: Feed | None = None) -> None:
        self._collections: dict[str, Rows[Document]] = {}
        self._feed = feed or Feed()

    async def get(self, collection: str, key: str) -> Document | None:
        rows = self._collections.get(collection)
        return None if rows is None else rows.by_key.get(key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        check_name(collection, key)
        copy, size = copy_body(body)
        await checkpoint()
        rows = self._collections.setdefault(collection, Rows(_body))
        current = rows.by_key.get(key)
        version = next_version(collection, key, None if current is None else current.version, expect)
        document = Document(collection, key, version, copy)
        rows.put(key, document)
        self._publish(document, copy, size)
        return document

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        await checkpoint()
        rows = self._collections.get(collection)
        current = None if rows is None else rows.by_key.get(key)
        if rows is None or current is None:
            return False
        next_version(collection, key, current.version, expect)
        rows.remove(key)
        self._publish(current, None, 0)
        return True

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        rows = self._collections.get(collection)
        if rows is not None:
            async for _, document in select(rows, clauses(where, any_of), after, limit):
                yield document

    async def collections(self) -> Sequence[str]:
        return sorted(name for name, rows in self._collections.items() if rows.by_key)

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._feed.watch(since)

    def close(self) -> None:
        """End the watchers."""
        self._feed.close()

    def _publish(self, document: Document, body: Json | None, size: int) -> None:
        revision = self._feed.revision + 1
        self._feed.publish(Change(revision, document.collection, document.key, document.version, body), size)
        self._feed.wake()


def _body(document: Document) -> Json:
    return document.body


class MemoryLog:
    """An `AppendLog` in lists."""

    def __init__(self) -> None:
        self._streams: dict[str, list[bytes]] = {}
        self._floors: dict[str, int] = {}
        """By stream, the number of the last record that was pruned."""

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        check_stream(stream)
        encoded = [encode(record) for record in records]
        lines = self._streams.setdefault(stream, [])
        lines.extend(encoded)
        last = len(lines)
        await checkpoint()
        return last

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        lines, matches = self._streams.get(stream, []), predicate(where)
        stop = len(lines) if before is None else min(before - 1, len(lines))
        numbers = range(max(after, self._floors.get(stream, 0)) + 1, stop + 1)
        for count, seq in enumerate(reversed(numbers) if reverse else numbers, start=1):
            if count % TURN == 0:
                await checkpoint()
            if not lines[seq - 1]:  # pruned meanwhile
                continue
            body = orjson.loads(lines[seq - 1])
            if matches is None or matches(body):
                yield LogRecord(seq, body)

    async def last(self, stream: str) -> LogRecord | None:
        lines = self._streams.get(stream)
        return LogRecord(len(lines), orjson.loads(lines[-1])) if lines and lines[-1] else None

    async def streams(self) -> Sequence[str]:
        return sorted(name for name, lines in self._streams.items() if lines)

    async def prune(self, stream: str, before: int) -> int:
        lines, floor = self._streams.get(stream, []), self._floors.get(stream, 0)
        upto = min(before - 1, len(lines))
        if upto <= floor:
            return 0
        self._floors[stream] = upto
        lines[floor:upto] = [b""] * (upto - floor)
        return upto - floor
