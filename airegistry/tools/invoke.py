"""Calling what was found, and how the registry is."""

from typing import Annotated

import mcp_types
from fastmcp import Context
from fastmcp.dependencies import CurrentContext
from fastmcp.tools.base import ToolResult
from pydantic import Field, ValidationError

from airegistry import __version__
from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.pleas import InputWanted, input_required
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.dialogue import Dialogue, asking
from airegistry.tools.shapes import Path, Shape

_CONTEXT = CurrentContext()


class Health(Shape):
    """How the registry is: `status` is `ok`, `assets` counts those you may see, `backends` those of them that are
    checked, by health."""

    status: str
    version: str
    assets: int
    backends: dict[str, int]


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
        context: Context = _CONTEXT,
    ) -> ToolResult | mcp_types.InputRequiredResult:
        """Call a tool of any registered server and get the tool's own result.

        Find the tool with `intelligent_tool_finder` or `search_registry` first and read its inputSchema. The call is
        checked against your rights and written to the audit trail. `access_denied` names the scopes that are missing,
        `approval_required` the request that a person has to approve before you call again in the same words.
        """
        who = current_principal()
        dialogue = Dialogue(context)
        said = arguments or {}
        try:
            answer = await self._services.invocation.call_tool(
                who, server, tool, said, audience=dialogue.audience(), input=dialogue.input(),
                plea=dialogue.plea(tool, said),
            )  # fmt: skip
        except InputWanted as error:
            return asking(input_required(error))
        if answer.error is not None:
            raise UpstreamFailed(f"{server}/{tool}: {str(answer.error.get('message', 'error'))[:500]}")
        try:
            if answer.result is not None and answer.result.get("resultType") == "input_required":
                return asking(answer.result)
            result = mcp_types.CallToolResult.model_validate(answer.result)
        except ValidationError:
            raise UpstreamFailed(f"{server}/{tool}: the answer is no tool result") from None
        return ToolResult.from_mcp_result(result)

    @tool("Health of the registry", read_only=True)
    async def healthcheck(self) -> Health:
        """Whether the registry works, its version, how many assets you may see, and how their backends are."""
        who, search = current_principal(), self._services.search
        backends = {str(health): count for health, count in search.health(who).items()}
        return Health(status="ok", version=__version__, assets=search.count(who), backends=backends)
