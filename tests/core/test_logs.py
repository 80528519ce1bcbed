import logging
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from airegistry.core.access import Access
from airegistry.core.documents import AppendLog, DocumentStore, Json
from airegistry.core.errors import AccessDenied, Internal, Invalid
from airegistry.core.log_lines import Describe, LogFilter
from airegistry.core.log_places import STALE, LogPlaces, place_of
from airegistry.core.log_queue import LogQueue, listening
from airegistry.core.logs import LogRules, Logs
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.segments import SegmentLog
from tests.core.wiring import ANN, NOON, FakeClock

pytestmark = pytest.mark.anyio
EVERYTHING = LogFilter()
RULES = LogRules()


class FailingLog(MemoryLog):
    """A log that cannot be written while `failing`."""

    failing = False

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        if self.failing:
            raise Internal("the disk is full")
        return await super().append(stream, records)


class Writer:
    """One process that logs at the times that a test gives."""

    def __init__(
        self,
        log: AppendLog,
        clock: FakeClock,
        *,
        store: DocumentStore | None = None,
        name: str = "a",
        rules: LogRules = RULES,
        queue: LogQueue | None = None,
    ) -> None:
        self.queue = LogQueue(Describe()) if queue is None else queue
        places = None if store is None else LogPlaces(store, clock, name)
        replica = None if store is None else name
        self.logs = Logs(log, self.queue, Access(), clock, rules, places, replica)

    def say(self, message: str, seconds: float = 0.0, level: int = logging.INFO) -> None:
        """Log something so many seconds after noon."""
        record = logging.LogRecord("airegistry.test", level, "file.py", 1, message, (), None)
        record.created = NOON.timestamp() + seconds
        self.queue.handle(record)

    async def all(self, *, newest_first: bool, limit: int, wanted: LogFilter = EVERYTHING) -> list[str]:
        """Every message that fits, page by page."""
        found: list[str] = []
        cursor: str | None = None
        while True:
            page, after = await self.logs.query(SYSTEM, wanted, limit=limit, newest_first=newest_first, cursor=cursor)
            found += [line.message for line in page]
            if after is None or after == cursor:
                return found
            cursor = after


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[SegmentLog]:
    async with SegmentLog.open(folder / "logs", segment_bytes=20_000, sync=lambda fd: None) as log:
        yield log


def size_of(folder: Path) -> int:
    """Bytes of all segment files."""
    return sum(file.stat().st_size for file in folder.rglob("*.log"))


def messages(count: int, name: str = "") -> list[str]:
    return [f"{name}{number}" for number in range(count)]


async def test_what_is_logged_is_told_newest_first_to_administrators_alone() -> None:
    writer = Writer(MemoryLog(), FakeClock())
    writer.say("first")
    writer.say("second", 1)
    found, after = await writer.logs.query(SYSTEM, EVERYTHING)
    assert ([line.message for line in found], after) == (["second", "first"], None)
    with pytest.raises(AccessDenied):
        await writer.logs.query(ANN, EVERYTHING)


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("newest_first", [True, False])
async def test_replicas_logs_are_one_in_order_of_time_and_no_page_repeats_or_loses_any(
    limit: int, newest_first: bool
) -> None:
    log, store, clock = MemoryLog(), MemoryStore(), FakeClock()
    a, b = Writer(log, clock, store=store, name="a"), Writer(log, clock, store=store, name="b")
    for number in range(12):  # a writes at once, b in between and late
        (a if number % 3 else b).say(str(number), number)
        if number % 4 == 0:
            await a.logs.flush()
    await b.logs.flush()
    expected = [str(number) for number in range(12)]
    assert await a.all(newest_first=newest_first, limit=limit) == (expected[::-1] if newest_first else expected)
    page, _ = await a.logs.query(SYSTEM, EVERYTHING)
    assert {line.replica for line in page} == {"a", "b"}


async def test_whoever_follows_gets_what_is_logged_later_by_whomever_once() -> None:
    log, store, clock = MemoryLog(), MemoryStore(), FakeClock()
    a, b = Writer(log, clock, store=store, name="a"), Writer(log, clock, store=store, name="b")
    a.say("one")
    page, cursor = await a.logs.query(SYSTEM, EVERYTHING, newest_first=False)
    b.say("two", 1)
    await b.logs.flush()
    a.say("three", 2)
    then, later = await a.logs.query(SYSTEM, EVERYTHING, newest_first=False, cursor=cursor)
    assert [line.message for line in (*page, *then)] == ["one", "two", "three"]
    assert (await a.logs.query(SYSTEM, EVERYTHING, newest_first=False, cursor=later))[0] == []


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_span_of_time_is_found_among_many_records(tmp_path: Path, newest_first: bool) -> None:
    async with opened(tmp_path) as log:
        writer = Writer(log, FakeClock())
        for number in range(2000):
            writer.say(str(number), number)
        wanted = LogFilter(since=NOON + timedelta(seconds=700), until=NOON + timedelta(seconds=702))
        found = await writer.all(newest_first=newest_first, limit=2, wanted=wanted)
        assert sorted(found) == ["700", "701", "702"]
        assert found == sorted(found, reverse=newest_first)


async def test_levels_and_texts_narrow() -> None:
    writer = Writer(MemoryLog(), FakeClock())
    writer.say("all is well")
    writer.say("the disk is FULL", level=logging.ERROR)
    assert await writer.all(newest_first=True, limit=5, wanted=LogFilter(level="warning")) == ["the disk is FULL"]
    assert await writer.all(newest_first=True, limit=5, wanted=LogFilter(text="Disk")) == ["the disk is FULL"]


@pytest.mark.parametrize("cursor", ["", "x", "n_0:1", "o_0", "o_" + "9" * 40 + ":1"])
async def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(Invalid):
        await Writer(MemoryLog(), FakeClock()).logs.query(SYSTEM, EVERYTHING, newest_first=False, cursor=cursor)


async def test_a_page_that_takes_long_ends_and_says_where_to_go_on() -> None:
    class Slow(FakeClock):
        def monotonic(self) -> float:
            self.pass_(1.5)
            return super().monotonic()

    log = MemoryLog()
    writer = Writer(log, FakeClock())
    for _ in range(3):
        for number in range(9000):
            writer.say(str(number), number)
        await writer.logs.flush()
    writer = Writer(log, Slow())
    page, after = await writer.logs.query(SYSTEM, LogFilter(text="no such text"))
    assert page == []
    assert after is not None
    assert await writer.all(newest_first=True, limit=9, wanted=LogFilter(text="no such text")) == []


async def test_what_comes_too_fast_is_dropped_and_told_and_nobody_waits() -> None:
    writer = Writer(MemoryLog(), FakeClock(), queue=LogQueue(Describe(), most=10))
    with listening(writer.queue):
        for message in messages(25):
            writer.say(message)
        await writer.logs.flush()
        await writer.logs.flush()
    found = await writer.all(newest_first=False, limit=100)
    assert found[:10] == messages(10)
    assert found[10:] == ["15 log records came faster than they are kept, and were dropped"]


def test_what_waits_is_bounded_by_its_size_too() -> None:
    writer = Writer(MemoryLog(), FakeClock(), queue=LogQueue(Describe(), characters=100_000))
    for _ in range(100):
        writer.say("m" * 8000)
    assert len(writer.queue) == 13
    assert writer.queue.take_dropped() == 87


def test_threads_log_at_once_and_none_is_lost() -> None:
    writer = Writer(MemoryLog(), FakeClock())

    def work() -> None:
        for message in messages(200):
            writer.say(message)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(writer.queue.take(10_000)) == 1600


async def test_what_cannot_be_written_waits_and_is_told_once() -> None:
    log = FailingLog()
    writer = Writer(log, FakeClock(), rules=LogRules(every=0.001))
    log.failing = True
    with listening(writer.queue):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer.logs.run)
            writer.say("before")
            with anyio.fail_after(5):
                while writer.logs._unwritten == [] or len(writer.queue) < 1:  # noqa: ASYNC110  # there is no event
                    await anyio.sleep(0.001)
                await anyio.sleep(0.02)
                log.failing = False
                while not log._streams:  # noqa: ASYNC110  # as above
                    await anyio.sleep(0.001)
            tasks.cancel_scope.cancel()
    found = await writer.all(newest_first=False, limit=10)
    assert found == ["before", "logs cannot be kept in the store for now: the disk is full"]


async def test_the_end_of_a_process_writes_what_it_has_gathered() -> None:
    log = MemoryLog()
    writer = Writer(log, FakeClock(), rules=LogRules(every=60))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(writer.logs.run)
        await anyio.lowlevel.checkpoint()
        writer.say("the end")
        tasks.cancel_scope.cancel()
    assert await Writer(log, FakeClock()).all(newest_first=True, limit=5) == ["the end"]


async def test_old_records_are_pruned(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        clock = FakeClock()
        writer = Writer(log, clock, rules=LogRules(days=7))
        for day in range(10):
            writer.say(str(day), day * 86_400)
        await writer.logs.flush()
        clock.pass_(9.5 * 86_400)
        await writer.logs.prune()
        assert await writer.all(newest_first=False, limit=5) == messages(10)[3:]
        await Writer(log, clock, rules=LogRules(days=0)).logs.prune()
        assert await writer.all(newest_first=False, limit=5) == []
        writer.say("and on", 9 * 86_400)
        assert await writer.all(newest_first=False, limit=5) == ["and on"]


async def test_what_is_over_the_size_goes_the_oldest_first_and_files_go_with_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as log:
        clock = FakeClock()
        for start in (0, 1000):  # the second process goes on counting where the first one ended
            writer = Writer(log, clock, rules=LogRules(size=50_000))
            for number in range(start, start + 1000):
                writer.say(f"{number} {'m' * 100}", number)
            await writer.logs.flush()
        await writer.logs.prune()
        left = [int(message.split()[0]) for message in await writer.all(newest_first=False, limit=100)]
        assert left == [*range(left[0], 2000)]
        assert 150 < len(left) < 300
        assert size_of(tmp_path) < 50_000 + 4 * 20_000
        await writer.logs.prune()
        assert len(await writer.all(newest_first=False, limit=100)) == len(left)


async def test_of_several_replicas_each_loses_its_oldest() -> None:
    log, store, clock = MemoryLog(), MemoryStore(), FakeClock()
    writers = [Writer(log, clock, store=store, name=name, rules=LogRules(size=20_000)) for name in "ab"]
    for writer, count in zip(writers, (400, 100), strict=True):
        for number in range(count):
            writer.say(str(number), number)
        await writer.logs.flush()
    await writers[0].logs.prune()
    page, _ = await writers[0].logs.query(SYSTEM, EVERYTHING, limit=1000)
    kept = {name: [int(line.message) for line in page if line.replica == name] for name in "ab"}
    assert kept["a"] == [*range(399, 399 - len(kept["a"]), -1)]
    assert kept["b"] == [*range(99, 99 - len(kept["b"]), -1)]
    assert 2 * len(kept["b"]) < len(kept["a"])


@pytest.fixture
def three() -> tuple[MemoryStore, FakeClock, list[LogPlaces]]:
    store, clock = MemoryStore(), FakeClock()
    return store, clock, [LogPlaces(store, clock, name) for name in "abc"]


async def test_each_process_has_a_place_of_its_own_and_a_free_one_is_taken_again(
    three: tuple[MemoryStore, FakeClock, list[LogPlaces]],
) -> None:
    _, clock, (a, b, c) = three
    assert [await a.mine(), await b.mine(), await a.mine()] == [0, 1, 0]
    await a.give_back()
    assert await c.mine() == 0
    assert await a.mine() == 2
    clock.pass_(STALE.total_seconds() / 2)
    assert await c.mine() == 0
    clock.pass_(STALE.total_seconds() / 2)
    assert await LogPlaces(three[0], clock, "d").mine() == 1  # b was not heard of, c was
    assert await b.mine() == 2  # which a had, and did not renew


def test_only_streams_of_logs_are_places() -> None:
    assert [place_of(stream) for stream in ("app-0", "app-17", "audit", "app-x", "app-1x")] == [0, 17, None, None, None]
