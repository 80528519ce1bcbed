"""Checks on a schedule: all of them, again and again, and none at the cost of the others."""

from collections.abc import Awaitable, Callable, Mapping
from time import process_time

import anyio
import pytest

from airegistry.clock import SystemClock
from airegistry.core.assets import Server
from airegistry.core.events import Events
from airegistry.core.principals import SYSTEM
from tests.core.network import FakeNetwork
from tests.core.test_health import checks_of
from tests.core.wiring import World, asset

pytestmark = pytest.mark.anyio


@pytest.fixture
async def weather(world: World) -> World:
    """A world with a registered server."""
    await world.put_server("weather")
    return world


Until = Callable[[], bool]


async def until(holds: Until) -> None:
    with anyio.fail_after(5):
        while not holds():  # noqa: ASYNC110  # what is waited for has no event
            await anyio.sleep(0.001)


class Scheduled:
    """Health checks that run in real time, a hundredth of a second apart."""

    def __init__(self, world: World, interval: float = 0.01, timeout: float = 0.05) -> None:
        self.world = world
        self.network = world.network
        self.events = Events()
        self.checks = checks_of(world, clock=SystemClock(), interval=interval, timeout=timeout, events=self.events)
        self.events.subscribe(self.checks.on_event)
        self.events.subscribe(world.tell)

    def checked(self, path: str) -> int:
        return self.network.described.count(path)

    async def while_(self, act: Callable[[], Awaitable[None]]) -> None:
        """Do something while the checks run."""
        self.network.described.clear()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.checks.run)
            await act()
            tasks.cancel_scope.cancel()


async def test_every_backend_is_checked_again_and_again(weather: World) -> None:
    await weather.put_server("maps")
    await weather.services.catalog.register(SYSTEM, weather.server("by-value"), fetch=False)
    await weather.put_server("off")
    await weather.services.catalog.toggle(SYSTEM, "server", "off", False)
    scheduled = Scheduled(weather)

    async def watch() -> None:
        await until(lambda: scheduled.checked("weather") > 3 and scheduled.checked("maps") > 3)

    await scheduled.while_(watch)
    assert {*weather.network.described} == {"weather", "maps"}


async def test_a_hanging_backend_costs_its_own_slot_and_no_more_than_its_time(weather: World) -> None:
    await weather.put_server("hangs")
    scheduled = Scheduled(weather)

    def pause() -> Awaitable[None] | None:
        return anyio.sleep_forever() if weather.network.described[-1] == "hangs" else None

    weather.network.before_describe = pause

    async def watch() -> None:
        await until(lambda: scheduled.checked("hangs") > 2 and scheduled.checked("weather") > 5)

    await scheduled.while_(watch)
    found = await weather.shelf.get("server", "hangs")
    assert found is not None
    assert found[0].health == "unhealthy"


async def test_servers_come_and_go_while_it_runs(weather: World) -> None:
    scheduled = Scheduled(weather)
    weather.listen(scheduled.checks.on_event)

    async def watch() -> None:
        await weather.put_server("late")
        await until(lambda: scheduled.checked("late") > 2)
        await weather.services.catalog.delete(SYSTEM, "server", "late")
        await weather.services.catalog.toggle(SYSTEM, "server", "weather", False)
        await until(lambda: len(scheduled.checks._schedule) == 0)
        await weather.services.catalog.toggle(SYSTEM, "server", "weather", True)
        await until(lambda: len(scheduled.checks._schedule) == 1)

    await scheduled.while_(watch)


async def test_a_server_that_another_process_deleted_is_forgotten(weather: World) -> None:
    scheduled = Scheduled(weather)

    async def watch() -> None:
        await until(lambda: scheduled.checked("weather") > 0)
        found = await weather.shelf.get("server", "weather")
        assert found is not None
        await weather.shelf.delete(found[0])
        await until(lambda: len(scheduled.checks._schedule) == 0)

    await scheduled.while_(watch)


async def test_a_defect_in_one_check_does_not_end_the_others(weather: World, caplog: pytest.LogCaptureFixture) -> None:
    await weather.put_server("maps")
    scheduled = Scheduled(weather)

    def breaks() -> None:
        if weather.network.described[-1] == "maps":
            raise RuntimeError("boom")

    weather.network.before_describe = breaks

    async def watch() -> None:
        await until(lambda: scheduled.checked("maps") > 1 and scheduled.checked("weather") > 3)

    await scheduled.while_(watch)
    assert "the check of server/maps failed" in caplog.text


async def test_a_server_that_says_its_tools_changed_is_looked_at_soon_and_not_too_often(
    weather: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airegistry.core.health.LOOKS_APART", 0.05)
    scheduled = Scheduled(weather, interval=3600)
    server = await weather.services.catalog.get(SYSTEM, "server", "weather")
    assert isinstance(server, Server)
    scheduled.checks.look_again(server)  # nothing is scheduled yet

    async def watch() -> None:
        await until(lambda: len(scheduled.checks._schedule) == 1)
        began = anyio.current_time()
        for number in (1, 2, 3):
            for _ in range(50):
                scheduled.checks.look_again(server)
            await until(lambda number=number: scheduled.checked("weather") >= number)  # type: ignore[misc]  # bound early
        assert anyio.current_time() - began >= 0.09
        assert scheduled.checked("weather") == 3

    await scheduled.while_(watch)


async def test_an_interval_of_nothing_means_on_demand_only(weather: World) -> None:
    checks = checks_of(weather, interval=0)
    with anyio.fail_after(5):
        await checks.run()
    assert (await checks.check(SYSTEM, "server", "weather")).health == "healthy"


class Silent(FakeNetwork):
    """Answers every ping at once and counts it."""

    def __init__(self) -> None:
        super().__init__()
        self.pinged = 0

    async def ping(self, server: Server, headers: Mapping[str, str] = {}) -> None:
        self.pinged += 1


async def test_thousands_of_servers_are_spread_over_the_interval_and_cost_little(world: World) -> None:
    """Without what asking costs: that is the backends', and in docs/health.md."""
    for number in range(1000):
        server = asset("server", f"s{number}", url=f"https://s{number}.test/mcp")
        fetched = server.model_copy(update={"fetched_at": world.clock.now(), "health": "healthy"})
        await world.shelf.create(fetched)
    network = Silent()
    checks = checks_of(world, clock=SystemClock(), network=network, interval=0.5)
    began = process_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(checks.run)
        await until(lambda: network.pinged > 10)
        assert network.pinged < 500  # the first are not all at once
        await until(lambda: network.pinged >= 1000)
        tasks.cancel_scope.cancel()
    assert (process_time() - began) / network.pinged < 0.002
