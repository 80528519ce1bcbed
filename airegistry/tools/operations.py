"""The registry's tools as plain operations, for surfaces that are no MCP: the same methods, schemas and checks."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from fastmcp import FastMCP
from fastmcp.exceptions import FastMCPError, ValidationError
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import Internal, Unsupported
from airegistry.tools.caller import Scope, acting_as
from airegistry.tools.declare import Declared, declared_of
from airegistry.tools.errors import Refused, bad_arguments

TOOL_RESULT: Json = {
    "type": "object",
    "description": "What the called tool answered: `content` blocks, `structuredContent`, and whether it failed.",
    "properties": {
        "content": {"type": "array", "items": {"type": "object"}},
        "structuredContent": {"type": ["object", "null"]},
        "isError": {"type": "boolean"},
    },
    "required": ["content"],
}
"""The output schema of `call_tool`, whose answers are other people's."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One tool: what clients are told about it, and how it is run without MCP."""

    name: str
    declared: Declared
    description: str
    input_schema: Json
    output_schema: Json
    mcp: FastMCP

    @property
    def title(self) -> str:
        """What it does, in a few words."""
        return self.declared.title

    async def run(self, scope: Scope, arguments: Mapping[str, JsonValue]) -> Json:
        """The structured content that the tool answers the caller of a request with. Nobody is asked meanwhile.

        Raises:
            AirError: whatever the tool fails with; Invalid for arguments that do not fit its schema.
        """
        with acting_as(scope):
            try:
                result = await self.mcp.call_tool(self.name, dict(arguments), run_middleware=False)
            except ValidationError as error:
                raise bad_arguments(error) from None
            except FastMCPError as error:  # FastMCP has logged what it was
                raise Internal("the registry failed") from error
        if isinstance(result, Refused):
            raise result.error
        if isinstance(result, InputRequiredToolResult):
            raise Unsupported(f"{self.name}: the backend asks for input, which takes an MCP client")
        return _whole(result) if not self.declared.structured else result.structured_content or {}


async def operations(mcp: FastMCP, owners: Iterable[object]) -> list[Operation]:
    """The tools that `owners` gave to a server, by name."""
    found = []
    for name, declared in sorted(_declared(owners), key=lambda each: each[0]):
        tool = await mcp.get_tool(name)
        assert tool is not None, name  # it was built of the same owners
        description = tool.description or ""
        found.append(Operation(name, declared, description, tool.parameters, tool.output_schema or TOOL_RESULT, mcp))
    return found


def _declared(owners: Iterable[object]) -> Iterator[tuple[str, Declared]]:
    for owner in owners:
        yield from declared_of(owner)


def _whole(result: ToolResult) -> Json:
    """A result of other people's tool, as MCP names its members."""
    blocks: list[JsonValue] = [
        block.model_dump(mode="json", by_alias=True, exclude_none=True) for block in result.content
    ]
    whole: Json = {"content": blocks, "isError": result.is_error}
    if result.structured_content is not None:
        whole["structuredContent"] = result.structured_content
    return whole
