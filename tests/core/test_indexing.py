"""The index follows what happens to assets, with and without an embedder."""

import random
from collections.abc import Awaitable, Callable, Sequence

import anyio
import numpy as np
import pytest

from airegistry.core.embedding import Embedding
from airegistry.core.errors import Conflict, NotFound
from airegistry.core.events import Event
from airegistry.core.indexing import Indexing
from airegistry.core.ports import AnyAsset, IndexDocument, Vectors
from airegistry.core.principals import SYSTEM
from airegistry.core.search import Search
from airegistry.index.memory import MemoryIndex
from tests.core.test_search import Numbers, found
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio


class BrokenEmbedder:
    """A model whose library fails with an exception of its own."""

    fingerprint = "broken"
    dimensions = 3

    def embed(self, texts: Sequence[str]) -> Vectors:
        raise Exception("out of memory")  # onnxruntime's exceptions derive from nothing narrower

    def embed_query(self, text: str) -> Vectors:
        raise Exception("out of memory")  # see above


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
            return np.ones((len(texts), 9), np.float32) if any("three" in text for text in texts) else vectors

    world = await build(embedder=Growing())
    await world.services.search.embed_all()
    for path in ("one", "two", "three"):
        await world.services.catalog.register(SYSTEM, asset("agent", path, description=f"about {path}"))
    assert "no duplicates in meaning for agent/three" in caplog.text


async def test_equal_texts_are_embedded_once_and_old_ones_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.embedding.VECTORS", 4)
    embedder = Numbers()
    world = await build(embedder=embedder)
    await world.services.search.embed_all()
    await world.services.catalog.register(SYSTEM, asset("agent", "a", description="same"))
    assert len(embedder.asked) == len({*embedder.asked}) > 0
    for path in ("b", "c"):
        await world.services.catalog.register(SYSTEM, asset("agent", path))
    await world.services.catalog.toggle(SYSTEM, "agent", "a", True)
    assert len(embedder.asked) > len({*embedder.asked})


async def test_everything_stored_is_found_after_a_restart(world: World) -> None:
    await world.put_server("weather")
    embedder = Numbers()
    later = await build(store=world.store, embedder=embedder)
    assert await found(later, ANN, "weather", kinds=["server"]) == ["server/weather"]
    await later.services.search.embed_all()
    assert any(text.startswith("weather:") for text in embedder.asked)
    assert "server/weather" in await found(later, ANN, "weather")


class Slow(Indexing):
    """Prepares one state of an asset only when the test lets it."""

    slow = ""

    def hold(self, title: str) -> None:
        self.slow, self.reached, self.go = title, anyio.Event(), anyio.Event()

    async def prepare(self, asset: AnyAsset, *, anew: bool = False) -> list[IndexDocument]:
        documents = await super().prepare(asset, anew=anew)
        if asset.title == self.slow:
            self.slow = ""
            self.reached.set()
            await self.go.wait()
        return documents


def over(world: World, indexing: Indexing) -> Search:
    """A search over documents that are indexed in a way of the test's."""
    search = Search(MemoryIndex(), None, world.services.access, world.visibility, world.shelf)
    search.indexing = indexing
    return search


async def test_of_two_changes_the_index_holds_the_later_whatever_order_they_are_prepared_in(world: World) -> None:
    indexing = Slow(MemoryIndex(), Embedding(None), world.shelf)
    search = over(world, indexing)
    old = asset("agent", "a", title="old", description="vault")
    await world.shelf.create(old)
    indexing.hold("old")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.on_event, Event("agent:update", old, "x"))
        await indexing.reached.wait()
        new = old.model_copy(update={"title": "new", "description": "vault of cranes", "enabled": False})
        await world.shelf.replace(new, 1)
        await search.on_event(Event("agent:update", new, "x"))
        indexing.go.set()
    (hit,) = (await search.find(SYSTEM, "cranes", include_disabled=True)).hits
    assert hit.asset.title == "new"
    assert (await search.find(SYSTEM, "vault")).total == 0


async def test_what_is_deleted_while_it_is_prepared_does_not_come_back(world: World) -> None:
    indexing = Slow(MemoryIndex(), Embedding(None), world.shelf)
    search = over(world, indexing)
    old = asset("agent", "a", title="old")
    await world.shelf.create(old)
    indexing.hold("old")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search.on_event, Event("agent:update", old, "x"))
        await indexing.reached.wait()
        await world.shelf.delete(old)
        await search.on_event(Event("agent:delete", old, "x"))
        indexing.go.set()
    assert (await search.find(SYSTEM, "old")).total == 0


async def test_a_late_word_of_a_deletion_does_not_take_a_new_asset_out(world: World) -> None:
    new = asset("agent", "a", description="vault")
    await world.services.catalog.register(SYSTEM, new)
    await world.services.search.on_event(Event("agent:delete", new, "x"))
    assert await found(world, ANN, "vault") == ["agent/a"]


async def test_without_an_embedder_everything_goes_by_words_after_the_start_too(world: World) -> None:
    await world.services.search.embed_all()
    await world.put_server("weather")
    (hit,) = (await world.services.search.find(ANN, "weather", kinds=["server"])).hits
    assert hit.score == 1.0


async def test_a_check_of_health_that_comes_late_does_not_undo_a_change(world: World) -> None:
    class Late(Indexing):
        def _relabel(self, asset: AnyAsset, held: AnyAsset) -> None:
            self._hold(changed, [])
            super()._relabel(asset, held)

    indexing = Late(MemoryIndex(), Embedding(None), world.shelf)
    old = asset("agent", "a", url="https://a.test")
    await world.shelf.create(old)
    await indexing.rebuild()
    changed = old.model_copy(update={"title": "new"})
    ill = old.model_copy(update={"health": "unhealthy"})
    await world.shelf.replace(ill, 1)
    await indexing.on_event(Event("agent:health", ill, "x"))
    assert indexing.assets["agent/a"] == changed


async def test_vectors_are_given_to_what_is_still_there_when_they_are_ready(world: World) -> None:
    class Deleting(Slow):
        async def prepare(self, asset: AnyAsset, *, anew: bool = False) -> list[IndexDocument]:
            documents = await super().prepare(asset, anew=anew)
            await world.shelf.delete(weather)
            await world.shelf.delete(vault)
            return documents

    weather, vault = await world.put_server("weather"), await world.put_server("vault")
    search = over(world, Deleting(MemoryIndex(), Embedding(Numbers()), world.shelf))
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


async def test_what_is_registered_while_the_start_begins_to_embed_gets_its_vectors(world: World) -> None:
    class Turning(Indexing):
        async def prepare(self, asset: AnyAsset, *, anew: bool = False) -> list[IndexDocument]:
            documents = await super().prepare(asset, anew=anew)
            if not self.embeds:
                await self.embed_all()
            return documents

    index = MemoryIndex()
    search = over(world, Turning(index, Embedding(Numbers()), world.shelf))
    weather = await world.put_server("weather")
    await search.on_event(Event("server:register", weather, "x"))
    assert [match.dense for match in index.search("", Numbers().embed_query("x"), limit=1)[0]] != [0.0]
