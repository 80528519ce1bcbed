"""Domain errors as tool errors: `isError`, a sentence, and a code that a model can act on."""

from collections.abc import Awaitable, Callable

import mcp_types
from fastmcp.exceptions import ValidationError
from fastmcp.server.middleware import Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from pydantic import ValidationError as PydanticError

from airegistry.core.errors import AirError, Invalid
from airegistry.core.validation import invalid

Context = MiddlewareContext[mcp_types.CallToolRequestParams]


def tool_error(error: AirError) -> ToolResult:
    """The result that tells a model what went wrong."""
    structured = {"code": error.code, "message": error.message, **error.details()}
    return ToolResult(content=f"{error.code}: {error.message}", structured_content=structured, is_error=True)


class BadArguments(Middleware):
    """Turns arguments that do not fit a tool's schema into a tool error with the code `invalid`."""

    async def on_call_tool(self, context: Context, call_next: Callable[[Context], Awaitable[ToolResult]]) -> ToolResult:
        """Run the tool."""
        try:
            return await call_next(context)
        except ValidationError as error:
            cause = error.__cause__
            return tool_error(invalid(cause) if isinstance(cause, PydanticError) else Invalid(str(error)))
