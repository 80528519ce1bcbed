"""Schemas that refer to nothing: some clients follow no `$ref`.

FastMCP puts them together anew for each list, with a library that loads another one of 3 MB.
"""

from collections.abc import Sequence
from typing import cast

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool
from mcp_types import ListToolsRequest
from pydantic import JsonValue

from airegistry.core.assets import Json

_DEFS = "#/$defs/"


def whole(schema: Json) -> Json:
    """A schema with what it refers to in its place; what stands beside a reference is kept. None refers to itself.

    Raises:
        KeyError: it refers to what is not among its `$defs`.
        RecursionError: it refers to itself.
    """
    named = cast("dict[str, Json]", schema.get("$defs", {}))

    def put(value: JsonValue) -> JsonValue:
        if isinstance(value, list):
            return [put(each) for each in value]
        if not isinstance(value, dict):
            return value
        own: Json = {name: put(member) for name, member in value.items() if not _refers(name, member)}
        reference = value.get("$ref")
        if isinstance(reference, str):
            return {**cast(Json, put(named[reference.removeprefix(_DEFS)])), **own}
        return own

    return cast(Json, put(schema))


def _refers(name: str, member: JsonValue) -> bool:
    """Whether a member refers to others or is there to be referred to, and is no property that is called like those."""
    if name == "$ref":
        return isinstance(member, str)
    return name == "$defs" or (name == "discriminator" and isinstance(member, dict) and "mapping" in member)


class WholeSchemas(Middleware):
    """Lists tools with whole schemas, each of which is put together once."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Json, Tool]] = {}
        """By name: parameters as they were declared, and the tool with whole ones."""

    async def on_list_tools(
        self, context: MiddlewareContext[ListToolsRequest], call_next: CallNext[ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """The tools, in the same order."""
        return [self._whole(tool) for tool in await call_next(context)]

    def _whole(self, tool: Tool) -> Tool:
        known = self._made.get(tool.name)
        if known is None or known[0] is not tool.parameters:
            schemas = {
                "parameters": whole(tool.parameters),
                "output_schema": tool.output_schema and whole(tool.output_schema),
            }
            known = self._made[tool.name] = tool.parameters, tool.model_copy(update=schemas)
        return known[1]
