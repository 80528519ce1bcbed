"""Scopes of the peer in this registry's words; what they allow here is no more than what they allowed there."""

import json
from collections.abc import Sequence

import pytest
from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied, Invalid
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.scope_import import MAX_TEXT, PERMISSIONS, Imported, imported, parsed
from tests.core.wiring import ANN, World, asset

pytestmark = pytest.mark.anyio

SCOPES_YML = """
UI-Scopes:
  mcp-registry-admin:
    list_service: [all]
    register_service: [all]
    health_check_service: [all]
    toggle_service: [all]
    modify_service: [all]
  mcp-registry-user:
    list_service: [mcpgw, /currenttime/]
    health_check_service: [mcpgw, currenttime]
  mcp-servers-restricted/read:
    list_service: [currenttime]
group_mappings:
  mcp-registry-admin: [mcp-registry-admin, mcp-servers-restricted/read]
  mcp-registry-user:
    - mcp-registry-user
    - mcp-servers-restricted/read
    - gone
mcp-servers-restricted/read:
  - server: /currenttime/
    methods: [initialize, notifications/initialized, ping, tools/list, tools/call]
    tools: [current_time_by_timezone]
"""
PLUMBING: list[JsonValue] = ["initialize", "notifications/initialized", "ping"]
TO_CALL: list[JsonValue] = [*PLUMBING, "tools/list", "tools/call"]
ADMINS: Json = {
    "_id": "registry-admins",
    "group_mappings": ["registry-admins", "5f605d68-06bc-4208-b992-bb378eee12c5"],
    "server_access": [
        {"server": "*", "methods": ["all"], "tools": ["all"]},
        {"agents": {"actions": [{"action": "list_agents", "resources": ["all"]}]}},
    ],
    "ui_permissions": {"list_agents": ["all"], "get_agent": ["all"], "publish_agent": ["all"], "list_service": ["all"]},
}
USERS: Json = {
    "scope_name": "public-mcp-users",
    "description": "Users of public servers",
    "server_access": [
        {"server": "context7", "methods": [*TO_CALL, "resources/list", "resources/templates/list"], "tools": ["*"]},
        {"server": "api", "methods": ["initialize", "GET", "POST", "servers", "search"], "tools": []},
        {"agent": "/flight-booking", "actions": ["list_agents", "get_agent", "invoke_agent"]},
    ],
    "group_mappings": ["public-mcp-users"],
    "ui_permissions": {"list_service": ["all"], "list_agents": ["/flight-booking"]},
    "create_in_idp": True,
}


def holder_of(found: Imported, *scopes: str) -> tuple[Access, Principal]:
    """An engine with what was imported, and somebody who holds scopes of it."""
    access = Access()
    access.replace(found.scopes, found.groups)
    return access, Principal("bob", scopes=frozenset(scopes))


def one(*rules: JsonValue, permissions: Json | None = None) -> Imported:
    """What is made of one scope `s`."""
    return imported({"_id": "s", "server_access": [*rules], "ui_permissions": permissions or {}})


def may_call(found: Imported, server: AnyAsset, tool: str, method: str = "tools/call") -> bool:
    access, bob = holder_of(found, "s")
    return access.allows(bob, "call", server, tool=tool, method=method)


WEATHER = asset("server", "weather")


def test_a_scopes_file_becomes_scopes_and_groups() -> None:
    found = imported(parsed(SCOPES_YML))
    assert [scope.name for scope in found.scopes] == [
        "mcp-registry-admin", "mcp-registry-user", "mcp-servers-restricted/read",
    ]  # fmt: skip
    assert {group.name: group.scopes for group in found.groups} == {
        "mcp-registry-admin": ["mcp-registry-admin", "mcp-servers-restricted/read"],
        "mcp-registry-user": ["mcp-registry-user", "mcp-servers-restricted/read"],
    }
    assert found.scopes[0].grants == [
        Grant(kinds=["server"], actions=["read", "register", "refresh", "toggle", "update"])
    ]
    assert "group 'mcp-registry-user': gone: not in the document or left out, so it is not held" in found.notes


def test_permissions_and_server_rules_of_one_name_are_one_scope() -> None:
    found = imported(parsed(SCOPES_YML))
    assert found.scopes[2].grants == [
        Grant(kinds=["server"], assets=["currenttime"], actions=["read"]),
        Grant(
            kinds=["server"], assets=["currenttime"], methods=["tools/list", "tools/call"],
            tools=["current_time_by_timezone"],
        ),
    ]  # fmt: skip


def test_what_a_scopes_file_allowed_is_allowed_and_no_more() -> None:
    access, bob = holder_of(imported(parsed(SCOPES_YML)), "mcp-registry-user", "mcp-servers-restricted/read")
    time, other = asset("server", "currenttime"), asset("server", "other")
    call = {"method": "tools/call"}
    assert access.allows(bob, "call", time, tool="current_time_by_timezone", **call)
    assert access.allows(bob, "read", time, method="initialize")
    assert access.allows(bob, "refresh", time)
    assert not access.allows(bob, "call", time, tool="other", **call)
    assert not access.allows(bob, "call", other, tool="current_time_by_timezone", **call)
    assert not access.allows(bob, "call", time, tool="x://y", method="resources/read")
    assert not access.allows(bob, "toggle", time)


def test_a_scope_document_becomes_a_scope_and_its_groups() -> None:
    both: list[JsonValue] = [ADMINS, USERS]
    found = imported(both)
    assert [scope.name for scope in found.scopes] == ["registry-admins", "public-mcp-users"]
    assert {group.name: group.scopes for group in found.groups} == {
        "registry-admins": ["registry-admins"],
        "5f605d68-06bc-4208-b992-bb378eee12c5": ["registry-admins"],
        "public-mcp-users": ["public-mcp-users"],
    }
    assert found.scopes[1].description == "Users of public servers"
    assert imported(USERS).scopes == found.scopes[1:]


def test_a_wildcard_of_servers_gives_every_call_and_no_administration() -> None:
    access, bob = holder_of(imported(ADMINS), "registry-admins")
    for kind in ("server", "virtual_server"):
        assert access.allows(bob, "call", asset(kind, "weather"), tool="x", method="tools/call")
        assert access.allows(bob, "call", asset(kind, "weather"), tool="x://y", method="resources/read")
    assert not access.administrates(bob)
    assert not access.decide(bob, "policy").allowed
    assert not access.allows(bob, "call", asset("agent", "weather"))
    assert not access.sees(bob, asset("server", "diary", visibility="private"))


def test_rules_on_agents_become_actions_on_agents() -> None:
    found = one({"agent": "/flight-booking", "actions": ["list_agents", "get_agent", "invoke_agent", "fly"]})
    assert found.scopes[0].grants == [
        Grant(kinds=["agent"], assets=["flight-booking"], actions=["list", "read", "call"])
    ]
    assert "scope 's', agent '/flight-booking': action 'fly': no like here, left out" in found.notes


@pytest.mark.parametrize("every", ["*", "all"])
def test_every_action_on_agents_is_every_action_the_peer_has_for_them(every: str) -> None:
    (scope,) = one({"agent": every, "actions": [every]}).scopes
    actions = ["list", "read", "register", "update", "toggle", "delete", "call"]
    assert scope.grants == [Grant(kinds=["agent"], actions=actions)]


@pytest.mark.parametrize("permission", PERMISSIONS)
def test_a_permission_on_named_assets_is_none_on_others(permission: str) -> None:
    kind, action = PERMISSIONS[permission]
    access, bob = holder_of(one(permissions={permission: ["/mine/"]}), "s")
    mine, other = [asset(kind, path, visibility="private") for path in ("mine", "other")]
    if action in {"list", "read", "call"}:
        assert access.allows(bob, action, mine)
    else:
        assert access.decide(bob, action, target=(kind, "mine")).allowed
    assert not access.allows(bob, action, other)
    assert not access.decide(bob, action, target=(kind, "other")).allowed
    assert not access.decide(bob, "policy").allowed


@pytest.mark.parametrize("methods", [TO_CALL, ["tools/call"], ["tools/list", "tools/call"]])
def test_methods_with_or_without_what_a_connection_is_made_of_work_alike(methods: list[JsonValue]) -> None:
    found = one({"server": "weather", "methods": methods, "tools": ["get"]})
    access, bob = holder_of(found, "s")
    for method in ("initialize", "ping", "notifications/initialized", "server/discover", "tools/list"):
        assert access.allows(bob, "read", WEATHER, method=method)
    assert may_call(found, WEATHER, "get")
    assert not may_call(found, WEATHER, "set")


def test_methods_that_are_no_calls_of_tools_are_not_narrowed_by_the_tools() -> None:
    found = one({"server": "weather", "methods": [*TO_CALL, "resources/read"], "tools": ["get"]})
    assert may_call(found, WEATHER, "any://thing", "resources/read")
    assert not may_call(found, WEATHER, "any", "prompts/get")
    assert not may_call(found, WEATHER, "set")
    access, bob = holder_of(found, "s")
    assert not access.sees(bob, WEATHER, "set")


def test_all_methods_of_some_tools_are_those_tools_and_all_resources_and_prompts() -> None:
    found = one({"server": "weather", "methods": ["all"], "tools": ["get"]})
    assert may_call(found, WEATHER, "get")
    assert not may_call(found, WEATHER, "set")
    assert may_call(found, WEATHER, "any://thing", "resources/read")


def test_a_virtual_server_is_named_by_what_follows_its_prefix() -> None:
    found = one({"server": "/virtual/bundle/", "methods": TO_CALL, "tools": ["*"]})
    assert may_call(found, asset("virtual_server", "bundle"), "x")
    assert not may_call(found, asset("server", "bundle"), "x")


def test_a_rule_that_only_connects_shows_the_server_and_calls_nothing() -> None:
    found = one({"server": "weather", "methods": ["initialize", "ping"], "tools": ["get"]})
    access, bob = holder_of(found, "s")
    assert access.allows(bob, "read", WEATHER, method="initialize")
    assert not may_call(found, WEATHER, "get")


LEFT_OUT: Sequence[tuple[Json, str]] = [
    ({"server": "weather", "methods": ["GET", "POST"], "tools": ["*"]}, "method 'GET', 'POST': no like here"),
    ({"server": "weather", "tools": ["get"]}, "names no method of MCP"),
    ({"server": "weather", "methods": [], "tools": ["get"]}, "names no method of MCP"),
    ({"server": "weather", "methods": ["tools/*"], "tools": ["*"]}, "method 'tools/*': no like here"),
    ({"server": "weather", "methods": ["tools/call"], "tools": ["get_*"]}, "tool 'get_*': no like here"),
    ({"server": "weather", "methods": ["tools/call"], "tools": ["rm[all]"]}, "tool 'rm[all]': no like here"),
    ({"server": "weather", "methods": ["tools/call"]}, ""),
    ({"server": "api", "methods": TO_CALL, "tools": ["*"]}, "path 'api' is reserved"),
    ({"server": "wea*", "methods": TO_CALL, "tools": ["*"]}, "path 'wea*' is not of the form"),
    ({"server": "entity/weather", "methods": TO_CALL, "tools": ["*"]}, "path 'entity/weather' is not of the form"),
    ({"server": "Weather", "methods": TO_CALL, "tools": ["*"]}, "path 'Weather' is not of the form"),
    ({"agents": {"actions": []}}, "names no server and no agent (agents)"),
    ({"server": ["weather"], "methods": TO_CALL}, "names no server and no agent"),
    ({"agent": "weather", "actions": ["all"]}, ""),
]


@pytest.mark.parametrize(("rule", "note"), LEFT_OUT)
def test_what_has_no_like_here_grants_nothing_and_is_named(rule: Json, note: str) -> None:
    found = one(rule)
    for tool in ("get", "get_rain", "rma", "weather"):
        assert not may_call(found, WEATHER, tool)
    assert note in "\n".join(found.notes)
    assert note == "" or found.notes


def test_members_and_permissions_without_a_like_are_named() -> None:
    found = imported(
        {
            "_id": "s",
            "custom_scopes": ["x"],
            "server_access": [{"server": "weather", "methods": TO_CALL, "tools": [], "headers": ["x"]}],
            "ui_permissions": {"list_model_entity": ["all"], "call_tool": ["all"], "get_agent": []},
        }
    )
    assert found.notes == [
        "scope 's': custom_scopes: no like here, left out",
        "scope 's', server 'weather': headers: no like here, left out",
        "scope 's', list_model_entity: no like here, left out",
        "scope 's', call_tool: no like here, left out",
    ]


def test_where_a_permission_is_wider_here_a_note_says_so() -> None:
    found = one(permissions={"modify_service": ["weather"], "delete_service": ["weather"], "list_service": ["weather"]})
    assert found.notes == [
        "scope 's': delete, update of servers: the peer asks for ownership besides, here not",
        "what is public here is listed to everybody: give assets that are not for all their groups",
    ]


def test_names_with_a_meaning_of_their_own_or_none_here_are_left_out() -> None:
    rules: list[JsonValue] = [{"server": "weather", "methods": TO_CALL, "tools": ["*"]}]
    found = imported({"mcp": rules, "mcp:admin": rules, "a scope": rules, "fine": rules, "group_mappings": {"": []}})
    assert [scope.name for scope in found.scopes] == ["fine"]
    assert found.groups == []
    assert len(found.notes) == 4


@pytest.mark.parametrize(
    "document",
    [
        None, "scopes", 7, {}, {"group_mappings": {"a": ["b"]}}, {"s": {"server": "x"}}, {"s": ["x"]}, ["x"],
        {"_id": 7, "server_access": []}, {"_id": "s", "server_access": {}}, {"UI-Scopes": []},
        {"UI-Scopes": {"s": []}}, {"_id": "s", "ui_permissions": {"list_service": "all"}},
        {"_id": "s", "server_access": [{"server": "x", "methods": ["ping", 7]}]}, {"server_access": []},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_document_of_the_peer_is_refused(document: JsonValue) -> None:
    with pytest.raises(Invalid):
        imported(document)


@pytest.mark.parametrize("text", ["{", "a: [", "a: &x [1]\nb: *x", "x" * (MAX_TEXT + 1), "[" * 10_000])
def test_text_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        imported(parsed(text))


def test_json_is_read_like_yaml() -> None:
    assert imported(parsed(json.dumps(USERS))) == imported(USERS)


async def test_an_import_holds_from_the_next_request_on_and_is_recorded(world: World) -> None:
    await world.put_server("currenttime", ["current_time_by_timezone"])
    found = await world.services.policy.import_(SYSTEM, parsed(SCOPES_YML))
    assert [scope.name for scope in await world.services.policy.scopes(SYSTEM)] == sorted(
        scope.name for scope in found.scopes
    )
    bob = Principal("bob", scopes=world.services.access.scopes_of(["mcp-registry-user"]))
    assert await world.services.invocation.enter(bob, "currenttime", "tools/call", "current_time_by_timezone")
    (event,) = await world.events(action="policy:import")
    assert (event.decision, event.subject) == ("allow", "system")


async def test_a_dry_run_stores_nothing_and_says_what_would_be(world: World) -> None:
    policy = world.services.policy
    dry = await policy.import_(SYSTEM, parsed(SCOPES_YML), dry_run=True)
    assert await policy.scopes(SYSTEM) == []
    assert await world.events(action="policy:import") == []
    assert dry == await policy.import_(SYSTEM, parsed(SCOPES_YML))


async def test_a_scope_that_exists_is_replaced_and_a_group_keeps_what_it_has(world: World) -> None:
    policy = world.services.policy
    await policy.put_scope(SYSTEM, Scope(name="limits", grants=[Grant(effect="deny")]))
    await policy.put_scope(SYSTEM, Scope(name="public-mcp-users", grants=[Grant(actions=["*"])]))
    await policy.put_group(SYSTEM, Group(name="public-mcp-users", scopes=["limits"], description="Everybody."))
    found = await policy.import_(SYSTEM, USERS)
    assert found.notes[-2:] == [
        "scope 'public-mcp-users' exists: its grants are replaced",
        "group 'public-mcp-users' exists: it keeps limits",
    ]
    (group,) = await policy.groups(SYSTEM)
    assert (group.scopes, group.description) == (["limits", "public-mcp-users"], "Everybody.")
    again = await policy.import_(SYSTEM, USERS)
    assert "scope 'public-mcp-users' exists: its grants are replaced" not in again.notes


@pytest.mark.parametrize("dry_run", [True, False])
async def test_only_administrators_of_policy_import(world: World, dry_run: bool) -> None:
    with pytest.raises(AccessDenied):
        await world.services.policy.import_(ANN, USERS, dry_run=dry_run)
    assert await world.services.policy.scopes(SYSTEM) == []


@pytest.mark.parametrize("name", ["mcp", "mcp:admin"])
async def test_a_scope_cannot_be_named_as_what_tokens_carry(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="is what tokens carry"):
        await world.services.policy.put_scope(SYSTEM, Scope(name=name, grants=[Grant()]))
