"""A backend that says that its tools have changed: one that changed is held soon, long before its next check is due."""

from pathlib import Path

import aiohttp
import anyio
import mcp_types
import pytest
from fastmcp import Context, FastMCP

from tests.contract.acts import Desk
from tests.support import http
from tests.support.asgi import serve
from tests.support.registry import serving

pytestmark = pytest.mark.anyio


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
        known.description = "As nobody approved it."
        await ctx.session.send_notification(mcp_types.ToolListChangedNotification())
        return ""

    return server


async def test_a_tool_that_its_backend_says_has_changed_is_held_soon(tmp_path: Path) -> None:
    async with serve(changing().http_app(path="/mcp")) as url:
        with serving(tmp_path, {"AIREGISTRY_HEALTH_INTERVAL": "3600"}) as registry:
            desk, endpoint = Desk(registry), registry.gateway("changing")
            await desk.register("changing", f"{url}/mcp")
            session = await anyio.to_thread.run_sync(http.session, endpoint, registry.token)
            headers = http.legacy_headers(registry.token, session)
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
    assert list(details["held"]) == ["other"]
