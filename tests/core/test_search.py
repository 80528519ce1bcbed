"""Finding what one may see, and nothing else."""

import random
import threading
from collections.abc import Awaitable, Callable, Sequence

import anyio
import numpy as np
import pytest

from airegistry.core.errors import Conflict, NotFound
from airegistry.core.events import Event
from airegistry.core.grants import Grant
from airegistry.core.ports import AnyAsset, IndexDocument, Match, Vectors
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.search import Search
from airegistry.embedders.minilm import MiniLM
from airegistry.index.memory import MemoryIndex
from tests.core.wiring import ANN, BOB, World, asset, build

pytestmark = pytest.mark.anyio


class BrokenEmbedder:
    """A model whose library fails with an exception of its own."""

    fingerprint = "broken"
    dimensions = 3

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise Exception("out of memory")  # onnxruntime's exceptions derive from nothing narrower

    def embed_query(self, text: str) -> Vectors:
        raise Exception("out of memory")  # see above


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


async def test_an_embedder_that_fails_fails_neither_a_registration_nor_a_search(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = await build(embedder=BrokenEmbedder())
    await world.services.search.embed_all()
    await world.put_server("weather")
    assert await found(world, ANN, "weather", kinds=["server"]) == ["server/weather"]
    assert {"no vectors for server/weather", "no vector for a query: lexical search only"} <= set(caplog.messages)


async def test_an_index_that_fails_fails_no_registration(caplog: pytest.LogCaptureFixture) -> None:
    class Growing(Numbers):
        def embed(self, texts: Sequence[str]) -> Vectors:
            vectors = super().embed(texts)
            return vectors if len(self.asked) < 3 else np.ones((len(texts), 9), np.float32)

    world = await build(embedder=Growing())
    await world.services.search.embed_all()
    for path in ("one", "two", "three"):
        await world.services.catalog.register(SYSTEM, asset("agent", path, description=f"about {path}"))
    assert "no duplicates in meaning for agent/three" in caplog.text


async def test_meaning_is_found_without_common_words() -> None:
    world = await build(embedder=MiniLM())
    await world.put_server("weather", ["x"], description="Rain, snow and temperature by city")
    await world.put_server("money", ["y"], description="Exchange rates of currencies")
    assert await found(world, ANN, "meteorological outlook", kinds=["server"]) == []
    await world.services.search.embed_all()
    assert (await found(world, ANN, "meteorological outlook", kinds=["server"]))[0] == "server/weather"


async def test_equal_texts_are_embedded_once_and_old_ones_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.search.VECTORS", 2)
    embedder = Numbers()
    world = await build(embedder=embedder)
    await world.services.search.embed_all()
    await world.services.catalog.register(SYSTEM, asset("agent", "a", description="same"))
    assert embedder.asked == ["a: same"]
    for path in ("b", "c"):
        await world.services.catalog.register(SYSTEM, asset("agent", path))
    await world.services.catalog.toggle(SYSTEM, "agent", "a", True)
    assert embedder.asked.count("a: same") >= 2


async def test_everything_stored_is_found_after_a_restart(world: World) -> None:
    await world.put_server("weather")
    embedder = Numbers()
    later = await build(store=world.store, embedder=embedder)
    assert await found(later, ANN, "weather", kinds=["server"]) == ["server/weather"]
    await later.services.search.embed_all()
    assert any(text.startswith("weather:") for text in embedder.asked)
    assert "server/weather" in await found(later, ANN, "weather")


async def test_what_callers_may_see_is_remembered_for_so_many_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airegistry.core.search.MASKS", 1)
    await world.put_server("vault", ["x"], groups=["staff"])
    for _ in range(2):
        assert await found(world, ANN, "vault") == []
        assert "server/vault" in await found(world, BOB, "vault")


class SlowSearch(Search):
    """A search whose preparation of one state of an asset waits for the test."""

    slow = ""

    def hold(self, title: str) -> None:
        self.slow, self.reached, self.go = title, anyio.Event(), anyio.Event()

    async def prepare(self, asset: AnyAsset) -> list[IndexDocument]:
        documents = await super().prepare(asset)
        if asset.title == self.slow:
            self.slow = ""
            self.reached.set()
            await self.go.wait()
        return documents


async def test_of_two_changes_the_index_holds_the_later_whatever_order_they_are_prepared_in(world: World) -> None:
    search = SlowSearch(MemoryIndex(), None, world.services.access, world.visibility, world.shelf)
    old = asset("agent", "a", title="old", description="vault")
    await world.shelf.create(old)
    search.hold("old")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.on_event, Event("agent:update", old, "x"))
        await search.reached.wait()
        new = old.model_copy(update={"title": "new", "description": "vault of cranes", "enabled": False})
        await world.shelf.replace(new, 1)
        await search.on_event(Event("agent:update", new, "x"))
        search.go.set()
    (hit,) = (await search.find(SYSTEM, "cranes", include_disabled=True)).hits
    assert hit.asset.title == "new"
    assert (await search.find(SYSTEM, "vault")).total == 0


async def test_what_is_deleted_while_it_is_prepared_does_not_come_back(world: World) -> None:
    search = SlowSearch(MemoryIndex(), None, world.services.access, world.visibility, world.shelf)
    old = asset("agent", "a", title="old")
    await world.shelf.create(old)
    search.hold("old")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.on_event, Event("agent:update", old, "x"))
        await search.reached.wait()
        await world.shelf.delete(old)
        await search.on_event(Event("agent:delete", old, "x"))
        search.go.set()
    assert (await search.find(SYSTEM, "old")).total == 0


async def test_a_late_word_of_a_deletion_does_not_take_a_new_asset_out(world: World) -> None:
    new = asset("agent", "a", description="vault")
    await world.services.catalog.register(SYSTEM, new)
    await world.services.search.on_event(Event("agent:delete", new, "x"))
    assert await found(world, ANN, "vault") == ["agent/a"]


async def test_what_goes_away_during_a_search_is_left_out_of_its_answer(world: World) -> None:
    class Leaving(MemoryIndex):
        def search(self, *args: object, **options: object) -> tuple[list[Match], int]:
            return [Match("agent/gone", 1.0, 1.0, 0.0), Match("server/weather", 0.5, 1.0, 0.0)], 2

    search = Search(Leaving(), None, world.services.access, world.visibility, world.shelf)
    await world.put_server("weather")
    await search.rebuild()
    assert [hit.asset.path for hit in (await search.find(ANN, "weather")).hits] == ["weather"]


async def test_vectors_are_given_to_what_is_still_there_when_they_are_ready(world: World) -> None:
    class Deleting(SlowSearch):
        async def prepare(self, asset: AnyAsset) -> list[IndexDocument]:
            documents = await super().prepare(asset)
            await world.shelf.delete(weather)
            await world.shelf.delete(vault)
            return documents

    weather, vault = await world.put_server("weather"), await world.put_server("vault")
    search = Deleting(MemoryIndex(), Numbers(), world.services.access, world.visibility, world.shelf)
    await search.rebuild()
    await search.embed_all()
    assert search.count(SYSTEM) == 0


async def test_after_many_writers_at_once_the_index_holds_what_the_store_holds(world: World) -> None:
    catalog, chance = world.services.catalog, random.Random(7)
    refusals: list[str] = []

    async def write(path: str, number: int) -> None:
        acts: list[Callable[[], Awaitable[object]]] = [
            lambda: catalog.register(SYSTEM, asset("agent", path, description=f"crane {number}")),
            lambda: catalog.update(SYSTEM, "agent", path, {"description": f"crane {number}"}),
            lambda: catalog.toggle(SYSTEM, "agent", path, bool(number % 2)),
            lambda: catalog.delete(SYSTEM, "agent", path),
        ]
        for _ in range(5):
            try:
                await chance.choice(acts)()
            except (Conflict, NotFound) as refusal:
                refusals.append(refusal.code)

    async with anyio.create_task_group() as tasks:
        for number in range(24):
            tasks.start_soon(write, "abc"[number % 3], number)
    stored = {found.path: found async for _, found in world.shelf.walk()}
    answer = await world.services.search.find(SYSTEM, "crane", include_disabled=True, limit=50)
    assert {hit.asset.path: hit.asset for hit in answer.hits} == stored
    assert refusals


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


async def test_what_is_registered_while_the_start_begins_to_embed_gets_its_vectors(world: World) -> None:
    class Turning(Search):
        async def prepare(self, asset: AnyAsset) -> list[IndexDocument]:
            documents = await super().prepare(asset)
            if not self._embeds:
                await self.embed_all()
            return documents

    index = MemoryIndex()
    search = Turning(index, Numbers(), world.services.access, world.visibility, world.shelf)
    weather = await world.put_server("weather")
    await search.on_event(Event("server:register", weather, "x"))
    assert [match.dense for match in index.search("", Numbers().embed_query("x"), limit=1)[0]] != [0.0]


@pytest.mark.parametrize("hidden", [[], ["secret"]])
async def test_a_hidden_tool_does_not_move_its_server_among_equals(world: World, hidden: list[str]) -> None:
    paths = ("beta", "depot", "depotx", "zeta")
    for path in paths:
        await world.put_server(path, hidden if path == "depot" else [], description="rain")
    ann = await world.holding(Grant(tools=["forecast"]))
    found = await world.services.search.find(ann, "rain")
    assert [hit.asset.path for hit in found.hits] == [*paths]
