"""The append log that replicas share.

What is appended at once is one document, a chunk, that is named by the number of its first record: of two writers
that take the same number one is refused and looks again, so there are no gaps and nothing is half written. A chunk is
`_id` (`stream/number`), `s` its stream, `n` and `e` the numbers of its first and last record, `r` the records as JSON
text, `w` the id of the write. The last chunk of a stream is never removed, only emptied: it holds the count.

A writer that slept for long could take a number whose chunk was pruned by now. Therefore pruning says first, in
a document of its own, from where on there are records: a writer looks there after each chunk, readers begin there.
"""

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import anyio
import orjson
from anyio.lowlevel import checkpoint
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError

from airegistry.core.documents import Json, LogRecord, Where
from airegistry.core.errors import AirError, Invalid
from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.rows import LARGEST, Row
from airegistry.stores.rows import encode
from airegistry.stores.streams import NAME, check_stream
from airegistry.stores.where import predicate

RECORDS, BYTES = 1000, 2 << 20
"""Records of a chunk, and bytes after which it is full."""
PAGE = 8
"""Chunks read at once."""
SPAN = 50_000
"""Records among which the database looks for some at once: it has seconds for an answer."""
_LONGEST = 200
"""Characters of a text up to which chunks are searched for it."""


@dataclass(slots=True, eq=False)
class _Append:
    bodies: list[bytes]
    left: int
    last: int = 0
    error: AirError | None = None


@dataclass(slots=True)
class _Writer:
    """What waits to be written to one stream, and the next number as far as known."""

    lock: anyio.Lock = field(default_factory=anyio.Lock)
    waiting: list[_Append] = field(default_factory=list)
    next: int | None = None
    doubt: Row | None = None
    """A chunk of which nobody knows whether it was written. Who appends the same once more gets it, and it is there
    once: its name and the id of its write are what they were."""


class MongoLog:
    """An `AppendLog` in one collection of a database. Appends that wait for each other are written together."""

    def __init__(self, chunks: AsyncCollection[Row], meta: AsyncCollection[Row], calls: Calls) -> None:
        self._chunks = chunks
        self._meta = meta
        self._calls = calls
        self._writers: dict[str, _Writer] = {}

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        check_stream(stream)
        bodies = [encode(record) for record in records]
        if any(len(body) > LARGEST // 2 for body in bodies):
            raise Invalid(f"a record of a log has at most {LARGEST // 2} bytes")
        if not bodies:
            return await self._end(stream)
        writer = self._writers.setdefault(stream, _Writer())
        mine = _Append(bodies, len(bodies))
        writer.waiting.append(mine)
        try:
            async with writer.lock:
                # Whoever comes first writes for all that wait, and is not interrupted in that.
                with anyio.CancelScope(shield=True):
                    await self._flush(stream, writer)
        finally:
            if mine in writer.waiting:
                writer.waiting.remove(mine)
        if mine.error is not None:
            raise mine.error
        return mine.last

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        if not NAME.fullmatch(stream):
            return
        after = max(after, await self._pruned(stream) - 1)
        matches, narrow = predicate(where), _narrow(where)
        if not narrow:
            spans: Sequence[tuple[int, int | None]] = [(after, before)]
        else:
            end = await self._end(stream) + 1
            end = end if before is None else min(before, end)
            spans = [(start, min(start + SPAN + 1, end)) for start in range(after, end - 1, SPAN)]
        for low, high in reversed(spans) if reverse else spans:
            async for record in self._span(stream, low, high, reverse, narrow):
                if matches is None or matches(record.body):
                    yield record

    async def _span(
        self, stream: str, after: int, before: int | None, reverse: bool, narrow: Row
    ) -> AsyncIterator[LogRecord]:
        """The records between two numbers, of chunks that meet a condition."""
        while True:
            bounds = {} if before is None else {"n": {"$lt": before}}
            chunks = await self._page({"s": stream, "e": {"$gt": after}, **bounds, **narrow}, -1 if reverse else 1)
            for chunk in chunks:
                for record in _records(chunk, after, before, reverse):
                    yield record
            if len(chunks) < PAGE:
                return
            if reverse:
                before = chunks[-1]["n"]
            else:
                after = chunks[-1]["e"]

    async def last(self, stream: str) -> LogRecord | None:
        async for record in self.read(stream, reverse=True):
            return record
        return None

    async def streams(self) -> Sequence[str]:
        return sorted(await self._calls.run(lambda: self._chunks.distinct("s")))

    async def prune(self, stream: str, before: int) -> int:
        before = min(before, await self._end(stream) + 1)
        if before <= 1:
            return 0
        mark = {"$max": {"before": before}}
        await self._calls.upsert(lambda: self._meta.update_one({"_id": f"log/{stream}"}, mark, upsert=True))
        gone = 0
        while chunks := await self._page({"s": stream, "n": {"$lt": before}}, 1):
            for chunk in chunks:
                gone += await self._cut(chunk, before)
        return gone

    async def _cut(self, chunk: Row, before: int) -> int:
        """Remove the records of a chunk with a smaller number, or the chunk; returns how many records went."""
        cut = min(before, chunk["e"] + 1)
        this = {"_id": chunk["_id"], "n": chunk["n"]}
        newer = {"s": chunk["s"], "e": {"$gt": chunk["e"]}}
        if cut > chunk["e"] and await self._calls.run(lambda: self._chunks.find_one(newer, {"_id": 1})) is not None:
            await self._calls.run(lambda: self._chunks.delete_one(this))
        else:
            rest = {"$set": {"n": cut, "r": chunk["r"][cut - chunk["n"] :]}}
            await self._calls.run(lambda: self._chunks.update_one(this, rest))
        return int(cut - chunk["n"])

    async def _flush(self, stream: str, writer: _Writer) -> None:
        appends, writer.waiting = writer.waiting, []
        try:
            for chunk in _chunks(appends, _begun(appends, writer.doubt)):
                first = await self._insert(stream, writer, [body.decode() for _, body in chunk])
                writer.next = first + len(chunk)
                for seq, (append, _) in enumerate(chunk, start=first):
                    append.last = seq
                    append.left -= 1
        except AirError as error:
            writer.next = None
            for append in appends:
                append.error = error if append.left else None
        await checkpoint()

    async def _insert(self, stream: str, writer: _Writer, bodies: list[str]) -> int:
        """Write a chunk; returns the number of its first record."""
        doubt, writer.doubt = writer.doubt, None
        again = doubt is not None and doubt["r"] == bodies
        write = doubt["w"] if doubt is not None and again else ObjectId()
        while True:
            first = doubt["n"] if doubt is not None and again else writer.next or await self._end(stream) + 1
            again = False
            id_ = f"{stream}/{first:016}"
            row = {"_id": id_, "s": stream, "n": first, "e": first + len(bodies) - 1, "r": bodies, "w": write}
            writer.doubt = row
            try:
                await self._calls.run(partial(self._chunks.insert_one, row))
            except DuplicateKeyError:
                there = await self._calls.run(partial(self._chunks.find_one, {"_id": id_}, {"w": 1}))
                if there is None or there["w"] != write:
                    writer.next = writer.doubt = None
                    continue
            if first >= await self._pruned(stream):
                writer.doubt = None
                return first
            # The number was given before, long ago.
            await self._calls.run(partial(self._chunks.delete_one, {"_id": id_, "w": write}))
            writer.next = None

    async def _end(self, stream: str) -> int:
        """The number of the last record that was ever written."""
        found = await self._calls.run(lambda: self._chunks.find_one({"s": stream}, {"e": 1}, sort=[("e", -1)]))
        return 0 if found is None else int(found["e"])

    async def _pruned(self, stream: str) -> int:
        """The number from which on there are records."""
        found = await self._calls.run(lambda: self._meta.find_one({"_id": f"log/{stream}"}))
        return 1 if found is None else int(found["before"])

    async def _page(self, query: Row, direction: int) -> list[Row]:
        return await self._calls.run(lambda: self._chunks.find(query).sort("e", direction).limit(PAGE).to_list())


def _narrow(where: Where | None) -> Row:
    """A condition that all chunks meet with a record that meets `where`; of other chunks some may, too."""
    forms = []
    for wanted in (where or {}).values():
        ways = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else [*wanted]
        texts = [orjson.dumps(way).decode() for way in ways if isinstance(way, str) and len(way) <= _LONGEST]
        if texts and len(texts) == len(ways):  # numbers are printed in several ways, null perhaps not at all
            forms.append("|".join(map(re.escape, texts)))
    return {"$and": [{"r": {"$regex": form}} for form in forms]} if forms else {}


def _begun(appends: Sequence[_Append], doubt: Row | None) -> int:
    """How many of the first records are those of a chunk that may be written."""
    known = [] if doubt is None else doubt["r"]
    bodies = (body.decode() for append in appends for body in append.bodies)
    return len(known) if [*islice(bodies, len(known))] == known else 0


def _chunks(appends: Sequence[_Append], begun: int = 0) -> Iterator[list[tuple[_Append, bytes]]]:
    chunk: list[tuple[_Append, bytes]] = []
    size = 0
    for append in appends:
        for body in append.bodies:
            chunk.append((append, body))
            size += len(body)
            if len(chunk) >= RECORDS or size >= BYTES or len(chunk) == begun:
                yield chunk
                chunk, size, begun = [], 0, 0
    if chunk:
        yield chunk


def _records(chunk: Row, after: int, before: int | None, reverse: bool) -> Iterator[LogRecord]:
    numbered = list(enumerate(chunk["r"], start=chunk["n"]))
    for seq, body in reversed(numbered) if reverse else numbered:
        if seq > after and (before is None or seq < before):
            yield LogRecord(seq, orjson.loads(body))
