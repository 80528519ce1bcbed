"""Stars."""

import anyio
import pytest

from airegistry.core.assets import Rating
from airegistry.core.documents import Document, Json
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.ratings import BUCKETS, Bucket
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio


def rating(*stars: int) -> Rating:
    """What these stars come to."""
    counts = {str(given): stars.count(given) for given in range(1, 6)}
    average = round(sum(stars) / len(stars), 2) if stars else 0.0
    return Rating(average=average, count=len(stars), distribution=counts)


async def shown(world: World) -> Rating:
    return (await world.services.catalog.get(SYSTEM, "server", "weather")).rating


async def test_everybody_has_one_vote_and_may_change_it(world: World) -> None:
    await world.put_server("weather")
    rate = world.services.ratings.rate
    assert await rate(ANN, "server", "weather", 1) == rating(1)
    assert await rate(BOB, "server", "weather", 4) == rating(1, 4)
    assert await rate(ANN, "server", "weather", 5) == rating(4, 5)
    assert await shown(world) == rating(4, 5)
    assert {event.action for event in await world.events(subject="token:ann")} == {"server:rate"}


async def test_everybody_is_told_their_own_stars_and_nobody_elses(world: World) -> None:
    await world.put_server("weather")
    ratings = world.services.ratings

    async def own(who: Principal) -> int:
        return await ratings.own(who, await world.services.catalog.get(SYSTEM, "server", "weather"))

    assert await own(ANN) == 0
    await ratings.rate(ANN, "server", "weather", 3)
    await ratings.rate(BOB, "server", "weather", 5)
    assert (await own(ANN), await own(BOB), await own(SYSTEM)) == (3, 5, 0)
    await ratings.withdraw(ANN, "server", "weather")
    assert (await own(ANN), await own(BOB)) == (0, 5)
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    await world.put_server("weather")
    assert await own(BOB) == 0


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
    assert await shown(world) == rating(*[1 + number % 5 for number in range(40)])


async def test_votes_of_a_deleted_asset_do_not_count_for_a_new_one_of_its_path(world: World) -> None:
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 1)
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    world.clock.pass_(1)
    await world.put_server("weather")
    assert await world.services.ratings.rate(BOB, "server", "weather", 5) == rating(5)


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
    for stars in (3, 4):
        await world.services.ratings.rate(ANN, "server", "weather", stars)
    assert await shown(world) == rating(4)


async def test_a_rater_who_never_gets_a_turn_is_told() -> None:
    world = await build(store=Busy("ratings", 100))
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 3)
    with pytest.raises(Conflict, match="keep changing"):
        await world.services.ratings.rate(ANN, "server", "weather", 4)


async def test_an_average_that_cannot_be_shown_yet_is_shown_with_the_next_vote() -> None:
    world = await build(store=Busy("assets", 8))
    await world.put_server("weather")
    assert await world.services.ratings.rate(ANN, "server", "weather", 3) == rating(3)
    assert (await shown(world)).count == 0
    await world.services.ratings.rate(BOB, "server", "weather", 5)
    assert await shown(world) == rating(3, 5)


class Vanishing(MemoryStore):
    """A store in which a rated asset is deleted as soon as its ballot is written."""

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        document = await super().put(collection, key, body, expect=expect)
        if collection == "ratings":
            await self.delete("assets", key.partition("#")[0])
        return document


async def test_rating_what_is_deleted_meanwhile_brings_nothing_back() -> None:
    world = await build(store=Vanishing())
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 3)
    assert await world.shelf.get("server", "weather") is None


async def test_a_rating_is_taken_back(world: World) -> None:
    await world.put_server("weather")
    ratings = world.services.ratings
    await ratings.rate(ANN, "server", "weather", 1)
    await ratings.rate(BOB, "server", "weather", 4)
    for _ in range(2):
        assert await ratings.withdraw(ANN, "server", "weather") == rating(4)
    assert await shown(world) == rating(4)
    assert await ratings.withdraw(BOB, "server", "weather") == rating()
    assert {event.action for event in await world.events(subject="token:bob")} == {"server:rate"}
    with pytest.raises(NotFound):
        await ratings.withdraw(ANN, "server", "no-such")


async def test_the_ratings_of_a_user_who_is_no_more_go_too(world: World) -> None:
    for path in ("weather", "tides"):
        await world.put_server(path)
        for who in (ANN, BOB):
            await world.services.ratings.rate(who, "server", path, 2)
    await world.put_server("unrated")
    await world.services.ratings.forget("token:ann")
    await world.services.ratings.forget("token:nobody")
    for path in ("weather", "tides"):
        assert (await world.services.catalog.get(SYSTEM, "server", path)).rating == rating(2)


async def test_nothing_is_left_of_the_ratings_of_a_deleted_asset(world: World) -> None:
    for path in ("weather", "weather-2"):
        await world.put_server(path)
        for number in range(20):
            await world.services.ratings.rate(Principal(f"rater-{number}"), "server", path, 2)
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    keys = [document.key async for document in world.store.find("ratings")]
    assert {key.partition("#")[0] for key in keys} == {"server/weather-2"}


async def test_a_vote_writes_little_however_many_have_voted(world: World) -> None:
    await world.put_server("weather")
    await world.services.ratings.rate(ANN, "server", "weather", 5)
    keys = [document.key async for document in world.store.find("ratings")]
    assert len(keys) == 1
    born = (await world.services.catalog.get(SYSTEM, "server", "weather")).created_at
    for number in range(BUCKETS):
        stars = {f"{number:02x}{rater:030x}": 3 for rater in range(400)}
        bucket = Bucket(stars=stars, counts=[0, 0, 400, 0, 0], born=born)
        body = bucket.model_dump(mode="json")
        assert len(str(body)) < 20_000
        await world.store.put("ratings", f"server/weather#{number:02x}", body)
    given = await world.services.ratings.rate(BOB, "server", "weather", 5)
    assert (given.count, given.distribution["3"]) == (BUCKETS * 400 + 1, BUCKETS * 400)
