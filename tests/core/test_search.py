"""Finding what one may see, and nothing else."""

import threading
from collections.abc import Sequence

import anyio
import numpy as np
import pytest

from airegistry.core.grants import Grant
from airegistry.core.ports import AnyAsset, Match, Vectors
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.search import Search
from airegistry.core.sketches import Sketch
from airegistry.core.visibility import Visibility
from airegistry.embedders.minilm import MiniLM
from airegistry.index.memory import MemoryIndex
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio


class Numbers:
    """Random but reproducible vectors."""

    fingerprint = "numbers"
    dimensions = 8

    def __init__(self) -> None:
        self.asked: list[str] = []

    def embed(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return np.stack([self.embed_query(text) for text in texts])

    def embed_query(self, text: str) -> Vectors:
        vector = np.random.default_rng(sum(text.encode())).normal(size=8).astype(np.float32)
        return vector / np.float32(np.linalg.norm(vector))


async def found(world: World, who: Principal, query: str, **options: object) -> list[str]:
    answer = await world.services.search.find(who, query, **options)  # type: ignore[arg-type]  # as each test gives them
    return [f"{hit.kind}/{hit.asset.path}" + (f"/{hit.tool.name}" if hit.tool else "") for hit in answer.hits]


async def test_servers_and_their_tools_are_found_by_their_words(world: World) -> None:
    await world.put_server("weather", ["forecast"], description="Rain and sunshine")
    assert "server/weather" in await found(world, ANN, "sunshine")
    assert (await found(world, ANN, "forecast", kinds=["tool"])) == ["tool/weather/forecast"]
    assert await found(world, ANN, "  ") == []


async def test_what_a_caller_may_not_see_is_not_found_and_takes_no_place_before_the_cut(world: World) -> None:
    for number in range(10):
        await world.put_server(f"hidden-{number}", groups=["staff"], description="weather weather weather")
    await world.put_server("open", ["x"], description="Something about the weather, at length and in passing")
    answer = await world.services.search.find(ANN, "weather", kinds=["server"], limit=1)
    assert [hit.asset.path for hit in answer.hits] == ["open"]
    assert answer.total == 1
    assert (await world.services.search.find(BOB, "weather", kinds=["server"], limit=1)).total == 11


async def test_tools_outside_a_grant_are_not_found(world: World) -> None:
    await world.put_server("weather", ["get_rain", "set_rain"])
    ann = await world.holding(Grant(assets=["weather"], tools=["get_*"]))
    assert await found(world, ann, "rain", kinds=["tool"]) == ["tool/weather/get_rain"]


async def test_a_change_of_policy_holds_for_the_next_search(world: World) -> None:
    await world.put_server("vault", ["x"], groups=["staff"])
    ann = await world.holding(Grant(assets=["vault"]))
    assert await found(world, ann, "vault", kinds=["server"]) == ["server/vault"]
    await world.services.policy.delete_scope(SYSTEM, "scope")
    assert await found(world, ann, "vault", kinds=["server"]) == []
    await world.services.catalog.update(SYSTEM, "server", "vault", {"groups": []})
    assert await found(world, ann, "vault", kinds=["server"]) == ["server/vault"]


async def test_deleted_assets_and_tools_that_are_gone_are_not_found(world: World) -> None:
    await world.put_server("weather", ["forecast", "archive"])
    world.server("weather", ["forecast"])
    await world.services.catalog.refresh(SYSTEM, "weather")
    assert await found(world, ANN, "archive", kinds=["tool"]) == []
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    assert await found(world, ANN, "weather forecast") == []


async def test_disabled_assets_are_found_on_request_only(world: World) -> None:
    await world.put_server("weather")
    await world.services.catalog.toggle(SYSTEM, "server", "weather", False)
    assert await found(world, ANN, "weather", kinds=["server"]) == []
    assert await found(world, ANN, "weather", kinds=["server"], include_disabled=True) == ["server/weather"]


async def test_tags_narrow(world: World) -> None:
    await world.put_server("weather", ["a"], tags=["sky"])
    await world.put_server("weather-two", ["b"])
    assert await found(world, ANN, "weather", kinds=["server"], tags=["sky"]) == ["server/weather"]


async def test_assets_are_counted_for_who_may_see_them(world: World) -> None:
    await world.put_server("weather")
    await world.put_server("vault", groups=["staff"])
    assert (world.services.search.count(ANN), world.services.search.count(BOB)) == (1, 2)


async def test_meaning_is_found_without_common_words() -> None:
    world = await build(embedder=MiniLM())
    await world.put_server("weather", ["x"], description="Rain, snow and temperature by city")
    await world.put_server("money", ["y"], description="Exchange rates of currencies")
    assert await found(world, ANN, "meteorological outlook", kinds=["server"]) == []
    await world.services.search.embed_all()
    assert (await found(world, ANN, "meteorological outlook", kinds=["server"]))[0] == "server/weather"


async def test_what_a_caller_may_see_is_asked_about_once_until_something_changes(world: World) -> None:
    class Counting(Visibility):
        def shows(self, who: Principal, asset: AnyAsset | Sketch) -> bool:
            asked.append(f"{who.subject} {asset.path}")
            return super().shows(who, asset)

    asked: list[str] = []
    search = Search(MemoryIndex(), None, world.services.access, Counting(world.services.access, "dev"), world.shelf)
    world.services.events.subscribe(search.on_event)
    for path in ("weather", "vault"):
        await world.put_server(path, ["x"], groups=["staff"] if path == "vault" else [])
    for _ in range(2):
        assert {hit.asset.path for hit in (await search.find(ANN, "weather vault")).hits} == {"weather"}
        assert {hit.asset.path for hit in (await search.find(BOB, "weather vault")).hits} == {"weather", "vault"}
    assert sorted(asked) == ["token:ann vault", "token:ann weather", "token:bob vault", "token:bob weather"]
    asked.clear()
    assert (await search.find(Principal("token:eve"), "vault")).total == 0
    assert asked == []  # whoever holds the same rights sees the same
    await world.services.catalog.update(SYSTEM, "server", "vault", {"groups": []})
    assert (await search.find(ANN, "vault", kinds=["server"])).total == 1
    assert asked == ["token:ann vault"]


async def test_what_goes_away_during_a_search_is_left_out_of_its_answer(world: World) -> None:
    class Leaving(MemoryIndex):
        def search(self, *args: object, **options: object) -> tuple[list[Match], int]:
            found = "agent/gone", "tool/weather/gone", "server/weather"
            return [Match(id_, 0.5, 1.0, 0.0) for id_ in found], 3

    search = Search(Leaving(), None, world.services.access, world.visibility, world.shelf)
    await world.put_server("weather")
    await search.rebuild()
    assert [hit.asset.path for hit in (await search.find(ANN, "weather")).hits] == ["weather"]


async def test_a_search_is_recorded_without_what_was_asked_for(world: World) -> None:
    audit = world.services.audit
    search = Search(MemoryIndex(), None, world.services.access, world.visibility, world.shelf, audit)
    await search.find(ANN, "salaries of my colleagues")
    await audit.settle()
    (event,) = await world.events(action="registry:search")
    assert (event.subject, event.outcome, event.reason) == (ANN.subject, "ok", "0 of 0 shown")
    assert "salaries" not in event.model_dump_json()


async def test_a_search_during_the_start_waits_for_the_vectors(world: World) -> None:
    class Gated(Numbers):
        def embed(self, texts: Sequence[str]) -> Vectors:
            assert opened.wait(5)
            return super().embed(texts)

    opened = threading.Event()
    await world.put_server("weather")
    search = Search(MemoryIndex(), Gated(), world.services.access, world.visibility, world.shelf)
    await search.rebuild()
    ended: list[str] = []

    async def find() -> None:
        await search.find(ANN, "something else entirely")
        ended.append("found")

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.embed_all)
        await anyio.lowlevel.checkpoint()
        tasks.start_soon(find)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        assert ended == []
        opened.set()
    assert ended == ["found"]


@pytest.mark.parametrize("hidden", [[], ["secret"]])
async def test_a_hidden_tool_does_not_move_its_server_among_equals(world: World, hidden: list[str]) -> None:
    paths = ("beta", "depot", "depotx", "zeta")
    for path in paths:
        await world.put_server(path, hidden if path == "depot" else [], description="rain")
    ann = await world.holding(Grant(tools=["forecast"]))
    found = await world.services.search.find(ann, "rain")
    assert [hit.asset.path for hit in found.hits] == [*paths]
