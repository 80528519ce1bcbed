"""Where a call of a virtual server goes, and what refusals tell."""

import pytest

from airegistry.core.assets import Json, Resource
from airegistry.core.composing import read_wishes
from airegistry.core.grants import Grant
from airegistry.core.principals import SYSTEM, Principal
from airegistry.gateway.errors import Malformed
from airegistry.gateway.fronts.destination import Answered
from airegistry.gateway.virtual import VirtualServers
from tests.core.virtual import compose, put
from tests.core.wiring import World
from tests.gateway.virtual.office import CLIENT, OF_DESK, call, furnished, refused, routed, shown

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "params", "path", "sent"),
    [
        ("tools/call", call("words_plus"), "words", call("plus")),
        ("prompts/get", {"name": "math_proof"}, "math", {"name": "proof"}),
        ("resources/read", {"uri": "air://math/const://pi"}, "math", {"uri": "const://pi"}),
        ("resources/read", {"uri": "air://math/const://e"}, "math", {"uri": "const://e"}),
        ("resources/subscribe", {"uri": "air://math/const://pi"}, "math", {"uri": "const://pi"}),
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "math_proof"}, "argument": {}}, "math",
         {"ref": {"type": "ref/prompt", "name": "proof"}, "argument": {}}),
        ("completion/complete", {"ref": {"type": "ref/resource", "uri": "air://math/const://{name}"}}, "math",
         {"ref": {"type": "ref/resource", "uri": "const://{name}"}}),
    ],
)  # fmt: skip
async def test_a_request_goes_to_the_server_behind_in_its_own_words(
    world: World, servers: VirtualServers, ann: Principal, method: str, params: Json, path: str, sent: Json
) -> None:
    await furnished(world)
    meta: Json = {"_meta": {"progressToken": 7}}
    route = await routed(servers.destination(ann, "desk"), method, {**params, **meta})
    assert (route.server.path, route.method, route.params) == (path, method, {**sent, **meta})


async def test_what_a_resource_is_called_comes_back_namespaced(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    route = await routed(servers.destination(ann, "desk"), "resources/read", {"uri": "air://math/const://pi"})
    assert route.result is not None
    assert route.result({"contents": [{"uri": "const://pi", "text": "3"}, "odd"], "x": 1}) == {
        "contents": [{"uri": "air://math/const://pi", "text": "3"}, "odd"], "x": 1,
    }  # fmt: skip
    assert route.result({"resultType": "input_required"}) == {"resultType": "input_required"}


async def test_calls_of_tools_are_not_rewritten_on_the_way_back_so_that_they_stream(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    assert (await routed(servers.destination(ann, "desk"), "tools/call", call("plus"))).result is None


async def test_a_uri_as_its_server_has_it_is_followed_where_it_means_one_thing(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    desk = servers.destination(ann, "desk")
    for uri in ("const://pi", "const://e"):
        assert (await routed(desk, "resources/read", {"uri": uri})).params == {"uri": uri}
    await put(world, "more", resources=[Resource(name="pi", uri="const://pi")])
    wishes = read_wishes([], None, [{"server": "math", "uri": "*"}, {"server": "more", "uri": "*"}])
    await world.services.compositions.update(SYSTEM, "desk", wishes, {})
    assert b"not_found" in await refused(desk, "resources/read", {"uri": "const://pi"})


async def test_a_call_is_recorded_once_on_the_server_and_tool_behind(
    world: World, servers: VirtualServers, ann: Principal
) -> None:
    await furnished(world)
    await routed(servers.destination(ann, "desk"), "tools/call", call("words_plus"))
    (event,) = await world.events(action="tools/call")
    assert (event.kind, event.asset, event.tool, event.via, event.decision) == (
        "server", "words", "plus", "virtual_server/desk", "allow",
    )  # fmt: skip


async def test_what_is_hidden_reads_like_what_does_not_exist(world: World, servers: VirtualServers) -> None:
    composer = await world.holding(
        Grant(kinds=["virtual_server"], actions=["*"]), who=Principal("token:cleo"), name="composer"
    )
    tools: list[Json] = [
        {"server": "math", "tool": "plus", "alias": "xxxx"}, {"server": "math", "tool": "minus", "scopes": ["s"]},
    ]  # fmt: skip
    await compose(world, "desk", tools, who=composer)
    ann = await world.holding(OF_DESK, Grant(assets=["words"]))
    desk = servers.destination(ann, "desk")
    assert await shown(desk) == []
    unknown = (await refused(desk, "tools/call", call("noneX"))).replace(b"noneX", b"NAME")
    for name in ("xxxx", "minus"):
        body = (await refused(desk, "tools/call", call(name))).replace(name.encode(), b"NAME")
        assert body == unknown
    for uri in ("air://math/const://pi", "air://nowhere/const://pi"):
        told = (await refused(desk, "resources/read", {"uri": uri})).replace(uri.encode(), b"NAME")
        assert b"NAME" in told
        assert b"not_found" in told
    hidden = [event for event in await world.events(action="tools/call") if event.asset == "math"]
    assert {event.tool for event in hidden} == {"plus", "minus"}
    assert {(event.decision, event.via) for event in hidden} == {("deny", "virtual_server/desk")}


async def test_who_may_not_use_a_name_is_told_the_same_whether_there_is_such_a_tool_or_not(
    world: World, servers: VirtualServers
) -> None:
    await furnished(world)
    ann = await world.holding(Grant(kinds=["virtual_server"], assets=["desk"], tools=["plus"]))
    desk = servers.destination(ann, "desk")
    assert await shown(desk) == ["plus"]
    bodies = [
        (await refused(desk, "tools/call", call(name))).replace(name.encode(), b"N") for name in ("minus", "nonesuch")
    ]
    assert bodies[0] == bodies[1]
    assert b"access_denied" in bodies[0]


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("tools/call", {}), ("tools/call", {"name": ""}), ("tools/call", {"name": 3}),
        ("resources/read", {"name": "x"}),
        ("completion/complete", {}), ("completion/complete", {"ref": {"name": "x", "uri": "y"}}),
        ("tools/list", {"cursor": "x"}), ("tasks/get", {"taskId": "x"}), ("skills/list", {}),
    ],
)  # fmt: skip
async def test_what_names_nothing_or_is_no_method_is_refused_in_the_protocols_form(
    world: World, servers: VirtualServers, method: str, params: Json
) -> None:
    await furnished(world)
    with pytest.raises(Malformed):
        await servers.destination(SYSTEM, "desk").route(method, params, CLIENT)
    (event,) = await world.events(action=method)
    assert event.decision == "deny" or event.outcome == "refused"


@pytest.mark.parametrize("uri", ["air://", "air://math", "air://math/", "air:///const://pi", "air://words/const://pi"])
async def test_a_uri_of_no_part_is_unknown(world: World, servers: VirtualServers, ann: Principal, uri: str) -> None:
    await furnished(world)
    assert b"not_found" in await refused(servers.destination(ann, "desk"), "resources/read", {"uri": uri})


async def test_a_notification_is_taken(world: World, servers: VirtualServers, ann: Principal) -> None:
    await furnished(world)
    answer = await servers.destination(ann, "desk").route("notifications/initialized", {}, CLIENT)
    assert isinstance(answer, Answered)
