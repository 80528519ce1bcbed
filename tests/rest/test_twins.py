"""The table of twins is whole, and a tool answers the same caller the same over MCP and over REST."""

import re
from collections import Counter
from urllib.parse import quote, urlencode

import pytest

from airegistry.core.assets import Json
from airegistry.gateway import errors as gateway
from airegistry.rest.api.answers import STATUS
from airegistry.rest.twins import COLLECTIONS, TWINS, Twin
from scripts.parity import commands_of
from tests.rest.api_world import HIDDEN, World
from tests.support import mcp

pytestmark = pytest.mark.anyio
ROLES = ("admin", "reader", "restricted", "nothing")
NOW = frozenset("time updated_at latency_ms checked_at id started ended last_used_at verified_at".split())
"""Members that differ from one call to the next."""


async def tools(world: World) -> dict[str, Json]:
    """The input schemas of all tools, by name."""
    async with mcp.connect(f"{world.url}/mcp", world.tokens["admin"]) as client:
        return {tool.name: tool.input_schema for tool in await client.list_tools()}


async def test_every_tool_has_a_route_and_every_route_a_tool(world: World) -> None:
    assert {twin.tool for twin in TWINS} == set(await tools(world))


async def test_no_two_rows_are_the_same_route_and_every_name_in_a_path_is_an_argument(world: World) -> None:
    places, known = Counter[tuple[str, str]](), await tools(world)
    for twin in TWINS:
        properties = known[twin.tool]["properties"] if "{" in twin.path or twin.body else {}
        assert isinstance(properties, dict)
        named = {*re.findall(r"\{(\w+)\}", twin.path), *([twin.body] if twin.body else [])} - {"kinds"}
        assert named <= properties.keys(), twin
        kinds = twin.kinds if "{kinds}" in twin.path else ("",)
        places.update((twin.method, twin.path.replace("{kinds}", COLLECTIONS.get(kind, ""))) for kind in kinds)
    assert [place for place, times in places.items() if times > 1] == []


def test_a_code_is_the_same_status_as_at_the_gateway_but_where_nothing_is_offered() -> None:
    assert STATUS == {**gateway.STATUS, "unsupported": 400}


def test_every_tool_has_a_command() -> None:
    found = commands_of(sorted({twin.tool for twin in TWINS}))
    assert sorted(tool for tool, commands in found.items() if not commands) == []


def test_commands_are_known_by_the_tools_that_they_name() -> None:
    found = commands_of(["create_token", "no_such_tool", "quarantine", "list_skills"])
    assert found == {
        "create_token": ["airegistry token create"], "no_such_tool": [], "quarantine": ["airegistry quarantine put"],
        "list_skills": ["airegistry list", "airegistry skill list"],
    }  # fmt: skip


READS: list[tuple[str, Json]] = [
    ("search_registry", {"query": "weather", "kinds": ["server", "tool"], "limit": 5}),
    ("search_registry", {"query": HIDDEN, "by_kind": True}),
    ("intelligent_tool_finder", {"task": "look at the weather", "limit": 2}),
    ("browse_registry", {"limit": 3}),
    ("browse_registry", {"query": HIDDEN, "kinds": ["server", "skill"], "tags": ["none"]}),
    ("whoami", {}),
    ("get_service_tools", {}),
    ("get_service_tools", {"path": "weather"}),
    ("list_services", {"limit": 2, "detail": "brief"}),
    ("list_services", {"limit": 0}),
    ("list_services", {"tags": ["none"], "enabled": True}),
    ("list_agents", {}),
    ("list_skills", {}),
    ("list_virtual_servers", {}),
    ("list_entities", {"type": "dataset"}),
    ("get_server_details", {"path": "weather"}),
    ("get_server_details", {"path": HIDDEN}),
    ("get_server_details", {"path": "weather", "version": "9.9"}),
    ("get_asset", {"kind": "agent", "path": "planner"}),
    ("get_asset", {"kind": "skill", "path": f"{HIDDEN}-skill"}),
    ("get_asset", {"kind": "entity", "path": "rain"}),
    ("get_skill_content", {"path": "folding"}),
    ("get_skill_content", {"path": "folding", "resource": "absent.md"}),
    ("list_versions", {"kind": "server", "path": "weather"}),
    ("get_lifecycle", {"kind": "server", "path": "weather"}),
    ("get_scan_report", {"kind": "server", "path": "weather", "sarif": True}),
    ("get_definition_changes", {"kind": "server", "path": "weather"}),
    ("list_definition_changes", {}),
    ("get_credential", {"kind": "server", "path": "weather"}),
    ("list_findings", {"severity": "high"}),
    ("list_waivers", {}),
    ("list_approvals", {"status": "all"}),
    ("get_policy", {}),
    ("explain_access", {"subject": "me", "action": "call", "asset": "server/weather", "tool": "look"}),
    ("list_tokens", {}),
    ("list_users", {"limit": 1}),
    ("list_clients", {}),
    ("list_limits", {}),
    ("list_quarantine", {}),
    ("list_entity_types", {}),
    ("get_entity_type", {"name": "dataset"}),
    ("list_sources", {}),
    ("get_source", {"name": "absent"}),
    ("list_webhooks", {}),
    ("list_webhook_deliveries", {"name": "absent"}),
    ("get_usage", {"view": "unused", "limit": 3}),
    ("get_logs", {"level": "error", "logger": "airegistry.absent"}),
    ("index_status", {}),
    ("scan_status", {}),
    ("healthcheck", {}),
]
WRITES: list[tuple[str, Json]] = [
    ("register_service", {"name": "Weather", "path": "weather", "url": "http://127.0.0.1:9/mcp", "fetch": False}),
    ("register_service", {"name": "x", "path": "Not A Path", "url": "http://127.0.0.1:9/mcp"}),
    ("update_asset", {"kind": "server", "path": "weather", "changes": {"name": ""}}),
    ("update_asset", {"kind": "server", "path": HIDDEN, "changes": {"tags": ["x"]}}),
    ("delete_asset", {"kind": "agent", "path": "absent"}),
    ("toggle_service", {"kind": "server", "path": "weather", "enabled": "perhaps"}),
    ("rate_asset", {"kind": "server", "path": "weather", "stars": 9}),
    ("set_lifecycle_stage", {"kind": "server", "path": "weather", "stage": "nowhere"}),
    ("call_tool", {"server": "weather", "tool": "look", "arguments": {}}),
    ("call_tool", {"server": HIDDEN, "tool": "look"}),
    ("create_token", {"name": "", "expires_in": 0}),
    ("revoke_token", {"id": "absent"}),
    ("put_group", {"name": "x"}),
    ("put_scope", {"name": "x", "grants": [{"no_such_member": 1}]}),
    ("quarantine", {"kind": "asset", "id": "absent/nothing", "reason": ""}),
    ("import_servers", {}),
    ("update_source", {"name": "absent"}),
]
"""Calls that find on the second time what they found on the first."""


def as_request(twin: Twin, arguments: Json) -> tuple[str, str, Json | None]:
    """Method, path with query, and body of a call."""
    left = dict(arguments)
    path = twin.path
    if "{kinds}" in path:
        path = path.replace("{kinds}", COLLECTIONS[str(left.pop("kind"))])
    for name in re.findall(r"\{(\w+)\}", path):
        path = path.replace(f"{{{name}}}", quote(str(left.pop(name)), safe=""))
    if twin.method in {"GET", "DELETE"}:
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in left.items()}
        return twin.method, f"{path}?{urlencode(query, doseq=True)}" if query else path, None
    body = left.pop(twin.body) if twin.body else left
    assert isinstance(body, dict)
    return twin.method, path, body


def twin_of(tool: str, arguments: Json) -> Twin:
    """The row of a tool that these arguments fit."""
    rows = [twin for twin in TWINS if twin.tool == tool]
    named = [twin for twin in rows if set(re.findall(r"\{(\w+)\}", twin.path)) - {"kinds"} <= arguments.keys()]
    return max(named, key=lambda twin: twin.path.count("{"))


def still(value: object) -> object:
    """An answer without what differs from call to call."""
    if isinstance(value, dict):
        return {name: still(each) for name, each in value.items() if name not in NOW}
    return [still(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("role", ROLES)
async def test_the_same_caller_is_answered_the_same(world: World, role: str) -> None:
    async with mcp.connect(f"{world.url}/mcp", world.tokens[role]) as client:
        for tool, arguments in READS + WRITES:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            method, path, body = as_request(twin_of(tool, arguments), arguments)
            answer = await world.ask(method, path, who=role, json=body)
            said, known = answer.json(), result.structured_content or {}
            if result.is_error:
                assert (answer.status_code, said["code"]) == (STATUS[known["code"]], known["code"]), (tool, said)
                more = {name: value for name, value in known.items() if name not in {"code", "message"}}
                assert (said["detail"], {name: said[name] for name in more}) == (known["message"], more), tool
            else:
                assert answer.status_code == 200, (tool, said)
                assert still(said) == still(known), tool


async def test_a_change_by_one_is_what_the_other_shows(world: World) -> None:
    made = await world.ask("POST", "/servers", json={
        "name": "Fresh", "path": "fresh", "url": "http://127.0.0.1:9/mcp", "fetch": False,
        "tools": [{"name": "look", "description": "Looks."}],
    })  # fmt: skip
    assert (made.status_code, made.headers["location"]) == (201, "/api/v1/servers/fresh")
    shown = (await world.tool("get_server_details", path="fresh"))[1]
    assert still(await world.get("/servers/fresh")) == still(shown)
    changed = await world.ask("PATCH", "/servers/fresh", json={"tags": ["new"]})
    assert changed.json()["tags"] == (await world.tool("get_server_details", path="fresh"))[1]["tags"] == ["new"]
    looked = (await world.ask("DELETE", "/servers/fresh?dry_run=true")).json()
    assert looked == (await world.tool("delete_asset", kind="server", path="fresh", dry_run=True))[1]
    assert (await world.ask("DELETE", "/servers/fresh")).json() == {**looked, "deleted": True, "dry_run": False}
    assert await world.tool("get_server_details", path="fresh") == (True, {
        "code": "not_found", "message": "no server named 'fresh'",
    })  # fmt: skip
