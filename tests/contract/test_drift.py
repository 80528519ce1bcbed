"""A backend whose tools change after their approval: what was approved is served on, and calls wait for an approval."""

from pathlib import Path

import aiohttp
import anyio
import mcp_types
import pytest
from fastmcp import Context, FastMCP

from tests.contract.acts import Desk
from tests.support import http, mcp
from tests.support.asgi import serve
from tests.support.registry import Registry, serving

pytestmark = pytest.mark.anyio
OLD, NEW = "As it was approved.", "As nobody approved it."


def changing() -> FastMCP:
    """Has a tool that changes another one."""
    server = FastMCP("changing", version="1")

    @server.tool
    async def other() -> str:
        """As it was approved."""
        return ""

    @server.tool
    async def change(ctx: Context) -> str:
        """Changes `other`."""
        known = await server.get_tool("other")
        assert known is not None
        known.description = NEW
        await ctx.session.send_notification(mcp_types.ToolListChangedNotification())
        return ""

    return server


async def changed_while_listened_to(desk: Desk) -> http.Json:
    """Have the backend change `other` and say so on a stream that a client listens to; the server once that shows."""
    endpoint, token = desk.registry.gateway("changing"), desk.registry.token
    session = await anyio.to_thread.run_sync(http.session, endpoint, token)
    headers = http.legacy_headers(token, session)
    async with aiohttp.ClientSession() as client, client.get(endpoint, headers=headers) as stream:
        called: http.Json = {"name": "change", "arguments": {}}
        call = {"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": called}
        with anyio.fail_after(10):
            async with client.post(endpoint, json=call, headers=headers) as answer:
                assert answer.status == 200
            while b"tools/list_changed" not in await stream.content.readuntil(b"\n"):
                pass
            while not (details := await desk.ask("get_server_details", path="changing")).get("held"):
                pass
    return details


async def offered(registry: Registry, path: str) -> list[str | None]:
    """The description of `other`, or of what it is called at a virtual server, as clients of either era list it."""
    found = []
    for era in mcp.ERAS:
        async with mcp.connect(registry.gateway(path), registry.token, era) as client:
            found += [tool.description for tool in await client.list_tools() if tool.name == "other"]
    return found


async def codes(registry: Registry, path: str) -> list[str]:
    """What calls of `other` end with in either era, and by `call_tool`."""
    url, token = registry.gateway(path), registry.token
    session = await anyio.to_thread.run_sync(http.session, url, token)
    params: http.Json = {"name": "other", "arguments": {}}
    answers = [
        await anyio.to_thread.run_sync(lambda: http.call_tool(url, "other", {}, token=token)),
        await anyio.to_thread.run_sync(
            lambda: http.legacy_call(url, "tools/call", params, token=token, session=session)
        ),
    ]
    ended = [http.body(answer).get("error", {}).get("data", {}).get("code", "ok") for answer in answers]
    try:
        await mcp.ask(registry.mcp, token, "call_tool", server=path, tool="other", arguments={})
    except mcp.ToolFailure as failure:
        return [*ended, failure.code]
    return [*ended, "ok"]


async def test_a_changed_tool_is_served_as_it_was_approved_and_called_again_once_the_change_is(tmp_path: Path) -> None:
    backend = changing()
    async with serve(backend.http_app(path="/mcp")) as url:
        with serving(tmp_path, {"AIREGISTRY_HEALTH_INTERVAL": "3600"}) as registry:
            desk = Desk(registry)
            await desk.register("changing", f"{url}/mcp")
            await desk.ask(
                "create_virtual_server", path="desk", name="desk", tools=[{"server": "changing", "tool": "other"}]
            )
            for path in ("changing", "desk"):
                assert (await offered(registry, path), await codes(registry, path)) == ([OLD] * 2, ["ok"] * 3)
            # Long before its next check is due.
            assert list((await changed_while_listened_to(desk))["held"]) == ["other"]
            seen = await desk.ask("get_definition_changes", kind="server", path="changing")
            for again in (False, True):
                if again:
                    await anyio.to_thread.run_sync(registry.restart)
                for path in ("changing", "desk"):
                    held = ([OLD] * 2, ["quarantined"] * 3)
                    assert (await offered(registry, path), await codes(registry, path)) == held
            (pending,) = seen["pending"]
            assert (pending["part"], pending["grade"]) == ("tools/other", "material")
            assert f'+  "description": "{NEW}",' in pending["diff"].splitlines()

            known = await backend.get_tool("other")
            assert known is not None
            known.description = "Neither this nor that."
            await desk.ask("refresh_service", path="changing")
            with pytest.raises(mcp.ToolFailure) as refused:
                await desk.ask("approve_definition", kind="server", path="changing", hash=seen["hash"], reason="ok")
            assert refused.value.code == "conflict"
            seen = await desk.ask("get_definition_changes", kind="server", path="changing")
            shown = await anyio.to_thread.run_sync(registry.cli, "definition", "show", "changing")
            assert '+  "description": "Neither this nor that.",' in shown.stdout.splitlines()
            await desk.ask("approve_definition", kind="server", path="changing", hash=seen["hash"], reason="ok")
            for path in ("changing", "desk"):
                now = (["Neither this nor that."] * 2, ["ok"] * 3)
                assert (await offered(registry, path), await codes(registry, path)) == now
            events = (await desk.ask("query_audit", asset="changing"))["events"]
            assert {"server:drift", "server:approve"} <= {event["action"] for event in events}
