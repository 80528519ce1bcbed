"""Domain errors as tool errors: `isError`, a sentence, and a code that a model can act on."""

from collections.abc import Awaitable, Callable

import mcp_types
from fastmcp.exceptions import ValidationError
from fastmcp.server.middleware import Middleware, MiddlewareContext
from fastmcp.tools.base import ToolResult
from pydantic import PrivateAttr
from pydantic import ValidationError as PydanticError

from airegistry.core.errors import AirError, Invalid
from airegistry.core.validation import invalid

Context = MiddlewareContext[mcp_types.CallToolRequestParams]


class Refused(ToolResult):
    """The result that tells a model what went wrong, and the error itself for other surfaces."""

    _error: AirError = PrivateAttr()

    def __init__(self, error: AirError) -> None:
        structured = {"code": error.code, "message": error.message, **error.details()}
        super().__init__(content=f"{error.code}: {error.message}", structured_content=structured, is_error=True)
        self._error = error

    @property
    def error(self) -> AirError:
        """What went wrong."""
        return self._error


def bad_arguments(error: ValidationError) -> AirError:
    """Arguments that do not fit a tool's schema, as an error of ours."""
    cause = error.__cause__
    return invalid(cause) if isinstance(cause, PydanticError) else Invalid(str(error))


def tool_error(error: AirError) -> ToolResult:
    """The result that tells a model what went wrong."""
    return Refused(error)


class BadArguments(Middleware):
    """Turns arguments that do not fit a tool's schema into a tool error with the code `invalid`."""

    async def on_call_tool(self, context: Context, call_next: Callable[[Context], Awaitable[ToolResult]]) -> ToolResult:
        """Run the tool."""
        try:
            return await call_next(context)
        except ValidationError as error:
            return tool_error(bad_arguments(error))
