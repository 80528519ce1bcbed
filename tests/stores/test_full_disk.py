import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from airegistry.core.documents import LogRecord
from airegistry.core.errors import Internal
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore
from tests.stores.contract import keys, take
from tests.stores.faults import FailingSync, no_file_longer_than
from tests.support.processes import python_env
from tests.support.rounds import ROUNDS

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(sys.platform == "win32", reason="no RLIMIT_FSIZE")]

BIG = "x" * 400_000
LIMIT = 300_000


async def test_a_put_on_a_full_disk_fails_leaves_no_trace_and_works_again_later(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    async with TinyStore.open(path) as store:
        await store.put("c", "before", {})
        size = path.stat().st_size
        with no_file_longer_than(LIMIT):
            with pytest.raises(Internal, match="nothing was stored"):
                await store.put("c", "big", {"text": BIG})
            assert await store.get("c", "big") is None
            assert path.stat().st_size == size
            await store.put("c", "small", {})
        await store.put("c", "big", {"text": BIG}, expect=0)
        assert [change.revision for change in await take(store.watch(since=0), 3)] == [1, 2, 3]
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await keys(store.find("c")) == ["before", "big", "small"]


async def test_an_append_on_a_full_disk_fails_and_leaves_no_gap(tmp_path: Path) -> None:
    async with SegmentLog.open(tmp_path) as log:
        await log.append("audit", [{"n": 1}])
        with no_file_longer_than(LIMIT):
            with pytest.raises(Internal, match="File too large"):
                await log.append("audit", [{"n": 2}, {"text": BIG}])
            assert await log.last("audit") == LogRecord(1, {"n": 1})
        assert await log.append("audit", [{"n": 2}]) == 2
    async with SegmentLog.open(tmp_path) as log:
        assert log.damage == []
        assert [record.body["n"] async for record in log.read("audit")] == [1, 2]


@asynccontextmanager
async def on_a_disk_that_broke(path: Path, sync: FailingSync) -> AsyncIterator[TinyStore]:
    """A store of one document, after which no write can be synced any more."""
    async with TinyStore.open(path, sync=sync) as store:
        await store.put("c", "before", {})
        sync.failing = True
        yield store


async def test_when_not_even_the_repair_works_every_write_is_refused_until_it_does(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    sync = FailingSync()
    async with on_a_disk_that_broke(path, sync) as store:
        for _ in range(3):
            with pytest.raises(Internal, match="Input/output error"):
                await store.put("c", "lost", {})
        assert await keys(store.find("c")) == ["before"]
        sync.failing = False
        await store.put("c", "after", {})
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await keys(store.find("c")) == ["after", "before"]


async def test_a_store_on_a_disk_that_stays_broken_closes_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    async with on_a_disk_that_broke(path, FailingSync()) as store:
        with pytest.raises(Internal):
            await store.put("c", "failed", {})
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await store.get("c", "before") is not None


async def test_a_compaction_after_a_failed_write_takes_nothing_of_it_along(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    sync = FailingSync()
    async with on_a_disk_that_broke(path, sync) as store:
        with pytest.raises(Internal):
            await store.put("c", "failed", {})
        sync.failing = False
        await store.compact()
    async with TinyStore.open(path) as store:
        assert await keys(store.find("c")) == ["before"]


async def test_of_a_failed_batch_nothing_is_kept_and_every_caller_is_told(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    sync = FailingSync()
    failures: list[str] = []

    async def put(store: TinyStore, n: int) -> None:
        try:
            await store.put("c", f"k{n}", {})
        except Internal as error:
            failures.append(error.code)

    async with TinyStore.open(path, sync=sync) as store:
        sync.failing = True
        async with anyio.create_task_group() as group:
            for n in range(20):
                group.start_soon(put, store, n)
        sync.failing = False
        assert failures == ["internal"] * 20
        assert (await store.put("c", "k1", {}, expect=0)).version == 1
    async with TinyStore.open(path) as store:
        assert await keys(store.find("c")) == ["k1"]


async def test_a_segment_that_cannot_be_begun_is_begun_by_a_later_append(tmp_path: Path) -> None:
    sync = FailingSync()
    async with SegmentLog.open(tmp_path, segment_bytes=1, sync=sync) as log:
        await log.append("audit", [{"n": 1}])
        sync.failing = True
        with pytest.raises(Internal):
            await log.append("audit", [{"n": 2}])
        with pytest.raises(Internal):
            await log.append("usage", [{"n": 1}])
        sync.failing = False
        assert await log.append("audit", [{"n": 2}]) == 2
        assert await log.append("usage", [{"n": 1}]) == 1
        assert [record.body["n"] async for record in log.read("audit")] == [1, 2]


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_whatever_was_acknowledged_on_a_disk_that_ran_full_is_there(tmp_path: Path, seed: int) -> None:
    mounted = ["unshare", "-Urm", "sh", "-c", 'mount -t tmpfs -o size=4m tmpfs "$0" && "$@"', str(tmp_path)]
    if subprocess.run([*mounted, "true"], capture_output=True, check=False).returncode:  # pragma: no cover
        pytest.skip("nothing can be mounted here")
    command = [sys.executable, "-m", "tests.stores.filled", str(tmp_path), str(seed)]
    done = subprocess.run(
        [*mounted, *command], env=python_env({}), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
