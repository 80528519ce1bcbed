import threading
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from airegistry.core.documents import ChangesLost, Document
from airegistry.core.errors import Internal, Unsupported
from airegistry.stores.framing import HEADER_SIZE, VERSION, header
from airegistry.stores.tinydb import TinyStore
from tests.stores.contract import collect, keys, take
from tests.stores.counting_contract import CountingContract
from tests.stores.faults import content, overwrite

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "documents.journal"


class TestTinyStore(CountingContract):
    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[TinyStore]:
        async with TinyStore.open(path) as store:
            yield store


async def test_everything_is_there_after_reopening(path: Path) -> None:
    async with TinyStore.open(path) as store:
        await store.put("servers", "a", {"n": 1})
        await store.put("servers", "b", {"n": 2})
        await store.put("servers", "a", {"n": 3})
        await store.put("agents", "c", {"text": "ü🦊"})
        await store.delete("servers", "b")
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await collect(store.find("servers")) == [Document("servers", "a", 2, {"n": 3})]
        assert await store.get("agents", "c") == Document("agents", "c", 1, {"text": "ü🦊"})
        assert (await store.put("servers", "a", {"n": 4}, expect=2)).version == 3


async def test_watch_goes_on_over_a_reopening_by_revision(path: Path) -> None:
    async with TinyStore.open(path) as store:
        for n in range(4):
            await store.put("c", f"k{n}", {})
    async with TinyStore.open(path) as store:
        assert [change.key for change in await take(store.watch(since=2), 2)] == ["k2", "k3"]
        await store.put("c", "k4", {})
        assert [change.revision for change in await take(store.watch(since=3), 2)] == [4, 5]


async def test_watch_since_a_revision_that_only_another_store_had_is_refused(path: Path) -> None:
    async with TinyStore.open(path) as store:
        with pytest.raises(ChangesLost, match="revision 0, there is no revision 5"):
            await anext(store.watch(since=5))


async def test_watchers_end_when_the_store_closes(path: Path) -> None:
    seen: list[str] = []

    async def watch(store: TinyStore) -> None:
        async for change in store.watch():
            seen.append(change.key)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            async with TinyStore.open(path) as store:
                group.start_soon(watch, store)
                await anyio.wait_all_tasks_blocked()
                await store.put("c", "k", {})
    assert seen == ["k"]


async def test_a_closed_store_refuses_writes(path: Path) -> None:
    async with TinyStore.open(path) as store:
        pass
    with pytest.raises(Internal, match="is closed"):
        await store.put("c", "k", {})


async def test_writes_queued_at_the_end_are_written_before_it_closes(path: Path) -> None:
    async with anyio.create_task_group() as group:
        async with TinyStore.open(path) as store:
            for n in range(50):
                group.start_soon(store.put, "c", f"k{n:02}", {})
            await anyio.wait_all_tasks_blocked()
    async with TinyStore.open(path) as store:
        assert len(await keys(store.find("c"))) == 50


async def test_a_caller_who_gives_up_does_not_disturb_the_others(path: Path) -> None:
    async with TinyStore.open(path) as store:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                group.start_soon(store.put, "c", "other", {})
                scope.cancel()
                await store.put("c", "given-up", {})
        assert scope.cancelled_caught
        await store.put("c", "later", {})
        assert {"other", "later"} <= set(await keys(store.find("c")))


async def test_concurrent_puts_share_syncs(path: Path) -> None:
    syncs: list[int] = []
    async with TinyStore.open(path, sync=syncs.append) as store:
        syncs.clear()
        async with anyio.create_task_group() as group:
            for n in range(500):
                group.start_soon(store.put, "c", f"k{n}", {})
        assert len(syncs) <= 3


async def test_what_arrives_during_a_sync_becomes_one_batch_after_it(path: Path) -> None:
    reached, released = threading.Event(), threading.Event()
    syncs: list[int] = []

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        reached.set()
        assert released.wait(5)

    async def put(key: str) -> None:
        await store.put("c", key, {})

    released.set()
    async with TinyStore.open(path, sync=sync) as store:
        syncs.clear()
        reached.clear()
        released.clear()
        async with anyio.create_task_group() as group:
            group.start_soon(put, "first")
            assert await anyio.to_thread.run_sync(reached.wait, 5)
            for n in range(100):
                group.start_soon(put, f"k{n:02}")
            await anyio.wait_all_tasks_blocked()
            released.set()
        assert len(syncs) == 2
        assert len(await keys(store.find("c"))) == 101


async def test_a_file_of_a_later_version_is_refused_and_left_alone(path: Path) -> None:
    async with TinyStore.open(path) as store:
        await store.put("c", "k", {})
    later = bytearray(header(b"doc", 0))
    later[4] = VERSION + 1
    later[-4:] = zlib.crc32(later[:-4]).to_bytes(4)
    data = bytes(later) + content(path)[HEADER_SIZE:]
    overwrite(path, data)
    with pytest.raises(Unsupported, match=f"version {VERSION + 1}"):
        async with TinyStore.open(path):
            pass
    assert content(path) == data
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_a_put_is_neither_acknowledged_nor_seen_before_its_bytes_are_synced(path: Path) -> None:
    reached, released = threading.Event(), threading.Event()
    held = False

    def sync(descriptor: int) -> None:
        if held:
            reached.set()
            assert released.wait(5)

    events: list[str] = []

    async def put(store: TinyStore) -> None:
        await store.put("c", "k", {})
        events.append("acknowledged")

    async def watch(store: TinyStore) -> None:
        await anext(store.watch(since=0))
        events.append("watched")

    async with TinyStore.open(path, sync=sync) as store:
        held = True
        async with anyio.create_task_group() as group:
            group.start_soon(put, store)
            group.start_soon(watch, store)
            assert await anyio.to_thread.run_sync(reached.wait, 5)
            assert b'"k"' in content(path)
            assert await store.get("c", "k") is None
            assert await keys(store.find("c")) == []
            assert events == []
            released.set()
        assert sorted(events) == ["acknowledged", "watched"]
        assert await store.get("c", "k") is not None
