"""What happens around a call: who is let through, and what is written down."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from airegistry.core import audit as trail
from airegistry.core.assets import Json
from airegistry.core.errors import (
    AccessDenied,
    ApprovalRequired,
    Internal,
    Invalid,
    NotFound,
    ScanFailed,
    Unsupported,
    UpstreamFailed,
)
from airegistry.core.grants import CALLS, PLUMBING, Grant
from airegistry.core.ports import UpstreamResult
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
async def caller(world: World) -> Principal:
    """Who may call the tool `forecast` of a registered server `weather`, and nothing else of it."""
    await world.put_server("weather", ["forecast", "archive"], data_classification="internal")
    return await world.holding(Grant(assets=["weather"], tools=["forecast"]))


async def test_an_admitted_call_goes_out_and_is_audited_when_it_ends(world: World, caller: Principal) -> None:
    call = await world.services.invocation.enter(caller, "weather", "tools/call", "forecast")
    assert (call.server.path, call.name, call.reason) == ("weather", "forecast", "granted by scope scope")
    assert await world.events(action="tools/call") == []
    world.clock.pass_(0.25)
    world.services.invocation.leave(call, "ok")
    (event,) = await world.events(action="tools/call")
    assert (event.subject, event.asset, event.tool, event.scopes) == ("token:ann", "weather", "forecast", ["scope"])
    assert (event.decision, event.outcome, event.latency_ms) == ("allow", "ok", 250)
    assert (event.target, event.data_classification) == ("https://weather.test/mcp", "internal")


Refused = Callable[[World], Awaitable[object]]


async def _stdio(world: World) -> None:
    await world.services.catalog.register(SYSTEM, asset("server", "x", transport="stdio", command="npx"))


async def _unfetched(world: World) -> None:
    await world.services.catalog.register(SYSTEM, world.server("x"), fetch=False)


async def _disabled(world: World) -> None:
    await world.put_server("x")
    await world.services.catalog.toggle(SYSTEM, "server", "x", False)


async def _held(world: World) -> None:
    await world.put_server("x", description="a\u202eb")


async def _hidden(world: World) -> None:
    await world.put_server("x", visibility="private")


async def _drafted(world: World) -> None:
    await world.put_server("x", stage="draft")


async def _virtual(world: World) -> None:
    await world.services.catalog.register(SYSTEM, asset("virtual_server", "x"))


async def _absent(world: World) -> None:
    return None


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (_absent, NotFound),
        (_hidden, NotFound),
        (_drafted, NotFound),
        (_disabled, NotFound),
        (_held, ScanFailed),
        (_unfetched, ScanFailed),
        (_stdio, Unsupported),
        (_virtual, Unsupported),
    ],
)
async def test_a_server_that_cannot_be_called_is_refused_and_the_refusal_audited(
    world: World, prepare: Refused, error: type[Exception]
) -> None:
    await prepare(world)
    wild = await world.holding(Grant())
    with pytest.raises(error):
        await world.services.invocation.enter(wild, "x", "tools/call", "forecast")
    (event,) = await world.events(action="tools/call")
    assert (event.decision, event.outcome, event.asset, event.tool) == ("deny", "refused", "x", "forecast")


@pytest.mark.parametrize(
    ("method", "name", "error"),
    [
        ("tools/call", "archive", AccessDenied),
        ("prompts/get", "daily", AccessDenied),
        ("resources/read", "file:///x", AccessDenied),
        ("resources/subscribe", "file:///x", AccessDenied),
        ("completion/complete", "daily", AccessDenied),
        ("tools/call", None, Invalid),
        ("prompts/list", None, None),
        ("tools/list", None, None),
        ("initialize", None, None),
        ("ping", None, None),
    ],
)
async def test_methods_are_admitted_by_what_they_do(
    world: World, caller: Principal, method: str, name: str | None, error: type[Exception] | None
) -> None:
    if error is None:
        assert (await world.services.invocation.enter(caller, "weather", method, name)).method == method
        return
    with pytest.raises(error):
        await world.services.invocation.enter(caller, "weather", method, name)
    (event,) = await world.events(action=method)
    assert event.decision == "deny"


async def test_methods_outside_a_grant_are_refused(world: World) -> None:
    await world.put_server("weather")
    caller = await world.holding(Grant(assets=["weather"], methods=["tools/*"]))
    assert await world.services.invocation.enter(caller, "weather", "tools/list")
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", "prompts/list")


async def test_lists_show_what_may_be_used(world: World, caller: Principal) -> None:
    call = await world.services.invocation.enter(caller, "weather", "tools/list")
    may_use = world.services.invocation.may_use
    assert may_use(call, "tools", "forecast")
    assert not may_use(call, "tools", "archive")
    assert not may_use(call, "prompts", "daily")


async def test_a_version_is_called_by_its_number(world: World, caller: Principal) -> None:
    await world.put_server("weather", version="2.0.0", url="https://two.test/mcp")
    call = await world.services.invocation.enter(caller, "weather", "tools/call", "forecast", version="2.0.0")
    assert call.server.url == "https://two.test/mcp"
    with pytest.raises(NotFound):
        await world.services.invocation.enter(caller, "weather", "tools/call", "forecast", version="3.0.0")


async def test_a_revoked_grant_refuses_the_next_call(world: World, caller: Principal) -> None:
    await world.services.policy.delete_scope(SYSTEM, "scope")
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", "tools/call", "forecast")


async def test_no_call_goes_out_while_the_trail_cannot_be_written(
    world: World, caller: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "MAX_BACKLOG", 0)
    with pytest.raises(Internal):
        await world.services.invocation.call_tool(caller, "weather", "forecast", {})
    assert world.network.called == []


async def test_call_tool_sends_the_call_and_gives_the_answer_back(world: World, caller: Principal) -> None:
    answer = await world.services.invocation.call_tool(caller, "/weather", "forecast", {"city": "Bern"})
    params: Json = {"name": "forecast", "arguments": {"city": "Bern"}}
    assert answer.result == {"content": [], "echo": params}
    assert world.network.called == [("weather", "tools/call", params, "token:ann")]


def _unreachable(method: str, params: Json) -> UpstreamResult:
    raise UpstreamFailed("no answer")


def _fault(method: str, params: Json) -> UpstreamResult:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (lambda method, params: UpstreamResult({"isError": True}, None), "tool_error", "granted by scope scope"),
        (lambda method, params: UpstreamResult(None, {"code": -1}), "error", "granted by scope scope"),
        (lambda method, params: UpstreamResult(None, None), "ok", "granted by scope scope"),
        (_unreachable, "upstream_failed", "upstream_failed: no answer"),
        (_fault, "error", "granted by scope scope"),
    ],
)
async def test_the_outcome_of_call_tool_is_audited(
    world: World, caller: Principal, answer: Callable[[str, Json], UpstreamResult], outcome: str, reason: str
) -> None:
    world.network.answer = answer
    try:
        await world.services.invocation.call_tool(caller, "weather", "forecast", {})
    except (UpstreamFailed, RuntimeError):
        assert answer in (_unreachable, _fault)
    (event,) = await world.events(action="tools/call")
    assert (event.decision, event.outcome, event.reason) == ("allow", outcome, reason)


async def test_a_cancelled_call_is_audited_as_such(world: World, caller: Principal) -> None:
    with anyio.CancelScope() as scope:

        def hang(method: str, params: Json) -> UpstreamResult:
            scope.cancel()
            return UpstreamResult({}, None)

        world.network.answer = hang
        await world.services.invocation.call_tool(caller, "weather", "forecast", {})
    (event,) = await world.events(action="tools/call")
    assert event.outcome == "cancelled"


async def test_a_tool_the_server_does_not_have_is_not_found(world: World, caller: Principal) -> None:
    wide = await world.holding(Grant(assets=["weather"]), name="wide")
    with pytest.raises(NotFound, match="has no tool named 'rain'"):
        await world.services.invocation.call_tool(wide, "weather", "rain", {})
    assert world.network.called == []
    (event,) = await world.events(action="tools/call")
    assert (event.outcome, event.decision) == ("refused", "deny")
    assert event.reason.startswith("not_found: server 'weather' has no tool named 'rain'")


async def test_names_that_are_no_unicode_are_refused_and_audited(world: World, caller: Principal) -> None:
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", "tools/call", "\ud800")
    (event,) = await world.events(decision="deny")
    assert event.tool == "?"


async def test_a_server_approved_for_dev_is_called_in_dev_only() -> None:
    world = await build(environment="production")
    await world.put_server("weather", who=SYSTEM)
    with pytest.raises(NotFound):
        await world.services.invocation.enter(SYSTEM, "weather", "ping")
    await world.services.stages.transition(SYSTEM, "server", "weather", "approved_production", "seen")
    assert await world.services.invocation.enter(ANN, "weather", "ping")


async def test_what_needs_a_persons_approval_is_refused_until_one_can_be_asked(world: World) -> None:
    await world.put_server("weather", ["forecast", "archive"], requires_approval=["forecast"])
    caller = await world.holding(Grant(assets=["weather"]))
    with pytest.raises(ApprovalRequired):
        await world.services.invocation.enter(caller, "weather", "tools/call", "forecast")
    assert await world.services.invocation.enter(caller, "weather", "tools/call", "archive")
    with pytest.raises(ApprovalRequired, match="forecast of server 'weather' needs a person's approval"):
        await world.services.invocation.call_tool(caller, "weather", "forecast", {})
    assert world.network.called == []
    for event in await world.events(decision="deny"):
        assert (event.tool, event.outcome) == ("forecast", "refused")
        assert event.reason.startswith("approval_required")


@pytest.mark.parametrize("method", ["things/cancel", "vendor/wipe", "notifications", ""])
async def test_a_method_nobody_knows_needs_the_right_to_call_everything_of_the_server(
    world: World, caller: Principal, method: str
) -> None:
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", method)
    wide = await world.holding(Grant(assets=["weather"]), name="wide")
    assert await world.services.invocation.enter(wide, "weather", method)
    assert await world.services.invocation.enter(caller, "weather", "notifications/initialized")


async def test_operators_too_need_a_persons_approval(world: World) -> None:
    await world.put_server("weather", requires_approval=["forecast"])
    with pytest.raises(ApprovalRequired):
        await world.services.invocation.call_tool(SYSTEM, "weather", "forecast", {})


async def test_only_who_may_call_a_tool_learns_that_it_needs_approval(world: World) -> None:
    await world.put_server("weather", requires_approval=["forecast"])
    caller = await world.holding(Grant(assets=["weather"], tools=["archive"]))
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", "tools/call", "forecast")


@pytest.mark.parametrize("method", [*sorted(PLUMBING), "notifications/initialized", "notifications/cancelled"])
async def test_plumbing_and_notifications_need_the_right_to_read_and_no_other(world: World, method: str) -> None:
    await world.put_server("weather")
    reader = await world.holding(Grant(assets=["weather"], actions=["read"]))
    assert await world.services.invocation.enter(reader, "weather", method)
    denied = await world.holding(Grant(assets=["weather"], actions=["read"], effect="deny"), name="no-reading")
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(denied, "weather", method)


@pytest.mark.parametrize("method", [*sorted(CALLS), "things/cancel", "vendor/wipe"])
async def test_the_right_to_read_is_none_to_call(world: World, method: str) -> None:
    await world.put_server("weather")
    reader = await world.holding(Grant(assets=["weather"], actions=["read"]))
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(reader, "weather", method, "forecast")


@pytest.mark.parametrize("part", [{"tools": ["f*"]}, {"methods": ["tools/*"]}])
async def test_a_method_nobody_knows_is_refused_to_who_may_call_all_of_a_part(
    world: World, part: dict[str, list[str]]
) -> None:
    await world.put_server("weather")
    caller = await world.holding(Grant(assets=["weather"], **part))
    with pytest.raises(AccessDenied):
        await world.services.invocation.enter(caller, "weather", "vendor/wipe")
    named = await world.holding(Grant(assets=["weather"], methods=["vendor/*"]), name="named")
    assert await world.services.invocation.enter(named, "weather", "vendor/wipe")
