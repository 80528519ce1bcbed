import random
from datetime import timedelta

import pytest

from airegistry.core.calls import Call, Outcome
from airegistry.core.documents import Document, Json
from airegistry.core.errors import Internal, NotFound
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.usage import (
    CALLERS,
    CALLS,
    DAYS,
    EMPTY,
    HOURS,
    MOST_COUNTERS,
    OTHERS,
    TOOLS,
    Tally,
    Usage,
    bounded,
)
from airegistry.core.usage_views import AssetUsage
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, BOB, FakeClock, World, asset, build

pytestmark = pytest.mark.anyio

CALLER = [Grant(kinds=["server"], assets=["*"])]


class FailingStore(MemoryStore):
    """A store that fails while `failing` is set, once what is left of `passing` is used up."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = False
        self.passing = 0

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.failing and self.passing <= 0:
            raise Internal("the disk is full")
        self.passing -= 1
        return await super().put(collection, key, body, expect=expect)


@pytest.fixture
async def world() -> World:
    """Two servers that everybody sees."""
    made = await build()
    await made.put_server("weather", ("forecast", "archive"))
    await made.put_server("post", ("quote",))
    return made


async def called(
    world: World, who: Principal, path: str, tool: str, *, outcome: Outcome = "ok", seconds: float = 0.0, times: int = 1
) -> None:
    """Calls through the rules that every call goes through."""
    for _ in range(times):
        call = await world.services.invocation.enter(who, path, "tools/call", tool)
        world.clock.pass_(seconds)
        world.services.invocation.leave(call, outcome)


def counted(usage: Usage, kind: str, path: str, tool: str, subject: str = "ann", times: int = 1) -> None:
    """Calls that never were."""
    for _ in range(times):
        call = Call(Principal(subject=subject), asset(kind, path), "tools/call", tool, 0.0)  # type: ignore[arg-type]  # a server
        usage.count(call, "ok")


async def total(usage: Usage, collection: str = DAYS) -> dict[str, int]:
    """Calls by asset, as they are stored."""
    found: dict[str, int] = {}
    clock = usage._clock
    async for name, tally in usage.read(collection, clock.now() - timedelta(days=400)):
        found[name] = found.get(name, 0) + sum(counter[CALLS] for counter in tally.tools.values())
    return found


def names(found: list[AssetUsage]) -> list[str]:
    return [each.asset.path for each in found]


async def test_calls_errors_and_latencies_are_counted_by_tool_caller_day_and_hour(world: World) -> None:
    ann = await world.holding(*CALLER)
    await called(world, ann, "weather", "forecast", seconds=0.004, times=3)
    await called(world, ann, "weather", "archive", seconds=0.2, outcome="tool_error")
    await called(world, ann, "weather", "archive", seconds=60, outcome="cancelled")
    views = world.services.usage
    found = await views.of(SYSTEM, "server", "weather", days=1)
    assert (found.total.calls, found.total.errors) == (5, 1)
    assert (found.total.within(0.5), found.total.within(0.8), found.total.within(0.95)) == (5, 250, None)
    assert found.total.histogram == [3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert {name: (each.calls, each.errors) for name, each in found.tools.items()} == {
        "forecast": (3, 0), "archive": (2, 1)
    }  # fmt: skip
    assert {name: each.calls for name, each in found.callers.items()} == {"token:ann": 5}
    assert {name: each.calls for name, each in found.periods.items()} == {"2026-11-20": 5}
    hourly = await views.of(SYSTEM, "server", "weather", days=1, hourly=True)
    assert {name: each.calls for name, each in hourly.periods.items()} == {"2026-11-20T12": 5}


async def test_a_refused_call_is_no_use(world: World) -> None:
    with pytest.raises(Exception, match="call"):
        await world.services.invocation.enter(ANN, "weather", "tools/call", "forecast")
    assert await total(world.services.usage.usage) == {}
    assert (await world.services.usage.of(SYSTEM, "server", "weather", days=1)).total.calls == 0


async def test_lists_and_streams_are_no_use(world: World) -> None:
    call = await world.services.invocation.enter(SYSTEM, "weather", "tools/list")
    world.services.invocation.leave(call, "ok")
    await world.services.usage.usage.flush()
    assert await world.store.collections() == [
        name for name in await world.store.collections() if not name.startswith("usage")
    ]


async def test_other_callers_are_named_to_who_may_read_the_audit_alone(world: World) -> None:
    ann, bob = await world.holding(*CALLER), await world.holding(*CALLER, who=BOB, name="other")
    await called(world, ann, "weather", "forecast")
    await called(world, bob, "weather", "forecast", times=2)
    views = world.services.usage
    seen = await views.of(ann, "server", "weather", days=1)
    assert (seen.total.calls, [*seen.callers]) == (3, ["token:ann"])
    auditor = await world.holding(Grant(kinds=["registry"], actions=["audit"]), who=Principal(subject="eve"), name="a")
    assert [*(await views.of(auditor, "server", "weather", days=1)).callers] == ["token:bob", "token:ann"]


async def test_hidden_assets_and_tools_take_no_part(world: World) -> None:
    await world.put_server("vault", ("open",), groups=["staff"])
    await called(world, SYSTEM, "vault", "open", times=9)
    await called(world, SYSTEM, "weather", "forecast")
    await called(world, SYSTEM, "weather", "archive", times=5)
    ann = await world.holding(Grant(assets=["weather"], tools=["archive"], effect="deny"))
    views = world.services.usage
    popular = await views.view(ann, "popular", days=1, limit=10)
    assert [(each.asset.path, each.total.calls) for each in popular] == [("weather", 1)]
    seen = await views.of(ann, "server", "weather", days=1)
    assert ([*seen.tools], seen.total.calls) == (["forecast"], 1)
    assert [each.calls for each in seen.periods.values()] == [1]
    with pytest.raises(NotFound):
        await views.of(ann, "server", "vault", days=1)


async def test_popular_recent_and_unused(world: World) -> None:
    await world.put_server("idle", ("rest",))
    await called(world, SYSTEM, "weather", "forecast", times=3)
    views = world.services.usage
    await views.usage.flush()
    world.clock.pass_(120)
    await called(world, SYSTEM, "post", "quote")
    assert names(await views.view(SYSTEM, "popular", days=7, limit=10)) == ["weather", "post"]
    assert names(await views.view(SYSTEM, "recent", days=7, limit=10)) == ["post", "weather"]
    assert names(await views.view(SYSTEM, "unused", days=7, limit=10)) == ["idle"]
    assert names(await views.view(SYSTEM, "popular", days=7, limit=1)) == ["weather"]
    world.clock.pass_(8 * 86_400)
    assert names(await views.view(SYSTEM, "popular", days=7, limit=10)) == []
    assert names(await views.view(SYSTEM, "unused", days=7, limit=2)) == ["idle", "post"]


async def test_the_next_asset_of_a_path_starts_anew(world: World) -> None:
    await called(world, SYSTEM, "weather", "forecast")
    await world.services.usage.usage.flush()
    await called(world, SYSTEM, "weather", "forecast")
    await world.services.catalog.delete(SYSTEM, "server", "weather")
    await world.put_server("weather", ("forecast",))
    assert (await world.services.usage.of(SYSTEM, "server", "weather", days=7)).total.calls == 0


async def test_what_is_too_old_is_removed() -> None:
    clock = FakeClock()
    usage = Usage(MemoryStore(), clock, hours_kept=2, days_kept=5)
    for _ in range(10):
        counted(usage, "server", "weather", "forecast")
        await usage.flush()
        clock.pass_(86_400)
        await usage.flush()  # as it is every minute: what is counted is of the time since
    await usage.tidy()
    assert await total(usage, HOURS) == {"server/weather": 2}
    assert await total(usage, DAYS) == {"server/weather": 5}


async def test_replicas_count_side_by_side_and_become_one_when_the_period_is_over() -> None:
    store, clock = MemoryStore(), FakeClock()
    usages = [Usage(store, clock) for _ in range(3)]
    for number, usage in enumerate(usages, 1):
        counted(usage, "server", "weather", "forecast", times=number)
        await usage.flush()
    assert await total(usages[0]) == {"server/weather": 6}
    assert len([each async for each in store.find(DAYS)]) == 3
    clock.pass_(2 * 86_400)
    for usage in usages:
        await usage.tidy()
    assert len([each async for each in store.find(DAYS)]) == 1
    assert len([each async for each in store.find(HOURS)]) == 1
    assert await total(usages[0]) == {"server/weather": 6}


async def test_a_process_that_ends_while_it_makes_one_document_of_many_counts_nothing_twice() -> None:
    class Dying(MemoryStore):
        async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
            raise Internal("killed")

    store, clock = Dying(), FakeClock()
    usages = [Usage(store, clock) for _ in range(3)]
    for usage in usages:
        counted(usage, "server", "weather", "forecast")
        await usage.flush()
    clock.pass_(2 * 86_400)
    with pytest.raises(Internal):
        await usages[0].tidy()
    alive = MemoryStore()
    for collection in (HOURS, DAYS):
        async for document in store.find(collection):
            await alive.put(collection, document.key, document.body)
    again = Usage(alive, clock)
    await again.tidy()
    assert await total(again, HOURS) == {"server/weather": 3}


async def test_what_could_not_be_written_is_written_once_with_the_next() -> None:
    store, clock = FailingStore(), FakeClock()
    usage = Usage(store, clock)
    dice, wanted = random.Random(6), 0
    for _ in range(20):
        store.failing, store.passing = dice.random() < 0.7, dice.randrange(3)
        counted(usage, "server", "weather", "forecast")
        counted(usage, "server", "post", "quote")
        wanted += 1
        try:
            await usage.flush()
        except Internal:
            continue
    store.failing = False
    await usage.flush()
    assert await total(usage) == {"server/weather": wanted, "server/post": wanted}
    assert await total(usage, HOURS) == {"server/weather": wanted, "server/post": wanted}


async def test_callers_and_tools_beyond_the_bounds_are_counted_as_others() -> None:
    clock, store = FakeClock(), MemoryStore()
    usage = Usage(store, clock)
    for number in range(3 * MOST_COUNTERS):
        counted(usage, "server", "weather", f"tool-{number % (2 * TOOLS)}", subject=f"caller-{number}")
    assert len(usage._counters) <= 2 * MOST_COUNTERS + 1
    counted(usage, "server", "weather", "tool-0", subject="caller-1", times=5000)
    await usage.flush()
    for collection in (HOURS, DAYS):
        (document,) = [each async for each in store.find(collection)]
        tally = Tally.of(document.body)
        assert (len(tally.tools), len(tally.callers)) == (TOOLS, CALLERS[collection])
        assert sum(counter[CALLS] for counter in tally.callers.values()) == 3 * MOST_COUNTERS + 5000
        assert max(tally.tools, key=lambda name: tally.tools[name][CALLS] if name != OTHERS else 0) == "tool-0"


def test_those_with_the_most_calls_keep_their_names() -> None:
    counters = {name: [calls, *EMPTY[1:]] for name, calls in {"a": 1, "b": 9, "c": 5, OTHERS: 2, "d": 5}.items()}
    assert {name: counter[CALLS] for name, counter in bounded(counters, 3).items()} == {"b": 9, "c": 5, OTHERS: 8}
    assert bounded(counters, 5) == counters


async def test_popularity_breaks_ties_of_search_and_can_be_switched_off(world: World) -> None:
    for path in ("alike-a", "alike-b"):
        await world.services.catalog.register(
            SYSTEM, asset("server", path, name="Parcels", url="https://x.test/mcp"), fetch=False
        )
    search, usage = world.services.search, world.services.usage.usage

    async def found() -> list[str]:
        return [hit.asset.path for hit in (await search.find(SYSTEM, "parcels", kinds=["server"])).hits][:2]

    before = await found()
    counted(usage, "server", before[1], "any")
    await usage.flush()
    await usage.look()
    assert await found() == before
    search.popularity = usage.popularity
    assert await found() == before[::-1]
