"""Ways past a quarantine, and ways to keep others from a backend."""

import anyio
import pytest

from airegistry.core.assets import Agent, Server, VirtualServer
from airegistry.core.calls import failed_as
from airegistry.core.errors import BackendResting, Quarantined, RateLimited
from airegistry.core.grants import Grant
from airegistry.core.ports import UpstreamResult
from airegistry.core.principals import SYSTEM
from airegistry.core.quotas import Limit
from airegistry.gateway.errors import BadAnswer, CallRefused, CredentialRefused
from tests.core.wiring import ANN, BOB, World, build

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> World:
    world = await build()
    await world.put_server("weather", ["forecast"])
    return world


async def test_a_call_by_the_registrys_own_tool_ends_when_its_server_is_cut_off(world: World) -> None:
    who = await world.holding(Grant(assets=["weather"], tools=["forecast"]))
    started, over = anyio.Event(), anyio.Event()

    async def hang() -> None:
        started.set()
        await anyio.sleep_forever()

    world.network.pause = hang

    async def call() -> None:
        with pytest.raises(Quarantined):
            await world.services.invocation.call_tool(who, "weather", "forecast", {})
        over.set()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(call)
            await started.wait()
            _, ended = await world.services.guards.quarantine(SYSTEM, "server", "weather", "lies")
            assert ended == 1
            await over.wait()
    (event,) = await world.events(action="tools/call")
    assert (event.outcome, event.decision) == ("cancelled", "allow")


async def test_nothing_is_asked_of_a_server_in_quarantine_to_find_out_its_era(world: World) -> None:
    found = await world.services.invocation.find(ANN, "weather", "initialize", None)
    await world.services.guards.quarantine(SYSTEM, "server", "weather", "lies")
    with pytest.raises(Quarantined):
        await world.services.invocation.credential(ANN, found)  # type: ignore[arg-type]  # a server


@pytest.mark.parametrize("error", [CallRefused("403"), CredentialRefused("401")])
async def test_one_caller_whom_a_backend_refuses_does_not_keep_others_from_it(world: World, error: BadAnswer) -> None:
    grant = Grant(assets=["weather"], tools=["forecast"])
    ann, bob = await world.holding(grant, name="one"), await world.holding(grant, who=BOB, name="two")

    def refuse(method: str, params: object) -> UpstreamResult:
        raise error

    world.network.answer = refuse
    for _ in range(6):
        with pytest.raises(type(error)):
            await world.services.invocation.call_tool(ann, "weather", "forecast", {})
    assert {event.outcome for event in await world.events(action="tools/call")} == {"upstream_failed"}
    world.network.answer = lambda method, params: UpstreamResult({}, None)
    await world.services.invocation.call_tool(bob, "weather", "forecast", {})


def test_a_backend_that_fails_for_everybody_still_rests() -> None:
    assert failed_as(BadAnswer("the backend answered 500")) == "upstream_failed"
    assert failed_as(BackendResting("later", retry_after=1)) == "upstream_failed"


@pytest.mark.parametrize("named", ["sky", "forecast"])
async def test_a_limit_on_a_tool_of_a_virtual_server_holds_by_the_name_that_it_has_there(
    world: World, named: str
) -> None:
    """And by that of the server behind, where the limit is on that server."""
    guards, bundle = world.services.guards, VirtualServer(path="bundle", name="bundle")
    weather = await world.services.catalog.get(SYSTEM, "server", "weather")
    assert isinstance(weather, Server)
    on = "bundle" if named == "sky" else "weather"
    await guards.put_limit(SYSTEM, Limit(name="few", assets=[on], tools=[named], calls=1))
    guards.admit(ANN, weather, "tools/call", "forecast", via=bundle, shown="sky").release("ok")
    with pytest.raises(RateLimited):
        guards.admit(ANN, weather, "tools/call", "forecast", via=bundle, shown="sky")
    guards.admit(ANN, weather, "tools/call", "archive", via=bundle, shown="past").release("ok")


async def test_a_bound_on_calls_at_once_is_not_evaded_by_asking_for_the_answer_as_a_stream(world: World) -> None:
    guards, planner = world.services.guards, Agent(path="planner", name="planner", url="https://planner.test")
    await guards.put_limit(SYSTEM, Limit(name="one", assets=["planner"], concurrent=1))
    guards.admit(ANN, planner, "message/stream", "plan")
    for method in ("message/stream", "message/send"):
        with pytest.raises(RateLimited):
            guards.admit(ANN, planner, method, "plan")
