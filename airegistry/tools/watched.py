"""The registry's own MCP server, watched: each request is a span, and is timed by method and tool."""

from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from time import perf_counter
from typing import Any

import mcp_types
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult

from airegistry.core.errors import AirError
from airegistry.telemetry.described import MCP_REQUESTS
from airegistry.telemetry.live import Live, LiveSpan
from airegistry.telemetry.messages import attributes_of
from airegistry.tools.errors import Refused

Request = MiddlewareContext[mcp_types.Request[Any, Any]]


class WatchedTools(Middleware):
    """Outermost of the middleware, so that it sees what the client is told."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._duration = live.figures.of(MCP_REQUESTS)

    async def on_request(self, context: Request, call_next: Callable[[Request], Awaitable[Any]]) -> Any:  # noqa: ANN401  # as in FastMCP's own
        """Run what was asked for."""
        method, name = context.method or "", getattr(context.message, "name", None)
        tool = name if method == "tools/call" and isinstance(name, str) else ""
        began, error = perf_counter(), "cancelled"
        with ExitStack() as stack:
            span = self._begun(context, method, name, stack)
            try:
                answer = await call_next(context)
                error = _error_of(answer)
                if error and span is not None:
                    span.fail(error)
            except Exception as failure:
                error = failure.code if isinstance(failure, AirError) else type(failure).__name__
                raise
            finally:
                self._duration.record(perf_counter() - began, (method, tool, error))
        return answer

    def _begun(self, context: Request, method: str, name: object, stack: ExitStack) -> LiveSpan | None:
        if not self._live.wanted:
            return None
        inner = context.fastmcp_context
        id_ = inner.request_id if inner is not None and inner.request_context is not None else None
        title, attributes = attributes_of(method, name if isinstance(name, str) else None, id_)
        try:
            headers = get_http_request().headers
        except RuntimeError:  # a client in this very process
            headers = None
        for told, header in (("mcp.session.id", "mcp-session-id"), ("mcp.protocol.version", "mcp-protocol-version")):
            if headers is not None and (value := headers.get(header)):
                attributes[told] = value[:100]
        return stack.enter_context(self._live.within(self._live.begin(title, "server", attributes)))


def _error_of(answer: object) -> str:
    if isinstance(answer, Refused):
        return answer.error.code
    return "tool_error" if isinstance(answer, ToolResult) and answer.is_error else ""
