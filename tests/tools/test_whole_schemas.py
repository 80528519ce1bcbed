"""Schemas that refer to nothing."""

import json

import pytest
from fastmcp.utilities.json_schema import dereference_refs

from airegistry.core.assets import Json
from airegistry.tools.whole_schemas import whole
from tests.tools.wiring import World

COLOUR: Json = {"enum": ["red"], "type": "string"}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "object"}, {"type": "object"}),
        ({"$defs": {"C": COLOUR}, "properties": {"c": {"$ref": "#/$defs/C"}}}, {"properties": {"c": COLOUR}}),
        (
            {"$defs": {"C": COLOUR}, "items": {"$ref": "#/$defs/C", "description": "its own"}},
            {"items": {**COLOUR, "description": "its own"}},
        ),
        (
            {"$defs": {"C": COLOUR, "L": {"items": {"$ref": "#/$defs/C"}}}, "anyOf": [{"$ref": "#/$defs/L"}, {}]},
            {"anyOf": [{"items": COLOUR}, {}]},
        ),
        (
            {"properties": {"c": {"oneOf": [], "discriminator": {"mapping": {"a": "#/$defs/A"}}}}},
            {"properties": {"c": {"oneOf": []}}},
        ),
        (
            {"properties": {"discriminator": {"type": "string"}, "$ref": {"type": "string"}}},
            {"properties": {"discriminator": {"type": "string"}, "$ref": {"type": "string"}}},
        ),
    ],
)
def test_what_is_referred_to_stands_in_its_place(schema: Json, expected: Json) -> None:
    assert whole(schema) == expected
    assert dereference_refs(schema) == expected, "as FastMCP has it"


def test_what_refers_to_nothing_that_is_there_or_to_itself_is_no_schema_of_ours() -> None:
    with pytest.raises(KeyError):
        whole({"items": {"$ref": "#/$defs/Missing"}})
    with pytest.raises(RecursionError):
        whole({"$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}, "items": {"$ref": "#/$defs/A"}})


@pytest.mark.anyio
async def test_no_tool_refers_to_anything(registry: World) -> None:
    async with registry.client("operator") as client:
        tools = await client.list_tools()
    assert len(tools) > 90
    for tool in tools:
        for schema in (tool.input_schema, tool.output_schema or {}):
            assert "$defs" not in schema
            assert '"$ref": "#' not in json.dumps(schema), tool.name
