"""Vectors that several processes share: each is made by one of them, and nobody waits for one that is gone."""

import anyio
import pytest

from airegistry.core.documents import Json
from airegistry.core.embedding import Embedding
from airegistry.core.errors import Internal
from airegistry.core.events import Event
from airegistry.core.indexing import Indexing
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM
from airegistry.core.search import Search
from airegistry.core.shared_vectors import COLLECTION, SPARE_DAYS, Bundle, SharedVectors
from airegistry.core.shelf import Shelf
from airegistry.core.vector_exchange import EXPIRY, PATIENCE
from airegistry.index.memory import MemoryIndex
from airegistry.stores.memory import MemoryStore
from tests.core.test_search import Numbers
from tests.core.wiring import FakeClock, World, asset

pytestmark = pytest.mark.anyio
DAY = 24 * 3600.0


class Replica:
    """One process over a store: its index, and what its embedder was asked for."""

    def __init__(self, store: MemoryStore, clock: FakeClock, fingerprint: str = "numbers") -> None:
        self.shelf, self.embedder = Shelf(store), Numbers()
        self.embedder.fingerprint = fingerprint
        self.shared = SharedVectors(store, fingerprint, clock)
        self.indexing = Indexing(MemoryIndex(), Embedding(self.embedder), self.shelf, self.shared)

    async def start(self) -> "Replica":
        await self.indexing.rebuild()
        await self.indexing.embed_all()
        return self

    async def write(self, made: AnyAsset) -> None:
        """Write an asset as the catalog does, new or not."""
        head = await self.shelf.get(made.kind, made.path)
        if head is None:
            await self.shelf.create(made)
        else:
            await self.shelf.replace(made.model_copy(update={"created_at": head[0].created_at}), head[1])
        await self.indexing.on_event(Event(f"{made.kind}:update", made, SYSTEM.subject))

    async def hear(self, made: AnyAsset) -> None:
        """Follow what another one wrote."""
        await self.indexing.on_event(Event(f"{made.kind}:change", made, SYSTEM.subject, elsewhere=True))

    async def look(self) -> None:
        assert self.indexing.exchange is not None
        await self.indexing.exchange.look()

    def dense(self, made: AnyAsset) -> float:
        """How near an asset is to the query by meaning, 0 when it has no vectors."""
        found, _ = self.indexing.index.search("", self.embedder.embed_query("rain"), limit=50)
        return next((match.dense for match in found if match.id == f"{made.kind}/{made.path}"), 0.0)


class Pair:
    def __init__(self) -> None:
        self.store, self.clock = MemoryStore(), FakeClock()
        self.a, self.b = Replica(self.store, self.clock), Replica(self.store, self.clock)

    async def bundles(self) -> list[str]:
        names = [name for name in await self.store.collections() if name.startswith(COLLECTION)]
        return [each.key for name in names async for each in self.store.find(name)]


@pytest.fixture
async def pair() -> Pair:
    pair = Pair()
    await pair.a.start()
    await pair.b.start()
    return pair


def server(description: str = "rain", tools: tuple[str, ...] = ("forecast", "history")) -> AnyAsset:
    made = [{"name": name, "description": f"The {name}."} for name in tools]
    return asset("server", "weather", description=description, tools=made)


async def test_what_one_embeds_the_other_takes_and_ranks_alike(pair: Pair) -> None:
    await pair.a.write(server())
    assert pair.a.embedder.asked
    await pair.b.hear(server())
    assert pair.b.embedder.asked == []
    assert pair.b.indexing.lacking() == []
    assert pair.b.dense(server()) == pair.a.dense(server()) != 0


async def test_vectors_that_come_later_than_the_asset_are_waited_for(pair: Pair) -> None:
    await pair.a.shelf.create(server())
    await pair.b.hear(server())
    assert [match.id for match in pair.b.indexing.index.search("weather", None, kinds=frozenset({"server"}))[0]]
    await pair.b.look()
    assert pair.b.indexing.lacking() == ["server/weather"]
    await pair.a.indexing.follow("server", "weather")
    pair.clock.pass_(PATIENCE + 1)
    await pair.b.look()
    assert pair.b.indexing.lacking() == []
    assert pair.b.embedder.asked == []


async def test_of_a_change_only_the_new_texts_are_embedded_whoever_makes_it(pair: Pair) -> None:
    await pair.a.write(server())
    await pair.b.hear(server())
    await pair.b.write(server(tools=("forecast", "history", "alerts")))
    assert not {"The forecast.", "The history."} & {*pair.b.embedder.asked}
    assert "The alerts." in pair.b.embedder.asked
    asked = len(pair.a.embedder.asked)
    await pair.a.hear(server())
    assert len(pair.a.embedder.asked) == asked
    assert pair.a.dense(server()) == pair.b.dense(server())


async def test_whoever_waits_makes_the_vectors_when_the_writer_died(pair: Pair) -> None:
    await pair.a.shelf.create(server())
    await pair.b.hear(server())
    pair.clock.pass_(PATIENCE / 2)
    await pair.b.look()
    assert pair.b.embedder.asked == []
    pair.clock.pass_(PATIENCE)
    await pair.b.look()
    assert pair.b.indexing.lacking() == []
    assert await pair.bundles() == ["server/weather"]


async def test_what_is_waited_for_while_the_store_is_lost_is_waited_for_when_it_is_back(pair: Pair) -> None:
    await pair.a.shelf.create(server())
    await pair.b.hear(server())
    pair.clock.pass_(PATIENCE + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pair.b.shared, "claim", lost)
        with pytest.raises(Internal):
            await pair.b.look()
    assert pair.b.indexing.lacking() == ["server/weather"]
    await pair.b.look()
    assert pair.b.indexing.lacking() == []


async def lost(name: str, bundle: Bundle) -> bool:
    raise Internal("the answer was lost")


async def test_of_several_who_wait_one_makes_the_vectors_and_is_missed_when_it_dies(pair: Pair) -> None:
    await pair.a.shelf.create(server())
    for each in (pair.a, pair.b):
        await each.hear(server())
    assert await pair.a.shared.claim("server/weather", await pair.a.shared.get("server/weather"))
    pair.clock.pass_(PATIENCE + 1)
    await pair.b.look()
    pair.clock.pass_(EXPIRY - 1)
    await pair.b.look()
    assert pair.b.embedder.asked == []
    pair.clock.pass_(2)
    await pair.b.look()
    assert pair.b.indexing.lacking() == []
    await pair.a.look()
    assert pair.a.indexing.lacking() == []
    assert pair.a.embedder.asked == []


async def test_a_claim_fails_when_somebody_else_wrote_the_bundle_meanwhile(pair: Pair) -> None:
    nothing = await pair.a.shared.get("server/weather")
    assert nothing == Bundle()
    assert await pair.a.shared.claim("server/weather", nothing)
    assert not await pair.b.shared.claim("server/weather", nothing)
    assert (await pair.b.shared.get("server/weather")).maker == pair.a.shared.id


async def test_a_start_embeds_nothing_that_is_shared(pair: Pair) -> None:
    await pair.a.write(server())
    later = await Replica(pair.store, pair.clock).start()
    assert later.embedder.asked == []
    assert later.dense(server()) == pair.a.dense(server())


async def test_those_who_start_at_once_divide_the_work(pair: Pair) -> None:
    several = [asset("agent", f"agent-{number}", description=f"about {number}") for number in range(40)]
    for each in several:
        await pair.a.shelf.create(each)
    starting = [Replica(pair.store, pair.clock) for _ in range(3)]
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for replica in starting:
                tasks.start_soon(replica.start)
    asked = [text for replica in starting for text in replica.embedder.asked]
    assert len(asked) == len({*asked})
    assert all(replica.indexing.lacking() == [] for replica in starting)


async def test_what_is_shared_of_a_deleted_asset_is_deleted(pair: Pair) -> None:
    await pair.a.write(server())
    await pair.a.shelf.delete(server())
    await pair.a.indexing.on_event(Event("server:delete", server(), SYSTEM.subject))
    assert await pair.bundles() == []


async def test_the_leader_deletes_what_nobody_uses(pair: Pair) -> None:
    await pair.a.write(server())
    await pair.a.shared.put("agent/gone", {})
    other = await Replica(pair.store, pair.clock, fingerprint="others").start()
    assert len(await pair.bundles()) == 3
    await other.indexing.tidy()
    assert sorted(await pair.bundles()) == ["agent/gone", "server/weather", "server/weather"]
    pair.clock.pass_((SPARE_DAYS + 1) * DAY)
    await pair.a.indexing.tidy()
    assert await pair.bundles() == ["server/weather"]


@pytest.mark.parametrize("damage", [{"vectors": "!"}, {"of": ""}, {"vectors": "AAAA"}, {"of": None}])
async def test_a_bundle_that_cannot_be_read_is_made_anew(pair: Pair, damage: Json) -> None:
    await pair.a.write(server())
    (name,) = [name for name in await pair.store.collections() if name.startswith(COLLECTION)]
    document = await pair.store.get(name, "server/weather")
    assert document is not None
    await pair.store.put(name, "server/weather", {**document.body, **damage})
    later = await Replica(pair.store, pair.clock).start()
    assert later.embedder.asked
    assert later.dense(server()) == pair.a.dense(server())
    assert (await Replica(pair.store, pair.clock).start()).embedder.asked == []


async def test_an_asset_made_anew_is_shared_anew(pair: Pair) -> None:
    await pair.a.write(server())
    before = await pair.b.shared.get("server/weather")
    await pair.a.indexing.follow("server", "weather", anew=True)
    assert (await pair.b.shared.get("server/weather")).version > before.version


async def test_duplicates_in_meaning_are_told_without_embedding_what_others_did(world: World, pair: Pair) -> None:
    await pair.a.write(server())
    await pair.b.hear(server())
    search = Search(MemoryIndex(), None, world.services.access, world.visibility, pair.b.shelf)
    search.indexing = pair.b.indexing
    twin = server().model_copy(update={"path": "twin"})
    near = await search.similar(SYSTEM, twin)
    assert [(each.path, round(score, 3)) for each, score in near] == [("weather", 1.0)]
    assert pair.b.embedder.asked.count("rain") <= 1
