"""The tools that compose virtual servers, over MCP."""

import pytest

from airegistry.core.grants import Grant, Scope
from airegistry.core.principals import SYSTEM
from tests.support.mcp import Json, call, refused
from tests.tools.wiring import World, put

pytestmark = pytest.mark.anyio

FORECAST = {"server": "weather", "tool": "forecast"}


async def ask(world: World, tool_: str, /, *, by: str = "operator", **arguments: object) -> Json:
    """What a tool answers one caller."""
    async with world.client(by) as client:
        return await call(client, tool_, **arguments)


async def test_a_virtual_server_is_made_changed_listed_and_taken_down(registry: World) -> None:
    made = await ask(
        registry, "create_virtual_server", path="/desk", name="Desk", tools=[FORECAST], owner_team="office",
        description="For the office.", tags=["office"],
    )  # fmt: skip
    assert (made["kind"], made["path"], made["owner_team"]) == ("virtual_server", "desk", "office")
    assert made["endpoint"].endswith("/desk/mcp")
    (tool,) = made["tools"]
    assert (tool["name"], tool["description"], tool["server"], tool["lent"]) == (
        "forecast", "The forecast.", "weather", True,
    )  # fmt: skip
    assert "inputSchema" in tool
    problem = "not fetched and scanned yet"
    assert made["parts"] == [
        {"server": "weather", "version": "1.0.0", "health": "unknown", "tools": 1, "problem": problem}
    ]
    added = await ask(registry, "add_virtual_tool", path="desk", server="/weather", tool="archive", alias="past")
    assert [each["name"] for each in added["tools"]] == ["forecast", "past"]
    removed = await ask(registry, "remove_virtual_tool", path="desk", alias="forecast")
    assert [each["name"] for each in removed["tools"]] == ["past"]
    changed = await ask(registry, "update_virtual_server", path="desk", name="The desk", governance={"tags": ["x"]})
    assert (changed["name"], changed["tags"], [each["name"] for each in changed["tools"]]) == (
        "The desk", ["x"], ["past"],
    )  # fmt: skip
    listed = (await ask(registry, "list_virtual_servers", by="ann"))["virtual_servers"]
    assert [each["path"] for each in listed] == ["bundle", "desk"]
    assert (await ask(registry, "get_server_details", path="desk"))["parts"][0]["server"] == "weather"
    tools = (await ask(registry, "get_service_tools", path="desk"))["tools"]
    assert [(each["server"], each["name"]) for each in tools] == [("desk", "past")]
    await ask(registry, "delete_asset", kind="virtual_server", path="desk")
    with refused("not_found"):
        await ask(registry, "get_server_details", path="desk")


async def test_a_brief_list_leaves_schemas_out_and_says_how_the_parts_are(registry: World) -> None:
    await ask(registry, "create_virtual_server", path="desk", name="Desk", tools=[FORECAST])
    listed = (await ask(registry, "list_virtual_servers", detail="brief"))["virtual_servers"]
    desk = next(each for each in listed if each["path"] == "desk")
    assert desk["tools"] == [{"name": "forecast", "description": "The forecast."}]
    assert desk["parts"][0]["problem"] == "not fetched and scanned yet"


@pytest.mark.parametrize(
    "given", [{"alias": "forecast"}, {"server": "weather", "tool": "forecast"}, {"tool": "forecast"}]
)
async def test_a_tool_is_taken_out_by_its_alias_or_by_where_it_comes_from(registry: World, given: Json) -> None:
    await ask(registry, "create_virtual_server", path="desk", name="Desk", tools=[{"server": "weather", "tool": "*"}])
    left = await ask(registry, "remove_virtual_tool", path="desk", **given)
    assert [each["name"] for each in left["tools"]] == ["archive"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("create_virtual_server", {"tools": [{"server": "nowhere", "tool": "x"}]}, "not_found"),
        ("create_virtual_server", {"tools": [{**FORECAST, "alias": "no good"}]}, "invalid"),
        ("create_virtual_server", {"tools": [FORECAST, FORECAST]}, "conflict"),
        ("create_virtual_server", {"tools": [{**FORECAST, "colour": "red"}]}, "invalid"),
        ("create_virtual_server", {"tools": [{"tool": "x"}]}, "invalid"),
        ("create_virtual_server", {"path": "weather"}, "conflict"),
        ("create_virtual_server", {"path": "Not/a path"}, "invalid"),
        ("create_virtual_server", {"path": "mcp"}, "invalid"),
        ("update_virtual_server", {"path": "bundle", "governance": {"tools": []}}, "invalid"),
        ("update_virtual_server", {"path": "bundle", "governance": {"path": "x"}}, "invalid"),
        ("remove_virtual_tool", {"path": "bundle"}, "invalid"),
        ("remove_virtual_tool", {"path": "bundle", "alias": "x"}, "not_found"),
        ("add_virtual_tool", {"path": "weather", **FORECAST}, "not_found"),
        ("add_virtual_tool", {"path": "bundle", **FORECAST, "alias": ""}, "invalid"),
    ],
)  # fmt: skip
async def test_what_does_not_fit_is_refused_with_a_code(registry: World, tool: str, arguments: Json, code: str) -> None:
    named = {"path": "desk", "name": "Desk"} if tool.startswith("create") else {}
    with refused(code):
        await ask(registry, tool, **{**named, **arguments})


async def test_who_may_not_compose_is_refused(registry: World) -> None:
    with refused("access_denied"):
        await ask(registry, "create_virtual_server", by="ann", path="desk", name="Desk", tools=[FORECAST])
    with refused("access_denied"):
        await ask(registry, "add_virtual_tool", by="ann", path="bundle", **FORECAST)


async def test_what_the_caller_may_not_know_of_is_told_nowhere(registry: World) -> None:
    secret: list[Json] = [{"name": "open", "description": "Opens."}]
    await put(registry.services, "server", "safe", tools=secret, groups=["staff"])
    await ask(
        registry, "create_virtual_server", path="desk", name="Desk",
        tools=[{"server": "safe", "tool": "open", "alias": "unlock"}, {**FORECAST, "scopes": ["forecasts"]}],
    )  # fmt: skip
    for answer in (
        await ask(registry, "list_virtual_servers", by="ann"),
        await ask(registry, "get_server_details", by="ann", path="desk"),
        await ask(registry, "get_service_tools", by="ann", path="desk"),
        await ask(registry, "search_registry", by="ann", query="unlock open forecast desk"),
        await registry.ask("resources/read", {"uri": "airegistry://virtual_server/desk"}),
    ):
        assert "safe" not in str(answer)
    seen = (await ask(registry, "get_service_tools", by="ann", path="desk"))["tools"]
    assert [each["name"] for each in seen] == ["unlock"]
    seen = (await ask(registry, "get_service_tools", by="cat", path="desk"))["tools"]
    assert [each["name"] for each in seen] == ["unlock", "forecast"]


async def test_explain_access_knows_of_the_server_behind_a_tool(registry: World) -> None:
    await registry.services.policy.put_scope(SYSTEM, Scope(name="forecasts", grants=[Grant(assets=["desk"])]))
    await ask(registry, "create_virtual_server", path="desk", name="Desk", tools=[FORECAST])
    said = await ask(
        registry, "explain_access", by="cat", subject="me", action="call", asset="virtual_server/desk", tool="forecast"
    )
    assert said["allowed"] is False
    assert said["stops"] == ["the server behind it is not fetched and scanned yet"]
