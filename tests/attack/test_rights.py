"""Grants that give more than they say, denials that deny less, and tokens that outlive or overrule their maker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "narrowing",
    [
        {"methods": ["tools/list"]},
        {"tools": ["get_*"]},
        {"assets": ["?"]},
    ],
)
async def test_a_grant_of_all_actions_on_some_things_is_no_grant_of_policy(
    registry: Registry, desk: Desk, narrowing: dict[str, Any]
) -> None:
    caller = await desk.token({**narrowing, "actions": ["*"]})
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, caller, "put_scope", name=fresh("gain"), grants=[{"actions": ["*"]}])


@pytest.mark.parametrize(
    "everything",
    [
        "**",
        "?*",
    ],
)
async def test_a_glob_that_means_everything_shows_no_private_assets(
    registry: Registry, desk: Desk, everything: str
) -> None:
    path = fresh("private")
    await desk.store(path, visibility="private")
    caller = await desk.token({"assets": [everything], "actions": ["read"]})
    with mcp.refused("not_found"):
        await mcp.ask(registry.mcp, caller, "get_server_details", path=path)


async def test_a_tool_denied_by_its_very_name_is_denied_whatever_its_characters(registry: Registry, desk: Desk) -> None:
    path = fresh("brackets")
    await desk.store(path, tools=[{"name": "rm[all]", "description": "d", "inputSchema": {"type": "object"}}])
    caller = await desk.token(
        {"assets": [path], "actions": ["call"]}, {"assets": [path], "tools": ["rm[all]"], "effect": "deny"}
    )
    seen = await mcp.ask(registry.mcp, caller, "get_service_tools", path=path)
    assert seen["tools"] == []


async def test_a_token_made_by_a_token_does_not_outlive_it(registry: Registry, desk: Desk) -> None:
    maker = await desk.token({"actions": ["token"]}, expires_in=60)
    try:
        made = await mcp.ask(registry.mcp, maker, "create_token", name=fresh("kid"), expires_in=315_360_000)
    except mcp.ToolFailure:
        return
    assert datetime.fromisoformat(made["expires_at"]) <= datetime.now(UTC) + timedelta(seconds=61)


async def test_a_maker_of_lesser_tokens_does_not_revoke_an_administrators(registry: Registry, desk: Desk) -> None:
    maker = await desk.token({"actions": ["token"]})
    administrator = await desk.ask("create_token", name=fresh("root"), scopes=["administrator"])
    with mcp.refused("access_denied", "not_found"):
        await mcp.ask(registry.mcp, maker, "revoke_token", id=administrator["id"])


@pytest.mark.parametrize(
    "field",
    [
        "url",
        "card_url",
    ],
)
async def test_an_agent_is_not_pointed_at_a_metadata_service_by_an_update(desk: Desk, field: str) -> None:
    path = fresh("agent")
    card = {"name": "a", "description": "d", "version": "1", "skills": [], "url": "https://example.com/a"}
    await desk.ask("register_agent", path=path, card=card)
    with mcp.refused("invalid"):
        await desk.ask("update_asset", kind="agent", path=path, changes={field: "http://169.254.169.254/latest"})


@pytest.mark.parametrize("field", ["documentation_url", "repository_url", "health_url"])
async def test_a_link_is_http_or_https(desk: Desk, field: str) -> None:
    path = fresh("link")
    await desk.store(path)
    with mcp.refused("invalid"):
        await desk.ask("update_asset", kind="server", path=path, changes={field: "javascript:alert(1)"})


async def test_the_gateway_forwards_no_call_of_a_tool_that_was_never_described(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    caller = await desk.token(
        {"assets": [parcel], "actions": ["call"]}, {"assets": [parcel], "tools": ["secret"], "effect": "deny"}
    )
    for name in ("Secret", "secrets", "never_described"):
        answer = http.call_tool(registry.gateway(parcel), name, {}, token=caller)
        assert answer.status_code in {400, 403}, (name, answer.text)
        assert answer.json()["error"]["data"]["code"] in {"not_found", "access_denied"}, (name, answer.text)
