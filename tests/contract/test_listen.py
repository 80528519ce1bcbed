"""`subscriptions/listen` on the product's own server: told by right, cut with the token."""

import anyio
import pytest
from mcp.client.subscriptions import SubscriptionLost, listen

from tests.contract.acts import Desk, fresh
from tests.support import mcp
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio


async def test_a_member_hears_of_what_its_group_sees_and_nobody_else_does(registry: Registry, desk: Desk) -> None:
    group, hidden, marker = fresh("group"), fresh("hidden"), fresh("marker")
    await desk.ask("put_group", name=group, scopes=[])
    tokens = [await desk.token(groups=groups) for groups in ([group], [])]
    heard: list[list[str]] = [[], []]
    uris = [f"airegistry://server/{path}" for path in (hidden, marker)]
    await desk.store(hidden, groups=[group])
    await desk.store(marker)

    async def follow(index: int, ready: anyio.Event) -> None:
        async with (
            mcp.connect(registry.mcp, tokens[index]) as client,
            listen(client.session, resource_subscriptions=uris) as stream,
        ):
            ready.set()
            async for event in stream:
                heard[index].append(getattr(event, "uri", ""))
                if heard[index][-1] == uris[1]:
                    return

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            for index in range(2):
                ready = anyio.Event()
                tasks.start_soon(follow, index, ready)
                await ready.wait()
            for path in (hidden, marker):
                await desk.ask("update_asset", kind="server", path=path, changes={"tags": ["new"]})
    assert heard == [uris, uris[1:]]


async def test_a_stream_is_told_of_a_change_of_rights_and_ends_when_its_token_is_revoked(
    registry: Registry, desk: Desk
) -> None:
    scope = fresh("scope")
    await desk.ask("put_scope", name=scope, grants=[])
    made = await desk.ask("create_token", name=fresh("caller"), scopes=[scope], groups=[], expires_in=3600)
    with anyio.fail_after(20):
        async with (
            mcp.connect(registry.mcp, made["token"]) as client,
            listen(client.session, tools_list_changed=True) as stream,
        ):
            await desk.ask("put_scope", name=scope, grants=[{"assets": ["some"]}])
            assert type(await anext(stream)).__name__ == "ToolsListChanged"
            await desk.ask("revoke_token", id=made["id"])
            with pytest.raises((SubscriptionLost, StopAsyncIteration)):
                await anext(stream)


async def test_who_listens_at_a_virtual_server_hears_that_it_has_another_tool(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    path = fresh("desk")
    tools = [{"server": parcel, "tool": "echo"}]
    await desk.ask("create_virtual_server", name=path, path=path, tools=tools)
    token = await desk.token({"kinds": ["virtual_server"], "assets": [path]})
    with anyio.fail_after(20):
        async with (
            mcp.connect(registry.gateway(path), token) as client,
            listen(client.session, tools_list_changed=True, resources_list_changed=True) as stream,
        ):
            assert [tool.name for tool in await client.list_tools()] == ["echo"]
            await desk.ask("add_virtual_tool", path=path, server=parcel, tool="add")
            assert type(await anext(stream)).__name__ == "ToolsListChanged"
            assert [tool.name for tool in await client.list_tools()] == ["echo", "add"]
