from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from airegistry.core.documents import LogRecord
from airegistry.core.errors import Internal
from airegistry.stores import stream
from airegistry.stores.segments import SegmentLog
from airegistry.stores.stream import decode
from tests.stores.contract import take
from tests.stores.faults import overwrite
from tests.stores.log_contract import AppendLogContract, NarrowedLogContract

pytestmark = pytest.mark.anyio


class TestSegmentLog(AppendLogContract, NarrowedLogContract):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[SegmentLog]:
        async with SegmentLog.open(tmp_path / "logs") as log:
            yield log


class TestSegmentLogOfSmallSegments(AppendLogContract, NarrowedLogContract):
    @pytest.fixture
    async def log(self, tmp_path: Path) -> AsyncIterator[SegmentLog]:
        async with SegmentLog.open(tmp_path / "logs", segment_bytes=500) as log:
            yield log


def segments(folder: Path) -> list[Path]:
    return sorted((folder / "audit").iterdir())


async def test_a_full_segment_is_followed_by_one_named_by_its_first_record(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path, segment_bytes=1000) as log:
        for n in range(1, 101):
            assert await log.append("audit", [{"n": n}]) == n
    files = segments(tmp_path)
    assert len(files) == 3
    assert all(path.stat().st_size < 1100 for path in files)
    async with SegmentLog.open(tmp_path, segment_bytes=1000) as log:
        assert await log.append("audit", [{"n": 101}]) == 101
        assert [record.body["n"] async for record in log.read("audit")] == list(range(1, 102))
        for path in files:
            first = await anext(log.read("audit", after=int(path.stem) - 1))
            assert first.seq == int(path.stem)


async def test_the_newest_records_are_read_without_the_older_segments(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path, segment_bytes=2000) as log:
        for n in range(1, 201):
            await log.append("audit", [{"n": n}])
    *older, newest = segments(tmp_path)
    for path in older:
        overwrite(path, b"")
    async with SegmentLog.open(tmp_path, segment_bytes=2000) as log:
        reading = log.read("audit", reverse=True)
        wanted = list(range(200, int(newest.stem) - 1, -1))
        assert [record.seq for record in await take(reading, len(wanted))] == wanted
        assert log.damage == []


async def test_a_page_is_read_from_the_disk_in_small_parts(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{"n": n, "text": "x" * 100} for n in range(1, 20_001)])
        (segment,) = log._streams["audit"].segments
        parts = segment.parts(15_000, 15_050)
        assert sum(end - begin for begin, end in parts) < 100_000
        assert [record.seq async for record in log.read("audit", after=15_000, before=15_051)] == list(
            range(15_001, 15_051)
        )


async def test_reading_shows_what_was_there_when_it_began(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{"n": 1}, {"n": 2}])
        reading = log.read("audit")
        await anext(reading)
        await log.append("audit", [{"n": 3}])
        assert [record.seq async for record in reading] == [2]


async def test_many_small_appends_share_syncs(tmp_path: Path) -> None:
    syncs: list[int] = []
    async with SegmentLog.open(tmp_path, sync=syncs.append) as log:
        await log.append("audit", [{}])
        syncs.clear()

        async def append() -> None:
            await log.append("audit", [{}])

        async with anyio.create_task_group() as group:
            for _ in range(500):
                group.start_soon(append)
        assert len(syncs) <= 3


async def test_older_segments_asked_for_by_many_readers_at_once_are_indexed_once(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path, segment_bytes=300) as log:
        for n in range(1, 51):
            await log.append("audit", [{"n": n}])
    async with SegmentLog.open(tmp_path, segment_bytes=300) as log:

        async def read() -> None:
            assert [record.seq async for record in log.read("audit")] == list(range(1, 51))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(read)


async def test_pruning_removes_whole_segments_and_a_restart_still_hides_the_rest(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path, segment_bytes=1000) as log:
        for n in range(1, 101):
            await log.append("audit", [{"n": n}])
        before = segments(tmp_path)
        reading = log.read("audit")
        await anext(reading)
        assert await log.prune("audit", 60) == 59
        rest = [record.seq async for record in reading]  # it began before, and is not disturbed
        assert rest == sorted(rest)
        assert rest[-1] == 100
    left = [path for path in segments(tmp_path) if path.suffix == ".log"]
    assert left == before[-len(left) :]
    assert 0 < len(left) < len(before)
    async with SegmentLog.open(tmp_path, segment_bytes=1000) as log:
        assert log.damage == []
        assert [record.seq async for record in log.read("audit")] == list(range(60, 101))
        assert await log.prune("audit", 101) == 41
    async with SegmentLog.open(tmp_path, segment_bytes=1000) as log:
        assert await log.last("audit") is None
        assert await log.append("audit", [{"n": 101}]) == 101


async def test_a_rare_record_is_found_without_parsing_what_cannot_hold_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{"who": "bob" if n == 9000 else "ann", "n": n} for n in range(1, 20_001)])
        parsed: list[int] = []

        def counting(payload: bytes) -> LogRecord:
            parsed.append(1)
            return decode(payload)

        monkeypatch.setattr(stream, "decode", counting)
        assert [record.seq async for record in log.read("audit", where={"who": "bob"})] == [9000]
        assert len(parsed) == 1


async def test_a_closed_log_refuses_records(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{}])
    with pytest.raises(Internal, match="is closed"):
        await log.append("audit", [{}])
