"""Servers behind a virtual one that are out of order, pinned, need approval, or are listened to."""

from collections.abc import Callable
from typing import Any

import pytest

from airegistry.core.assets import GONE, Json, Resource, Server
from airegistry.core.calls import Backend, Call, NoCredentials, Outcome
from airegistry.core.composing import read_wishes
from airegistry.core.errors import (
    AirError,
    ApprovalRequired,
    ConsentRequired,
    NotFound,
    Quarantined,
    RateLimited,
    ScanFailed,
    UnknownTool,
)
from airegistry.core.invocation import Invocation
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.scans import SECURITY_PENDING
from airegistry.gateway.virtual import VirtualServers
from tests.core.virtual import compose, put
from tests.core.wiring import World
from tests.gateway.virtual.office import CLIENT, OF_DESK, call, furnished, rename_tools, routed, shown

pytestmark = pytest.mark.anyio


async def _disable(world: World) -> None:
    await world.services.catalog.toggle(SYSTEM, "server", "math", False)


async def _hold(world: World) -> None:
    found = await world.shelf.get("server", "math")
    assert found is not None
    held = {"enabled": False, "tags": [SECURITY_PENDING]}
    await world.shelf.replace(found[0].model_copy(update=held), found[1])


async def _delete(world: World) -> None:
    await world.services.catalog.delete(SYSTEM, "server", "math")


async def _drift(world: World) -> None:
    found = await world.shelf.get("server", "math")
    assert found is not None
    held = {"plus": GONE, "minus": GONE}
    await world.shelf.replace(found[0].model_copy(update={"held": held}), found[1])


async def _unstage(world: World) -> None:
    for stage in ("retired",):
        await world.services.stages.transition(SYSTEM, "server", "math", stage, "old")


@pytest.mark.parametrize(
    ("breaks", "error"),
    [
        (_disable, UnknownTool),
        (_hold, ScanFailed),
        (_delete, UnknownTool),
        (rename_tools, UnknownTool),
        (_drift, Quarantined),
        (_unstage, UnknownTool),
    ],
)
async def test_a_part_that_is_out_of_order_takes_only_its_own_tools_along(
    world: World, servers: VirtualServers, breaks: Callable[[World], Any], error: type[AirError]
) -> None:
    await furnished(world)
    holder = await world.holding(OF_DESK)
    desk = servers.destination(holder, "desk")
    assert "plus" in await shown(desk)
    await breaks(world)
    assert await shown(desk) == ["words_plus", "letters"]
    with pytest.raises(error) as caught:
        await desk.route("tools/call", call("plus"), CLIENT)
    assert "desk" in caught.value.message
    assert "math" not in caught.value.message
    assert (await routed(desk, "tools/call", call("letters"))).params == call("count")


async def test_a_part_pinned_to_a_version_stays_there(world: World, servers: VirtualServers) -> None:
    two = world.server("math", ("times",), version="2.0.0", url="https://math2.test/mcp")
    await world.services.catalog.register(SYSTEM, two)
    await compose(
        world, "desk",
        [{"server": "math", "tool": "times", "version": "2.0.0"}, {"server": "math", "tool": "plus"}],
    )  # fmt: skip
    desk = servers.destination(SYSTEM, "desk")
    assert await shown(desk) == ["times", "plus"]
    assert (await routed(desk, "tools/call", call("times"))).server.url == "https://math2.test/mcp"
    assert (await routed(desk, "tools/call", call("plus"))).server.version == "1.0.0"
    await _disable(world)
    assert await shown(desk) == []


async def test_approval_is_asked_for_by_either_name(world: World, servers: VirtualServers) -> None:
    await put(world, "risky", ("wipe",), requires_approval=["wipe"])
    await compose(
        world, "desk", [{"server": "risky", "tool": "wipe", "alias": "w"}, {"server": "math", "tool": "plus"}],
        requires_approval=["plus"],
    )  # fmt: skip
    for name in ("w", "plus"):
        with pytest.raises(ApprovalRequired) as caught:
            await servers.destination(SYSTEM, "desk").route("tools/call", call(name), CLIENT)
        assert "risky" not in caught.value.message


async def test_a_virtual_server_that_is_off_takes_no_calls(world: World, servers: VirtualServers) -> None:
    await furnished(world)
    await world.services.catalog.toggle(SYSTEM, "virtual_server", "desk", False)
    with pytest.raises(NotFound):
        await servers.destination(SYSTEM, "desk").route("tools/call", call("plus"), CLIENT)


async def test_each_server_that_has_watched_resources_is_listened_to(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    await put(world, "more", resources=[Resource(name="x", uri="x://1")])
    wishes = read_wishes(None, None, [{"server": "math", "uri": "*"}, {"server": "more", "uri": "x://*"}])
    await world.services.compositions.update(SYSTEM, "desk", wishes, {})
    desk = servers.destination(ann, "desk")
    wanted: Json = {
        "toolsListChanged": True,
        "resourceSubscriptions": ["air://math/const://pi", "air://more/x://1", "air://math/const://e"],
    }
    routes = await desk.listen(wanted, CLIENT)
    assert {route.server.path: route.params for route in routes} == {
        "math": {"notifications": {"resourceSubscriptions": ["const://pi", "const://e"]}},
        "more": {"notifications": {"resourceSubscriptions": ["x://1"]}},
    }
    assert routes[0].result is not None
    assert routes[0].result({"uri": "const://pi"}) == {"uri": "air://math/const://pi"}
    assert routes[0].result({"level": "info"}) == {"level": "info"}
    for route in routes:
        desk.leave(route.call, "ok")
    assert await desk.listen({"toolsListChanged": True}, CLIENT) == []


async def test_one_resource_that_may_not_be_watched_refuses_the_whole_and_leaves_nothing_open(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    wanted: Json = {"resourceSubscriptions": ["air://math/const://pi", "air://words/x://1"]}
    with pytest.raises(UnknownTool):
        await servers.destination(ann, "desk").listen(wanted, CLIENT)


async def test_a_server_that_may_not_be_listened_to_refuses_the_whole_and_leaves_nothing_open(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    await put(world, "more", resources=[Resource(name="x", uri="x://1")])
    wishes = read_wishes(None, None, [{"server": "math", "uri": "*"}, {"server": "more", "uri": "*"}])
    await world.services.compositions.update(SYSTEM, "desk", wishes, {})
    admit = servers.invocation.admit
    open_calls = 0

    class Narrow(Invocation):
        """Refuses to listen to `more`."""

        def __init__(self) -> None: ...

        async def admit(self, who: Principal, server: Server, method: str, name: str | None, **more: Any) -> Call:
            nonlocal open_calls
            if method == "subscriptions/listen":
                if server.path == "more":
                    raise RateLimited("server 'more' is busy", retry_after=1)
                open_calls += 1
            return await admit(who, server, method, name, **more)

        def leave(self, call: Call, outcome: Outcome, error: str | None = None) -> None:
            nonlocal open_calls
            open_calls -= call.method == "subscriptions/listen"
            world.services.invocation.leave(call, outcome, error)

        def answered(self, *args: Any, **more: Any) -> None: ...

        def refused(self, *args: Any, **more: Any) -> None: ...

    servers.invocation = Narrow()
    wanted: Json = {"resourceSubscriptions": ["air://math/const://pi", "air://more/x://1"]}
    with pytest.raises(RateLimited) as caught:
        await servers.destination(ann, "desk").listen(wanted, CLIENT)
    assert "more" not in caught.value.message
    assert open_calls == 0


async def test_what_is_not_lent_reads_as_unknown_when_its_server_is_gone(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await compose(world, "desk", [{"server": "math", "tool": "plus"}])
    await world.services.catalog.delete(SYSTEM, "server", "math")
    with pytest.raises(UnknownTool) as caught:
        await servers.destination(ann, "desk").route("resources/read", {"uri": "air://math/const://pi"}, CLIENT)
    assert "gone" not in caught.value.message


async def test_who_has_to_connect_an_account_is_told_where(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)

    class Asking(NoCredentials):
        """Has no credential before the caller agrees."""

        def needed(self, asset: Backend) -> bool:
            return True

        async def headers(self, who: Principal, asset: Backend) -> dict[str, str]:
            raise ConsentRequired("connect your account", url="https://registry.test/account/connections", id="1")

    servers.invocation._credentials = Asking()
    with pytest.raises(ConsentRequired) as caught:
        await servers.destination(ann, "desk").route("tools/call", call("plus"), CLIENT)
    assert caught.value.message == "connect your account"
