"""A conforming MCP server of both eras to put behind the gateway: `python -m tests.conformance.backend PORT`.

Plain FastMCP with the suite's fixture and with subscriptions, which FastMCP leaves out.
"""

import sys
from collections.abc import Mapping
from typing import Any

import uvicorn
from fastmcp import Context, FastMCP
from fastmcp.server.event_store import EventStore
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp_types import (
    EmptyResult,
    InputRequiredResult,
    SubscribeRequestParams,
    SubscriptionsListenRequestParams,
    UnsubscribeRequestParams,
)
from starlette.types import ASGIApp

from tests.conformance import fixture
from tests.conformance.inputs import elicit, required


class Watchers:
    """Who wants to hear of changes: of both eras."""

    def __init__(self) -> None:
        self.bus = InMemorySubscriptionBus()
        self.sessions: dict[str, list[Any]] = {}

    def add_to(self, server: FastMCP) -> None:
        """Offer subscriptions; FastMCP has no public way to."""
        low = server._mcp_server
        low.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(self.bus))
        low.add_request_handler("resources/subscribe", SubscribeRequestParams, self.subscribe)
        low.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, self.unsubscribe)

    async def subscribe(self, context: ServerRequestContext[Any, Any], params: SubscribeRequestParams) -> EmptyResult:
        self.sessions.setdefault(str(params.uri), []).append(context.session)
        return EmptyResult()

    async def unsubscribe(
        self, context: ServerRequestContext[Any, Any], params: UnsubscribeRequestParams
    ) -> EmptyResult:
        self.sessions.pop(str(params.uri), None)
        return EmptyResult()


def add_scenario_tools(server: FastMCP, watchers: Watchers) -> None:
    """Tools of scenarios that no revision requires yet: the gateway refuses a tool that a backend does not list."""

    @server.tool
    async def test_logging_tool(ctx: Context) -> str:
        """Logs, where the request wants that."""
        await ctx.info("logged")
        return "logged"

    @server.tool
    async def test_streaming_elicitation(ctx: Context) -> str | InputRequiredResult:
        """Asks, and never by a request of its own (SEP-2575)."""
        if ctx.input_responses is None:
            await ctx.report_progress(1, 2)
            return required({"user_name": elicit("What is your name?", "name")})
        return "Hello!"

    @server.tool
    async def greet(name: str) -> str:
        """Greets."""
        return f"Hello, {name}!"

    @server.tool
    async def test_trigger_tool_change() -> str:
        """Says that the tools changed."""
        await watchers.bus.publish(ToolsListChanged())
        return "changed"

    @server.tool
    async def test_trigger_prompt_change() -> str:
        """Says that the prompts changed."""
        await watchers.bus.publish(PromptsListChanged())
        return "changed"

    for name in ("slow_compute", "failing_job", "protocol_error_job", "confirm_delete", "test_tool_with_task"):
        server.tool(at_once, name=name)


async def at_once(seconds: int = 0, label: str = "", filename: str = "") -> str:
    """Would be a task where tasks are offered."""
    return f"done at once: {label}{filename} {seconds}"


def conforming(name: str = "conforming") -> tuple[FastMCP, Watchers]:
    """The server, and who watches it."""
    server, watchers = FastMCP(name, version="1.0.0", instructions="Shows all of MCP."), Watchers()
    fixture.add_to(server)
    fixture.add_completion(server)
    add_scenario_tools(server, watchers)
    watchers.add_to(server)
    return server, watchers


def application(server: FastMCP) -> ASGIApp:
    """Its ASGI application, with what the suite wants of a server."""
    return server.http_app(path="/mcp", event_store=EventStore(), retry_interval=200, host_origin_protection=True)


def run(server: FastMCP, arguments: list[str]) -> None:
    """Serve on the loopback port that is the first argument."""
    config: Mapping[str, Any] = {"log_level": "warning", "access_log": False}
    uvicorn.run(application(server), host="127.0.0.1", port=int(arguments[0]), **config)


if __name__ == "__main__":
    run(conforming()[0], sys.argv[1:])
