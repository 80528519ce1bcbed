"""The tools for versions."""

from typing import Any

import pytest
from fastmcp.client.client import CallToolResult

from airegistry.core.principals import SYSTEM
from tests.core.wiring import NOON
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


@pytest.fixture
async def two(registry: World) -> World:
    """`rain` in 1.0.0, the default, and 2.0.0, both fetched."""
    await registry.core.put_server("rain", ["wet"], version="1.0.0")
    await registry.core.put_server("rain", ["dry"], version="2.0.0", url="https://two.test/mcp")
    return registry


async def ask(world: World, tool: str, subject: str = "operator", **arguments: object) -> dict[str, Any]:
    async with world.client(subject) as client:
        result: CallToolResult = await client.call_tool(tool, arguments, raise_on_error=False)
    assert result.structured_content is not None
    return result.structured_content


async def test_versions_are_listed_with_an_address_each(two: World) -> None:
    answer = await ask(two, "list_versions", "ann", path="/rain")
    assert (answer["path"], answer["default"]) == ("rain", "1.0.0")
    shown = [(each["version"], each["default"], each["callable"], each["endpoint"]) for each in answer["versions"]]
    assert shown == [
        ("1.0.0", True, True, "http://registry.test/rain@1.0.0/mcp"),
        ("2.0.0", False, True, "http://registry.test/rain@2.0.0/mcp"),
    ]
    one = await ask(two, "get_server_details", path="rain", version="2.0.0")
    assert (one["endpoint"], [tool["name"] for tool in one["tools"]]) == (shown[1][3], ["dry"])
    assert (await ask(two, "get_server_details", path="rain"))["endpoint"] == "http://registry.test/rain/mcp"


async def test_a_switch_answers_with_the_new_default(two: World) -> None:
    switched = await ask(two, "set_default_version", path="rain", version="2.0.0")
    assert (switched["version"], switched["tools"][0]["name"]) == ("2.0.0", "dry")
    denied = await ask(two, "set_default_version", "ann", path="rain", version="1.0.0")
    assert denied["code"] == "access_denied"
    assert (await ask(two, "list_versions", path="rain"))["default"] == "2.0.0"


async def test_a_version_past_its_sunset_is_shown_as_not_callable_and_not_found_for_a_task(two: World) -> None:
    found = await ask(two, "intelligent_tool_finder", "ann", task="wet")
    assert [tool["tool"] for tool in found["tools"]] == ["wet"]
    sunset, successor = NOON.isoformat(), "2.0.0"
    old = await ask(two, "deprecate_version", path="rain", version="1.0.0", sunset=sunset, successor=successor)
    assert (old["callable"], old["endpoint"]) == (False, None)
    first = (await ask(two, "list_versions", path="rain"))["versions"][0]
    assert (first["callable"], first["endpoint"], first["deprecated"]) == (False, None, True)
    assert (first["sunset"], first["deprecated_since"], first["successor"]) == (
        "2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", "2.0.0",
    )  # fmt: skip
    assert (await ask(two, "get_server_details", path="rain", version="1.0.0"))["endpoint"] is None
    assert (await ask(two, "intelligent_tool_finder", "ann", task="wet"))["tools"] == []
    back = await ask(two, "deprecate_version", path="rain", version="1.0.0", deprecated=False)
    assert back["callable"]


@pytest.mark.parametrize("tool", ["delete_version", "delete_asset"])
async def test_one_version_is_deleted_and_the_rest_stays(two: World, tool: str) -> None:
    kind = {"kind": "server"} if tool == "delete_asset" else {}
    assert (await ask(two, tool, path="rain", version="1.0.0", **kind))["code"] == "conflict"
    assert (await ask(two, tool, path="/rain", version="2.0.0", **kind))["deleted"]
    assert [each["version"] for each in (await ask(two, "list_versions", path="rain"))["versions"]] == ["1.0.0"]


async def test_what_changes_an_asset_changes_the_version_that_is_named(two: World) -> None:
    at = {"path": "rain", "version": "2.0.0"}
    await ask(two, "update_asset", kind="server", changes={"title": "Two"}, **at)
    await ask(two, "toggle_service", enabled=False, **at)
    await ask(two, "refresh_service", **at)
    await ask(two, "set_lifecycle_stage", kind="server", stage="deprecated", reason="old", **at)
    assert (await ask(two, "scan_asset", kind="server", **at))["verdict"] == "pass"
    assert (await ask(two, "get_scan_report", kind="server", **at))["verdict"] == "pass"
    tools = (await ask(two, "get_service_tools", **at))["tools"]
    assert [tool["name"] for tool in tools] == ["dry"]
    one, other = [await two.services.catalog.get(SYSTEM, "server", "rain", number) for number in (None, "2.0.0")]
    assert (one.title, one.enabled, one.stage) == (None, True, "approved_dev")
    assert (other.title, other.enabled, other.stage) == ("Two", False, "deprecated")
