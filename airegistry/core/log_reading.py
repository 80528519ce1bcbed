"""The logs of all processes in one order, by time, page by page; a process's own stay as it wrote them.

A page ends when it is full, or has looked for long: then it says where to go on, with or without records.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final

import anyio

from airegistry.core.documents import AppendLog, Json, LogRecord
from airegistry.core.errors import Invalid
from airegistry.core.log_lines import LogFilter, time_of
from airegistry.core.log_places import place_of, stream_of

WINDOW: Final = 20_000
"""Records of a stream that are looked through before the clock is looked at."""
PATIENCE: Final = 2.0
"""Seconds after which a page ends that is not full."""
CLOCK_MAY_GO_BACK: Final = timedelta(minutes=1)
"""The records of a stream are in order of time but for so much."""
_PAUSE: Final = 200
_CURSOR = re.compile(r"(?P<way>[no])(?P<places>(?:_[0-9]{1,6}:[0-9]{1,18}){0,2000})")


@dataclass(slots=True)
class _Source:
    """What is left to be read of a stream, the records with `low < seq < high`, and the one whose turn it is next."""

    place: int
    low: int
    high: int
    head: LogRecord | None = None
    rows: AsyncIterator[LogRecord] | None = field(default=None)
    edge: int = 0
    """Where the window ends that is being read."""


class LogReading:
    """One page of the logs; `clock` gives monotonic seconds.

    Raises:
        Invalid: the cursor is none of ours.
    """

    def __init__(
        self, log: AppendLog, wanted: LogFilter, clock: Callable[[], float], *, newest_first: bool,
        cursor: str | None = None,
    ) -> None:  # fmt: skip
        self._log = log
        self._wanted = wanted
        self._clock = clock
        self._newest = newest_first
        self._begun = _told(cursor, "n" if newest_first else "o")
        self._until = clock() + PATIENCE
        self._looked = 0

    async def page(self, limit: int) -> tuple[list[Json], str | None]:
        """Records, at most `limit`, and where to go on: with the oldest first always, as more is logged, else None
        after the last."""
        places = sorted(place for stream in await self._log.streams() if (place := place_of(stream)) is not None)
        sources = [source for place in places if (source := await self._source(place)) is not None]
        sign = -1 if self._newest else 1
        turns: list[tuple[float, int]] = []
        found: list[Json] = []
        in_time = True
        for number, source in enumerate(sources):
            in_time = await self._advance(source) and in_time
            if source.head is not None:
                heappush(turns, (sign * time_of(source.head.body).timestamp(), number))
        while in_time and turns and len(found) < limit:
            _, number = heappop(turns)
            source = sources[number]
            assert source.head is not None, "whose turn it is has a record"
            found.append(source.head.body)
            in_time = await self._advance(source)
            if source.head is not None:
                heappush(turns, (sign * time_of(source.head.body).timestamp(), number))
        return found, self._cursor(sources)

    async def _source(self, place: int) -> _Source | None:
        """A stream where it is to be read on; None when there is nothing in it that is asked for."""
        stream = stream_of(place)
        first, last = await anext(self._log.read(stream), None), await self._log.last(stream)
        if first is None or last is None:
            return None if place not in self._begun else _Source(place, self._begun[place], self._begun[place] + 1)
        source = _Source(place, first.seq - 1, last.seq + 1)
        known = self._begun.get(place) if self._begun is not None else None
        if known is not None and self._newest:
            source.high = min(known, source.high)
        elif known is not None:
            source.low = max(known, source.low)
        elif self._begun and self._newest:
            return None  # it was read to its end, or began since
        await self._narrow(source, known is not None)
        return source

    async def _narrow(self, source: _Source, begun: bool) -> None:
        """Leave out what is before or after the time that is asked for."""
        since, until = self._wanted.since, self._wanted.until
        if since is not None and (self._newest or not begun):
            source.low = await self._position(source, since - CLOCK_MAY_GO_BACK)
        if until is not None and (not self._newest or not begun):
            source.high = await self._position(source, until + CLOCK_MAY_GO_BACK) + 1

    async def _position(self, source: _Source, moment: datetime) -> int:
        """The number of the last record up to a moment, among those that are left."""
        low, high = source.low, max(source.high - 1, source.low)
        while low < high:
            middle = (low + high + 1) // 2
            record = await anext(self._log.read(stream_of(source.place), after=middle - 1, before=middle + 1), None)
            if record is None or time_of(record.body) <= moment:
                low = middle
            else:
                high = middle - 1
        return low

    async def _advance(self, source: _Source) -> bool:
        """Find the next record of a stream, if there is one; whether there was time for that."""
        source.head = None
        while source.high - source.low > 1:
            if source.rows is None:
                if self._clock() > self._until:
                    return False
                source.rows = self._window(source)
            record = await anext(source.rows, None)
            if record is None:
                source.rows = None
                self._move(source, source.edge)
                continue
            self._move(source, record.seq)
            self._looked += 1
            if self._looked % _PAUSE == 0:
                await anyio.lowlevel.checkpoint()
            if self._wanted.fits(record.body):
                source.head = record
                return True
        return True

    def _window(self, source: _Source) -> AsyncIterator[LogRecord]:
        after, before = source.low, source.high
        if self._newest:
            after = max(after, before - 1 - WINDOW)
            source.edge = after + 1
        else:
            before = min(before, after + 1 + WINDOW)
            source.edge = before - 1
        stream, where = stream_of(source.place), self._wanted.where
        return self._log.read(stream, after=after, before=before, reverse=self._newest, where=where or None)

    def _move(self, source: _Source, seq: int) -> None:
        if self._newest:
            source.high = seq
        else:
            source.low = seq

    def _cursor(self, sources: list[_Source]) -> str | None:
        if self._newest:
            left = {
                source.place: source.high if source.head is None else source.head.seq + 1
                for source in sources
                if source.head is not None or source.high - source.low > 1
            }
            if not left:
                return None
        else:
            left = {source.place: source.low if source.head is None else source.head.seq - 1 for source in sources}
        return ("n" if self._newest else "o") + "".join(f"_{place}:{seq}" for place, seq in left.items())


def _told(cursor: str | None, way: str) -> Mapping[int, int]:
    if cursor is None:
        return {}
    found = _CURSOR.fullmatch(cursor)
    if found is None or found["way"] != way:
        raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's, or of the other order", field="cursor")
    pairs = (each.split(":") for each in found["places"].split("_")[1:])
    return {int(place): int(seq) for place, seq in pairs}
