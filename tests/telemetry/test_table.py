"""The table of metrics and spans, held against what a registry tells that does all it can."""

import re
from pathlib import Path

import anyio
import pytest
from fastmcp import FastMCP
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from airegistry.observing import live_of
from airegistry.telemetry.described import METRICS, SPANS
from tests.support import mcp
from tests.support.asgi import serve
from tests.support.http import message, modern_headers
from tests.support.otlp import attributes
from tests.telemetry.agent import agent, register, say
from tests.telemetry.world import OPERATOR, Json, World, telling

pytestmark = pytest.mark.anyio
ENTRY: Json = {
    "server": {
        "name": "io.github.acme/weather", "description": "Weather.", "version": "1.0.0",
        "remotes": [{"type": "streamable-http", "url": "http://127.0.0.1:9/mcp"}],
    },
    "_meta": {"io.modelcontextprotocol.registry/official": {"status": "active", "updatedAt": "2026-01-01T00:00:00Z"}},
}  # fmt: skip


def changing() -> tuple[FastMCP, Starlette]:
    """A server whose tool can be changed, and what serves it beside a small registry and a subscriber."""
    server = FastMCP("changing", version="1")

    @server.tool
    async def other() -> str:
        """As it was approved."""
        return ""

    async def servers(request: Request) -> JSONResponse:
        return JSONResponse({"servers": [ENTRY], "metadata": {"count": 1}})

    async def hook(request: Request) -> JSONResponse:
        return JSONResponse({})

    app = server.http_app()
    app.router.routes += [Route("/v0.1/servers", servers), Route("/v0/servers", servers)]
    app.router.routes += [Route("/hook", hook, methods=["POST"])]
    return server, app


class Doing:
    """Somebody who does everything."""

    def __init__(self, world: World, behind: str, server: FastMCP) -> None:
        self.world = world
        self.behind = behind
        self._server = server

    async def ask(self, tool: str, **arguments: object) -> Json:
        return await mcp.ask(f"{self.world.url}/mcp", OPERATOR, tool, **arguments)

    async def call(self, path: str, tool: str) -> int:
        request = message("tools/call", {"name": tool, "arguments": {}})
        headers = modern_headers(request, OPERATOR)
        return (await self.world.http.post(f"{self.world.url}/{path}/mcp", json=request, headers=headers)).status_code

    async def change(self, description: str) -> str:
        """Have the backend change its tool, and be looked at; the hash of what waits."""
        known = await self._server.get_tool("other")
        assert known is not None
        known.description = description
        await self.ask("check_health", path="changing")
        await self.ask("refresh_service", path="changing")
        return str((await self.ask("get_definition_changes", kind="server", path="changing"))["hash"])

    async def definitions(self) -> None:
        await self.ask("register_service", path="changing", name="Changing", url=f"{self.behind}/mcp")
        first = await self.change("As nobody approved it.")
        await self.ask("reject_definition", kind="server", path="changing", hash=first, reason="no")
        second = await self.change("As somebody may approve it.")
        await self.ask("approve_definition", kind="server", path="changing", hash=second, reason="yes")

    async def calls(self) -> None:
        await self.world.mirrored()
        await self.call("nowhere", "nothing")
        async with serve(changing()[1]) as gone:
            await self.ask("register_service", path="dead", name="Dead", url=f"{gone}/mcp")
            await self.ask("check_health", path="dead")
        for _ in range(12):
            await self.call("dead", "other")
        for _ in range(3):
            await self.ask("check_health", path="dead")
        asks = {"name": "Asks", "url": f"{self.behind}/mcp", "requires_approval": ["other"]}
        await self.ask("register_service", path="asks", **asks)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.call, "asks", "other")
            with anyio.fail_after(20):
                while not (waiting := (await self.ask("list_approvals"))["approvals"]):  # noqa: ASYNC110  # no event tells it
                    await anyio.sleep(0.05)
            await self.ask("approve_call", id=waiting[0]["id"], decision="approve")
        async with serve(agent()) as behind:
            await register(self.world, "planner", f"{behind}/a2a")
            await say(self.world, "planner")
        await self.ask("quarantine", kind="server", id="mirror", reason="a try")
        await self.call("mirror", "mirror")

    async def all(self) -> None:
        await self.ask("create_webhook", name="hook", url=f"{self.behind}/hook")
        await self.definitions()
        await self.calls()
        await self.ask("add_source", name="official", kind="mcp-registry", url=self.behind)
        await self.ask("sync_source", name="official")
        await self.ask("search_registry", query="shows how a call arrived")
        await self.ask("create_token", name="told")


async def test_everything_in_the_table_is_told_and_nothing_else(tmp_path: Path) -> None:
    server, app = changing()
    chosen: dict[str, object] = {
        "embedder": "minilm",
        "approval_seconds": 20,
        "approval_by_caller": True,
        "approval_by_machine": True,
    }
    async with telling(tmp_path, given=chosen) as world, serve(app) as behind:
        await Doing(world, behind, server).all()
        wanted = {metric.name for metric in METRICS}
        try:
            await world.collector.until(lambda: wanted <= world.collector.figures.keys(), 10)
        except TimeoutError:
            pytest.fail(f"never told: {sorted(wanted - world.collector.figures.keys())}")
        live = live_of(world.app.services.guards._telemetry)
        assert live is not None
        assert live.figures.strangers == set()
        assert world.collector.figures.keys() == wanted
        check_spans(world)


def check_spans(world: World) -> None:
    """Each span that was told is of a kind in the table, with attributes that it has there; and each kind was."""
    kinds = {}
    for each in SPANS:
        form = re.sub(r"\\\{[^}]*\\\}", r"\\S+", re.escape(each.name)).replace(r"\ ", " ")
        kinds[each] = re.compile(form.replace(" \\S+", "(?: \\S+)?"))
    seen = set()
    for span in world.collector.spans:
        fitting = [
            each for each, form in kinds.items()
            if form.fullmatch(span.name) and attributes(span).keys() <= {*each.attributes}
        ]  # fmt: skip
        assert fitting, f"{span.name} with {attributes(span)}"
        seen.update(fitting)
    assert seen == set(SPANS)
