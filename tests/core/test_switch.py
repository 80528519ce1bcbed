"""The switch of the default version in the store: what readers, writers and the next start find, whatever happens."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from airegistry.core.assets import Json
from airegistry.core.documents import Document
from airegistry.core.errors import Conflict
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import ASSETS, VERSIONS, Shelf
from airegistry.stores.memory import MemoryStore
from tests.core.test_versions import default_of, two_versions
from tests.core.wiring import asset, build

pytestmark = pytest.mark.anyio


class Dying(MemoryStore):
    """A store whose process is killed before the write after `left` more; each look takes a turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.left: float = float("inf")

    async def get(self, collection: str, key: str) -> Document | None:
        await checkpoint()
        return await super().get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        self._write(collection)
        return await super().put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        self._write(collection)
        return await super().delete(collection, key, expect=expect)

    def _write(self, collection: str) -> None:
        if collection in {ASSETS, VERSIONS}:
            if self.left == 0:
                raise Killed
            self.left -= 1


class Killed(BaseException):
    """The end of a process."""


@pytest.mark.parametrize("writes", range(4))
async def test_a_switch_that_is_killed_reads_as_before_or_after_and_the_next_one_works(writes: int) -> None:
    store = Dying()
    world = await build(store=store)
    await two_versions(world)
    store.left = writes
    with anyio.CancelScope():
        try:
            await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")
        except Killed:
            assert writes < 3
    store.left = float("inf")
    again = await build(store=store)
    assert await default_of(again) == ("1.0.0" if writes < 2 else "2.0.0")
    for round_ in range(2):
        seen = await again.services.versions.list(SYSTEM, "server", "weather")
        assert sorted(each.asset.version for each in seen) == ["1.0.0", "2.0.0"]
        tools = {each.asset.version: [tool["name"] for tool in each.asset.model_dump()["tools"]] for each in seen}
        assert tools == {"1.0.0": ["forecast"], "2.0.0": ["outlook"]}
        changed = f"changed {round_}"
        for version in ("1.0.0", "2.0.0"):  # what is changed now is not undone by a shadow of before
            await again.services.catalog.update(SYSTEM, "server", "weather", {"title": changed}, version=version)
        for version in ("2.0.0", "1.0.0"):
            await again.services.versions.set_default(SYSTEM, "server", "weather", version)
        for version in ("1.0.0", "2.0.0"):
            assert (await again.services.catalog.get(SYSTEM, "server", "weather", version)).title == changed
    await again.services.catalog.delete(SYSTEM, "server", "weather")
    assert [each async for each in store.find(VERSIONS)] == []


@asynccontextmanager
async def meanwhile(act: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Do something over and over while the body runs."""

    async def over_and_over() -> None:
        while True:
            await act()

    async with anyio.create_task_group() as group:
        group.start_soon(over_and_over)
        yield
        group.cancel_scope.cancel()


async def test_readers_see_one_default_and_both_versions_at_every_moment() -> None:
    shelf, defaults = Shelf(Dying()), list[str]()
    for version in ("1.0.0", "2.0.0"):
        await shelf.create(asset("agent", "a", version=version))

    async def read() -> None:
        for version in (None, "1.0.0", "2.0.0"):
            found = await shelf.get("agent", "a", version)
            assert found is not None, version
            if version is None:
                defaults.append(found[0].version)
            else:
                assert found[0].version == version

    async with meanwhile(read), meanwhile(read):
        for _ in range(50):
            for version in ("2.0.0", "1.0.0"):
                head, wanted = await shelf.get("agent", "a"), await shelf.get("agent", "a", version)
                assert head is not None
                assert wanted is not None
                await shelf.promote(*wanted, *head)
    assert {defaults.count("1.0.0") > 20, defaults.count("2.0.0") > 20} == {True}


class Meddled(MemoryStore):
    """A store in which something happens once: before a default version is written or deleted, or another one read."""

    before_put: Callable[[], Awaitable[None]] | None = None
    before_get: Callable[[], Awaitable[None]] | None = None
    before_delete: Callable[[], Awaitable[None]] | None = None

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == ASSETS and self.before_put is not None:
            meddle, self.before_put = self.before_put, None
            await meddle()
        return await super().put(collection, key, body, expect=expect)

    async def get(self, collection: str, key: str) -> Document | None:
        if collection == VERSIONS and self.before_get is not None:
            meddle, self.before_get = self.before_get, None
            await meddle()
        return await super().get(collection, key)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        if collection == ASSETS and self.before_delete is not None:
            meddle, self.before_delete = self.before_delete, None
            await meddle()
        return await super().delete(collection, key, expect=expect)


async def test_a_version_that_comes_while_its_asset_goes_is_no_version_of_the_next_asset_of_that_name() -> None:
    store = Meddled()
    shelf, first = Shelf(store), asset("agent", "a", version="1")
    await shelf.create(first)

    async def late() -> None:
        await shelf.create(asset("agent", "a", version="2"))

    store.before_delete = late
    await shelf.delete(first)
    await shelf.create(first)
    assert await shelf.versions("agent", "a") == []


async def test_a_reader_between_two_looks_of_which_a_whole_switch_happens_finds_the_version() -> None:
    store = Meddled()
    shelf = Shelf(store)
    for version in ("1", "2"):
        await shelf.create(asset("agent", "a", version=version))

    async def switch() -> None:
        head, wanted = await shelf.get("agent", "a"), await shelf.get("agent", "a", "2")
        assert head is not None
        assert wanted is not None
        await shelf.promote(*wanted, *head)

    store.before_get = switch
    found = await shelf.get("agent", "a", "2")
    assert found is not None
    assert (found[0].version, await shelf.get("agent", "a", "3")) == ("2", None)


@pytest.mark.parametrize("written", ["1", "2"])
async def test_no_change_is_lost_to_a_switch(written: str) -> None:
    store = Meddled()
    shelf, outcome = Shelf(store), list[str]()
    for version in ("1", "2"):
        await shelf.create(asset("agent", "a", version=version))
    found, head, wanted = [await shelf.get("agent", "a", version) for version in (written, "1", "2")]
    assert found is not None
    assert head is not None
    assert wanted is not None

    async def change() -> None:
        try:
            await shelf.replace(found[0].model_copy(update={"title": "new"}), found[1])
            outcome.append("written")
        except Conflict:
            outcome.append("refused")

    async with anyio.create_task_group() as group:

        async def meddle() -> None:
            group.start_soon(change)
            for _ in range(20):
                await checkpoint()

        store.before_put = meddle
        try:
            await shelf.promote(*wanted, *head)
            switched = True
        except Conflict:
            switched = False
    after = await shelf.get("agent", "a", written)
    assert after is not None
    assert (switched, outcome, after[0].title) == (
        (False, ["written"], "new") if written == "1" else (True, ["refused"], None)
    )


async def test_a_version_that_is_switched_back_by_another_process_meanwhile_is_kept() -> None:
    store = MemoryStore()
    shelf, other = Shelf(store), Shelf(store)
    for version in ("1", "2"):
        await shelf.create(asset("agent", "a", version=version))
    head, wanted = await shelf.get("agent", "a"), await shelf.get("agent", "a", "2")
    assert head is not None
    assert wanted is not None
    delete = store.delete

    async def late(collection: str, key: str, *, expect: int | None = None) -> bool:
        store.delete = delete  # type: ignore[method-assign]  # once
        now, back = await other.get("agent", "a"), await other.get("agent", "a", "1")
        assert now is not None
        assert back is not None
        await other.promote(*back, *now)
        return await delete(collection, key, expect=expect)

    store.delete = late  # type: ignore[method-assign]
    await shelf.promote(*wanted, *head)
    for version in ("1", "2"):
        assert await shelf.get("agent", "a", version) is not None
    assert (await shelf.versions("agent", "a")) == ["2"]


async def test_a_change_made_of_what_was_the_default_is_not_written_over_another_version() -> None:
    shelf = Shelf(MemoryStore())
    for version in ("1", "2"):
        await shelf.create(asset("agent", "a", version=version))
    first, second = await shelf.get("agent", "a"), await shelf.get("agent", "a", "2")
    assert first is not None
    assert second is not None
    await shelf.replace(*second)
    with pytest.raises(Conflict):
        await shelf.promote(*second, *first)
    second = await shelf.get("agent", "a", "2")
    assert second is not None
    await shelf.promote(*second, *first)
    for stale in (first, second):
        with pytest.raises(Conflict):
            await shelf.replace(stale[0].model_copy(update={"title": "stale"}), stale[1])
    with pytest.raises(Conflict):
        await shelf.promote(*second, *first)
    with pytest.raises(Conflict):
        await shelf.delete_version(second[0])
