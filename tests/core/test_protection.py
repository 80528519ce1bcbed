"""What is asked last before a call goes out, as the gateway asks it."""

from collections.abc import Callable
from time import perf_counter

import anyio
import pytest

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.calls import Guarded, Outcome, Permit, Protection
from airegistry.core.documents import Document, Json
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    BackendResting,
    Conflict,
    NotFound,
    Quarantined,
    RateLimited,
    UpstreamFailed,
)
from airegistry.core.grants import Grant
from airegistry.core.ports import UpstreamResult
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.protection import Guards
from airegistry.core.quotas import MAX_LIMITS, Limit
from airegistry.stores.memory import MemoryStore
from tests.core.test_breaker import Counters
from tests.core.wiring import ANN, BOB, FakeClock, World, build

pytestmark = pytest.mark.anyio
WEATHER = Server(path="weather", name="weather", url="https://weather.test/mcp")
PLANNER = Agent(path="planner", name="planner", url="https://planner.test")
BUNDLE = VirtualServer(path="bundle", name="bundle")


def guards(world: World, *, calls: int = 1000, streams: int = 1000) -> Guards:
    """Guards with other bounds, over the stores of a world."""
    services = world.services
    return Guards(
        world.store, world.shelf, services.access, services.audit, world.clock, Counters(), calls=calls, streams=streams
    )


def call(
    protection: Protection, who: Principal = ANN, asset: Guarded = WEATHER, method: str = "tools/call",
    name: str | None = "forecast", via: VirtualServer | None = None,
) -> Permit:  # fmt: skip
    return protection.admit(who, asset, method, name, via=via)


def passes(protection: Protection, outcome: Outcome = "ok", **of: object) -> bool:
    """Whether a call is let in; it ends at once."""
    try:
        call(protection, **of).release(outcome)  # type: ignore[arg-type]  # parameters of `call`
    except RateLimited:
        return False
    return True


async def test_without_limits_everything_passes(world: World) -> None:
    assert all(passes(world.services.guards) for _ in range(5000))
    world.services.guards.check(ANN, WEATHER, BUNDLE)


async def test_a_limit_holds_from_the_next_call_on_until_it_is_removed(world: World) -> None:
    protection = world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="few", calls=2, seconds=60))
    assert [passes(protection) for _ in range(3)] == [True, True, False]
    assert passes(protection, who=BOB)
    world.clock.pass_(30)
    assert [passes(protection) for _ in range(2)] == [True, False]
    await protection.delete_limit(SYSTEM, "few")
    assert all(passes(protection) for _ in range(10))
    with pytest.raises(NotFound):
        await protection.delete_limit(SYSTEM, "few")


async def test_limits_hold_after_a_restart(world: World) -> None:
    await world.services.guards.put_limit(SYSTEM, Limit(name="few", calls=1))
    later = await build(store=world.store)
    assert [passes(later.services.guards) for _ in range(2)] == [True, False]
    assert [limit.name for limit in later.services.guards.limits(SYSTEM)] == ["few"]


async def test_a_daily_quota_survives_a_restart_and_a_short_one_does_not(world: World) -> None:
    protection = world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="day", calls=3, seconds=86_400))
    await protection.put_limit(SYSTEM, Limit(name="minute", calls=3, seconds=60))
    assert [passes(protection) for _ in range(2)] == [True, True]
    await protection.save()
    later = await build(store=world.store)
    assert [passes(later.services.guards) for _ in range(2)] == [True, False]


class CountingStore(MemoryStore):
    """A store that counts what is written of quotas, and can fail at it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.broken = False

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if collection == "quotas":
            if self.broken:
                raise OSError("no space left on device")
            self.written += 1
        return await super().put(collection, key, body, expect=expect)


async def test_counts_are_written_at_the_end_and_not_while_calls_are_admitted() -> None:
    store = CountingStore()
    protection = (await build(store=store)).services.guards
    await protection.put_limit(SYSTEM, Limit(name="day", calls=100, seconds=86_400))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(protection.run)
        await anyio.lowlevel.checkpoint()
        assert all(passes(protection) for _ in range(50))
        assert store.written == 0
        tasks.cancel_scope.cancel()
    assert store.written == 1
    await protection.save()
    assert store.written == 1  # nothing was counted since


async def test_counts_are_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.protection.SAVED_EVERY", 0.001)
    store = CountingStore()
    protection = (await build(store=store)).services.guards
    await protection.put_limit(SYSTEM, Limit(name="day", calls=100, seconds=86_400))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(protection.run)
        assert passes(protection)
        with anyio.fail_after(5):
            while not store.written:  # noqa: ASYNC110  # what is waited for has no event
                await anyio.sleep(0.001)
        tasks.cancel_scope.cancel()


async def test_counts_that_cannot_be_written_are_written_later(caplog: pytest.LogCaptureFixture) -> None:
    store = CountingStore()
    protection = (await build(store=store)).services.guards
    await protection.put_limit(SYSTEM, Limit(name="day", calls=100, seconds=86_400))
    assert passes(protection)
    store.broken = True
    await protection.save()
    assert "could not be written" in caplog.text
    store.broken = False
    await protection.save()
    assert store.written == 1


async def test_the_counts_of_a_removed_limit_are_gone(world: World) -> None:
    protection = world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="day", calls=1, seconds=86_400))
    assert passes(protection)
    await protection.save()
    await protection.delete_limit(SYSTEM, "day")
    await protection.put_limit(SYSTEM, Limit(name="day", calls=1, seconds=86_400))
    later = await build(store=world.store)
    assert passes(later.services.guards)


async def test_calls_at_once_are_bounded_for_each_caller_and_streams_apart(world: World) -> None:
    protection = guards(world, calls=2, streams=1)
    running = [call(protection) for _ in range(2)]
    with pytest.raises(RateLimited, match="at most 2 calls under way") as refused:
        call(protection)
    assert refused.value.retry_after == 1
    stream = call(protection, method="stream/open", name=None)
    for method in ("stream/open", "subscriptions/listen"):
        with pytest.raises(RateLimited, match="at most 1 streams open"):
            call(protection, method=method, name=None)
    assert call(protection, BOB)
    running[0].release("ok")
    running[0].release("ok")  # the second time is none
    assert call(protection)
    with pytest.raises(RateLimited):
        call(protection)
    stream.release("cancelled")
    assert call(protection, method="subscriptions/listen", name=None)


async def test_nothing_is_remembered_of_callers_that_have_nothing_under_way(world: World) -> None:
    protection = guards(world, calls=1)
    held = call(protection)
    with pytest.raises(RateLimited):
        call(protection)
    held.release("ok")
    assert not protection._callers
    assert not protection._live


async def test_a_limit_bounds_calls_and_streams_at_once(world: World) -> None:
    protection = world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="narrow", per=["asset"], concurrent=1, streams=1))
    first = call(protection)
    with pytest.raises(RateLimited, match="limit 'narrow': 1 calls at once"):
        call(protection, BOB)
    assert call(protection, BOB, PLANNER, "message/send", None)
    stream = call(protection, BOB, method="stream/open", name=None)
    with pytest.raises(RateLimited, match="limit 'narrow': 1 streams at once"):
        call(protection, method="stream/open", name=None)
    first.release("error")
    stream.release("ok")
    assert call(protection, BOB)
    assert call(protection, method="stream/open", name=None)


async def test_a_call_refused_for_being_too_many_at_once_costs_no_token(world: World) -> None:
    protection = guards(world, calls=1)
    await protection.put_limit(SYSTEM, Limit(name="two", calls=2, seconds=3600))
    held = call(protection)
    for _ in range(5):
        assert not passes(protection)
    held.release("ok")
    assert [passes(protection) for _ in range(2)] == [True, False]


async def test_a_changed_limit_does_not_lose_count_of_what_is_under_way(world: World) -> None:
    protection = world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="narrow", concurrent=1))
    held = call(protection)
    await protection.put_limit(SYSTEM, Limit(name="narrow", concurrent=2))
    assert call(protection)
    with pytest.raises(RateLimited):
        call(protection)
    held.release("ok")
    await protection.delete_limit(SYSTEM, "narrow")
    assert passes(protection)


def failing(protection: Protection, times: int = 5, method: str = "tools/call") -> None:
    for _ in range(times):
        call(protection, method=method).release("upstream_failed")


async def test_a_backend_that_keeps_failing_is_left_alone_and_tried_again(world: World) -> None:
    protection = world.services.guards
    failing(protection)
    assert protection.circuit(WEATHER) == "open"
    with pytest.raises(BackendResting) as refused:
        call(protection)
    assert refused.value.retry_after == 5
    world.clock.pass_(5)
    probe = call(protection, BOB)
    with pytest.raises(BackendResting):
        call(protection)
    probe.release("ok")
    assert passes(protection)
    assert protection.circuit(WEATHER) == "closed"


async def test_lists_handshakes_and_streams_neither_open_a_circuit_nor_close_it(world: World) -> None:
    protection = world.services.guards
    asides = ("tools/list", "initialize", "stream/open", "server/discover", "card")
    for method in asides:
        failing(protection, method=method)
    assert protection.circuit(WEATHER) == "closed"
    failing(protection, 4)
    for method in asides:
        call(protection, method=method, name=None).release("ok")
    failing(protection, 1)
    assert protection.circuit(WEATHER) == "open"
    for method in asides:
        call(protection, method=method, name=None).release("ok")
    assert protection.circuit(WEATHER) == "open"


async def test_a_call_over_its_limit_does_not_take_the_place_of_the_probe(world: World) -> None:
    protection = world.services.guards
    failing(protection)
    world.clock.pass_(5)
    await protection.put_limit(SYSTEM, Limit(name="few", calls=1, subjects=[ANN.subject], seconds=3600))
    with pytest.raises(RateLimited):
        [call(protection, method="tools/call", asset=PLANNER) for _ in range(2)]
    with pytest.raises(RateLimited):
        call(protection)
    assert call(protection, BOB)


async def test_a_quarantined_caller_on_a_resting_backend_hears_of_the_quarantine(world: World) -> None:
    protection = world.services.guards
    failing(protection)
    await protection.quarantine(SYSTEM, "caller", ANN.subject, "for a test")
    with pytest.raises(Quarantined):
        call(protection)


async def test_refusals_are_counted_by_their_code(world: World) -> None:
    counters = Counters()
    services = world.services
    protection = Guards(world.store, world.shelf, services.access, services.audit, world.clock, counters, calls=1)
    call(protection)
    with pytest.raises(RateLimited):
        call(protection)
    assert counters.counted == [
        ("airegistry.gateway.refusals", {"code": "rate_limited", "kind": "server", "path": "weather"})
    ]


async def test_only_administrators_of_policy_set_limits_or_see_them(world: World) -> None:
    protection = world.services.guards
    acts: list[Callable[[], object]] = [
        lambda: protection.put_limit(ANN, Limit(name="mine", calls=10**9)),
        lambda: protection.delete_limit(ANN, "mine"),
    ]
    for act in acts:
        with pytest.raises(AccessDenied):
            await act()  # type: ignore[misc]  # a coroutine
    with pytest.raises(AccessDenied):
        protection.limits(ANN)
    assert [event.action for event in await world.events(decision="deny")] == ["limit:delete", "limit:put"]


async def test_limits_are_audited_and_bounded_in_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.core.protection.MAX_LIMITS", 2)
    assert MAX_LIMITS == 500
    protection = world.services.guards
    for name in ("a", "b", "a"):
        await protection.put_limit(SYSTEM, Limit(name=name, calls=1))
    with pytest.raises(Conflict, match="2 limits already"):
        await protection.put_limit(SYSTEM, Limit(name="c", calls=1))
    events = await world.events(action="limit:put")
    assert [(event.asset, event.outcome) for event in events] == [
        ("c", "failed"),
        ("a", "ok"),
        ("b", "ok"),
        ("a", "ok"),
    ]


async def test_what_invocation_admits_is_guarded_and_let_go_when_it_ends(world: World) -> None:
    await world.put_server("weather")
    caller = await world.holding(Grant(assets=["weather"]))
    invocation, protection = world.services.invocation, world.services.guards
    await protection.put_limit(SYSTEM, Limit(name="one", concurrent=1))
    admitted = await invocation.enter(caller, "weather", "tools/call", "forecast")
    with pytest.raises(RateLimited):
        await invocation.enter(caller, "weather", "tools/call", "forecast")
    invocation.leave(admitted, "ok")
    await invocation.call_tool(caller, "weather", "forecast", {})
    (refused,) = await world.events(action="tools/call", decision="deny")
    assert refused.reason == "rate_limited: limit 'one': 1 calls at once"


async def test_calls_of_call_tool_that_fail_open_the_circuit(world: World) -> None:
    await world.put_server("weather")
    caller = await world.holding(Grant(assets=["weather"]))

    def broken(method: str, params: Json) -> UpstreamResult:
        raise UpstreamFailed("it is down")

    world.network.answer = broken
    seen: list[type[AirError]] = []
    for _ in range(7):
        with pytest.raises(UpstreamFailed) as failed:
            await world.services.invocation.call_tool(caller, "weather", "forecast", {})
        seen.append(failed.type)
    assert seen == [UpstreamFailed] * 5 + [BackendResting] * 2
    assert len(world.network.called) == 5


async def test_admission_costs_microseconds(world: World) -> None:
    """Far from the figures of docs/protection.md, so that a busy machine or a tracer does not fail it; an accident
    would."""
    protection = world.services.guards

    def cost() -> float:
        best = float("inf")
        for _ in range(5):
            began = perf_counter()
            for _ in range(1000):
                call(protection).release("ok")
            best = min(best, (perf_counter() - began) / 1000)
        return best * 1e6

    assert cost() < 200
    for number in range(50):
        await protection.put_limit(SYSTEM, Limit(name=f"limit-{number}", calls=10**9, seconds=1))
    assert cost() < 1000


def test_it_is_the_port_of_the_core() -> None:
    access, clock = Access(), FakeClock()
    store = MemoryStore()
    protection: Protection = Guards(store, None, access, None, clock, Counters())  # type: ignore[arg-type]  # unused
    assert call(protection)
