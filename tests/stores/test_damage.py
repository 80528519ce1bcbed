"""Files that a crash or a bad disk left behind."""

import errno
import logging
import os
import shutil
from pathlib import Path

import pytest

from airegistry.core.documents import ChangesLost, LogRecord
from airegistry.core.errors import Internal
from airegistry.stores.framing import HEADER_SIZE, frame
from airegistry.stores.journal import read_records
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore
from tests.stores.contract import collect, keys
from tests.stores.faults import CrashImages, content, flip, overwrite

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.journal"


async def fill(path: Path, count: int = 5) -> list[int]:
    """A store of documents k0, k1, …; the offset of each one's record."""
    async with TinyStore.open(path) as store:
        for n in range(count):
            await store.put("c", f"k{n}", {"n": n})
    return [offset for offset, _ in read_records(path)]


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*"))


async def test_a_last_record_torn_at_any_byte_is_cut_off_and_the_rest_is_there(path: Path, tmp_path: Path) -> None:
    offsets = await fill(path)
    whole = content(path)
    for cut in range(offsets[-1], len(whole)):
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        torn = folder / path.name
        torn.write_bytes(whole[:cut])
        async with TinyStore.open(torn) as store:
            assert store.damage == []
            assert await keys(store.find("c")) == ["k0", "k1", "k2", "k3"]
            assert (await store.put("c", "k4", {"n": 4}, expect=0)).version == 1
        assert torn.read_bytes() == whole
        assert [entry.name for entry in folder.iterdir()] == [path.name]


async def test_cutting_a_torn_record_is_logged(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    offsets = await fill(path)
    overwrite(path, content(path)[: offsets[-1] + 7])
    async with TinyStore.open(path):
        assert [record.levelno for record in caplog.records] == [logging.WARNING]
        assert "cut 7 bytes" in caplog.text


@pytest.mark.parametrize("hit", [0, 2, 4])
async def test_a_damaged_record_costs_that_record_and_the_file_is_kept_and_reported(
    path: Path, hit: int, caplog: pytest.LogCaptureFixture
) -> None:
    offsets = await fill(path)
    damaged = flip(path, offsets[hit] + 20)
    async with TinyStore.open(path) as store:
        assert await keys(store.find("c")) == [f"k{n}" for n in range(5) if n != hit]
        (report,) = store.damage
        assert "4 intact records were recovered" in report
        assert str(set_aside(path)[0]) in report
        assert caplog.records[-1].levelno == logging.ERROR
        await store.put("c", "later", {})
    assert set_aside(path)[0].read_bytes() == damaged
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert len(await keys(store.find("c"))) == 5
    assert len(set_aside(path)) == 1


async def test_a_damaged_length_in_the_middle_hides_nothing_behind_it(path: Path) -> None:
    offsets = await fill(path)
    flip(path, offsets[1] + 4)
    async with TinyStore.open(path) as store:
        assert await keys(store.find("c")) == ["k0", "k2", "k3", "k4"]
        assert len(store.damage) == 1


@pytest.mark.parametrize("place", range(HEADER_SIZE))
async def test_a_damaged_header_costs_no_record(path: Path, place: int) -> None:
    await fill(path)
    flip(path, place)
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 5
        assert len(store.damage) == 1
        await store.put("c", "k0", {}, expect=1)
    assert len(set_aside(path)) == 1


@pytest.mark.parametrize("rubbish", [b"", b"short", b"{}\n" * 1000, bytes(4096), b"AIRF\1doc"])
async def test_a_file_that_is_something_else_is_kept_and_reported(path: Path, rubbish: bytes) -> None:
    overwrite(path, rubbish)
    async with TinyStore.open(path) as store:
        assert len(store.damage) == 1
        assert await keys(store.find("c")) == []
        await store.put("c", "k", {})
    assert set_aside(path)[0].read_bytes() == rubbish


async def test_a_crash_while_a_damaged_file_is_mended_hides_no_damage(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / path.name
    offsets = await fill(path)
    flip(path, offsets[2] + 20)
    images = CrashImages(folder, tmp_path / "images")
    async with TinyStore.open(path, sync=images):
        pass
    assert len(images.taken) >= 4
    for image, _ in images.taken:
        async with TinyStore.open(image / path.name) as store:
            assert await keys(store.find("c")) == ["k0", "k1", "k3", "k4"]
        assert set_aside(image / path.name)


async def test_where_there_are_no_links_the_damaged_file_is_copied(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(kept: Path, target: Path) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    offsets = await fill(path)
    damaged = flip(path, offsets[2] + 20)
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 4
    assert set_aside(path)[0].read_bytes() == damaged


async def test_a_file_that_cannot_be_opened_is_an_error_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "documents.journal").mkdir()
    with pytest.raises(Internal, match=f"cannot open {tmp_path / 'documents.journal'}: Is a directory"):
        async with TinyStore.open(tmp_path / "documents.journal"):
            pass
    overwrite(tmp_path / "logs", b"")
    with pytest.raises(Internal, match=f"cannot open {tmp_path / 'logs'}"):
        async with SegmentLog.open(tmp_path / "logs"):
            pass


async def test_a_log_record_that_goes_bad_while_the_log_is_open_is_left_out_and_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{"n": n} for n in range(1, 6)])
        segment = tmp_path / "audit" / f"{1:020}.log"
        flip(segment, [offset for offset, _ in read_records(segment)][2] + 18)
        assert [record.seq async for record in log.read("audit")] == [1, 2, 4, 5]
        assert "bytes from offset 20 on are unreadable" in caplog.text


async def test_rubbish_behind_the_last_record_is_reported(path: Path) -> None:
    await fill(path)
    with path.open("ab") as file:
        file.write(b"rubbish" * 10)
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 5
        assert "70 bytes are unreadable" in store.damage[0]


async def test_after_damage_no_watcher_is_told_half_of_what_happened(path: Path) -> None:
    offsets = await fill(path)
    flip(path, offsets[2] + 20)
    async with TinyStore.open(path) as store:
        with pytest.raises(ChangesLost):
            await anext(store.watch(since=0))
        await store.put("c", "new", {})
        assert (await anext(store.watch(since=5))).key == "new"


async def test_a_compacted_file_that_lost_its_header_keeps_its_revision_and_claims_no_changes(path: Path) -> None:
    async with TinyStore.open(path) as store:
        for n in range(4):
            await store.put("c", f"k{n}", {})
        await store.compact()
    flip(path, 0)
    async with TinyStore.open(path) as store:
        with pytest.raises(ChangesLost):
            await anext(store.watch(since=3))
        await store.put("c", "new", {})
        assert (await anext(store.watch(since=4))).revision == 5


async def fill_log(folder: Path, count: int, segment_bytes: int = 1 << 20) -> list[Path]:
    async with SegmentLog.open(folder, segment_bytes=segment_bytes) as log:
        for n in range(1, count + 1):
            await log.append("audit", [{"n": n}])
    return sorted((folder / "audit").iterdir())


async def test_a_torn_last_log_record_is_cut_off_at_any_byte(tmp_path: Path) -> None:
    (segment,) = await fill_log(tmp_path / "logs", 4)
    whole = segment.read_bytes()
    start = [offset for offset, _ in read_records(segment)][-1]
    for cut in range(start, len(whole)):
        segment.write_bytes(whole[:cut])
        async with SegmentLog.open(tmp_path / "logs") as log:
            assert log.damage == []
            assert await log.last("audit") == LogRecord(3, {"n": 3})
            assert await log.append("audit", [{"n": 4}]) == 4
        assert segment.read_bytes() == whole


async def test_a_damaged_record_in_the_last_segment_is_reported_at_opening(tmp_path: Path) -> None:
    (segment,) = await fill_log(tmp_path / "logs", 5)
    damaged = flip(segment, [offset for offset, _ in read_records(segment)][2] + 18)
    reports: list[str] = []
    async with SegmentLog.open(tmp_path / "logs", damage=reports) as log:
        assert len(reports) == 1
        assert [record.seq async for record in log.read("audit")] == [1, 2, 4, 5]
        assert await log.append("audit", [{"n": 6}]) == 6
        assert [record.seq async for record in log.read("audit", reverse=True)] == [6, 5, 4, 2, 1]
    assert set_aside(segment)[0].read_bytes() == damaged


async def test_a_damaged_older_segment_is_reported_when_it_is_read(tmp_path: Path) -> None:
    segments = await fill_log(tmp_path / "logs", 50, segment_bytes=300)
    assert len(segments) > 3
    damaged = flip(segments[1], HEADER_SIZE + 18)
    lost = int(segments[1].stem)
    async with SegmentLog.open(tmp_path / "logs") as log:
        assert log.damage == []
        assert [record.seq async for record in log.read("audit")] == [n for n in range(1, 51) if n != lost]
        assert len(log.damage) == 1
    assert set_aside(segments[1])[0].read_bytes() == damaged


async def test_a_segment_that_is_gone_is_reported_as_a_gap(tmp_path: Path) -> None:
    segments = await fill_log(tmp_path / "logs", 50, segment_bytes=300)
    segments[1].unlink()
    first, after = int(segments[1].stem), int(segments[2].stem)
    async with SegmentLog.open(tmp_path / "logs") as log:
        assert [record.seq async for record in log.read("audit")] == [*range(1, first), *range(after, 51)]
        assert [report.split(": ")[1] for report in log.damage] == [f"records {first} to {after - 1} are missing"]


async def test_a_segment_begun_before_a_crash_is_continued(tmp_path: Path) -> None:
    await fill_log(tmp_path / "logs", 3, segment_bytes=1)
    newest = max((tmp_path / "logs" / "audit").iterdir())
    newest.write_bytes(newest.read_bytes()[:HEADER_SIZE])
    async with SegmentLog.open(tmp_path / "logs") as log:
        assert await log.last("audit") == LogRecord(2, {"n": 2})
        assert await log.append("audit", [{"n": 3}]) == 3
        assert [record.body for record in await collect(log.read("audit"))] == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_what_a_crash_left_of_an_unfinished_file_is_removed(path: Path) -> None:
    await fill(path)
    shutil.copy(path, path.with_name(path.name + ".new"))
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 5
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_an_intact_record_of_a_copied_block_is_read_twice_without_harm(path: Path) -> None:
    await fill(path)
    payload = next(payload for _, payload in read_records(path))
    with path.open("ab") as file:
        file.write(frame(payload))
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 5
