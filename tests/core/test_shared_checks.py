"""One process checks backends for all: the others ask it to, and know what it saw."""

import anyio
import pytest

from airegistry.core.assets import Server
from airegistry.core.documents import Document, DocumentStore, Json
from airegistry.core.errors import Internal
from airegistry.core.leases import Lease, LeaseLost
from airegistry.core.principals import SYSTEM
from airegistry.core.shared_checks import LOOKS, VITALS, SharedChecks
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import World, build
from tests.support.waiting import until

pytestmark = pytest.mark.anyio


class Process:
    """A process over a store, with its part in the checks."""

    def __init__(self, world: World) -> None:
        self.world, self.store = world, world.store
        self.health, self.vitals = world.services.health, world.services.vitals
        self.checks = SharedChecks(self.health, self.vitals, world.store, world.clock)

    def lead(self, token: int, until: float = 1e9) -> None:
        """Make the checks from now on, until a monotonic second."""
        self.checks.under(Lease("health", token, self.world.clock, until))

    async def server(self) -> Server:
        found = await self.world.shelf.get("server", "weather")
        assert found is not None
        assert isinstance(found[0], Server)
        return found[0]

    async def check(self) -> None:
        await self.health.check(SYSTEM, "server", "weather")

    @property
    def misses(self) -> int | None:
        """How many checks in a row the server failed, as far as is known here."""
        known = self.vitals.all().get("server/weather")
        return None if known is None else known.misses

    async def kept(self, collection: str) -> list[Document]:
        return [each async for each in self.store.find(collection)]


async def two(store: DocumentStore | None = None) -> tuple[Process, Process]:
    """Two processes over a store with a server that is out of reach; the first registered it."""
    store = store or MemoryStore()
    one, other = Process(await build(store=store, shared=True)), Process(await build(store=store, shared=True))
    await one.world.put_server("weather")
    one.world.network.tools.clear()
    return one, other


async def test_a_server_that_one_sees_changed_is_checked_soon_by_the_one_that_checks() -> None:
    one, other = await two()
    one.lead(1)
    one.world.clock.pass_(20)  # a start is no look
    one.world.network.described.clear()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.health.run)
        tasks.start_soon(other.checks.run)
        await anyio.wait_all_tasks_blocked()
        for _ in range(3):  # asked for once
            other.health.look_again(await other.server())
        with anyio.fail_after(5):
            while not (wanted := await one.kept(LOOKS)):  # noqa: ASYNC110  # a store has no event for it
                await anyio.sleep(0.01)
        assert [(each.key, each.version) for each in wanted] == [("server/weather", 1)]
        await other.checks.follow_looks(["server/weather"])  # who makes no checks leaves it
        await one.checks.follow_looks(["server/weather"])
        await until(lambda: one.world.network.described == ["weather"])
        tasks.cancel_scope.cancel()
    assert await one.kept(LOOKS) == []


async def test_who_makes_the_checks_asks_nobody_for_one_and_takes_what_was_asked_for_before() -> None:
    one, other = await two()
    await one.store.put(LOOKS, "server/gone", {})
    one.lead(1)
    await one.checks.reload_looks()
    one.health.look_again(await one.server())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.checks.run)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert await one.kept(LOOKS) == []
    assert other.misses is None


async def test_the_last_checks_are_known_to_all_and_count_where_the_next_one_is_made() -> None:
    one, other = await two()
    one.lead(1)
    await one.check()
    await one.checks.tell()
    await other.checks.reload()
    assert other.misses == 1
    assert (await other.server()).health == "healthy"
    one.checks.under(None)
    other.lead(2)
    await other.check()
    assert (other.misses, (await other.server()).health) == (2, "unhealthy")


async def test_what_is_told_is_what_was_checked_since_and_nothing_while_nothing_was() -> None:
    one, _ = await two()
    await one.check()
    await one.checks.tell()  # it is not the one who checks
    assert await one.kept(VITALS) == []
    one.lead(1)
    await one.check()
    await one.checks.tell()
    (told,) = await one.kept(VITALS)
    await one.checks.tell()
    assert await one.kept(VITALS) == [told]
    await one.world.services.catalog.delete(SYSTEM, "server", "weather")
    await one.checks.tell()
    (told,) = await one.kept(VITALS)
    assert told.body["checks"] == {}


async def test_a_process_that_was_paused_tells_no_older_checks_and_writes_no_health() -> None:
    one, other = await two()
    one.lead(1)
    await one.check()
    other.lead(2)
    await other.check()
    await other.check()
    await other.checks.tell()
    told = await one.kept(VITALS)
    await one.checks.tell()
    assert await one.kept(VITALS) == told
    one.lead(1, until=0.0)  # it is over by now
    one.world.network.tools["https://weather.test/mcp"] = []
    with pytest.raises(LeaseLost):
        await one.check()
    assert (await one.server()).health == "unhealthy"


class Failing(MemoryStore):
    """A store that cannot be written, at times."""

    down = False

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.down:
            raise Internal("the store is away")
        return await super().put(collection, key, body, expect=expect)


async def test_what_could_not_be_told_is_told_later_and_a_check_that_nobody_heard_of_is_made_on_schedule(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airegistry.core.shared_checks.TELLS", 0.01)
    store = Failing()
    one, other = await two(store)
    one.lead(1)
    await one.check()
    store.down = True
    async with anyio.create_task_group() as tasks:
        for each in (one, other):
            tasks.start_soon(each.checks.run)
        other.health.look_again(await other.server())
        await until(lambda: "not told to other processes" in caplog.text)
        await until(lambda: "nobody is told" in caplog.text)
        store.down = False
        with anyio.fail_after(5):
            while not await one.kept(VITALS):  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
