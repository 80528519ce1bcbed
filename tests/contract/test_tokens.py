"""Tokens and scopes, as CONTRACTS.md states them."""

import json
from functools import partial

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.registry import Registry
from tests.support.tls import TLS

pytestmark = pytest.mark.anyio


def status(registry: Registry, token: str) -> int:
    """The HTTP status of a `tools/list` with a token."""
    return http.call(registry.mcp, "tools/list", token=token).status_code


async def test_a_token_is_made_of_an_id_and_a_secret_that_is_kept_nowhere(registry: Registry, desk: Desk) -> None:
    made = await desk.ask("create_token", name=fresh("bot"))
    assert {"id", "token"} <= made.keys()
    assert status(registry, made["token"]) == 200
    for file in registry.data.rglob("*"):
        assert not file.is_file() or made["token"].encode() not in file.read_bytes(), file


async def test_a_revoked_token_is_401_at_once(registry: Registry, desk: Desk) -> None:
    made = await desk.ask("create_token", name=fresh("bot"))
    assert status(registry, made["token"]) == 200
    await desk.ask("revoke_token", id=made["id"])
    assert status(registry, made["token"]) == 401


async def test_an_expired_token_is_401(registry: Registry, desk: Desk) -> None:
    token = await desk.token(expires_in=1)
    with anyio.fail_after(5):
        while await anyio.to_thread.run_sync(partial(status, registry, token)) != 401:
            pass  # asks again


async def test_without_a_grant_a_caller_lists_public_assets_and_calls_nothing(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    caller = await desk.token()
    async with mcp.connect(registry.mcp, caller) as client:
        listed = await mcp.call(client, "list_services", limit=200)
        assert parcel in {service["path"] for service in listed["services"]}
        assert (await mcp.call(client, "get_server_details", path=parcel))["path"] == parcel
        found = await mcp.call(client, "search_registry", query="freight price of a parcel")
        assert parcel in {hit["path"] for hit in found["results"]} | {hit["server"] for hit in found["results"]}
        with mcp.refused("access_denied"):
            await mcp.call(client, "call_tool", server=parcel, tool="echo", arguments={"text": "x"})
    answer = http.call_tool(registry.gateway(parcel), "echo", {"text": "x"}, token=caller)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("register_service", {"path": "mine", "name": "mine", "url": "http://127.0.0.1:9/mcp", "fetch": False}),
        ("toggle_service", {"path": "parcel-desk", "enabled": False}),
        ("refresh_service", {"path": "parcel-desk"}),
        ("delete_asset", {"kind": "server", "path": "parcel-desk"}),
        ("update_asset", {"kind": "server", "path": "parcel-desk", "changes": {"description": "x"}}),
        (
            "set_lifecycle_stage",
            {"kind": "server", "path": "parcel-desk", "stage": "approved_production", "reason": "x"},
        ),
        ("put_scope", {"name": "mine", "grants": []}),
        ("put_group", {"name": "mine", "scopes": []}),
        ("create_token", {"name": "mine"}),
        ("revoke_token", {"id": "x"}),
        ("query_audit", {}),
        ("define_entity_type", {"name": "mine", "schema": {"type": "object"}}),
    ],
)
async def test_without_a_grant_a_caller_changes_nothing(
    registry: Registry, desk: Desk, parcel: str, tool: str, arguments: dict[str, object]
) -> None:
    caller = await desk.token()
    before = await desk.ask("get_server_details", path=parcel)
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, caller, tool, **arguments)
    assert await desk.ask("get_server_details", path=parcel) == before


async def test_a_grant_names_assets_by_globs_and_tools(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": ["parcel-*"], "tools": ["ec*", "add"]})
    url = registry.gateway(parcel)
    async with mcp.connect(url, caller) as client:
        assert {tool.name for tool in await client.list_tools()} == {"echo", "add"}
        assert (await mcp.call(client, "add", a=1, b=2)) == {"result": 3}
    assert http.call_tool(url, "secret", {}, token=caller).status_code == 403


async def test_a_deny_wins_over_every_allow(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"assets": ["*"]}, {"assets": [parcel], "tools": ["secret"], "effect": "deny"})
    url = registry.gateway(parcel)
    assert http.call_tool(url, "echo", {"text": "x"}, token=caller).status_code == 200
    assert http.call_tool(url, "secret", {}, token=caller).status_code == 403
    async with mcp.connect(url, caller) as client:
        assert "secret" not in {tool.name for tool in await client.list_tools()}


async def test_a_group_brings_its_scopes_to_its_tokens_at_once(registry: Registry, desk: Desk, parcel: str) -> None:
    scope, group = fresh("scope"), fresh("group")
    await desk.ask("put_scope", name=scope, grants=[{"assets": [parcel], "tools": ["echo"]}])
    await desk.ask("put_group", name=group, scopes=[])
    caller = await desk.token(groups=[group])
    url = registry.gateway(parcel)
    assert http.call_tool(url, "echo", {"text": "x"}, token=caller).status_code == 403
    await desk.ask("put_group", name=group, scopes=[scope])
    assert http.call_tool(url, "echo", {"text": "x"}, token=caller).status_code == 200
    await desk.ask("put_scope", name=scope, grants=[])
    assert http.call_tool(url, "echo", {"text": "x"}, token=caller).status_code == 403


async def test_an_asset_of_a_group_is_seen_by_its_members_alone(registry: Registry, desk: Desk) -> None:
    group, path = fresh("group"), fresh("grouped")
    await desk.ask("put_group", name=group, scopes=[])
    assert (await desk.store(path, groups=[group]))["visibility"] == "group"
    member, stranger = await desk.token(groups=[group]), await desk.token()
    assert (await mcp.ask(registry.mcp, member, "get_server_details", path=path))["path"] == path
    with mcp.refused("not_found"):
        await mcp.ask(registry.mcp, stranger, "get_server_details", path=path)


async def test_an_administrator_by_scope_may_register_and_mint(registry: Registry, desk: Desk) -> None:
    caller = await desk.token({"actions": ["*"]})
    path = fresh("by-scope")
    async with mcp.connect(registry.mcp, caller) as client:
        stored = await mcp.call(
            client, "register_service", name=path, path=path, url="http://127.0.0.1:9/mcp", tools=[], fetch=False
        )
        assert stored["path"] == path
        assert (await mcp.call(client, "create_token", name=fresh("bot")))["token"]


@pytest.mark.parametrize("endpoint", ["mcp", "airegistry-tools/mcp", "parcel-desk/mcp"])
async def test_static_tokens_are_taken_at_every_mcp_endpoint(
    registry: Registry, desk: Desk, parcel: str, endpoint: str
) -> None:
    for token in (registry.token, await desk.token({"assets": ["*"]})):
        assert http.call(f"{registry.url}/{endpoint}", "tools/list", token=token).status_code == 200


@pytest.mark.parametrize("path", ["/api/x", "/v0.1/x", "/scim/v2/x", "/agents/x"])
async def test_static_tokens_are_taken_beside_mcp(registry: Registry, desk: Desk, path: str) -> None:
    token = await desk.token({"assets": ["*"]})
    answer = httpx2.get(registry.url + path, headers=http.bearer(token), trust_env=False, verify=TLS)
    assert answer.status_code not in {401, 403}


async def test_both_registry_endpoints_are_one_server(registry: Registry) -> None:
    tools = []
    for endpoint in ("mcp", "airegistry-tools/mcp"):
        async with mcp.connect(f"{registry.url}/{endpoint}", registry.token) as client:
            tools.append([tool.name for tool in await client.list_tools()])
    assert tools[0] == tools[1]


async def test_the_command_line_mints_a_token(registry: Registry, desk: Desk, parcel: str) -> None:
    scope, group = fresh("scope"), fresh("group")
    await desk.ask("put_scope", name=scope, grants=[{"assets": [parcel], "tools": ["echo"]}])
    await desk.ask("put_group", name=group, scopes=[])
    command = ("token", "create", fresh("bot"), "--scope", scope, "--group", group, "--json")
    made = await anyio.to_thread.run_sync(registry.cli, *command)
    assert made.returncode == 0, made.stderr
    token = json.loads(made.stdout)["token"]
    assert http.call_tool(registry.gateway(parcel), "echo", {"text": "x"}, token=token).status_code == 200
