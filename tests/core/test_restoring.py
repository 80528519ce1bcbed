"""A start over an index that was kept takes over what has not changed, and makes anew what has."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import anyio
import pytest

from airegistry.core.documents import Document, Unavailable
from airegistry.core.embedding import Embedding
from airegistry.core.events import Event
from airegistry.core.indexing import Indexing
from airegistry.core.ports import AnyAsset, IndexDocument
from airegistry.core.principals import SYSTEM
from airegistry.core.restoring import AHEAD, BATCH, ahead
from airegistry.core.shelf import Shelf
from airegistry.index.memory import MemoryIndex
from airegistry.stores.memory import MemoryStore
from tests.core.test_search import Numbers
from tests.core.wiring import World

pytestmark = pytest.mark.anyio


class Watched(MemoryIndex):
    """Tells which documents are put one by one."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def put(self, document: IndexDocument) -> None:
        self.told.append(document.id)
        super().put(document)


async def _indexed(world: World) -> Indexing:
    indexing = Indexing(MemoryIndex(), Embedding(Numbers()), world.shelf)
    await indexing.rebuild()
    await indexing.embed_all()
    return indexing


async def _started(world: World, index: MemoryIndex) -> tuple[Indexing, Watched]:
    """After a start over what was kept of an index."""
    restored = Watched.restored(index.dump())
    assert isinstance(restored, Watched)
    indexing = Indexing(restored, Embedding(Numbers()), world.shelf)
    await indexing.rebuild()
    restored.forget_dormant()
    return indexing, restored


def _ids(index: MemoryIndex, query: str = "") -> Sequence[str]:
    return sorted(match.id for match in index.search(query, Numbers().embed_query("x"), limit=100)[0])


async def test_what_has_not_changed_is_found_again_without_being_turned_into_texts(world: World) -> None:
    await world.put_server("weather")
    await world.put_server("mail", tools=["send", "read"])
    before = await _indexed(world)
    indexing, index = await _started(world, _memory(before))
    assert index.told == []
    assert _ids(index) == _ids(_memory(before))
    assert indexing.lacking() == []
    assert {*indexing.assets} == {*before.assets}
    assert indexing.assets["server/mail"] == before.assets["server/mail"]


async def test_what_changed_is_made_anew_and_what_is_gone_is_not_found(world: World) -> None:
    for path in ("weather", "mail", "gone"):
        await world.put_server(path)
    before = await _indexed(world)
    await world.services.catalog.update(SYSTEM, "server", "mail", {"description": "letters"})
    await world.services.catalog.delete(SYSTEM, "server", "gone")
    _, index = await _started(world, _memory(before))
    assert {name.split("/")[1].split("!")[0] for name in index.told} == {"mail"}
    assert not any("gone" in name for name in _ids(index))
    assert [match.id for match in index.search("letters", None)[0]][:1] in (["server/mail"], ["server/mail!bare"])


async def test_health_that_changed_is_kept_with_its_label(world: World) -> None:
    await world.put_server("weather")
    indexing = await _indexed(world)
    held = await world.shelf.get("server", "weather")
    assert held is not None
    ill = held[0].model_copy(update={"health": "unhealthy"})
    await world.shelf.replace(ill, held[1])
    await indexing.on_event(Event("server:health", ill, "x"))
    _, index = await _started(world, _memory(indexing))
    assert index.told == []
    assert index.search("", Numbers().embed_query("x"), facets={"health": ["unhealthy"]})[1]


async def test_health_that_changed_while_nobody_looked_is_labelled_anew(world: World) -> None:
    await world.put_server("weather")
    indexing = await _indexed(world)
    held = await world.shelf.get("server", "weather")
    assert held is not None
    await world.shelf.replace(held[0].model_copy(update={"health": "unhealthy"}), held[1])
    _, index = await _started(world, _memory(indexing))
    assert index.told
    assert not index.search("", Numbers().embed_query("x"), facets={"health": ["unknown", "healthy"]})[1]


async def test_others_are_told_of_every_asset_in_the_same_walk(world: World) -> None:
    await world.put_server("weather")
    told: list[AnyAsset] = []
    await Indexing(MemoryIndex(), Embedding(None), world.shelf).rebuild([lambda asset, _: told.append(asset)])
    assert [asset.path for asset in told] == ["weather"]


async def test_what_a_newer_version_wrote_is_held_as_far_as_it_is_known(world: World) -> None:
    asset, revision = await world.put_server("weather"), 1
    body = asset.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})
    await world.store.put("assets", "server/weather", {**body, "climate": {"mild": True}}, expect=revision)
    before = await _indexed(world)
    indexing, index = await _started(world, _memory(before))
    assert index.told == []
    assert indexing.assets["server/weather"].path == "weather"
    assert not hasattr(indexing.assets["server/weather"], "climate")


async def test_a_store_that_does_not_answer_ends_a_start_with_what_it_said(world: World) -> None:
    class Silent(MemoryStore):
        async def find(self, collection: str, **asked: Any) -> AsyncIterator[Document]:
            raise Unavailable("the database does not answer")
            yield

    with pytest.raises(Unavailable, match="does not answer"):
        await Indexing(MemoryIndex(), Embedding(None), Shelf(Silent())).rebuild()


async def test_more_is_asked_for_while_what_came_is_worked_on() -> None:
    asked = 0

    async def numbers() -> AsyncIterator[int]:
        nonlocal asked
        for asked in range(10 * BATCH + 1):
            yield asked

    taken = list[int]()
    async with ahead(numbers()) as found:
        async for batch in found:
            await anyio.wait_all_tasks_blocked()
            assert asked == 10 * BATCH or asked - batch[-1] > BATCH
            assert asked - batch[-1] < (AHEAD + 2) * BATCH, "no more than there is room for"
            taken += batch
    assert taken == list(range(10 * BATCH + 1))


async def test_what_fails_while_it_is_worked_on_is_raised_as_it_is() -> None:
    async def numbers() -> AsyncIterator[int]:
        for number in range(10 * BATCH):
            yield number

    async def work() -> None:
        async with ahead(numbers()) as found:
            async for _ in found:
                raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        await work()


def _memory(indexing: Indexing) -> MemoryIndex:
    assert isinstance(indexing.index, MemoryIndex)
    return indexing.index
