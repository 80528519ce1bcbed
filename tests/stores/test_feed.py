import anyio
import pytest

from airegistry.core.documents import Change, ChangesLost
from airegistry.stores.feed import Feed
from airegistry.stores.memory import MemoryStore
from tests.stores.contract import take

pytestmark = pytest.mark.anyio


def change(revision: int) -> Change:
    return Change(revision, "c", "k", 1, {})


async def test_a_watcher_that_falls_out_of_the_window_is_told_so() -> None:
    store = MemoryStore(Feed(max_changes=10))
    slow = store.watch(since=0)
    await store.put("c", "k0", {})
    await anext(slow)
    for n in range(11):
        await store.put("c", f"k{n}", {})
    with pytest.raises(ChangesLost, match="changes 2 to 2 are no longer kept"):
        await anext(slow)


async def test_since_before_the_window_is_refused_and_its_edge_is_not() -> None:
    feed = Feed(max_changes=3)
    for revision in range(1, 6):
        feed.publish(change(revision), 10)
    with pytest.raises(ChangesLost):
        await anext(feed.watch(1))
    assert [each.revision for each in await take(feed.watch(2), 3)] == [3, 4, 5]


async def test_the_window_is_bounded_in_bytes_too_but_keeps_the_newest() -> None:
    feed = Feed(max_bytes=100)
    for revision in (1, 2, 3):
        feed.publish(change(revision), 40)
    assert [each.revision for each in await take(feed.watch(1), 2)] == [2, 3]
    feed.publish(change(4), 5000)
    with pytest.raises(ChangesLost):
        await anext(feed.watch(2))
    assert (await anext(feed.watch(3))).revision == 4


async def test_a_window_never_has_a_hole() -> None:
    feed = Feed()
    for revision in (1, 2, 5, 6):
        feed.publish(change(revision), 1)
    with pytest.raises(ChangesLost):
        await anext(feed.watch(1))
    assert [each.revision for each in await take(feed.watch(4), 2)] == [5, 6]


async def test_a_watcher_that_is_never_read_stops_no_writer() -> None:
    store = MemoryStore(Feed(max_changes=10))
    idle = store.watch(since=0)
    with anyio.fail_after(5):
        for n in range(1000):
            await store.put("c", "k", {"n": n})
    with pytest.raises(ChangesLost):
        await anext(idle)
