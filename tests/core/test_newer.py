"""What a newer version of the registry wrote goes through an older one unharmed."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from airegistry.core.assets import Server, Tool
from airegistry.core.documents import Json, Repository
from airegistry.core.errors import Conflict
from airegistry.core.newer import Newer
from airegistry.core.shelf import ASSETS, VERSIONS, Shelf, key_of
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio
Place = tuple[str, str]
KEY = key_of("server", "weather")


class Part(BaseModel):
    """An element of a list."""

    model_config = ConfigDict(extra="forbid")

    name: str


class Whole(BaseModel):
    """A model of this version."""

    model_config = ConfigDict(extra="forbid")

    name: str
    parts: list[Part] = []
    part: Part | None = None


class Loose(BaseModel):
    """One that ignores what it does not know."""

    name: str


async def changed(store: MemoryStore, place: Place, **fields: JsonValue) -> None:
    """Write fields into a stored document, as a newer version would."""
    found = await store.get(*place)
    assert found is not None
    await store.put(*place, {**found.body, **fields})


async def body(store: MemoryStore, place: Place) -> Json:
    """A stored document."""
    found = await store.get(*place)
    assert found is not None
    return found.body


async def kept(store: MemoryStore, place: Place) -> Sequence[JsonValue]:
    """What the newer version's fields are by now."""
    now = await body(store, place)
    health = now["health_report"]
    assert isinstance(health, dict)
    return now.get("colour"), health.get("probe")


async def weather() -> tuple[MemoryStore, Shelf]:
    """A server that a newer version has written: with a colour, and a probe in its health report."""
    store = MemoryStore()
    shelf = Shelf(store)
    await shelf.create(asset("server", "weather", url="https://weather.test/mcp"))
    report = (await body(store, (ASSETS, KEY)))["health_report"]
    assert isinstance(report, dict)
    await changed(store, (ASSETS, KEY), colour="blue", health_report={**report, "probe": 3})
    return store, shelf


async def test_an_asset_of_a_newer_version_is_read_and_written_without_loss() -> None:
    store, shelf = await weather()
    found = await shelf.get("server", "weather")
    assert found is not None
    assert found[0].path == "weather"
    await shelf.replace(found[0].model_copy(update={"title": "Rain"}), found[1])
    assert (await body(store, (ASSETS, KEY)))["title"] == "Rain"
    assert await kept(store, (ASSETS, KEY)) == ("blue", 3)
    again = await shelf.get("server", "weather")
    assert again is not None
    await changed(store, (ASSETS, KEY), colour="red")
    with pytest.raises(Conflict):
        await shelf.replace(again[0], again[1])
    assert await kept(store, (ASSETS, KEY)) == ("red", 3)


async def test_a_switch_of_versions_carries_what_is_unknown_of_either() -> None:
    store, shelf = await weather()
    await shelf.create(asset("server", "weather", version="2.0.0", url="https://weather.test/mcp"))
    await changed(store, (VERSIONS, f"{KEY}@2.0.0"), colour="green")
    head, beside = await shelf.get("server", "weather"), await shelf.get("server", "weather", "2.0.0")
    assert head is not None
    assert beside is not None
    await shelf.promote(beside[0], beside[1], head[0], head[1])
    assert (await body(store, (ASSETS, KEY)))["colour"] == "green"
    assert await kept(store, (VERSIONS, f"{KEY}@{head[0].version}")) == ("blue", 3)


async def test_a_new_asset_at_the_same_path_has_nothing_of_the_one_before() -> None:
    store, shelf = await weather()
    found = await shelf.get("server", "weather")
    assert found is not None
    await shelf.delete(found[0])
    await shelf.create(asset("server", "weather", url="https://weather.test/mcp"))
    assert "colour" not in await body(store, (ASSETS, KEY))


async def test_what_is_wrong_otherwise_is_refused_as_ever() -> None:
    store, shelf = await weather()
    await changed(store, (ASSETS, KEY), path=7)
    with pytest.raises(ValidationError):
        await shelf.get("server", "weather")


async def test_elements_of_a_list_keep_what_is_unknown_of_them_while_they_stay_what_they_are() -> None:
    store = MemoryStore()
    things = Repository(store, "things", Whole)
    await store.put("things", "a", {
        "name": "a", "parts": [{"name": "x", "size": 1}, {"name": "y", "size": 2}], "part": {"name": "z", "size": 3},
    })  # fmt: skip
    found = await things.get("a")
    assert [part.name for part in found.parts] == ["x", "y"]
    await things.save("a", found.model_copy(update={"parts": [found.parts[0], Part(name="new")]}))
    assert await body(store, ("things", "a")) == {
        "name": "a", "parts": [{"name": "x", "size": 1}, {"name": "new"}], "part": {"name": "z", "size": 3},
    }  # fmt: skip


async def test_a_model_that_ignores_what_it_does_not_know_keeps_it_too() -> None:
    store = MemoryStore()
    things = Repository(store, "things", Loose)
    await store.put("things", "a", {"name": "a", "colour": "blue"})
    await things.save("a", (await things.get("a")).model_copy(update={"name": "b"}))
    assert await body(store, ("things", "a")) == {"name": "b", "colour": "blue"}
    await store.put("things", "a", {"name": "b"})
    await things.save("a", await things.get("a"))
    assert await body(store, ("things", "a")) == {"name": "b"}
    await things.delete("a")
    await things.create("a", Loose(name="c"))
    assert await body(store, ("things", "a")) == {"name": "c"}


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
NAMES = st.sampled_from(["name", "server", "size", "0", "colour"])


@given(st.dictionaries(NAMES, SCALARS), st.lists(st.dictionaries(NAMES, SCALARS), max_size=3))
def test_whatever_is_beyond_comes_back_where_it_was(
    top: dict[str, JsonValue], parts: list[dict[str, JsonValue]]
) -> None:
    stored: Json = {**top, "name": "a", "parts": [{**part, "name": "p"} for part in parts]}
    newer = Newer()
    model = newer.read("here", stored, Whole.model_validate)
    assert newer.written("here", model.model_dump(mode="json", exclude_none=True)) == stored


def test_tools_may_have_more_fields_as_ever() -> None:
    tools = [Tool.model_validate({"name": "rain", "colour": "blue"})]
    server = asset("server", "weather", url="https://weather.test/mcp", tools=tools)
    assert isinstance(server, Server)
    assert server.tools[0].model_dump(exclude_none=True)["colour"] == "blue"
