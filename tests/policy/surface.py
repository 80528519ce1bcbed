"""The registry's MCP server in memory, asked as whoever a test names."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
from fastmcp.utilities.tests import ASGIServer, asgi_server
from pydantic import JsonValue
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.principals import Principal
from airegistry.core.services import Services
from airegistry.oauth.identity import PRINCIPAL
from airegistry.tools.server import build, catalog_tools

MODERN = "2026-07-28"
META: Json = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Door:
    """In place of authentication: everybody who comes in is `who`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.who = Principal("nobody")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope[PRINCIPAL] = self.who
        await self._app(scope, receive, send)


@dataclass
class Surface:
    """One connection; `text` is an answer as it stands on the wire."""

    door: Door
    http: httpx2.AsyncClient

    async def text(self, who: Principal, method: str, params: Json) -> str:
        """The answer to a request, with its status."""
        self.door.who = who
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        headers = {
            "accept": "application/json, text/event-stream", "mcp-protocol-version": MODERN, "mcp-method": method,
        }  # fmt: skip
        if named := params.get("name", params.get("uri")):
            headers["mcp-name"] = str(named)
        answer = await self.http.post("/mcp", json=message, headers=headers)
        return f"{answer.status_code} {answer.text}"

    async def result(self, who: Principal, method: str, params: Json) -> dict[str, JsonValue]:
        """The result of a request, or its error."""
        body = json.loads((await self.text(who, method, params)).partition(" ")[2])
        found = body.get("result", body.get("error"))
        assert isinstance(found, dict), body
        return found

    async def tool(self, who: Principal, name: str, **arguments: JsonValue) -> dict[str, JsonValue]:
        """What a tool answers with, errors too."""
        found = await self.result(who, "tools/call", {"name": name, "arguments": arguments})
        content = found["structuredContent"]
        assert isinstance(content, dict)
        return content


@asynccontextmanager
async def served(services: Services) -> AsyncIterator[Surface]:
    """The registry's tools, resources and prompts over these services, without sockets."""
    async with asgi_server(build(services, catalog_tools(services))) as server:
        door = Door(server.app)
        async with ASGIServer(server.url, door, server.transport_type).http_client() as http:
            yield Surface(door, http)
