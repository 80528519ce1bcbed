"""What stores of one process do beyond the contract of all: each write is a change, and revisions count them."""

import anyio
import pytest

from airegistry.core.documents import Change, DocumentStore
from airegistry.core.errors import Conflict
from tests.stores.contract import DocumentStoreContract, keys, take


class CountingContract(DocumentStoreContract):
    """Subclasses give a fixture `store`."""

    async def test_watch_since_the_beginning_tells_every_write_in_order(self, store: DocumentStore) -> None:
        await store.put("c", "a", {"n": 1})
        await store.put("d", "b", {"n": 2})
        await store.put("c", "a", {"n": 3})
        await store.delete("c", "a")
        assert await take(store.watch(since=0), 4) == [
            Change(1, "c", "a", 1, {"n": 1}),
            Change(2, "d", "b", 1, {"n": 2}),
            Change(3, "c", "a", 2, {"n": 3}),
            Change(4, "c", "a", 2, None),
        ]
        assert [change.revision for change in await take(store.watch(since=2), 2)] == [3, 4]

    async def test_a_refused_write_is_no_change(self, store: DocumentStore) -> None:
        await store.put("c", "k", {})
        with pytest.raises(Conflict):
            await store.put("c", "k", {}, expect=0)
        await store.delete("c", "absent")
        await store.put("c", "k", {"n": 2})
        assert [change.revision for change in await take(store.watch(since=0), 2)] == [1, 2]

    async def test_a_thousand_concurrent_puts_are_all_there(self, store: DocumentStore) -> None:
        async def write(n: int) -> None:
            await store.put("c", f"k{n:04}", {"n": n})

        async with anyio.create_task_group() as group:
            for n in range(1000):
                group.start_soon(write, n)
        assert await keys(store.find("c")) == [f"k{n:04}" for n in range(1000)]
        assert [change.revision for change in await take(store.watch(since=0), 1000)] == list(range(1, 1001))
