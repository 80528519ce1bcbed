"""Calling what was found, and how the registry is."""

from typing import Annotated

import mcp_types
from fastmcp.tools.base import ToolResult
from pydantic import Field, ValidationError

from airegistry import __version__
from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Path, Shape


class Health(Shape):
    """How the registry is: `status` is `ok`, `assets` counts those you may see."""

    status: str
    version: str
    assets: int


class InvokeTools:
    """Tools that act through the registry."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Call a tool of a registered server", destructive=True, open_world=True, structured=False)
    async def call_tool(
        self,
        server: Path,
        tool: Annotated[str, Field(description="The tool's name, as search and `get_service_tools` show it.")],
        arguments: Annotated[Json | None, Field(description="Arguments that fit the tool's inputSchema.")] = None,
    ) -> ToolResult:
        """Call a tool of any registered server and get the tool's own result.

        Find the tool with `intelligent_tool_finder` or `search_registry` first and read its inputSchema. The call is
        checked against your rights and written to the audit trail. `access_denied` names the scopes that are missing.
        """
        who = current_principal()
        answer = await self._services.invocation.call_tool(who, server, tool, arguments or {})
        if answer.error is not None:
            raise UpstreamFailed(f"{server}/{tool}: {str(answer.error.get('message', 'error'))[:500]}")
        try:
            result = mcp_types.CallToolResult.model_validate(answer.result)
        except ValidationError:
            raise UpstreamFailed(f"{server}/{tool}: the answer is no tool result") from None
        return ToolResult.from_mcp_result(result)

    @tool("Health of the registry", read_only=True)
    async def healthcheck(self) -> Health:
        """Whether the registry works, its version, and how many assets you may see."""
        who = current_principal()
        return Health(status="ok", version=__version__, assets=self._services.search.count(who))
