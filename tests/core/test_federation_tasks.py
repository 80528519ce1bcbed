"""Federation: when sources are asked, and what becomes of passes that are cut short."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count

import anyio
import pytest

from airegistry.core.assets import Tool
from airegistry.core.errors import Conflict, NotFound, RateLimited, UpstreamFailed
from airegistry.core.federation import Standing
from airegistry.core.principals import SYSTEM
from airegistry.core.source_records import Run
from airegistry.core.sources import Offer
from airegistry.stores.memory import MemoryStore
from tests.core.federated import FakeDrivers, FakeSource, offer, served, thing
from tests.core.subscribers import Died, Mortal
from tests.core.syncing import URL, Registry, registry
from tests.core.wiring import NOON, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def serving(far: Registry) -> AsyncIterator[Registry]:
    """The registry while its sources are kept up with."""
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(far.federation.run)
            yield far
            tasks.cancel_scope.cancel()


def standing(far: Registry) -> Standing:
    """How the source stands."""
    return far.federation.get(SYSTEM, "far")


def ended(far: Registry, count: int) -> Callable[[], bool]:
    """Whether so many passes were made."""
    return lambda: len(standing(far).state.runs) == count


async def test_a_source_is_asked_as_soon_as_it_is_there_and_again_when_somebody_says_so() -> None:
    async with serving(await registry(served("weather"))) as far:
        await until(ended(far, 1))
        assert await far.paths() == ["weather"]
        assert standing(far).state.due == NOON + timedelta(hours=1)
        far.source.offers.append(served("news"))
        now = await far.federation.request(SYSTEM, "far", wait=10)
        assert (now.state.runs[0].added, now.state.wanted, now.lag) == (1, "", 0.0)


async def test_what_is_disabled_sleeps_until_it_is_enabled() -> None:
    async with serving(await registry(served("weather"), enabled=False)) as far:
        with pytest.raises(Conflict, match="disabled"):
            await far.federation.request(SYSTEM, "far")
        await anyio.wait_all_tasks_blocked()
        assert far.source.asked == []
        await far.federation.update(SYSTEM, "far", {"enabled": True})
        await until(ended(far, 1))


async def test_failures_are_counted_and_forgotten_after_a_success() -> None:
    far = await registry(served("weather"))
    far.source.failing = UpstreamFailed("it is down")
    for failures, seconds in ((1, 60), (2, 120), (3, 240), (4, 480), (5, 3600)):
        run = await far.sync()
        assert (run.outcome, run.error) == ("failed", "it is down")
        assert standing(far).state.failures == failures
        assert standing(far).state.due == far.world.clock.now() + timedelta(seconds=seconds)
    assert standing(far).circuit == "open"
    far.world.clock.pass_(3601)
    assert standing(far).circuit == "half_open"
    far.source.failing = RateLimited("slow down", retry_after=50_000)
    await far.sync()
    assert standing(far).state.due == far.world.clock.now() + timedelta(seconds=50_000)
    far.source.failing = None
    assert (await far.sync()).added == 1
    assert (standing(far).circuit, standing(far).state.failures) == ("closed", 0)


async def test_a_source_that_cannot_be_opened_is_a_failure() -> None:
    far = await registry()
    del far.drivers.sources[URL]
    run = await far.sync()
    assert (run.outcome, run.code) == ("failed", "invalid")


class Held:
    """Holds a pass at a page until it is let go."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.reached = anyio.Event()
        self.go = anyio.Event()

    async def __call__(self, page: int) -> None:
        if page == self._at:
            self.reached.set()
            await self.go.wait()


async def test_a_pass_is_cancelled_and_keeps_what_it_did() -> None:
    far = await registry(served("weather"), served("news"))
    far.source.size, far.source.before = 1, Held(1)
    async with serving(far):
        await far.source.before.reached.wait()
        running = standing(far).running
        assert running is not None
        assert (running.added, running.outcome) == (1, None)
        await far.federation.cancel(SYSTEM, "far")
        await until(ended(far, 1))
        assert standing(far).state.runs[0].outcome == "cancelled"
        assert await far.paths() == ["weather"]
        assert standing(far).running is None


async def test_a_source_that_is_removed_in_the_middle_of_a_pass_leaves_nothing_behind() -> None:
    types = [Tool(name="a")]
    far = await registry(*(served(f"s{n}", tools=[each.model_dump() for each in types]) for n in range(6)))
    far.source.size, far.source.before = 3, Held(1)
    async with serving(far):
        await far.source.before.reached.wait()
        assert len(await far.paths()) == 3
        assert await far.federation.remove(SYSTEM, "far", wait=10)
        assert await far.paths() == []
        left = [name for name in await far.world.store.collections() if name not in {"scopes", "groups", "tokens"}]
        assert not {"sources", "source_states", "assets", "versions", "scans"} & {*left}
        with pytest.raises(NotFound):
            standing(far)
        await far.federation.add(SYSTEM, "far", "peer", {"url": URL, "enabled": False})
        assert standing(far).state.runs == []


async def test_what_came_in_once_is_removed_by_the_name_of_its_source() -> None:
    far = await registry()
    config = far.federation.syncs.config(standing(far).record)
    with pytest.raises(Conflict, match="is kept"):
        await far.federation.apply(SYSTEM, config, far.source)
    async with serving(far):
        once = type(config)("once", "mcp-registry", URL)
        run = await far.federation.apply(SYSTEM, once, FakeSource([served("weather")]))
        assert (run.added, await far.paths()) == (1, ["weather"])
        assert await far.federation.remove(SYSTEM, "once", wait=10)
        assert await far.paths() == []
        with pytest.raises(NotFound):
            await far.federation.remove(SYSTEM, "once")


async def test_a_filter_that_is_set_in_the_middle_of_a_pass_holds_for_the_next_which_begins_at_once() -> None:
    far = await registry(served("weather"), served("news"))
    far.source.size, held = 1, Held(1)
    far.source.before = held
    async with serving(far):
        await held.reached.wait()
        await far.federation.update(SYSTEM, "far", {"names": ["news"]})
        held.go.set()
        await until(lambda: standing(far).state.succeeded is not None)
        last = standing(far).state.runs[0]
        assert (last.whole, last.retired) == (True, 1)
        found = await far.server("news")
        assert found.stage == "approved_dev"


async def test_servers_are_fetched_soon_after_they_come_in_and_can_be_called_then() -> None:
    far = await registry(served("weather", tools=[{"name": "claimed"}]), served("dark"))
    url = "https://weather.test/mcp"
    far.world.network.tools[url] = [Tool(name="real", description="The weather.")]
    async with serving(far):
        await until(ended(far, 1))
        assert not (await far.server("weather")).callable
        far.world.clock.pass_(2)
        await until(lambda: "server:refresh" in [event.name for event in far.world.told], seconds=15)
        await until(lambda: "dark" in far.world.network.described, seconds=15)
        weather = await far.server("weather")
        assert (weather.callable, [tool.name for tool in weather.tools]) == (True, ["real"])
    far.source.offers[0] = served("weather", title="New", tools=[{"name": "claimed anew"}])
    assert (await far.sync()).changed == 1
    weather = await far.server("weather")
    assert (weather.title, weather.callable, [tool.name for tool in weather.tools]) == ("New", True, ["real"])
    far.source.offers[0] = served("weather", url="https://elsewhere.test/mcp")
    await far.sync()
    assert not (await far.server("weather")).callable
    far.world.network.tools["https://elsewhere.test/mcp"] = [Tool(name="other", description="The weather.")]
    await far.world.services.catalog.refresh(SYSTEM, "weather", foreign=True)
    assert [tool.name for tool in (await far.server("weather")).tools] == ["other"]


async def test_nothing_is_fetched_while_its_source_is_passed_over() -> None:
    far = await registry(served("weather"), served("news"))
    far.source.size, held = 1, Held(1)
    far.source.before = held
    async with serving(far):
        await held.reached.wait()
        config = type(far.federation.syncs.config(standing(far).record))("once", "mcp-registry", URL)
        await far.federation.apply(SYSTEM, config, FakeSource([served("other")]))
        far.world.clock.pass_(2)
        await until(lambda: "other" in far.world.network.described, seconds=15)
        assert "weather" in await far.paths()
        assert far.world.network.described == ["other"]
        held.go.set()
        await until(ended(far, 1))


async def test_a_server_that_cannot_be_reached_is_written_once_however_often_it_is_tried() -> None:
    far = await registry(served("dark"))
    await far.sync()
    revisions = []
    for _ in range(3):
        with pytest.raises(UpstreamFailed):
            await far.world.services.catalog.refresh(SYSTEM, "dark", foreign=True)
        dark = await far.world.shelf.get("server", "dark")
        assert dark is not None
        revisions.append((dark[0].health, dark[1]))
    assert revisions == [revisions[0]] * 3
    assert revisions[0][0] == "unhealthy"


def _offers() -> list[Offer]:
    one, two = thing("server", "many", version="1.0.0"), thing("server", "many", version="2.0.0")
    return [
        served("weather"),
        offer(two, one),
        offer(thing("agent", "helper", url="https://helper.test")),
        served("news"),
    ]


async def _bodies(store: MemoryStore) -> dict[str, object]:
    """Everything that came in, as it is stored."""
    return {
        f"{collection}/{document.key}": document.body
        for collection in ("assets", "versions", "scans")
        async for document in store.find(collection)
    }


async def _synced(store: MemoryStore, writes: int | None) -> Run:
    drivers = FakeDrivers({URL: FakeSource(_offers())})
    mortal = Mortal(store, None)
    world = await build(store=mortal, drivers=drivers)
    federation = world.services.federation
    if not federation.list(SYSTEM):
        await federation.add(SYSTEM, "far", "mcp-registry", {"url": URL})
    mortal.left = None if writes is None else mortal.written + writes
    return await federation.syncs.sync("far")


async def test_a_pass_that_is_killed_at_any_write_and_made_again_ends_as_an_uninterrupted_one() -> None:
    whole = MemoryStore()
    await _synced(whole, None)
    expected = await _bodies(whole)
    for writes in count():
        store, died = MemoryStore(), False
        try:
            await _synced(store, writes)
        except* Died:
            died = True
        run = await _synced(store, None)
        assert run.outcome == "ok"
        assert await _bodies(store) == expected, writes
        if not died:
            break
    assert writes > 10
