"""The server that is probed directly and through the gateway: `python -m tests.gateway.probes.backend PORT`.

The conforming one, with what the suite has no tool for.
"""

import sys

import anyio
import mcp_types as mcp
from fastmcp import Context, FastMCP
from fastmcp.exceptions import ToolError
from mcp.server.subscriptions import ResourceUpdated, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tests.conformance.backend import Watchers, conforming, run


class Weather(BaseModel):
    """A structured answer."""

    place: str
    celsius: float
    tags: list[str]


class Signals:
    """What a test steers and waits for over plain HTTP routes."""

    def __init__(self) -> None:
        self.released = anyio.Event()
        self.cancelled = anyio.Event()


def add_tools(server: FastMCP) -> None:
    """Tools whose answers are compared."""

    @server.tool
    async def weather(place: str) -> Weather:
        """Answers with structured content."""
        return Weather(place=place, celsius=-3.5, tags=["cold", "ä€😀"])

    @server.tool
    async def add(a: int, b: int) -> int:
        """Adds two integers."""
        return a + b

    @server.tool
    async def big(size: int) -> str:
        """A text of so many characters."""
        return "x" * size

    @server.tool
    async def fail(reason: str) -> str:
        """Fails with the reason given."""
        raise ToolError(reason)

    @server.tool
    async def protocol_error(code: int) -> str:
        """Fails with an error of the protocol."""
        raise MCPError(code=code, message="as ordered", data={"ordered": code})

    @server.tool
    async def count(ctx: Context) -> int:
        """How often it was called in this session."""
        number = (await ctx.get_state("count") or 0) + 1
        await ctx.set_state("count", number)
        return number


def add_waiting_tools(server: FastMCP, signals: Signals) -> None:
    """Tools that wait for a word from outside, or for ever."""

    @server.tool
    async def paced(steps: int, ctx: Context) -> str:
        """Reports progress and waits at `/release` before each next step."""
        for step in range(steps):
            signals.released = anyio.Event()
            await ctx.report_progress(step + 1, steps, f"step {step + 1}")
            await signals.released.wait()
        return f"{steps} steps done"

    @server.tool
    async def hang(ctx: Context) -> str:
        """Reports progress once and never answers; `/cancelled` answers when it was cancelled."""
        signals.cancelled = anyio.Event()
        try:
            await ctx.report_progress(1, 2)
            await anyio.sleep_forever()
        finally:
            signals.cancelled.set()
        return "never"


def add_changing_tools(server: FastMCP, watchers: Watchers) -> None:
    """Tools about the client, and about what watchers hear."""

    @server.tool
    async def whereabouts(ctx: Context) -> list[str]:
        """The client's roots, asked for in the older era."""
        related = ServerMessageMetadata(related_request_id=ctx.request_id)
        request = mcp.ListRootsRequest(method="roots/list")
        answer = await ctx.session.send_request(request, mcp.ListRootsResult, metadata=related)
        return [str(root.uri) for root in answer.roots]

    @server.tool
    async def touch(uri: str) -> str:
        """Says that a resource and the tools changed."""
        await watchers.bus.publish(ResourceUpdated(uri=uri))
        await watchers.bus.publish(ToolsListChanged())
        for session in watchers.sessions.get(uri, []):
            await session.send_resource_updated(uri)
        return f"{len(watchers.sessions.get(uri, []))} sessions told"


def add_routes(server: FastMCP, signals: Signals) -> None:
    """What a test uses beside MCP."""

    @server.custom_route("/release", methods=["POST"])
    async def release(request: Request) -> Response:
        signals.released.set()
        return Response(status_code=204)

    @server.custom_route("/cancelled", methods=["GET"])
    async def cancelled(request: Request) -> Response:
        await signals.cancelled.wait()
        return Response(status_code=204)


def probed() -> FastMCP:
    """The server."""
    server, watchers = conforming("probed")
    signals = Signals()
    add_tools(server)
    add_waiting_tools(server, signals)
    add_changing_tools(server, watchers)
    add_routes(server, signals)
    return server


if __name__ == "__main__":
    run(probed(), sys.argv[1:])
