"""The embedded append log: a folder for each stream, segment files in it, one process."""

import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from airegistry.core.documents import Json, LogRecord, Where
from airegistry.core.log_places import place_of
from airegistry.stores import rows
from airegistry.stores.files import Sync, make_folder, opening
from airegistry.stores.groupcommit import Batch, GroupCommit
from airegistry.stores.stream import (
    EVERYTHING,
    Search,
    Segment,
    SegmentWriter,
    Span,
    check_order,
    decode,
    encode,
    find_segments,
    index_segment,
    read_blocks,
    read_floor,
    write_floor,
)
from airegistry.stores.streams import NAME, check_stream

SEGMENT_BYTES = 64 << 20
LOG_SEGMENT_BYTES = 4 << 20
"""Of a stream of application logs: what is pruned frees whole files, and these are pruned by size."""
TOGETHER = 16
"""Blocks that are looked through at once for a text."""
_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Append:
    bodies: list[bytes]
    last: int = 0


class Stream:
    """Records of one stream: an index of the segments in memory, a group commit of its own."""

    def __init__(self, folder: Path, damage: list[str], *, segment_bytes: int, sync: Sync) -> None:
        self.last = 0
        self.floor = 0
        """The number of the last record that was pruned."""
        self.newest: bytes | None = None
        self.segments: list[Segment] = []
        self.writer = SegmentWriter(folder, segment_bytes=segment_bytes, sync=sync)
        self._folder = folder
        self._damage = damage
        self._sync = sync
        self._indexing = anyio.Lock()
        self._commits = GroupCommit[_Append](str(folder), self._begin)

    def load(self) -> None:
        """Find the segments and read the last one that holds records. Blocks."""
        self.segments, self.floor = find_segments(self._folder), read_floor(self._folder)
        for segment in reversed(self.segments):
            self.newest = self._index(segment)
            self.last = max(self.last, segment.last)
            if self.newest is not None:
                break
        if self.segments:
            self.writer.resume(self.segments[-1])

    async def append(self, bodies: list[bytes]) -> int:
        """Add encoded records; returns the number of the last one, or of the stream's last for none."""
        operation = _Append(bodies)
        await self._commits.submit(operation)
        return operation.last

    async def read(
        self, after: int, before: int | None, reverse: bool, search: Search = EVERYTHING
    ) -> AsyncIterator[LogRecord]:
        """Records that were durable when the first was asked for."""
        after = max(after, self.floor)
        before = self.last + 1 if before is None else min(before, self.last + 1)
        segments = list(self.segments)
        for place in range(len(segments) - 1, -1, -1) if reverse else range(len(segments)):
            following = segments[place + 1].first if place + 1 < len(segments) else before
            if segments[place].first >= before or following <= after + 1:
                continue
            await self._ensure_index(segments[place])
            parts = segments[place].parts(after, before)
            for some in _grouped(parts[::-1] if reverse else parts, TOGETHER if search.texts else 1):
                found = await self._part(segments[place], sorted(some), search)
                for record in reversed(found) if reverse else found:
                    if after < record.seq < before:
                        yield record

    async def prune(self, before: int) -> int:
        """Remove whole segments, and no longer show what remains of the next one; how many records that is."""
        async with self._indexing:
            upto = min(before - 1, self.last)
            count = upto - self.floor
            if count <= 0:
                return 0
            await run_sync(write_floor, self._folder, upto, self._sync)
            self.floor = upto
            kept = [place for place, following in enumerate(self.segments[1:]) if following.first > upto + 1]
            gone = self.segments[: kept[0] if kept else len(self.segments) - 1]  # the last one tells the next number
            del self.segments[: len(gone)]
            for segment in gone:
                await run_sync(partial(segment.path.unlink, missing_ok=True))
            return count

    async def close(self) -> None:
        """Write what is queued and close the file."""
        await self._commits.close()
        await run_sync(self.writer.close)

    async def _part(self, segment: Segment, blocks: Sequence[Span], search: Search) -> list[LogRecord]:
        try:
            return await run_sync(read_blocks, segment.path, blocks, search)
        except FileNotFoundError:
            if segment in self.segments:
                raise
            return []  # pruned meanwhile

    def _begin(self, operations: list[_Append]) -> Batch:
        seq, payloads = self.last, []
        for operation in operations:
            for body in operation.bodies:
                seq += 1
                payloads.append(encode(seq, body))
            operation.last = seq
        return _Records(self, payloads)

    async def _ensure_index(self, segment: Segment) -> None:
        if segment.indexed:
            return
        async with self._indexing:
            if not segment.indexed and segment in self.segments:
                await run_sync(self._index, segment)

    def _index(self, segment: Segment) -> bytes | None:
        """Build the index of a segment; its newest payload."""
        damage, newest = index_segment(segment, self._sync)
        if damage is not None:
            self._damage.append(damage)
        place = self.segments.index(segment)
        for gap in check_order(self.segments[place : place + 2]):
            _logger.error("%s", gap)
            self._damage.append(gap)
        return newest


def _grouped(blocks: Sequence[Span], most: int) -> Iterator[Sequence[Span]]:
    """Blocks that are read at once: one, then two, four and so on: whoever finds enough in the first reads no more."""
    start, size = 0, 1
    while start < len(blocks):
        yield blocks[start : start + size]
        start, size = start + size, min(2 * size, most)


class _Records:
    """Records that become durable together."""

    def __init__(self, stream: Stream, payloads: Sequence[bytes]) -> None:
        self._stream = stream
        self._payloads = payloads
        self._first = stream.last + 1
        self._begun: Segment | None = None
        self._sizes: Sequence[int] = ()

    def write(self) -> None:
        if self._payloads:
            self._begun = self._stream.writer.rotate(self._first)
            self._sizes = self._stream.writer.append(self._payloads)

    def publish(self) -> None:
        self.withdraw()
        for seq, size in enumerate(self._sizes, start=self._first):
            self._stream.segments[-1].extend(seq, size)
        if self._payloads:
            self._stream.last = self._first + len(self._payloads) - 1
            self._stream.newest = self._payloads[-1]

    def withdraw(self) -> None:
        # A segment that was begun is there, with records or without.
        if self._begun is not None:
            self._stream.segments.append(self._begun)


class SegmentLog:
    """An `AppendLog` in a folder.

    `append` takes its place in the order when it is called, before it waits for anything. Opening reads the
    last segment of each stream; an older one is read once, when somebody asks for its records.
    """

    def __init__(self, folder: Path, damage: list[str], *, segment_bytes: int, sync: Sync) -> None:
        self.damage = damage
        self._folder = folder
        self._segment_bytes = segment_bytes
        self._sync = sync
        self._streams: dict[str, Stream] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        folder: Path,
        *,
        damage: list[str] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        sync: Sync = os.fsync,
    ) -> AsyncIterator["SegmentLog"]:
        """The log in a folder, created when there is none. What is found damaged, now or later, joins `damage`.

        Raises:
            Unsupported: a file is of another format.
            Internal: a file cannot be read, or not be mended.
        """
        log = cls(folder, [] if damage is None else damage, segment_bytes=segment_bytes, sync=sync)
        try:
            with opening(folder):
                for name in await run_sync(log._names):
                    await run_sync(log._stream(name).load)
            yield log
        finally:
            with anyio.CancelScope(shield=True):
                for stream in log._streams.values():
                    await stream.close()

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        check_stream(stream)
        return await self._stream(stream).append([rows.encode(record) for record in records])

    async def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        found = self._streams.get(stream)
        if found is not None:
            async for record in found.read(after, before, reverse, Search.of(where)):
                yield record

    async def last(self, stream: str) -> LogRecord | None:
        found = self._streams.get(stream)
        if found is None or found.newest is None or found.last <= found.floor:
            return None
        return decode(found.newest)

    async def streams(self) -> Sequence[str]:
        return sorted(name for name, stream in self._streams.items() if stream.last)

    async def prune(self, stream: str, before: int) -> int:
        found = self._streams.get(stream)
        return 0 if found is None else await found.prune(before)

    def _names(self) -> list[str]:
        make_folder(self._folder, self._sync)
        return sorted(path.name for path in self._folder.iterdir() if path.is_dir() and NAME.fullmatch(path.name))

    def _stream(self, name: str) -> Stream:
        if name not in self._streams:
            most = self._segment_bytes if place_of(name) is None else min(self._segment_bytes, LOG_SEGMENT_BYTES)
            self._streams[name] = Stream(self._folder / name, self.damage, segment_bytes=most, sync=self._sync)
        return self._streams[name]
