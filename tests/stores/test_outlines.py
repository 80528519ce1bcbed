"""Pages of a shared store's assets, cut from what is known of each."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.documents import KEY, Change, Document, Glob, Json, Where
from airegistry.core.errors import Internal
from airegistry.core.own_writes import OwnWrites
from airegistry.stores import outlines as module
from airegistry.stores.memory import MemoryStore
from airegistry.stores.outlines import Outlines
from tests.stores.contract import collect

pytestmark = pytest.mark.anyio

PUBLIC: Json = {"visibility": "public", "name": "long " * 50}
PRIVATE: Json = {"visibility": "private"}


class Counted(MemoryStore):
    """A store that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Where | None] = []
        self.broken = 0
        self.go = anyio.Event()
        self.go.set()

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        self.asked.append(where)
        if self.broken:
            self.broken -= 1
            raise Internal("the database does not answer")
        found = await collect(super().find(collection, where=where, any_of=any_of, after=after, limit=limit))
        await self.go.wait()
        for document in found:
            yield document


class World:
    """What one replica knows, and the store it shares with others."""

    def __init__(self) -> None:
        self.store = Counted()
        self.own = OwnWrites(self.store)
        self.fresh = True
        self.outlines = Outlines(self.own, "assets", lambda: self.fresh)
        self.own.tell = self.outlines.written
        self._feed: AsyncIterator[Change] = self.store.watch(since=0)

    async def follow(self, count: int = 1) -> None:
        with anyio.fail_after(5):
            for _ in range(count):
                self.outlines.follow(await anext(self._feed))

    async def page(self, where: Where | None = None, after: str | None = None, limit: int = 2) -> list[str]:
        self.store.asked.clear()
        found = self.outlines.find("assets", where=where or {"visibility": "public"}, after=after, limit=limit)
        return [document.key async for document in found]


async def furnished() -> World:
    world = World()
    for n in range(6):
        await world.store.put("assets", f"k{n}", PUBLIC if n % 2 else PRIVATE)
    await world.outlines.load()
    return world


async def test_a_page_is_one_question_for_the_documents_on_it() -> None:
    world = await furnished()
    assert await world.page() == ["k1", "k3"]
    assert world.store.asked == [{KEY: ["k1", "k3"]}]
    assert await world.page(after="k3") == ["k5"]
    assert await world.page(after="k5") == []
    assert world.store.asked == []


async def test_what_outlines_do_not_tell_or_may_not_know_is_asked_of_the_store() -> None:
    world = await furnished()
    assert await world.page({"name": PUBLIC["name"]}) == ["k1", "k3"]  # type: ignore[dict-item]  # it is a text
    assert world.store.asked == [{"name": PUBLIC["name"]}]
    world.fresh = False
    assert await world.page() == ["k1", "k3"]
    assert world.store.asked == [{"visibility": "public"}]
    world.fresh = True
    world.outlines.lose()
    assert await world.page() == ["k1", "k3"]
    assert world.store.asked == [{"visibility": "public"}]
    assert len(await collect(world.outlines.find("assets"))) == 6


async def test_documents_share_what_is_equal_and_one_that_no_asset_could_be_is_listed_too() -> None:
    world = await furnished()
    odd: Json = {"visibility": "public", "tags": [{"not": "a text"}], "enabled": 1}
    await world.store.put("assets", "k7", odd)
    for key in ("k8", "k9"):
        await world.store.put("assets", key, {"visibility": "public", "tags": ["rain"], "enabled": key == "k9"})
    await world.outlines.load()
    assert await world.page({"tags": "rain", "enabled": True}) == ["k9"]
    assert await world.page(after="k5", limit=3) == ["k7", "k8", "k9"]
    held = world.outlines._rows.by_key
    assert held["k1"].values is held["k3"].values
    assert held["k8"].values[-2:] == (False, None)


async def test_own_writes_are_listed_at_once_and_those_of_others_when_the_feed_tells_of_them() -> None:
    world = await furnished()
    await world.own.put("assets", "k0", PUBLIC)
    await world.own.delete("assets", "k1")
    assert await world.page() == ["k0", "k3"]
    await world.store.put("assets", "k2", PUBLIC)
    await world.store.delete("assets", "k3")
    assert await world.page() == ["k0", "k5"]
    await world.follow(10)
    assert await world.page(limit=3) == ["k0", "k2", "k5"]


async def test_a_document_that_changed_since_it_was_told_of_is_shown_only_if_it_still_is_what_was_asked_for() -> None:
    world = await furnished()
    await world.store.put("assets", "k1", PRIVATE)
    assert await world.page() == ["k3", "k5"]


async def test_what_changes_while_everything_is_read_is_not_lost() -> None:
    world = await furnished()
    world.store.go = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.outlines.load)
        await anyio.wait_all_tasks_blocked()
        await world.own.put("assets", "k0", PUBLIC)
        await world.store.delete("assets", "k1")
        await world.follow(8)
        world.store.go.set()
    assert await world.page(limit=9) == ["k0", "k3", "k5"]


async def test_who_reads_everything_need_not_be_followed_by_a_second_reading() -> None:
    world = await furnished()
    world.outlines.lose()
    world.store.asked.clear()
    reading = world.outlines.find("assets")
    first = await anext(reading)
    await world.own.delete("assets", "k3")
    await world.own.put("assets", "k0", PUBLIC)
    assert [first.key, *[document.key async for document in reading]] == [f"k{n}" for n in range(6)], "as it was read"
    await world.outlines.run()
    assert world.store.asked == [None]
    assert await world.page(limit=4) == ["k0", "k1", "k5"]
    assert world.store.asked == [{KEY: ["k0", "k1", "k5"]}]


async def test_who_stops_in_the_middle_of_everything_leaves_it_to_be_read() -> None:
    world = await furnished()
    world.outlines.lose()
    async for _ in world.outlines.find("assets"):
        break
    assert await world.page() == ["k1", "k3"]
    assert world.store.asked == [{"visibility": "public"}]
    await world.outlines.run()
    assert await world.page() == ["k1", "k3"]
    assert world.store.asked == [{KEY: ["k1", "k3"]}]


async def test_reading_everything_is_tried_until_it_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.0)
    world = await furnished()
    world.outlines.lose()
    world.store.broken = 3
    with anyio.fail_after(5):
        await world.outlines.run()
    assert await world.page() == ["k1", "k3"]
    assert len(world.outlines) == 6


acts = st.tuples(
    st.sampled_from(["own", "other"]), st.sampled_from("abc"), st.sampled_from([PUBLIC, PRIVATE, None]), st.booleans()
)


@settings(max_examples=200, deadline=None)
@given(st.lists(acts, max_size=12))
async def test_when_the_feed_has_told_everything_pages_are_what_the_store_has(
    done: list[tuple[str, str, Json | None, bool]],
) -> None:
    world, told, written = World(), 0, 0
    await world.outlines.load()
    for by, key, body, follow in done:
        store = world.own if by == "own" else world.store
        if body is None:
            written += await store.delete("assets", key)
        else:
            await store.put("assets", key, body)
            written += 1
        if follow and told < written:
            await world.follow()
            told += 1
    await world.follow(written - told)
    where: Where = {"visibility": "public", KEY: Glob("*")}
    assert await world.page(where, limit=9) == [each.key async for each in world.store.find("assets", where=where)]


_VALUES = st.sampled_from(["public", "private", "group", None])
_BODIES = st.fixed_dictionaries({}, optional={
    "visibility": _VALUES, "created_by": st.sampled_from(["ann", "bob"]), "enabled": st.booleans(),
    "groups": st.lists(st.sampled_from(["staff", "crew"]), max_size=2),
})  # fmt: skip
_KEYS = [f"server/{letter}" for letter in "abcdefgh"]
_WAYS: dict[str, st.SearchStrategy[Any]] = {
    "visibility": _VALUES, "created_by": st.just("ann"), "groups": st.just(["crew", "none"]), "enabled": st.just(True),
    KEY: st.sampled_from(["server/a", ["server/b", Glob("server/[c-e]")], Glob("server/*"), []]),
}  # fmt: skip
_WHERE = st.fixed_dictionaries({}, optional=_WAYS)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(_KEYS), _BODIES), _WHERE, st.lists(_WHERE.filter(bool), max_size=3))
async def test_outlines_find_what_the_store_finds_whatever_of_keys_and_fields_is_asked(
    bodies: dict[str, Json], where: Where, any_of: list[Where]
) -> None:
    world = World()
    for key, body in bodies.items():
        await world.store.put("assets", key, body)
    await world.outlines.load()
    world.store.asked.clear()
    found = await collect(world.outlines.find("assets", where=where, any_of=any_of, limit=9))
    assert all(asked is not None and asked.keys() == {KEY} for asked in world.store.asked)
    assert found == await collect(world.store.find("assets", where=where, any_of=any_of, limit=9))
