"""A stand-in for the registry: its tools by name and parameters as CONTRACTS.md has them, which record and do nothing.

It speaks real MCP over loopback HTTP and wants a real bearer token. What a tool answers is what the test put there.
"""

import socket
import threading
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth import StaticTokenVerifier
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from mcp_types import CallToolRequestParams

TOKEN = "t" * 40
Json = dict[str, Any]


def _tools(mcp: FastMCP) -> None:
    """The tools the command line uses; the middleware answers in their place."""

    @mcp.tool
    def register_service(
        name: str, path: str, url: str | None = None, description: str = "", tags: list[str] | None = None,
        transport: str = "streamable-http", command: str | None = None, args: list[str] | None = None,
        tools: list[Json] | None = None, fetch: bool = True, on_duplicate: str = "report",
        groups: list[str] | None = None, license: str | None = None, requires_approval: list[str] | None = None,
    ) -> Json:  # fmt: skip
        return {}

    def page(limit: int = 50, cursor: str | None = None, tags: list[str] | None = None) -> Json:
        return {}

    for kind in ("services", "agents", "skills", "virtual_servers", "entities"):
        mcp.tool(page, name=f"list_{kind}")

    def by_path(path: str) -> Json:
        return {}

    for name in ("get_server_details", "refresh_service"):
        mcp.tool(by_path, name=name)

    @mcp.tool
    def toggle_service(path: str, enabled: bool) -> Json:
        return {}

    @mcp.tool
    def delete_asset(kind: str, path: str) -> Json:
        return {}

    _other_tools(mcp)


def _other_tools(mcp: FastMCP) -> None:
    @mcp.tool
    def search_registry(
        query: str, kinds: list[str] | None = None, limit: int = 10, tags: list[str] | None = None,
        include_disabled: bool = False,
    ) -> Json:  # fmt: skip
        return {}

    @mcp.tool
    def call_tool(server: str, tool: str, arguments: Json) -> ToolResult:
        return ToolResult(content="")

    @mcp.tool
    def put_scope(name: str, grants: list[Json], description: str = "") -> Json:
        return {}

    @mcp.tool
    def put_group(name: str, scopes: list[str], description: str = "") -> Json:
        return {}

    @mcp.tool
    def create_token(
        name: str, groups: list[str] | None = None, scopes: list[str] | None = None, expires_in: int = 86400
    ) -> Json:
        return {}

    @mcp.tool
    def revoke_token(id: str) -> Json:
        return {}

    @mcp.tool
    def list_tokens() -> Json:
        return {}

    @mcp.tool
    def query_audit(
        since: str | None = None, until: str | None = None, subject: str | None = None, asset: str | None = None,
        tool: str | None = None, action: str | None = None, decision: str | None = None, limit: int = 100,
        cursor: str | None = None,
    ) -> Json:  # fmt: skip
        return {}


class FakeRegistry(Middleware):
    """Served from a thread between `with` and its end. `calls` are the tools called, `answer` what the next say."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Json]] = []
        self.answer = ToolResult(structured_content={})
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        mcp = FastMCP("fake", auth=StaticTokenVerifier({TOKEN: {"client_id": "test", "scopes": []}}), middleware=[self])
        _tools(mcp)
        app = mcp.http_app(path="/mcp", stateless_http=True, json_response=True)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", loop="asyncio"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def says(self, structured: Json, *, content: object = None, error: bool = False) -> None:
        """What the next call is answered with."""
        self.answer = ToolResult(content=content, structured_content=structured, is_error=error)

    def refuses(self, code: str, message: str, **details: object) -> None:
        """The next call is refused, as every tool of the registry refuses."""
        self.says({"code": code, "message": message, **details}, content=f"{code}: {message}", error=True)

    async def on_call_tool(
        self,
        context: MiddlewareContext[CallToolRequestParams],
        call_next: CallNext[CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        checked = await call_next(context)
        if checked.is_error:
            return checked
        self.calls.append((context.message.name, context.message.arguments or {}))
        return self.answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
