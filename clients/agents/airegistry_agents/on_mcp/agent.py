"""An agent on the MCP SDK alone: it searches the registry, connects through the gateway, and calls what it found."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from airegistry_agents.planner import (
    Answer,
    Call,
    Connect,
    Offered,
    Planner,
    Search,
    SearchAnswer,
    Seen,
    check_endpoint,
)

STEPS = 8
"""Acts after which an agent gives up."""
Tell = Callable[[str, str], None]
"""Hears what the agent does: the act, and with what."""


@dataclass(frozen=True, slots=True)
class Agent:
    """Works towards goals with the tools of one registry. `tell` hears of each act."""

    url: str
    token: str
    planner: Planner
    tell: Tell

    async def work(self, goal: str) -> str:
        """The answer to a goal.

        Raises:
            RuntimeError: the planner comes to no end, or acts before it can.
        """
        seen, called = Seen(goal), ("", "")
        async with AsyncExitStack() as stack:
            registry = await stack.enter_async_context(self._connected(f"{self.url}/mcp"))
            server: Client | None = None
            for _ in range(STEPS):
                match self.planner.next(seen):
                    case Search(query):
                        self.tell("search", query)
                        result = await registry.call_tool("search_registry", {"query": query, "kinds": ["tool"]})
                        seen = replace(seen, found=SearchAnswer.model_validate(result.structured_content).results)
                    case Connect(found):
                        self.tell("connect", found.server)
                        endpoint = check_endpoint(self.url, found.endpoint)
                        server = await stack.enter_async_context(self._connected(endpoint))
                        listed = (await server.list_tools()).tools
                        offered = [Offered(name=tool.name, input_schema=tool.input_schema) for tool in listed]
                        seen, called = replace(seen, offered=offered), (found.server, "")
                    case Call() as call:
                        if server is None:
                            raise RuntimeError("a tool is called before its server is connected")
                        self.tell("call", f"{call.tool} {json.dumps(call.arguments)}")
                        seen = replace(seen, answered=await _called(server, call))
                        called = called[0], call.tool
                    case Answer(text):
                        self.tell("answer", text)
                        if called[1]:
                            self.tell("audit", await _record(registry, *called))
                        return text
        raise RuntimeError(f"no answer after {STEPS} acts")

    @asynccontextmanager
    async def _connected(self, url: str) -> AsyncIterator[Client]:
        # A proxy of the environment cannot reach this machine's own loopback.
        beyond = urlsplit(url).hostname not in {"127.0.0.1", "::1", "localhost"}
        headers = {"authorization": f"Bearer {self.token}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60, trust_env=beyond) as http,
            Client(streamable_http_client(url, http_client=http)) as client,
        ):
            yield client


async def _record(registry: Client, server: str, tool: str) -> str:
    """What the audit trail says of the call just made; who may not read it is told so."""
    result = await registry.call_tool("query_audit", {"asset": server, "tool": tool, "limit": 1})
    said: dict[str, Any] = result.structured_content or {}
    if result.is_error:
        return f"not for me to read ({said.get('code')})"
    events = said["events"]
    return " ".join(str(events[0][part]) for part in ("action", "asset", "tool", "decision", "outcome"))


async def _called(server: Client, call: Call) -> str:
    """What a tool answers, or why it was not called: that is for the planner to make something of."""
    try:
        return _text(await server.call_tool(call.tool, call.arguments))
    except MCPError as error:
        return f"refused: {error.error.message}"


def _text(result: CallToolResult) -> str:
    return "\n".join(block.text for block in result.content if block.type == "text")
