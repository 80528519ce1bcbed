"""What tools answer with, brought past the models of FastMCP and of the SDK: in what the registry made itself they find
nothing wrong, and they copy a page of a list four times.

A tool leaves its answer where `bring` finds it, which puts it into the result when that has been through them.
"""

import json
from contextvars import ContextVar
from typing import Any

import orjson
from fastmcp.tools.base import ToolResult
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import TextContent

from airegistry.core.assets import Json
from airegistry.tools.shapes import Shape

_STANDS_IN = "the answer of the tool"


class _Place:
    """Where the tool of a request leaves its answer; open until the request has its result."""

    __slots__ = ("answer", "open")

    def __init__(self) -> None:
        self.answer: Json | None = None
        self.open = True


_PLACE: ContextVar[_Place | None] = ContextVar("place of the answer", default=None)


def answered(shape: Shape) -> ToolResult:
    """The result of a tool: what stands in for it, where somebody brings the answer, and else all of it."""
    answer: Json = shape.model_dump(mode="json")
    place = _PLACE.get()
    if place is None or not place.open:
        return ToolResult(content=_text(answer), structured_content=answer)
    place.answer = answer
    return ToolResult(content=[TextContent(text=_STANDS_IN)], structured_content={})


async def bring(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """For a server's middleware: what comes after it sees whole results, what comes before only what stands in."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    place = _Place()
    token = _PLACE.set(place)
    try:
        result = await call_next(ctx)
    finally:
        place.open = False
        _PLACE.reset(token)
    if place.answer is not None and isinstance(result, dict) and _stands_in(result):
        result["content"][0]["text"] = _text(place.answer)
        if "structuredContent" in result:  # older eras have none
            result["structuredContent"] = place.answer
    return result


def _stands_in(result: dict[str, Any]) -> bool:
    """Whether a result is that of the tool, and no failure that took its place."""
    content = result.get("content")
    return isinstance(content, list) and [each.get("text") for each in content] == [_STANDS_IN]


def _text(answer: Json) -> str:
    try:
        return orjson.dumps(answer).decode()
    except TypeError:  # a number too large for it, or half a letter
        return json.dumps(answer, separators=(",", ":"))
