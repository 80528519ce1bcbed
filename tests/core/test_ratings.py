"""Stars."""

import anyio
import pytest

from airegistry.core.assets import Rating
from airegistry.core.documents import Document, Json
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio


async def shown(world: World) -> Rating:
    return (await world.services.catalog.get(SYSTEM, "server", "weather")).rating


async def test_everybody_has_one_vote_and_may_change_it(world: World) -> None:
    await world.put_server("weather")
    rate = world.services.ratings.rate
    assert await rate(ANN, "server", "weather", 1) == Rating(average=1, count=1)
    assert await rate(BOB, "server", "weather", 4) == Rating(average=2.5, count=2)
    assert await rate(ANN, "server", "weather", 5) == Rating(average=4.5, count=2)
    assert await shown(world) == Rating(average=4.5, count=2)
    assert {event.action for event in await world.events(subject="token:ann")} == {"server:rate"}


@pytest.mark.parametrize("stars", [0, 6, -1])
async def test_stars_are_one_to_five(world: World, stars: int) -> None:
    await world.put_server("weather")
    with pytest.raises(Invalid, match="stars are 1 to 5"):
        await world.services.ratings.rate(ANN, "server", "weather", stars)


async def test_what_may_not_be_seen_cannot_be_rated(world: World) -> None:
    await world.put_server("vault", groups=["staff"])
    with pytest.raises(NotFound):
        await world.services.ratings.rate(ANN, "server", "vault", 5)


async def test_whoever_is_denied_rating_does_not_rate(world: World) -> None:
    await world.put_server("weather")
    ann = await world.holding(Grant(actions=["rate"], effect="deny"))
    with pytest.raises(AccessDenied):
        await world.services.ratings.rate(ann, "server", "weather", 5)
    assert (await shown(world)).count == 0


async def test_no_vote_is_lost_among_concurrent_raters(world: World) -> None:
    await world.put_server("weather")
    async with anyio.create_task_group() as tasks:
        for number in range(40):
            who = Principal(f"rater-{number}")
            tasks.start_soon(world.services.ratings.rate, who, "server", "weather", 1 + number % 5)
    assert await shown(world) == Rating(average=3, count=40)


async def test_votes_of_a_deleted_asset_do_not_count_for_a_new_one_of_its_path(world: World) -> None:
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 1)
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    world.clock.pass_(1)
    await world.put_server("weather")
    assert await world.services.ratings.rate(BOB, "server", "weather", 5) == Rating(average=5, count=1)


class Busy(MemoryStore):
    """A store in which somebody else always writes a collection first, so many times."""

    def __init__(self, collection: str, times: int) -> None:
        super().__init__()
        self._collection, self._times = collection, times

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == self._collection and expect and self._times:
            self._times -= 1
            raise Conflict("somebody was first")
        return await super().put(collection, key, body, expect=expect)


@pytest.mark.parametrize("collection", ["ratings", "assets"])
async def test_a_rater_of_another_process_is_met_by_trying_again(collection: str) -> None:
    world = await build(store=Busy(collection, 3))
    await world.put_server("weather")
    for who in (ANN, BOB):
        await world.services.ratings.rate(who, "server", "weather", 3)
    assert await shown(world) == Rating(average=3, count=2)


async def test_a_rater_who_never_gets_a_turn_is_told() -> None:
    world = await build(store=Busy("ratings", 100))
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 3)
    with pytest.raises(Conflict, match="keep changing"):
        await world.services.ratings.rate(BOB, "server", "weather", 3)


async def test_an_average_that_cannot_be_shown_yet_is_shown_with_the_next_vote() -> None:
    world = await build(store=Busy("assets", 8))
    await world.put_server("weather")
    assert await world.services.ratings.rate(ANN, "server", "weather", 3) == Rating(average=3, count=1)
    assert (await shown(world)).count == 0
    await world.services.ratings.rate(BOB, "server", "weather", 5)
    assert await shown(world) == Rating(average=4, count=2)


class Vanishing(MemoryStore):
    """A store in which a rated asset is deleted as soon as its ballot is written."""

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        document = await super().put(collection, key, body, expect=expect)
        if collection == "ratings":
            await self.delete("assets", key)
        return document


async def test_rating_what_is_deleted_meanwhile_brings_nothing_back() -> None:
    world = await build(store=Vanishing())
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 3)
    assert await world.shelf.get("server", "weather") is None
