"""What the registry logs, kept in the store for a while and told to administrators.

Records are gathered in memory and written every second or so: what a killed process has gathered since is lost, and
nothing that logs ever waits. A record carries how much was written to its stream up to it, so that what is over a size
is found without reading everything.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import anyio
import orjson

from airegistry.core.access import Access
from airegistry.core.documents import AppendLog, Json, LogRecord
from airegistry.core.errors import AirError
from airegistry.core.log_lines import LogFilter, LogLine, time_of
from airegistry.core.log_places import LogPlaces, place_of, stream_of
from airegistry.core.log_queue import LogQueue
from airegistry.core.log_reading import LogReading
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

AT_ONCE = 500
"""Records of one write."""
KEEP_SECONDS = 600.0
BYTES = "bytes"
"""The member of a record that says how many bytes its stream has had up to it."""
_LEFT = 0.9
"""The share of the allowed size that pruning leaves."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogRules:
    """How long records are kept, and how many bytes of them; how often what is gathered is written, in seconds.

    Without days none are kept.
    """

    days: int = 7
    size: int = 256 << 20
    every: float = 1.0


class Logs:
    """Writes what a queue gathers, prunes what is old or too much, and answers what is asked for.

    `places` are of processes that share the store; `replica` is what this one is called among them.
    """

    def __init__(
        self, store: AppendLog, queue: LogQueue, access: Access, clock: Clock, rules: LogRules,
        places: LogPlaces | None = None, replica: str | None = None,
    ) -> None:  # fmt: skip
        self._log = store
        self._queue = queue
        self._access = access
        self._clock = clock
        self._rules = rules
        self._places = places
        self._replica = replica
        self._unwritten: list[Json] = []
        """Records of a write that failed: they go first."""
        self._written: dict[int, int] = {}
        """Bytes that were ever written, by place."""
        self._lock = anyio.Lock()
        self._failing = False

    async def query(
        self, who: Principal, wanted: LogFilter, *, limit: int = 100, newest_first: bool = True,
        cursor: str | None = None,
    ) -> tuple[list[LogLine], str | None]:  # fmt: skip
        """Records that fit, and the cursor of the next page; there may be one after a page that is not full.

        Raises:
            AccessDenied: the caller is no administrator.
            Invalid: the cursor is none of ours.
        """
        self._access.require(who, "policy")
        await self._try(self.flush)
        reading = LogReading(self._log, wanted, self._clock.monotonic, newest_first=newest_first, cursor=cursor)
        found, after = await reading.page(limit)
        return [LogLine.model_validate({name: body[name] for name in body.keys() & _FIELDS}) for body in found], after

    async def run(self) -> None:
        """Write what is gathered, again and again, until cancelled; then write what is left."""
        try:
            while True:
                await anyio.sleep(self._rules.every)
                await self._try(self.flush)
        finally:
            with anyio.CancelScope(shield=True):
                await self._try(self.flush)
                if self._places is not None:
                    await self._try(self._places.give_back)

    async def flush(self) -> None:
        """Write what is gathered.

        Raises:
            AirError, OSError: it cannot be written; it is kept, and goes first the next time.
        """
        async with self._lock:
            while self._unwritten or len(self._queue):
                place = 0 if self._places is None else await self._places.mine()
                if place not in self._written:
                    self._written[place] = _bytes(await self._log.last(stream_of(place)))
                if not self._unwritten:
                    self._unwritten = self._numbered(place, self._queue.take(AT_ONCE))
                with anyio.CancelScope(shield=True):  # cancelled half-way, nobody would know whether it was written
                    await self._log.append(stream_of(place), self._unwritten)
                self._unwritten = []
        if dropped := self._queue.take_dropped():  # there is room for this record now
            log.warning("%d log records came faster than they are kept, and were dropped", dropped)

    async def keep(self) -> None:
        """For all processes: prune what is too old or too much, until cancelled."""
        while True:
            await self._try(self.prune)
            await anyio.sleep(KEEP_SECONDS)

    async def prune(self) -> None:
        """Remove what is older than the rules want, and then the oldest of each process until the size is kept.

        Raises:
            AirError, OSError: the store cannot be read or written.
        """
        streams = [stream for stream in await self._log.streams() if place_of(stream) is not None]
        before = self._clock.now() - timedelta(days=self._rules.days)
        for stream in streams:
            await self._cut(stream, lambda record: time_of(record.body) < before)
        sizes = {stream: await self._size(stream) for stream in streams}
        total = sum(upto - since for since, upto in sizes.values())
        if total <= self._rules.size:
            return
        share = _LEFT * self._rules.size / total
        for stream, (since, upto) in sizes.items():
            await self._cut(stream, partial(_is_up_to, upto - int(share * (upto - since))))

    def _numbered(self, place: int, lines: list[Json]) -> list[Json]:
        for line in lines:
            if self._replica is not None:
                line["replica"] = self._replica
            self._written[place] += len(orjson.dumps(line))
            line[BYTES] = self._written[place]
        return lines

    async def _size(self, stream: str) -> tuple[int, int]:
        """How many bytes had been written at the first record that is left, and at the last."""
        first = await anext(self._log.read(stream), None)
        return _bytes(first), _bytes(await self._log.last(stream))

    async def _cut(self, stream: str, gone: Callable[[LogRecord], bool]) -> None:
        """Prune the records at the beginning of a stream of which `gone` is true."""
        first, last = await anext(self._log.read(stream), None), await self._log.last(stream)
        if first is None or last is None or not gone(first):
            return
        low, high = first.seq, last.seq
        while low < high:
            middle = (low + high + 1) // 2
            record = await anext(self._log.read(stream, after=middle - 1, before=middle + 1), None)
            if record is None or gone(record):
                low = middle
            else:
                high = middle - 1
        await self._log.prune(stream, low + 1)

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except (AirError, OSError) as error:
            self._complain(error)
        else:
            self._failing = False

    def _complain(self, error: Exception) -> None:
        """Say once that the logs are not kept: each time would fill what waits."""
        if not self._failing:
            log.warning("logs cannot be kept in the store for now: %s", error)
        self._failing = True


_FIELDS = frozenset(LogLine.model_fields)


def _is_up_to(mark: int, record: LogRecord) -> bool:
    return _bytes(record) <= mark


def _bytes(record: LogRecord | None) -> int:
    written = None if record is None else record.body.get(BYTES)
    return written if isinstance(written, int) else 0
