"""What tools answer with comes whole to clients of each era, though it goes past the models on its way."""

import json

import anyio
import pytest
from fastmcp.tools.base import ToolResult
from mcp_types import TextContent

from airegistry.tools.answering import _STANDS_IN, answered
from airegistry.tools.shapes import Shape
from tests.support.mcp import Json
from tests.tools.wiring import World

pytestmark = pytest.mark.anyio


class Odd(Shape):
    """Anything."""

    value: object


@pytest.mark.parametrize("era", ["modern", "legacy"])
async def test_the_text_and_the_content_of_a_result_are_the_same_and_whole(registry: World, era: str) -> None:
    async with registry.client("operator", mode="auto" if era == "modern" else "legacy") as client:
        result = await client.call_tool("list_services", {})
    assert result.structured_content is not None
    assert json.loads(text_of(result.content)) == result.structured_content
    assert [each["path"] for each in result.structured_content["services"]] == ["vault", "weather"]


async def test_answers_of_calls_at_once_are_each_their_own(registry: World) -> None:
    found: dict[str, Json] = {}

    async def ask(path: str) -> None:
        async with registry.client("operator") as client:
            result = await client.call_tool("get_server_details", {"path": path})
            found[path] = result.structured_content or {}

    async with anyio.create_task_group() as tasks:
        for path in ("weather", "vault"):
            tasks.start_soon(ask, path)
    assert {path: each["path"] for path, each in found.items()} == {"weather": "weather", "vault": "vault"}


async def test_a_failure_is_told_and_nothing_stands_in_for_it(registry: World) -> None:
    async with registry.client("operator") as client:
        result = await client.call_tool("get_server_details", {"path": "none"}, raise_on_error=False)
    assert result.is_error
    assert _STANDS_IN not in text_of(result.content)


@pytest.mark.parametrize("value", [2**70, "half a letter \ud800", [1.5, None, "ü"]])
def test_where_nobody_brings_an_answer_the_result_is_all_of_it(value: object) -> None:
    result: ToolResult = answered(Odd(value=value))
    assert json.loads(text_of(result.content)) == result.structured_content == {"value": value}


def text_of(content: object) -> str:
    """The one text that a result has."""
    assert isinstance(content, list)
    (only,) = content
    assert isinstance(only, TextContent)
    return only.text
