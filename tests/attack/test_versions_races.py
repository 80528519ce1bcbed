"""Versions against those who may change one asset, and would reach others by it."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime

import anyio
import pytest
from anyio.lowlevel import checkpoint

from airegistry.core.assets import Json
from airegistry.core.documents import Document
from airegistry.core.errors import AirError, NotFound
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import VERSIONS
from airegistry.stores.memory import MemoryStore
from airegistry.tools.listing import ListingTools
from tests.core.test_versions import two_versions
from tests.core.wiring import ANN, World, build

pytestmark = pytest.mark.anyio
LAST = "9999-12-31T23:59:59-12:00"
FIRST = "0001-01-01T00:00:00+12:00"


@pytest.mark.parametrize("end", [LAST, FIRST])
async def test_one_asset_with_an_end_beyond_the_calendar_breaks_nobodys_lists(end: str) -> None:
    world = await build()
    everything = ["register", "update", "transition", "read", "list"]
    who = await world.holding(Grant(actions=everything))
    await world.put_server("weather", who=who, retirement_date=end)
    await world.services.stages.transition(who, "server", "weather", "deprecated", "old")
    listing = ListingTools(world.services)
    for asset in (await world.services.catalog.list(SYSTEM, ["server"])).assets:
        await listing.shape(SYSTEM, asset)
    (version,) = await world.services.versions.list(SYSTEM, "server", "weather")
    assert version.over is (end == FIRST)


@pytest.mark.parametrize("end", [LAST, FIRST])
async def test_a_sunset_beyond_the_calendar_is_one_all_the_same(end: str) -> None:
    world = await build()
    await two_versions(world)
    sunset = datetime.fromisoformat(end)
    await world.services.versions.deprecate(SYSTEM, "server", "weather", "2.0.0", sunset=sunset)
    assert len(await world.services.versions.list(SYSTEM, "server", "weather")) == 2


class Slow(MemoryStore):
    """A store in which each look and each write takes turns of the loop, as many as `turns` says next."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: Callable[[str, str], int] = lambda what, collection: 0

    async def get(self, collection: str, key: str) -> Document | None:
        await self._wait("get", collection)
        return await super().get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        await self._wait("put", collection)
        return await super().put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        await self._wait("delete", collection)
        return await super().delete(collection, key, expect=expect)

    async def _wait(self, what: str, collection: str) -> None:
        for _ in range(self.turns(what, collection)):
            await checkpoint()


async def _switch(world: World) -> None:
    await world.services.versions.set_default(SYSTEM, "server", "weather", "2.0.0")


async def _further(world: World) -> None:
    three = world.server("weather", ["late"], version="3.0.0", url="https://three.test/mcp")
    await world.services.catalog.register(SYSTEM, three)


@pytest.mark.parametrize("act", [_switch, _further])
async def test_no_version_outlives_its_asset_to_answer_under_the_name_of_the_next(
    act: Callable[[World], Awaitable[None]],
) -> None:
    store = Slow()
    world = await build(store=store)
    await two_versions(world)
    store.turns = lambda what, collection: 40 if (what, collection) == ("put", VERSIONS) else 0

    async def quietly(done: Awaitable[object]) -> None:
        with suppress(AirError):
            await done

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(quietly, act(world))
        for _ in range(20):
            await checkpoint()
        tasks.start_soon(quietly, world.services.catalog.delete(SYSTEM, "server", "weather"))
    store.turns = lambda what, collection: 0
    with suppress(NotFound):
        await world.services.catalog.delete(SYSTEM, "server", "weather")
    assert [document.key async for document in store.find(VERSIONS)] == []
    await world.put_server("weather", who=SYSTEM, version="9.0.0")
    assert await world.shelf.versions("server", "weather") == []


async def test_a_switched_off_server_takes_no_call_under_another_version_of_whoever_may_not_read_it() -> None:
    world = await build()
    await two_versions(world)
    who = await world.holding(
        Grant(assets=["weather"], actions=["call"], tools=["outlook"]),
        Grant(assets=["weather"], actions=["read"], effect="deny"),
        who=ANN,
    )
    await world.services.catalog.toggle(SYSTEM, "server", "weather", False)
    with pytest.raises(AirError):
        await world.services.invocation.enter(who, "weather", "tools/call", "outlook", version="2.0.0")
