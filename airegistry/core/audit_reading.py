"""The records of all writers in one order: by time, then by writer; a writer's own stay as it wrote them.

A stream is opened only when its time has come: those of writers long gone cost a page nothing.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final

import anyio

from airegistry.core.audit_chain import PAUSE, STREAM
from airegistry.core.audit_events import time_of
from airegistry.core.audit_writers import Writers
from airegistry.core.documents import AppendLog, Json, LogRecord, Where
from airegistry.core.errors import Invalid

CLOCK_MAY_GO_BACK: Final = timedelta(hours=2)
"""A writer's records are in order of time but for so much."""
SHORT: Final = 256
"""So many records are read through rather than searched for a moment."""
_CURSOR = re.compile(r"(?P<way>[no])(?P<turn>[0-9]{1,17})(?P<places>(?:_[0-9]{1,8}:[0-9]{1,18}){0,5000})")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SLACK: Final = CLOCK_MAY_GO_BACK // _MICROSECOND


@dataclass(frozen=True, slots=True)
class Entry:
    """One record: whose it is, its number there, when its act ended, and itself."""

    writer: int
    stream: str
    seq: int
    time: datetime
    body: Json


@dataclass(frozen=True, slots=True)
class Span:
    """Which records, and from which end; those somewhat before `since` or after `until` may be among them.

    `where` is what the store narrows by.
    """

    since: datetime | None = None
    until: datetime | None = None
    where: Where = field(default_factory=dict)
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class _Source:
    """A stream. `due` is the least key (see `Reading`) that a record of it may have; records up to `floor` are gone."""

    writer: int
    stream: str
    floor: int
    due: float


class Reading:
    """One reading of the trail, from its beginning or from where a cursor says.

    Keys grow as it goes on: microseconds since the epoch, below zero where the newest come first.
    """

    def __init__(self, log: AppendLog, writers: Writers | None, span: Span, cursor: str | None = None) -> None:
        self._log = log
        self._writers = writers
        self._span = span
        self._fresh = cursor is None
        self._turn, self._begun = _told(cursor, "n" if span.newest_first else "o")
        self._places: dict[int, int] = {}
        """By writer under way, the number of the record before which, or after which, it goes on."""
        self._waiting: list[_Source] = []
        self._next: list[tuple[int, int, int, Entry, AsyncIterator[LogRecord]]] = []

    @property
    def cursor(self) -> str:
        """Where to go on after the last record that was handed out."""
        places = "".join(f"_{writer}:{seq}" for writer, seq in sorted(self._places.items()))
        turn = 0 if self._turn == -float("inf") else abs(int(self._turn))
        return f"{'n' if self._span.newest_first else 'o'}{turn}{places}"

    async def entries(self) -> AsyncIterator[Entry]:
        """The records, in order."""
        for source in await self._sources():
            if source.writer in self._begun:
                await self._open(source, self._begun[source.writer])
            elif self._fresh or source.due > self._turn:
                self._waiting.append(source)
        self._waiting.sort(key=lambda source: source.due, reverse=True)
        count = 0
        while True:
            await self._open_due()
            if not self._next:
                return
            _, _, _, entry, rest = heappop(self._next)
            if self._is_past(entry.time):
                self._places.pop(entry.writer, None)
                continue
            self._places[entry.writer] = entry.seq
            if not await self._push(entry.writer, entry.stream, rest) and self._span.newest_first:
                del self._places[entry.writer]
            if (count := count + 1) % PAUSE == 0:
                await anyio.lowlevel.checkpoint()
            yield entry

    async def _sources(self) -> list[_Source]:
        if self._writers is None:
            return [_Source(1, STREAM, 0, -float("inf"))]
        checkpoints = await self._writers.checkpoints()
        sources = []
        for head in await self._writers.heads():
            opened, closed = _key(head.opened), _key(head.last or head.opened) if head.closed else None
            since, until = self._span.since, self._span.until
            if (since and closed is not None and closed + _SLACK < _key(since)) or (
                until and opened - _SLACK > _key(until)
            ):
                continue
            due = -float("inf") if closed is None else -closed - _SLACK
            if not self._span.newest_first:
                due = opened - _SLACK
            floor = checkpoints[head.stream].seq if head.stream in checkpoints else 0
            sources.append(_Source(head.number, head.stream, floor, due))
        return sources

    async def _open_due(self) -> None:
        """Open every stream that may have the next record."""
        while self._waiting and (not self._next or self._waiting[-1].due <= self._next[0][0]):
            source = self._waiting.pop()
            self._turn = max(self._turn, source.due)
            await self._open(source, None)
        if self._next:
            self._turn = max(self._turn, self._next[0][0])

    async def _open(self, source: _Source, place: int | None) -> None:
        """Begin with a stream, or go on at its place."""
        after, before = await self._bounds(source)
        if place is not None:
            after, before = (after, place) if self._span.newest_first else (place, before)
            self._places[source.writer] = place
        reverse, where = self._span.newest_first, self._span.where
        if where:
            rest = self._log.read(source.stream, after=after, before=before, reverse=reverse, where=where)
        else:
            rest = self._log.read(source.stream, after=after, before=before, reverse=reverse)
        if not await self._push(source.writer, source.stream, rest):
            if reverse:
                self._places.pop(source.writer, None)
        elif place is None:
            seq = self._next_seq(source.writer)
            self._places[source.writer] = seq + 1 if reverse else seq - 1

    async def _push(self, writer: int, stream: str, rest: AsyncIterator[LogRecord]) -> bool:
        """Have the next record of a stream take its place among those of the others; whether there is one."""
        record = await anext(rest, None)
        if record is None:
            return False
        time = time_of(record.body)
        sign = -1 if self._span.newest_first else 1
        entry = Entry(writer, stream, record.seq, time, record.body)
        heappush(self._next, (sign * _key(time), sign * writer, sign * record.seq, entry, rest))
        return True

    def _next_seq(self, writer: int) -> int:
        return next(entry.seq for _, _, _, entry, _ in self._next if entry.writer == writer)

    def _is_past(self, time: datetime) -> bool:
        """Whether neither a record of this time nor what follows in its stream is asked for."""
        if self._span.newest_first:
            return self._span.since is not None and time < self._span.since - CLOCK_MAY_GO_BACK
        return self._span.until is not None and time > self._span.until + CLOCK_MAY_GO_BACK

    async def _bounds(self, source: _Source) -> tuple[int, int | None]:
        """The numbers between which the records of the span are, as far as it pays to look for them."""
        since, until, reverse = self._span.since, self._span.until, self._span.newest_first
        after, before = source.floor, None
        if since is not None and (self._span.where or not reverse):
            after = max(after, await self._position(source, since - CLOCK_MAY_GO_BACK) or 0)
        if until is not None and (self._span.where or reverse):
            found = await self._position(source, until + CLOCK_MAY_GO_BACK)
            before = None if found is None else found + 1
        return after, before

    async def _position(self, source: _Source, moment: datetime) -> int | None:
        """The number of the last record up to a moment; None where it does not pay to look for it."""
        last = await self._log.last(source.stream)
        if last is None or last.seq - source.floor <= SHORT:
            return None
        low, high = source.floor, last.seq
        while low < high:
            middle = (low + high + 1) // 2
            found = await anext(self._log.read(source.stream, after=middle - 1, before=middle + 1), None)
            if found is None or time_of(found.body) <= moment:
                low = middle
            else:
                high = middle - 1
        return low


def _told(cursor: str | None, way: str) -> tuple[float, Mapping[int, int]]:
    """How far a reading went, and where it was in the streams that it had opened.

    Raises:
        Invalid: the cursor is none of ours.
    """
    if cursor is None:
        return -float("inf"), {}
    found = _CURSOR.fullmatch(cursor)
    if found is None or found["way"] != way:
        raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
    pairs = (place.split(":") for place in found["places"].split("_")[1:])
    turn = int(found["turn"])
    return float(-turn if way == "n" else turn), {int(writer): int(seq) for writer, seq in pairs}


def _key(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND
