import shutil
from pathlib import Path

import anyio
import pytest

from airegistry.core.documents import Document
from airegistry.core.errors import Internal
from airegistry.stores.tinydb import TinyStore
from tests.stores.contract import collect, keys, take
from tests.stores.faults import CrashImages, FailingSync, SyncFailingOnce

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "documents.journal"


async def make_garbage(store: TinyStore, rounds: int = 20) -> None:
    for n in range(rounds):
        for key in ("a", "b", "gone"):
            await store.put("c", key, {"n": n, "text": "x" * 100})
    await store.delete("c", "gone")


def size(path: Path) -> int:
    return path.stat().st_size


def inode(path: Path) -> int:
    """Another number is another file."""
    return path.stat().st_ino


async def test_compaction_keeps_every_document_its_version_and_the_revision(path: Path) -> None:
    async with TinyStore.open(path) as store:
        await make_garbage(store)
        before, documents = size(path), await collect(store.find("c"))
        await store.compact()
        assert size(path) < before / 10
        assert await collect(store.find("c")) == documents
        await store.put("c", "later", {}, expect=0)
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await collect(store.find("c")) == [*documents, Document("c", "later", 1, {})]
        assert (await anext(store.watch(since=61))).revision == 62


async def test_an_emptied_store_keeps_counting_revisions_after_compaction(path: Path) -> None:
    async with TinyStore.open(path) as store:
        await store.put("c", "k", {})
        await store.delete("c", "k")
        await store.compact()
    async with TinyStore.open(path) as store:
        await store.put("c", "k", {})
        assert (await anext(store.watch(since=2))).revision == 3


async def test_compaction_starts_by_itself_when_most_of_the_journal_is_garbage(path: Path) -> None:
    async with TinyStore.open(path, min_garbage=10_000) as store:
        first, version = inode(path), 0
        with anyio.fail_after(10):
            while inode(path) == first:
                version = (await store.put("c", "k", {"text": "x" * 500})).version
        assert size(path) < 500 * version
        assert await store.get("c", "k") == Document("c", "k", version, {"text": "x" * 500})


async def test_closing_waits_for_the_compaction_and_for_the_writes_behind_it(path: Path) -> None:
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:

            async def write(n: int) -> None:
                await store.put("c", "k", {"n": n, "text": "x" * 500})

            async with TinyStore.open(path, min_garbage=0) as store:
                for n in range(300):
                    group.start_soon(write, n)
                await anyio.wait_all_tasks_blocked()
    async with TinyStore.open(path, min_garbage=0) as store:
        assert store.damage == []
        assert (await take(store.find("c"), 1))[0].version == 300


async def test_a_journal_without_garbage_is_not_compacted(path: Path) -> None:
    async with TinyStore.open(path, min_garbage=1000) as store:
        first = inode(path)
        for n in range(100):
            await store.put("c", f"k{n}", {"text": "x" * 500})
        assert inode(path) == first


async def test_writes_go_on_during_compaction_and_none_is_lost(path: Path) -> None:
    async with TinyStore.open(path, min_garbage=5_000) as store:
        inodes = {inode(path)}

        async def write(writer: int) -> None:
            for n in range(150):
                await store.put("c", f"hot-{writer}", {"n": n, "text": "x" * 50})
                await store.put("c", f"k-{writer}-{n:03}", {})
                inodes.add(inode(path))

        async with anyio.create_task_group() as group:
            for writer in range(5):
                group.start_soon(write, writer)
        await store.compact()
        documents = await collect(store.find("c"))
    assert len(inodes) > 1
    assert len(documents) == 5 * 151
    async with TinyStore.open(path) as store:
        assert await collect(store.find("c")) == documents


async def test_a_crash_at_any_moment_of_a_compaction_loses_nothing_acknowledged(path: Path, tmp_path: Path) -> None:
    images = CrashImages(path.parent, tmp_path / "images")
    async with TinyStore.open(path, sync=images) as store:
        await make_garbage(store)
        images.acknowledged |= {"a", "b"}
        images.taken.clear()

        async def write() -> None:
            for n in range(10):
                await store.put("c", f"k{n}", {})
                images.acknowledged.add(f"k{n}")

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            group.start_soon(store.compact)
    assert any((image / "documents.journal.new").exists() for image, _ in images.taken)
    for image, acknowledged in images.taken:
        async with TinyStore.open(image / path.name) as store:
            assert store.damage == []
            assert acknowledged <= set(await keys(store.find("c")))
            assert await store.get("c", "a") == Document("c", "a", 20, {"n": 19, "text": "x" * 100})
            assert await store.get("c", "gone") is None
        shutil.rmtree(image)


@pytest.mark.parametrize("nth", [1, 2, 3, 4])
async def test_a_sync_that_fails_anywhere_in_a_compaction_costs_no_write(path: Path, nth: int) -> None:
    async with TinyStore.open(path) as store:
        await make_garbage(store)
    sync = SyncFailingOnce(nth)
    async with TinyStore.open(path, sync=sync) as store:
        with pytest.raises(Internal, match="cannot be compacted: Input/output error"):
            await store.compact()
        assert sync.failed
        await store.put("c", "later", {})
        await store.compact()
        await store.put("c", "last", {})
        documents = await collect(store.find("c"))
    assert [document.key for document in documents] == ["a", "b", "last", "later"]
    async with TinyStore.open(path) as store:
        assert store.damage == []
        assert await collect(store.find("c")) == documents
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


async def test_a_compaction_that_fails_leaves_the_journal_in_use(path: Path) -> None:
    sync = FailingSync()
    async with TinyStore.open(path, sync=sync) as store:
        await make_garbage(store)
        before = size(path)

        def fail_for_the_new_file(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        store._compaction._sync = fail_for_the_new_file
        with pytest.raises(Internal, match="cannot be compacted: No space left on device"):
            await store.compact()
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
        assert size(path) == before
        await store.put("c", "later", {})
        store._compaction._sync = sync
        await store.compact()
        assert await keys(store.find("c")) == ["a", "b", "later"]
    async with TinyStore.open(path) as store:
        assert await keys(store.find("c")) == ["a", "b", "later"]
