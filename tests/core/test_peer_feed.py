"""The feed for peers in the core: pages, bodies within a bound, versions, and what is gone meanwhile."""

import orjson
import pytest

from airegistry.core import peer_feed
from airegistry.core.assets import Agent, EntityType
from airegistry.core.documents import Document, Json
from airegistry.core.errors import Conflict, Internal, Invalid
from airegistry.core.peer_feed import PeerFeed, Wanted, registry_id
from airegistry.core.peer_items import Item, type_item, version_of
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import World, asset

pytestmark = pytest.mark.anyio
ANN = Principal(subject="token:ann", operator=True)


def feed_of(world: World, url: str = "http://registry.test") -> PeerFeed:
    services = world.services
    return PeerFeed(
        world.store, services.catalog, world.shelf, services.access, world.visibility, services.compositions,
        services.entity_types, services.audit, url,
    )  # fmt: skip


def versions_of(item: Item) -> list[str]:
    return [version["version"] for version in orjson.loads(item.body)["versions"]]


async def test_versions_come_with_their_asset_however_paths_begin_alike(world: World) -> None:
    feed = feed_of(world)
    for path in ("a", "a-b", "a.b", "ab"):
        for version in ("1.0.0", "2.0.0"):
            await world.put_server(path, version=version, who=ANN)
    await world.services.catalog.toggle(ANN, "server", "ab", False, version="2.0.0")
    listed = await feed.list(ANN, Wanted())
    found = await feed.bodies(ANN, Wanted(), [entry.id for entry in listed.entries])
    assert {item.id: versions_of(item) for item in found.items} == {
        "server/a": ["1.0.0", "2.0.0"], "server/a-b": ["1.0.0", "2.0.0"], "server/a.b": ["1.0.0", "2.0.0"],
        "server/ab": ["1.0.0"],
    }  # fmt: skip
    assert [item.entry() for item in found.items] == [*listed.entries]


async def test_a_page_goes_on_where_the_one_before_ended_and_is_not_recorded_again(world: World) -> None:
    feed = feed_of(world)
    for path in ("a", "b", "c"):
        await world.put_server(path, who=ANN, tags=["sky"] if path != "b" else [])
    wanted = Wanted(tags=["sky"])
    first = await feed.list(ANN, wanted, limit=1)
    second = await feed.list(ANN, wanted, limit=1, cursor=first.next_cursor)
    assert [[entry.id for entry in page.entries] for page in (first, second)] == [["server/a"], ["server/c"]]
    assert second.next_cursor is None
    assert len(await world.events(action="registry:export")) == 1
    found = await feed.bodies(ANN, wanted, ["server/a", "server/b", "server/none", "tool/a", "nonsense"])
    assert [item.id for item in found.items] == ["server/a"]
    assert orjson.loads(found.items[0].whole())["id"] == "server/a"


async def test_a_virtual_server_is_told_by_its_definitions(world: World) -> None:
    await world.put_server("weather", ["forecast"], who=ANN)
    desk = asset(
        "virtual_server",
        "desk",
        created_by="token:ann",
        tools=[{"server": "weather", "tool": "forecast", "lent": True}],
    )
    await world.shelf.create(desk)
    feed = feed_of(world)
    (item,) = (await feed.bodies(ANN, Wanted(), ["virtual_server/desk"])).items
    (version,) = orjson.loads(item.body)["versions"]
    assert [tool.keys() for tool in version["tools"]] == [{"name", "description", "inputSchema"}]
    await world.services.catalog.toggle(ANN, "server", "weather", False)
    assert (await feed.bodies(ANN, Wanted(), ["server/weather"])).items == []


async def test_many_versions_are_gone_through_in_several_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_feed, "_CHUNK", 2)
    for number in range(5):
        await world.put_server("weather", version=f"{number}.0.0", who=ANN)
    await world.put_server("a", version="1.0.0", who=ANN)
    weather, alone = (await feed_of(world).bodies(ANN, Wanted(), ["server/weather", "server/a"])).items
    assert versions_of(weather) == [f"{number}.0.0" for number in range(5)]
    assert versions_of(alone) == ["1.0.0"]


async def test_bodies_beyond_the_bound_are_left_for_another_question(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peer_feed, "BODIES", 1)
    ids = ["server/a", "server/b", "server/c"]
    for id in ids:
        await world.put_server(id.removeprefix("server/"), who=ANN)
    found = await feed_of(world).bodies(ANN, Wanted(), [*ids, *ids])
    assert ([item.id for item in found.items], found.left) == (ids[:1], ids[1:])


async def test_what_came_from_elsewhere_is_told_where_it_is_asked_for_with_the_way_it_came(world: World) -> None:
    there = {"source": "peer", "via": ["a" * 32], "id": "server/x"}
    await world.shelf.create(asset("server", "x", url="https://x.test/mcp", provenance=there, created_by="source:peer"))
    feed = feed_of(world)
    assert (await feed.list(ANN, Wanted())).entries == []
    (entry,) = (await feed.list(ANN, Wanted(relay=True))).entries
    assert entry.via == ["a" * 32]


async def test_without_a_gateway_virtual_servers_are_not_told_of(world: World) -> None:
    await world.shelf.create(asset("virtual_server", "desk", created_by="token:ann"))
    assert [entry.id for entry in (await feed_of(world).list(ANN, Wanted())).entries] == ["virtual_server/desk"]
    assert (await feed_of(world, "").list(ANN, Wanted())).entries == []


async def test_a_type_that_is_gone_meanwhile_is_not_told_of(world: World) -> None:
    await world.shelf.create(asset("entity", "moby", type="book", created_by="token:ann"))
    feed = feed_of(world)
    assert [entry.id for entry in (await feed.list(ANN, Wanted())).entries] == ["entity/moby"]
    assert (await feed.bodies(ANN, Wanted(), ["entity_type/book"])).items == []
    await world.services.entity_types.define(SYSTEM, "book", {"type": "object"})
    (item,) = (await feed.bodies(ANN, Wanted(), ["entity_type/book"])).items
    assert item == type_item(EntityType(name="book", schema_={"type": "object"}))
    assert (await feed.bodies(ANN, Wanted(kinds=["server"]), ["entity_type/book", "entity/moby"])).items == []


async def test_an_agent_without_a_gateway_is_told_without_any_address(world: World) -> None:
    agent = asset("agent", "planner", card={"name": "p", "url": "https://p.test", "skills": []}, url="https://p.test")
    assert isinstance(agent, Agent)
    assert "p.test" not in str(version_of(agent, here="", addressed=False))
    assert "p.test" in str(version_of(agent, here="", addressed=True))


@pytest.mark.parametrize("cursor", ["", "x", "!!!!", "AAAA", "äöü"])
async def test_a_cursor_of_somebody_else_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        await feed_of(world).list(ANN, Wanted(), cursor=cursor)


class Beaten(MemoryStore):
    """A store in which another process was faster, or one that loses what it is given."""

    loses = False

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if not self.loses:
            await super().put(collection, key, {"id": "b" * 32}, expect=expect)
        raise Conflict("somebody was faster")


async def test_of_two_processes_that_begin_at_once_one_makes_the_id() -> None:
    store = Beaten()
    assert await registry_id(store) == "b" * 32
    store.loses = True
    assert await registry_id(store) == "b" * 32


async def test_an_id_that_cannot_be_kept_is_no_id() -> None:
    store = Beaten()
    store.loses = True
    with pytest.raises(Internal):
        await registry_id(store)


async def test_a_registry_has_one_id_and_no_other_one_has_it(world: World) -> None:
    first, second = await feed_of(world).id(), await feed_of(world).id()
    assert first == second != await registry_id(MemoryStore())
