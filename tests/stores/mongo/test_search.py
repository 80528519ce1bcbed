"""Search over a shared database: vectors that are shared in it, and an engine that cannot search any."""

from collections.abc import AsyncIterator

import pytest

from airegistry.clock import SystemClock
from airegistry.core.embedding import Embedding
from airegistry.core.indexing import Indexing
from airegistry.core.shared_vectors import SharedVectors
from airegistry.core.shelf import Shelf
from airegistry.index.memory import MemoryIndex
from tests.core.test_search import Numbers
from tests.core.wiring import asset
from tests.stores.mongo.engine import INSTALLED, MISSING

if not INSTALLED:
    pytest.skip(MISSING, allow_module_level=True)

from airegistry.index.mongo import MongoIndexes
from airegistry.stores.memory import MemoryStore
from airegistry.stores.mongo.documents import MongoStore
from airegistry.stores.mongo.open import open_mongo

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(url: str) -> AsyncIterator[MongoStore]:
    async with open_mongo(url) as stores:
        yield stores.documents


async def test_what_one_process_embedded_another_one_takes_from_the_database(store: MongoStore) -> None:
    shelf, asked = Shelf(store), []
    for number in range(12):
        tools = [{"name": f"tool-{number}", "description": f"Does {number}."}]
        await shelf.create(asset("server", f"server-{number}", tools=tools))
    for _ in range(2):
        embedder = Numbers()
        shared = SharedVectors(store, embedder.fingerprint, SystemClock())
        indexing = Indexing(MemoryIndex(), Embedding(embedder), shelf, shared)
        await indexing.rebuild()
        await indexing.embed_all()
        assert indexing.lacking() == []
        asked.append(len(embedder.asked))
    assert asked[0] > 12
    assert asked[1] == 0
    assert await shared.many([f"server/server-{number}" for number in (3, 4)] + ["server/none"]) != {}
    assert await shared.tidy(lambda name: _is(name, "server/server-3")) == 11


async def _is(name: str, other: str) -> bool:
    return name == other


@pytest.mark.parametrize("product", ["atlas", "documentdb"])
async def test_a_database_without_vector_search_finds_by_words(
    url: str, product: str, caplog: pytest.LogCaptureFixture
) -> None:
    indexes = MongoIndexes(product, url, None, None)  # type: ignore[arg-type]  # one of the two
    try:
        index = indexes.of("numbers")
        shelf = Shelf(MemoryStore())
        await shelf.create(asset("agent", "rain", description="about rain"))
        indexing = Indexing(index, Embedding(Numbers()), shelf)
        await indexing.rebuild()
        await indexing.embed_all()
        found, total = index.search("rain", Numbers().embed_query("rain"))
        assert ([match.id for match in found], total) == (["agent/rain"], 1)
    finally:
        indexes.close()
