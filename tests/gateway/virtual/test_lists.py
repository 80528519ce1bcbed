"""Who is offered what of a virtual server."""

from dataclasses import replace

import anyio
import pytest

from airegistry.core.assets import Server, Tool
from airegistry.core.errors import (
    AccessDenied,
    NotFound,
    Quarantined,
    UnknownTool,
)
from airegistry.core.grants import Grant
from airegistry.core.parts import Part
from airegistry.core.principals import SYSTEM, Principal
from airegistry.gateway.errors import error_body
from airegistry.gateway.fronts.destination import Answered
from airegistry.gateway.virtual import VirtualServers
from airegistry.gateway.virtual_lists import Index
from tests.core.virtual import compose, put
from tests.core.wiring import ANN, World
from tests.gateway.virtual.office import (
    CLIENT,
    LISTS,
    OF_DESK,
    call,
    furnished,
    listed,
    refused,
    rename_tools,
    routed,
    shown,
)

pytestmark = pytest.mark.anyio


async def test_a_list_has_the_definitions_of_the_servers_under_the_names_of_the_virtual_one(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    rich = Tool.model_validate(
        {"name": "plus", "title": "Plus", "description": "Adds.", "inputSchema": {"type": "object", "$defs": {"x": {}}},
         "outputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}, "_meta": {"k": [None, 1]},
         "icons": [{"src": "data:,x"}]}
    )  # fmt: skip
    await world.redefine("math", [rich])
    await compose(world, "desk", [{"server": "math", "tool": "plus", "alias": "add"}])
    (tool,) = await listed(servers.destination(ann, "desk"))
    assert tool == {**rich.model_dump(mode="json", by_alias=True, exclude_none=True), "name": "add"}


async def test_a_description_of_the_composers_stands_in_place_of_the_tools_own(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    tools = {tool["name"]: tool["description"] for tool in await listed(servers.destination(ann, "desk"))}
    assert tools == {
        "plus": "The plus.", "minus": "The minus.", "words_plus": "The plus.", "letters": "Counts letters.",
    }  # fmt: skip


async def test_prompts_and_resources_are_named_by_their_server(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    desk = servers.destination(ann, "desk")
    assert await shown(desk, "prompts/list") == ["math_proof"]
    assert await shown(desk, "resources/list", "uri") == ["air://math/const://pi"]
    assert await shown(desk, "resources/templates/list", "uriTemplate") == ["air://math/const://{name}"]


async def test_a_list_is_recorded_on_the_virtual_server(world: World, servers: VirtualServers, ann: Principal) -> None:
    await furnished(world)
    await listed(servers.destination(ann, "desk"))
    (event,) = await world.events(action="tools/list")
    assert (event.kind, event.asset, event.outcome) == ("virtual_server", "desk", "ok")


async def test_a_denial_on_the_server_behind_holds_though_the_tool_is_lent(
    world: World, servers: VirtualServers
) -> None:
    await furnished(world)
    ann = await world.holding(OF_DESK, Grant(assets=["math"], tools=["plus"], effect="deny"))
    desk = servers.destination(ann, "desk")
    assert await shown(desk) == ["minus", "words_plus", "letters"]
    assert b"not_found" in await refused(desk, "tools/call", call("plus"))


async def test_a_tool_that_asks_for_scopes_is_for_who_holds_one_of_them(world: World, servers: VirtualServers) -> None:
    await compose(world, "desk", [{"server": "math", "tool": "plus", "scopes": ["s", "t"]}])
    ann = await world.holding(OF_DESK)
    assert await shown(servers.destination(ann, "desk")) == []
    holder = Principal(ann.subject, scopes=ann.scopes | {"t"})
    assert await shown(servers.destination(holder, "desk")) == ["plus"]
    assert (await routed(servers.destination(holder, "desk"), "tools/call", call("plus"))).server.path == "math"
    assert await shown(servers.destination(SYSTEM, "desk")) == ["plus"]


async def test_what_is_not_lent_needs_the_callers_own_right(world: World, servers: VirtualServers) -> None:
    await compose(world, "desk", [{"server": "math", "tool": "plus"}])
    ann = await world.holding(OF_DESK)
    assert await shown(servers.destination(ann, "desk"), "resources/list", "uri") == []
    with pytest.raises(UnknownTool):
        await servers.destination(ann, "desk").route("resources/read", {"uri": "air://math/const://pi"}, CLIENT)
    both = await world.holding(OF_DESK, Grant(assets=["math"]))
    assert await shown(servers.destination(both, "desk"), "resources/list", "uri") == ["air://math/const://pi"]
    assert (await routed(servers.destination(both, "desk"), "resources/read", {"uri": "air://math/const://pi"})).params


async def test_the_opening_tells_what_the_caller_may_use_and_asks_nobody(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    before = len(world.network.described)
    opening = await servers.destination(ann, "desk").opening(CLIENT)
    assert set(opening.capabilities) == {"tools", "prompts", "resources", "completions", "logging"}
    assert (opening.server_info["name"], opening.instructions) == ("desk", "For the office.")
    assert len(world.network.described) == before
    narrow = await world.holding(
        Grant(kinds=["virtual_server"], assets=["desk"], methods=["tools/call"]), who=Principal("token:bo"), name="n"
    )
    assert set((await servers.destination(narrow, "desk").opening(CLIENT)).capabilities) == {"tools", "logging"}


async def test_nobody_else_learns_of_a_virtual_server_that_is_not_for_all(
    world: World, servers: VirtualServers
) -> None:
    await compose(world, "desk", [{"server": "math", "tool": "plus"}], groups=["staff"])
    told = set()
    for path in ("desk", "nonesuch"):
        destination = servers.destination(ANN, path)
        for method, params in (("tools/list", {}), ("tools/call", call("plus"))):
            with pytest.raises(NotFound) as caught:
                await destination.route(method, params, CLIENT)
            told.add(error_body(caught.value, 1))
        with pytest.raises(NotFound):
            await destination.opening(CLIENT)
    assert len(told) == 1
    assert {event.decision for event in await world.events(subject=ANN.subject)} == {"deny"}


async def test_a_version_of_a_virtual_server_is_reached_by_its_number(world: World, servers: VirtualServers) -> None:
    await compose(world, "desk", [{"server": "math", "tool": "plus"}])
    await compose(world, "desk", [{"server": "math", "tool": "minus"}], version="2.0.0")
    assert await shown(servers.destination(SYSTEM, "desk")) == ["plus"]
    second = servers.destination(SYSTEM, "desk", "2.0.0")
    assert await shown(second) == ["minus"]
    assert second.key != servers.destination(SYSTEM, "desk").key


async def test_who_waits_for_changes_is_told_which_of_its_lists_changed(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    seen: list[frozenset[str]] = []

    async def wait(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        async with servers.destination(ann, "desk").changes(lambda: None) as changes:
            task_status.started()
            async for changed in changes:
                seen.append(changed)
                if len(seen) == 2:
                    tasks.cancel_scope.cancel()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(servers.changes.run)
            await tasks.start(wait)
            await put(world, "aside", ("x",))  # concerns nobody
            await anyio.wait_all_tasks_blocked()
            assert seen == []
            await rename_tools(world)
            await anyio.wait_all_tasks_blocked()
            assert seen == [frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})]
            await world.holding(Grant(kinds=["virtual_server"], assets=["desk"], tools=["letters"]))
    assert len(seen) == 2


async def test_lists_are_printed_once_for_all_who_are_entitled_to_the_same_and_anew_after_a_change(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    other = Principal("token:other", scopes=ann.scopes)
    first, second = servers.destination(ann, "desk"), servers.destination(other, "desk")
    (one, two) = [await each.route("tools/list", {}, CLIENT) for each in (first, second)]
    assert isinstance(one, Answered)
    assert isinstance(two, Answered)
    assert one.result is two.result
    await world.services.policy.put_scope(SYSTEM, (await world.services.policy.scopes(SYSTEM))[0])
    three = await first.route("tools/list", {}, CLIENT)
    assert isinstance(three, Answered)
    assert three.result == one.result
    await world.services.compositions.remove(SYSTEM, "desk", lambda tool: tool.alias == "plus")
    assert "plus" not in await shown(first)


async def test_who_loses_a_right_loses_the_tool_at_once(world: World, servers: VirtualServers, ann: Principal) -> None:
    await furnished(world)
    desk = servers.destination(ann, "desk")
    assert len(await shown(desk)) == 4
    await world.holding(Grant(kinds=["virtual_server"], assets=["desk"], tools=["plus"]))
    assert await shown(desk) == ["plus"]
    with pytest.raises(AccessDenied):
        await desk.route("tools/call", call("minus"), CLIENT)


async def test_a_definition_that_is_hard_to_print_does_not_break_the_list(
    world: World, servers: VirtualServers
) -> None:
    await put(world, "hard", ("huge",))
    found = await world.shelf.get("server", "hard")
    assert found is not None
    huge = Tool.model_validate({"name": "huge", "inputSchema": {"type": "object", "maximum": 2**70}})
    index = Index.of(await compose(world, "desk", [{"server": "hard", "tool": "huge"}]))
    server = found[0].model_copy(update={"tools": [huge]})
    assert isinstance(server, Server)
    offer = index.offers({pin: Part(pin, server) for pin in index.pins})
    assert str(2**70).encode() in offer.printed("tools/list", lambda item, method: True)


async def test_a_server_is_no_virtual_one(world: World, servers: VirtualServers) -> None:
    with pytest.raises(NotFound):
        await servers.destination(SYSTEM, "math").opening(CLIENT)


async def test_a_virtual_server_says_who_it_is(world: World, servers: VirtualServers) -> None:
    await compose(
        world,
        "desk",
        [],
        title="The desk",
        icons=[{"src": "data:,x"}],
        documentation_url="https://desk.test/",
        version="3",
    )
    assert (await servers.destination(SYSTEM, "desk").opening(CLIENT)).server_info == {
        "name": "desk", "title": "The desk", "version": "3", "icons": [{"src": "data:,x"}],
        "websiteUrl": "https://desk.test/",
    }  # fmt: skip


async def test_who_waits_is_told_when_it_holds_other_scopes_than_when_it_came(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    now = [ann]
    with anyio.fail_after(5):
        async with servers.destination(ann, "desk", again=lambda: now[0]).changes(lambda: None) as changes:
            now[0] = replace(ann, scopes=frozenset())
            await put(world, "aside", ("x",))  # wakes all who wait
            assert "tools/list" in await anext(changes)


async def test_who_waits_while_the_virtual_server_goes_is_told_that_all_lists_changed(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    with anyio.fail_after(5):
        async with servers.destination(ann, "desk").changes(lambda: None) as changes:
            await world.services.catalog.delete(SYSTEM, "virtual_server", "desk")
            assert await anext(changes) == frozenset(LISTS)


async def test_who_waits_for_changes_is_let_go_when_the_virtual_server_is_cut_off(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    desk = servers.destination(ann, "desk")
    cut: list[bool] = []
    async with desk.changes(lambda: cut.append(True)):
        await world.services.guards.quarantine(SYSTEM, "virtual_server", "desk", "a test")
    assert cut == [True]
    with pytest.raises(Quarantined):
        async with desk.changes(lambda: None):
            raise AssertionError("unreachable")


async def test_so_many_indexes_are_kept_and_others_made_anew(
    world: World, servers: VirtualServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airegistry.gateway.virtual.INDEXED", 1)
    for path in ("desk", "office"):
        await compose(world, path, [{"server": "math", "tool": "plus"}])
    for path in ("desk", "office", "desk"):
        assert await shown(servers.destination(SYSTEM, path)) == ["plus"]
