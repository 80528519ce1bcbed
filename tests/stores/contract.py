"""What every document store does; a backend's test class is one fixture."""

from collections.abc import AsyncIterator
from typing import TypeVar

import anyio
import pytest

from airegistry.core.documents import Change, Document, DocumentStore, Json
from airegistry.core.errors import Conflict, Invalid
from tests.stores.asking_contract import AskingContract

T = TypeVar("T")


async def collect(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]


async def take(items: AsyncIterator[T], count: int) -> list[T]:
    with anyio.fail_after(5):
        return [await anext(items) for _ in range(count)]


async def keys(items: AsyncIterator[Document]) -> list[str]:
    return [document.key async for document in items]


class DocumentStoreContract(AskingContract):
    """Subclasses give a fixture `store`."""

    async def test_a_document_comes_back_as_it_was_put(self, store: DocumentStore) -> None:
        body: Json = {"name": "weather", "tags": ["a", "ü"], "nested": {"n": 1.5, "none": None, "yes": True}}
        put = await store.put("servers", "weather", body)
        assert put == Document("servers", "weather", 1, body)
        assert await store.get("servers", "weather") == put

    async def test_what_is_not_there_is_none(self, store: DocumentStore) -> None:
        await store.put("servers", "weather", {})
        assert await store.get("servers", "other") is None
        assert await store.get("agents", "weather") is None

    async def test_the_stored_body_is_not_the_callers_object(self, store: DocumentStore) -> None:
        body: Json = {"tags": ["a"]}
        await store.put("servers", "weather", body)
        body["tags"] = []
        found = await store.get("servers", "weather")
        assert found is not None
        assert found.body == {"tags": ["a"]}

    async def test_each_write_of_a_key_raises_its_version_by_one(self, store: DocumentStore) -> None:
        versions = [(await store.put("c", "k", {"n": n})).version for n in range(3)]
        assert versions == [1, 2, 3]
        assert (await store.put("c", "other", {})).version == 1

    async def test_expect_zero_creates_and_never_replaces(self, store: DocumentStore) -> None:
        await store.put("c", "k", {"n": 1}, expect=0)
        with pytest.raises(Conflict, match="'k' exists already in c"):
            await store.put("c", "k", {"n": 2}, expect=0)
        assert await store.get("c", "k") == Document("c", "k", 1, {"n": 1})

    async def test_expect_n_replaces_version_n_only(self, store: DocumentStore) -> None:
        await store.put("c", "k", {"n": 1})
        assert (await store.put("c", "k", {"n": 2}, expect=1)).version == 2
        with pytest.raises(Conflict, match="is at version 2, not 1"):
            await store.put("c", "k", {"n": 3}, expect=1)
        with pytest.raises(Conflict, match="there is no 'absent' in c"):
            await store.put("c", "absent", {}, expect=1)
        assert await store.get("c", "k") == Document("c", "k", 2, {"n": 2})

    async def test_of_many_writers_who_expect_the_same_version_one_wins(self, store: DocumentStore) -> None:
        outcomes: list[str] = []

        async def write(n: int) -> None:
            try:
                await store.put("c", "k", {"n": n}, expect=0)
            except Conflict:
                outcomes.append("conflict")
            else:
                outcomes.append("won")

        async with anyio.create_task_group() as group:
            for n in range(20):
                group.start_soon(write, n)
        assert sorted(outcomes) == ["conflict"] * 19 + ["won"]

    async def test_concurrent_increments_by_compare_and_set_lose_nothing(self, store: DocumentStore) -> None:
        await store.put("c", "k", {"n": 0})

        async def increment() -> None:
            while True:
                found = await store.get("c", "k")
                assert found is not None
                n = found.body["n"]
                assert isinstance(n, int)
                try:
                    await store.put("c", "k", {"n": n + 1}, expect=found.version)
                except Conflict:
                    continue
                return

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                for _ in range(20):
                    group.start_soon(increment)
        assert await store.get("c", "k") == Document("c", "k", 21, {"n": 20})

    async def test_delete_says_whether_there_was_something(self, store: DocumentStore) -> None:
        await store.put("c", "k", {})
        assert await store.delete("c", "k") is True
        assert await store.get("c", "k") is None
        assert await store.delete("c", "k") is False
        assert await store.delete("c", "k", expect=1) is False
        assert await store.delete("nothing", "k") is False

    async def test_delete_keeps_a_version_that_was_not_expected(self, store: DocumentStore) -> None:
        await store.put("c", "k", {})
        await store.put("c", "k", {})
        with pytest.raises(Conflict, match="is at version 2, not 1"):
            await store.delete("c", "k", expect=1)
        assert await store.delete("c", "k", expect=2) is True

    async def test_a_key_created_again_after_its_deletion_is_a_new_document(self, store: DocumentStore) -> None:
        await store.put("c", "k", {"n": 1})
        await store.delete("c", "k")
        with pytest.raises(Conflict):
            await store.put("c", "k", {"n": 2}, expect=1)
        again = await store.put("c", "k", {"n": 2}, expect=0)
        assert again.body == {"n": 2}
        assert again.version >= 1

    @pytest.mark.parametrize(
        "key", ["a/b", "..", "ключ", "キー", "🦊", "with space", "line\nbreak", "%2f", "null\0byte", "x" * 5000]
    )
    async def test_any_text_is_a_key(self, store: DocumentStore, key: str) -> None:
        await store.put("c", key, {"key": key})
        assert await store.get("c", key) == Document("c", key, 1, {"key": key})
        assert await keys(store.find("c")) == [key]

    @pytest.mark.parametrize(("collection", "key"), [("c", ""), ("", "k"), ("c", "\ud800")])
    async def test_what_cannot_be_a_name_is_refused(self, store: DocumentStore, collection: str, key: str) -> None:
        with pytest.raises(Invalid):
            await store.put(collection, key, {})

    async def test_what_is_no_json_is_refused(self, store: DocumentStore) -> None:
        for body in ({"n": 2**70}, {"s": "\ud800"}, {"o": object()}, ["a list"]):
            with pytest.raises(Invalid):
                await store.put("c", "k", body)  # type: ignore[arg-type]  # the point of the test
        assert await store.get("c", "k") is None

    async def test_a_body_of_five_megabytes_is_kept(self, store: DocumentStore) -> None:
        body: Json = {"text": "ä" * 2_500_000, "list": list(range(1000))}
        await store.put("c", "big", body)
        found = await store.get("c", "big")
        assert found is not None
        assert found.body == body

    async def test_find_goes_in_order_of_key(self, store: DocumentStore) -> None:
        for key in ("b", "ä", "a", "B", "10", "9", "a/b"):
            await store.put("c", key, {})
        await store.put("other", "c", {})
        assert await keys(store.find("c")) == ["10", "9", "B", "a", "a/b", "b", "ä"]
        assert await keys(store.find("none")) == []

    async def test_find_pages_with_after_and_limit(self, store: DocumentStore) -> None:
        for n in range(7):
            await store.put("c", f"k{n}", {})
        assert await keys(store.find("c", limit=3)) == ["k0", "k1", "k2"]
        assert await keys(store.find("c", after="k2", limit=3)) == ["k3", "k4", "k5"]
        assert await keys(store.find("c", after="k4x")) == ["k5", "k6"]
        assert await keys(store.find("c", after="k6")) == []
        assert await keys(store.find("c", limit=0)) == []

    async def test_find_counts_the_limit_after_where(self, store: DocumentStore) -> None:
        for n in range(10):
            await store.put("c", f"k{n}", {"even": n % 2 == 0})
        assert await keys(store.find("c", where={"even": True}, after="k1", limit=2)) == ["k2", "k4"]
        assert await keys(store.find("c", where={"even": True}, limit=0)) == []

    async def test_where_compares_fields_alternatives_and_list_members(self, store: DocumentStore) -> None:
        await store.put("c", "a", {"kind": "x", "n": 1, "tags": ["red", "blue"], "in": {"deep": "v"}, "gone": None})
        await store.put("c", "b", {"kind": "y", "n": 2, "tags": [], "tools": [{"name": "add"}, {"name": "sub"}]})
        await store.put("c", "c", {"kind": "z", "n": True, "tags": "red", "in": "deep"})
        cases: list[tuple[dict[str, object], list[str]]] = [
            ({"kind": "x"}, ["a"]),
            ({"kind": ["x", "z"]}, ["a", "c"]),
            ({"kind": []}, []),
            ({"n": 1}, ["a"]),
            ({"n": 1.0}, ["a"]),
            ({"n": True}, ["c"]),
            ({"tags": "red"}, ["a", "c"]),
            ({"tags": ["blue", "green"]}, ["a"]),
            ({"in.deep": "v"}, ["a"]),
            ({"tools.name": "sub"}, ["b"]),
            ({"gone": None}, ["a", "b", "c"]),
            ({"in.deep": None}, ["b"]),
            ({"kind": "x", "n": 2}, []),
            ({"kind": "y", "n": 2}, ["b"]),
            ({}, ["a", "b", "c"]),
        ]
        for where, expected in cases:
            assert await keys(store.find("c", where=where)) == expected, where  # type: ignore[arg-type]  # a literal

    async def test_find_shows_the_state_at_its_first_item_while_writes_go_on(self, store: DocumentStore) -> None:
        for n in range(5):
            await store.put("c", f"k{n}", {"n": n})
        for where in (None, {"n": [0, 1, 2, 3, 4]}):
            found = store.find("c", where=where)
            first = await anext(found)
            await store.put("c", "k3", {"n": 33})
            await store.delete("c", "k2")
            await store.put("c", "k35", {"n": 0})
            rest = await collect(found)
            assert [document.body["n"] for document in [first, *rest]] == [0, 1, 2, 3, 4]
            await store.put("c", "k2", {"n": 2})
            await store.put("c", "k3", {"n": 3})
            await store.delete("c", "k35")

    async def test_collections_are_those_that_hold_documents(self, store: DocumentStore) -> None:
        assert await store.collections() == []
        for collection in ("servers", "agents", "b"):
            await store.put(collection, "k", {})
            await store.put(collection, "l", {})
        assert await store.collections() == ["agents", "b", "servers"]
        await store.delete("b", "k")
        assert await store.collections() == ["agents", "b", "servers"]
        await store.delete("b", "l")
        assert await store.collections() == ["agents", "servers"]

    async def test_watch_from_now_on_tells_what_is_written_after_its_first_item_is_awaited(
        self, store: DocumentStore
    ) -> None:
        await store.put("c", "before", {})
        seen: list[str] = []

        async def watch() -> None:
            async for change in store.watch():
                seen.append(change.key)
                if change.key == "last":
                    return

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await anyio.wait_all_tasks_blocked()
                for key in ("a", "b", "last"):
                    await store.put("c", key, {})
        assert seen == ["a", "b", "last"]

    async def test_watchers_do_not_disturb_each_other(self, store: DocumentStore) -> None:
        slow, quick = store.watch(since=0), store.watch(since=0)
        for n in range(5):
            await store.put("c", f"k{n}", {})
        assert len(await take(quick, 5)) == 5
        assert [change.key for change in await take(slow, 5)] == [f"k{n}" for n in range(5)]

    async def test_watch_since_the_beginning_tells_what_became_of_every_document(self, store: DocumentStore) -> None:
        await store.put("c", "a", {"n": 1})
        await store.put("d", "b", {"n": 2})
        await store.put("c", "a", {"n": 3})
        await store.delete("c", "a")
        await store.put("e", "last", {"n": 4})
        seen: list[Change] = []
        feed = store.watch(since=0)
        with anyio.fail_after(5):
            while not seen or seen[-1].key != "last":
                seen.append(await anext(feed))
        became = {change.key: (change.collection, change.version, change.body) for change in seen}
        assert became == {"a": ("c", 2, None), "b": ("d", 1, {"n": 2}), "last": ("e", 1, {"n": 4})}
        revisions = [change.revision for change in seen]
        assert revisions == sorted(set(revisions))
        # What lay shortly before may be told again, what comes after is told.
        again = store.watch(since=revisions[-2])
        with anyio.fail_after(5):
            while (await anext(again)).key != "last":
                pass

    async def test_a_refused_write_is_not_told(self, store: DocumentStore) -> None:
        await store.put("c", "k", {})
        with pytest.raises(Conflict):
            await store.put("c", "k", {}, expect=0)
        await store.delete("c", "absent")
        await store.put("c", "l", {})
        assert [change.key for change in await take(store.watch(since=0), 2)] == ["k", "l"]

    async def test_of_a_thousand_concurrent_puts_each_is_there_and_told_once(self, store: DocumentStore) -> None:
        async def write(n: int) -> None:
            await store.put("c", f"k{n:04}", {"n": n})

        async with anyio.create_task_group() as group:
            for n in range(1000):
                group.start_soon(write, n)
        assert await keys(store.find("c")) == [f"k{n:04}" for n in range(1000)]
        told = await take(store.watch(since=0), 1000)
        assert sorted(change.key for change in told) == [f"k{n:04}" for n in range(1000)]
