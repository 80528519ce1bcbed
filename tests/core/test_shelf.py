"""Where assets lie in the store."""

import pytest

from airegistry.core.assets import Agent
from airegistry.core.documents import Repository
from airegistry.core.errors import Conflict, NotFound
from airegistry.core.said import body_of
from airegistry.core.shelf import Shelf
from airegistry.core.sketches import Sketch
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio


async def test_a_further_version_is_replaced_where_it_lies() -> None:
    shelf = Shelf(MemoryStore())
    await shelf.create(asset("agent", "a"))
    second = asset("agent", "a", version="2")
    await shelf.create(second)
    await shelf.replace(second.model_copy(update={"title": "new"}), -1)
    first, again = await shelf.get("agent", "a"), await shelf.get("agent", "a", "2")
    assert first is not None
    assert again is not None
    assert (first[0].title, again[0].title, again[1]) == (None, "new", -2)
    for revision in (-1, 1):
        with pytest.raises(Conflict):
            await shelf.replace(second, revision)


async def test_a_name_that_begins_like_another_has_no_versions_of_its_own() -> None:
    shelf = Shelf(MemoryStore())
    for path in ("a", "b"):
        await shelf.create(asset("agent", path))
        await shelf.create(asset("agent", path, version="2"))
    assert await shelf.versions("agent", "a") == ["2"]


async def test_assets_are_read_right_however_few_are_kept_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.shelf.CACHED", 1)
    shelf = Shelf(MemoryStore())
    for path in ("a", "b", "c"):
        await shelf.create(asset("agent", path))
    assert [found.path async for _, found in shelf.walk()] == ["a", "b", "c"]
    assert [found.path async for _, found in shelf.walk()] == ["a", "b", "c"]


async def test_what_is_stored_is_read_back_the_same() -> None:
    shelf = Shelf(MemoryStore())
    tool = {"name": "t", "inputSchema": {"default": None, "enum": [None, 1]}, "_meta": {"x": None}}
    stored = asset(
        "server", "s", url="https://s.test", tools=[tool], metadata={"a": None}, resources=[{"uriTemplate": "x://{y}"}]
    )
    await shelf.create(stored)
    found = await shelf.get("server", "s")
    assert found is not None
    assert found[0] == stored


async def test_a_model_that_is_not_there_is_not_found_by_the_name_of_its_collection() -> None:
    with pytest.raises(NotFound, match="no agent named 'x'"):
        await Repository(MemoryStore(), "agents", Agent).get("x")


async def test_an_asset_that_was_read_is_stored_as_it_says_and_what_a_newer_version_wrote_is_not_shown() -> None:
    store = MemoryStore()
    shelf, made = Shelf(store), asset("server", "s", url="https://s.test", metadata={"a": [1, None]})
    await store.put("assets", "server/s", {**body_of(made), "invented_later": True})
    found = await shelf.get("server", "s")
    assert found is not None
    assert shelf.body(found[0]) == body_of(made)
    assert shelf.body(found[0].model_copy(update={"title": "new"}))["title"] == "new"
    never_read = asset("server", "never-read")
    assert shelf.body(never_read) == body_of(never_read)


async def test_sketches_are_those_of_whoever_holds_them_and_else_of_the_store() -> None:
    shelf = Shelf(MemoryStore())
    for path in ("a", "b"):
        await shelf.create(asset("agent", path))
    assert {sketch.path async for sketch in shelf.sketches()} == {"a", "b"}
    shelf.held = lambda: {"agent/c": Sketch.of(asset("agent", "c"))}
    assert {sketch.path async for sketch in shelf.sketches()} == {"c"}
