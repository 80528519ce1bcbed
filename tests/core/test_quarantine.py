"""Callers and assets that are cut off."""

import pytest

from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.errors import AccessDenied, AirError, Conflict, Invalid, NotFound, Quarantined
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.quarantine import Cut
from tests.core.test_protection import BUNDLE, PLANNER, WEATHER, call
from tests.core.wiring import ANN, BOB, World, asset, build

pytestmark = pytest.mark.anyio
ADMIN = Principal("user:admin", operator=True)


@pytest.fixture
async def furnished(world: World) -> World:
    """A world with a server, an agent and a virtual server."""
    await world.put_server("weather")
    card = {"name": "planner", "url": "https://planner.test"}
    for kind, fields in (("agent", {"card": card}), ("virtual_server", {})):
        path = "planner" if kind == "agent" else "bundle"
        await world.services.catalog.register(SYSTEM, asset(kind, path, **fields), fetch=False)
    return world


async def test_a_caller_is_cut_off_from_everything(furnished: World) -> None:
    protection = furnished.services.guards
    made, ended = await protection.quarantine(ADMIN, "caller", "token:ann", "leaked")
    assert (made.kind, made.id, made.reason, made.by, ended) == ("caller", "token:ann", "leaked", "user:admin", 0)
    for each in (WEATHER, PLANNER, BUNDLE):
        with pytest.raises(Quarantined, match="you are cut off by an administrator"):
            call(protection, asset=each)
        with pytest.raises(Quarantined):
            protection.check(ANN, each)
        assert call(protection, BOB, each)
    assert (protection.is_quarantined("token:ann"), protection.is_quarantined("token:bob")) == (True, False)


async def test_whoever_acts_for_others_is_cut_off_as_their_actor_too(furnished: World) -> None:
    protection = furnished.services.guards
    await protection.quarantine(ADMIN, "caller", "issuer:acme:bot", "rogue")
    with pytest.raises(Quarantined):
        call(protection, Principal("user:ann", actor="issuer:acme:bot"))
    assert call(protection, Principal("user:ann"))


@pytest.mark.parametrize(
    ("kind", "path", "cut", "spared"),
    [("server", "weather", WEATHER, PLANNER), ("agent", "planner", PLANNER, WEATHER)],
)
async def test_a_backend_is_cut_off_for_everybody(
    furnished: World, kind: Cut, path: str, cut: Server | Agent, spared: Server | Agent
) -> None:
    protection = furnished.services.guards
    await protection.quarantine(ADMIN, kind, f"/{path}", "hacked")
    for who in (ANN, BOB, ADMIN):
        with pytest.raises(Quarantined, match=f"{kind} '{path}' is cut off by an administrator"):
            call(protection, who, cut)
        assert call(protection, who, spared)


async def test_a_virtual_server_is_cut_off_and_what_it_lends_is_not(furnished: World) -> None:
    protection = furnished.services.guards
    running = [call(protection, via=BUNDLE), call(protection)]
    cut: list[int] = []
    for number, permit in enumerate(running):
        permit.on_cut(lambda number=number: cut.append(number))  # type: ignore[misc]  # bound early
    _, ended = await protection.quarantine(ADMIN, "virtual_server", "bundle", "wrong tools")
    assert (cut, ended) == ([0], 1)
    with pytest.raises(Quarantined):
        call(protection, via=BUNDLE)
    with pytest.raises(Quarantined):
        call(protection, asset=BUNDLE, method="subscriptions/listen", name=None)
    with pytest.raises(Quarantined):
        protection.check(ANN, VirtualServer(path="bundle", name="bundle"))
    assert call(protection)


async def test_calls_and_streams_under_way_are_cut_at_once(furnished: World) -> None:
    protection = furnished.services.guards
    cut: list[str] = []
    for who, method in ((ANN, "tools/call"), (ANN, "stream/open"), (BOB, "tools/call"), (BOB, "stream/open")):
        name = f"{who.subject} {method}"
        call(protection, who, method=method).on_cut(lambda name=name: cut.append(name))  # type: ignore[misc]
    _, ended = await protection.quarantine(ADMIN, "caller", ANN.subject, "leaked")
    assert (sorted(cut), ended) == (["token:ann stream/open", "token:ann tools/call"], 2)
    _, ended = await protection.quarantine(ADMIN, "server", "weather", "hacked")
    assert (len(cut), ended) == (4, 4)  # those of ann are on their way out still, and are cut once


async def test_a_call_that_is_cut_before_it_listens_is_cut_when_it_does(furnished: World) -> None:
    protection = furnished.services.guards
    permit = call(protection)
    await protection.quarantine(ADMIN, "caller", ANN.subject, "leaked")
    cut: list[int] = []
    permit.on_cut(lambda: cut.append(1))
    assert cut == [1]


async def test_a_call_that_has_ended_is_not_cut(furnished: World) -> None:
    protection = furnished.services.guards
    cut: list[int] = []
    permit = call(protection)
    permit.on_cut(lambda: cut.append(1))
    permit.release("ok")
    _, ended = await protection.quarantine(ADMIN, "caller", ANN.subject, "leaked")
    assert (cut, ended) == ([], 0)


async def test_one_call_that_fails_to_end_does_not_save_the_others(
    furnished: World, caplog: pytest.LogCaptureFixture
) -> None:
    protection = furnished.services.guards
    cut: list[int] = []

    def broken() -> None:
        raise RuntimeError("boom")

    for _ in range(2):
        permit = call(protection)
        permit.on_cut(broken)
        permit.on_cut(lambda: cut.append(1))
    await protection.quarantine(ADMIN, "caller", ANN.subject, "leaked")
    assert cut == [1, 1]
    assert "could not be cut off" in caplog.text


async def test_it_is_listed_lifted_and_holds_after_a_restart(furnished: World) -> None:
    protection = furnished.services.guards
    await protection.quarantine(ADMIN, "server", "weather", "hacked")
    furnished.clock.pass_(60)
    await protection.quarantine(ADMIN, "caller", "token:ann", "leaked")
    later = (await build(store=furnished.store, log=furnished.log)).services.guards
    listed = [(each.kind, each.id, each.reason, each.by) for each in later.quarantines(ADMIN)]
    assert listed == [
        ("caller", "token:ann", "leaked", "user:admin"),
        ("server", "weather", "hacked", "user:admin"),
    ]
    with pytest.raises(Quarantined):
        call(later)
    assert (await later.lift_quarantine(ADMIN, "caller", "token:ann")).reason == "leaked"
    assert (await later.lift_quarantine(ADMIN, "server", "/weather")).id == "weather"
    assert call(later)
    with pytest.raises(NotFound):
        await later.lift_quarantine(ADMIN, "server", "weather")
    assert (await build(store=furnished.store)).services.guards.quarantines(ADMIN) == []


async def test_another_reason_keeps_the_time(furnished: World) -> None:
    protection = furnished.services.guards
    first, _ = await protection.quarantine(ADMIN, "caller", "token:ann", "leaked")
    furnished.clock.pass_(60)
    again, _ = await protection.quarantine(ADMIN, "caller", "token:ann", "leaked, and used")
    assert (again.since, again.reason) == (first.since, "leaked, and used")
    assert len(protection.quarantines(ADMIN)) == 1


async def test_what_another_process_stored_holds_after_a_reload_and_cuts(furnished: World) -> None:
    protection = furnished.services.guards
    other = await build(store=furnished.store, log=furnished.log)
    cut: list[int] = []
    call(protection).on_cut(lambda: cut.append(1))
    await other.services.guards.quarantine(ADMIN, "caller", ANN.subject, "leaked")
    await protection.reload()
    assert cut == [1]
    with pytest.raises(Quarantined):
        call(protection)


@pytest.mark.parametrize(
    ("kind", "id_", "reason", "error"),
    [
        ("caller", "user:admin", "oops", Conflict),
        ("caller", " user:admin ", "oops", Conflict),
        ("caller", "operator", "coup", Conflict),
        ("caller", "system", "coup", Conflict),
        ("caller", "", "why", Invalid),
        ("caller", "x" * 513, "why", Invalid),
        ("caller", "user:eve", "  ", Invalid),
        ("server", "wether", "typing error", NotFound),
        ("agent", "weather", "no agent", NotFound),
        ("server", "bundle", "a virtual one", NotFound),
        ("server", "../x", "no path", Invalid),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    furnished: World, kind: Cut, id_: str, reason: str, error: type[AirError]
) -> None:
    with pytest.raises(error):
        await furnished.services.guards.quarantine(ADMIN, kind, id_, reason)
    assert furnished.services.guards.quarantines(ADMIN) == []


async def test_only_administrators_of_policy_cut_off_lift_or_see(furnished: World) -> None:
    protection = furnished.services.guards
    with pytest.raises(AccessDenied):
        await protection.quarantine(ANN, "caller", "token:bob", "rival")
    with pytest.raises(AccessDenied):
        await protection.lift_quarantine(ANN, "caller", "token:ann")
    with pytest.raises(AccessDenied):
        protection.quarantines(ANN)


async def test_it_is_audited_with_its_reason(furnished: World) -> None:
    protection = furnished.services.guards
    await protection.quarantine(ADMIN, "caller", "token:ann", "leaked")
    await protection.lift_quarantine(ADMIN, "caller", "token:ann")
    lifted, made = (await furnished.events(subject="user:admin"))[:2]
    assert (made.action, made.kind, made.asset, made.outcome) == ("quarantine:put", "caller", "token:ann", "ok")
    assert made.reason == "operator; leaked; calls ended: 0"
    assert (lifted.action, lifted.asset, lifted.outcome) == ("quarantine:lift", "token:ann", "ok")


async def test_a_refused_call_is_in_the_trail(furnished: World) -> None:
    caller = await furnished.holding(Grant(assets=["weather"]))
    await furnished.services.guards.quarantine(ADMIN, "caller", caller.subject, "leaked")
    with pytest.raises(Quarantined):
        await furnished.services.invocation.call_tool(caller, "weather", "forecast", {})
    assert furnished.network.called == []
    (refused,) = await furnished.events(action="tools/call")
    assert (refused.decision, refused.reason) == ("deny", "quarantined: you are cut off by an administrator")
