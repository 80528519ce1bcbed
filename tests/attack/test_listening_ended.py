"""Who listens to changes hears what it may know of, as long as it is somebody."""

import pytest

from airegistry.core.changes import CATALOG, ENTITLEMENT, Watcher
from airegistry.core.errors import RateLimited
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import ANN, World, build

pytestmark = pytest.mark.anyio
WEATHER = "server/weather"


@pytest.fixture
async def world() -> World:
    world = await build()
    await world.put_server("weather", ["forecast", "wire"])
    return world


async def test_a_token_that_has_ended_by_time_alone_hears_nothing_more(world: World) -> None:
    """Sessions of older eras outlive the token that opened them, and no right has changed when a token ends."""
    who: list[Principal | None] = [ANN]
    woken: list[None] = []
    with world.services.changes.watching(
        Watcher(lambda: who[0], {CATALOG, ENTITLEMENT, WEATHER}, lambda: woken.append(None))
    ) as watcher:
        await world.services.catalog.update(SYSTEM, "server", "weather", {"title": "one"})
        assert sorted(watcher.take()) == [CATALOG, WEATHER]
        who[0] = None
        woken.clear()
        await world.services.catalog.update(SYSTEM, "server", "weather", {"title": "two"})
        await world.put_server("tides")
        assert (watcher.take(), woken) == ([], [])
        who[0] = ANN
        await world.services.catalog.update(SYSTEM, "server", "weather", {"title": "three"})
        assert sorted(watcher.take()) == [CATALOG, WEATHER]


async def test_what_is_hidden_is_not_told_of_and_counts_for_nothing(world: World) -> None:
    who = await world.holding(Grant(assets=["vault"], effect="deny"))
    with world.services.changes.watching(
        Watcher(lambda: who, {CATALOG, "server/vault", "server/nothing"}, lambda: None)
    ) as watcher:
        await world.put_server("vault")
        await world.services.catalog.update(SYSTEM, "server", "vault", {"title": "deep"})
        await world.services.catalog.delete(SYSTEM, "server", "vault")
        assert watcher.take() == []


async def test_one_subject_keeps_no_other_from_listening(world: World) -> None:
    held = []
    for _ in range(100):
        watching = world.services.changes.watching(Watcher(lambda: ANN, {CATALOG}, lambda: None))
        watching.__enter__()
        held.append(watching)
    more = world.services.changes.watching(Watcher(lambda: ANN, {CATALOG}, lambda: None))
    with pytest.raises(RateLimited):
        more.__enter__()
    with world.services.changes.watching(Watcher(lambda: SYSTEM, {CATALOG}, lambda: None)):
        assert len(world.services.changes) == 101
    for watching in held:
        watching.__exit__(None, None, None)
    assert len(world.services.changes) == 0
