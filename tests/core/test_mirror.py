"""Documents of a shared store that are read again from memory."""

from collections.abc import AsyncIterator

import anyio
import pytest

from airegistry.core.documents import Change, Document
from airegistry.core.errors import Conflict
from airegistry.core.mirror import Mirror
from airegistry.core.own_writes import OwnWrites
from airegistry.stores.memory import MemoryStore

pytestmark = pytest.mark.anyio


class Counted(MemoryStore):
    """A store that counts what it is asked, and whose answers wait while `go` is not set."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.go = anyio.Event()
        self.go.set()

    async def get(self, collection: str, key: str) -> Document | None:
        self.asked += 1
        found = await super().get(collection, key)
        await self.go.wait()
        return found


class World:
    """A replica's mirror, and another replica's writes to the same store."""

    def __init__(self, most: int = 10) -> None:
        self.store = Counted()
        self.own = OwnWrites(self.store)
        self.fresh = True
        self.mirror = Mirror(self.own, ["assets"], lambda: self.fresh, most=most)
        self.own.tell = self.mirror.written
        self._feed: AsyncIterator[Change] = self.store.watch(since=0)

    async def follow(self, count: int = 1) -> None:
        """Have the mirror hear of the next changes on the feed."""
        with anyio.fail_after(5):
            for _ in range(count):
                self.mirror.follow(await anext(self._feed))

    async def read(self, key: str = "a", collection: str = "assets") -> tuple[object, int]:
        """What the body says, and how often the store was asked for it."""
        before = self.store.asked
        found = await self.mirror.get(collection, key)
        return found and found.body.get("n"), self.store.asked - before


async def test_what_has_not_changed_is_read_once() -> None:
    world = World()
    await world.store.put("assets", "a", {"n": 1})
    assert [await world.read() for _ in range(3)] == [(1, 1), (1, 0), (1, 0)]
    await world.store.put("tokens", "a", {"n": 1})
    assert [await world.read(collection="tokens") for _ in range(2)] == [(1, 1), (1, 1)]
    assert [await world.read("none") for _ in range(2)] == [(None, 1), (None, 1)]


async def test_what_another_process_writes_or_deletes_is_read_anew_when_the_feed_tells_of_it() -> None:
    world = World()
    await world.store.put("assets", "a", {"n": 1})
    await world.read()
    await world.store.put("assets", "a", {"n": 2})
    await world.follow(2)
    assert [await world.read(), await world.read()] == [(2, 1), (2, 0)]
    await world.store.delete("assets", "a")
    await world.follow()
    assert await world.read() == (None, 1)


async def test_what_this_process_writes_is_seen_at_once_and_is_not_read_anew_when_the_feed_tells_of_it() -> None:
    world = World()
    for act in range(1, 4):
        await world.own.put("assets", "a", {"n": act})
        assert [await world.read(), await world.read()] == [(act, 1), (act, 0)]
    await world.own.put("assets", "a", {"n": 4}, expect=3)
    assert await world.read() == (4, 1)
    with pytest.raises(Conflict):
        await world.own.put("assets", "a", {"n": 5}, expect=3)
    await world.follow(3)
    await world.read()
    await world.follow()
    assert await world.read() == (4, 0)
    await world.own.delete("assets", "a")
    assert await world.read() == (None, 1)


@pytest.mark.parametrize("by_whom", ["own", "other"])
async def test_what_was_being_read_while_it_changed_is_not_kept(by_whom: str) -> None:
    world = World()
    await world.store.put("assets", "a", {"n": 1})
    world.store.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.read)
        await anyio.wait_all_tasks_blocked()
        await (world.own if by_whom == "own" else world.store).put("assets", "a", {"n": 2})
        await world.follow(2)
        world.store.go.set()
    assert await world.read() == (2, 1)


async def test_while_the_feed_is_late_the_store_is_asked() -> None:
    world = World()
    await world.store.put("assets", "a", {"n": 1})
    await world.read()
    await world.store.put("assets", "a", {"n": 2})
    world.fresh = False
    assert [await world.read(), await world.read()] == [(2, 1), (2, 1)]
    await world.follow(2)
    world.fresh = True
    assert [await world.read(), await world.read()] == [(2, 1), (2, 0)]
    world.mirror.clear()
    assert await world.read() == (2, 1)


async def test_a_document_that_was_deleted_and_created_anew_with_the_same_number_is_read_anew() -> None:
    world = World()
    await world.store.put("assets", "a", {"n": 1})
    await world.read()
    await world.store.delete("assets", "a")
    await world.store.put("assets", "a", {"n": 2})
    await world.follow(1)
    await world.follow(2)
    assert await world.read() == (2, 1)


async def test_no_more_is_kept_than_so_many_and_what_is_read_stays_longest() -> None:
    world = World(most=2)
    for key in "abc":
        await world.store.put("assets", key, {"n": 1})
    for key in "abac":
        await world.read(key)
    assert len(world.mirror) == 2
    assert [await world.read(key) for key in "acb"] == [(1, 0), (1, 0), (1, 1)]
