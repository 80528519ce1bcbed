"""What search found, in the shapes of its answers and sized for a model's context."""

from collections.abc import Mapping

from pydantic import JsonValue

from airegistry.core.answers import Hit
from airegistry.core.assets import Json, Server, Tool
from airegistry.core.sketches import has_endpoint
from airegistry.tools.shapes import Detail, FoundTool, SearchResult, endpoint_of

BRIEF = 200
"""Characters of a description in a brief answer."""
_VALUES = frozenset({"const", "enum", "default", "examples", "example"})
"""Keywords of JSON Schema that hold values and not schemas."""


def result_of(hit: Hit, url: str, detail: Detail = "brief") -> SearchResult:
    """A hit as search shows it."""
    asset = hit.asset
    if hit.tool is None:
        name, description, tool, server = asset.name, asset.description, None, None
    else:
        name, description, tool, server = hit.tool.name, hit.tool.description, hit.tool.name, asset.path
    result = SearchResult(
        kind=hit.kind, path=asset.path, name=name, description=sized(description, detail), score=round(hit.score, 4),
        match=hit.match, why=[*hit.why], server=server, tool=tool, endpoint=endpoint_of(url, asset),
        health=asset.health if has_endpoint(asset) else None,
    )  # fmt: skip
    if detail == "brief":
        return result
    more: Json = {
        "title": asset.title, "tags": [*asset.tags], "version": asset.version, "stage": asset.stage,
        "owner": asset.owner_team, "environment": asset.environment, "source": asset.provenance.source,
    }  # fmt: skip
    if hit.tool is not None:
        more |= {"title": hit.tool.title, "inputSchema": hit.tool.input_schema}
    return result.model_copy(update={name: value for name, value in more.items() if value is not None})


def tool_of(hit: Hit, tool: Tool, url: str, detail: Detail, *, may_call: bool) -> FoundTool:
    """A tool that was found, with how it is called."""
    callable_ = isinstance(hit.asset, Server) and hit.asset.callable
    call: Json = {"server": hit.asset.path, "tool": tool.name, "arguments": _arguments(tool.input_schema)}
    schema = tool.input_schema if detail == "full" else _brief_schema(tool.input_schema)
    return FoundTool(
        server=hit.asset.path, tool=tool.name, description=sized(tool.description, detail), input_schema=schema,
        score=round(hit.score, 4), endpoint=endpoint_of(url, hit.asset) or "", match=hit.match, why=[*hit.why],
        call=call if callable_ else None, may_call=may_call,
    )  # fmt: skip


def sized(text: str, detail: Detail) -> str:
    """A text, in a brief answer cut after a word."""
    if detail == "full" or len(text) <= BRIEF:
        return text
    cut = text[:BRIEF]
    return f"{cut[: cut.rfind(' ')] if ' ' in cut[BRIEF // 2 :] else cut}…"


def _brief_schema(schema: Json) -> Json:
    """A schema with its descriptions cut: it allows the same."""
    return {name: _brief(name, member) for name, member in schema.items()}


def _brief(name: str, value: JsonValue) -> JsonValue:
    if name in _VALUES:
        return value
    if name == "description" and isinstance(value, str):
        return sized(value, "brief")
    if isinstance(value, dict):
        return {key: _brief(key, member) for key, member in value.items()}
    return [_brief("", member) for member in value] if isinstance(value, list) else value


def _arguments(schema: Mapping[str, JsonValue]) -> Json:
    """The arguments that a call needs, each with its default, one of its values, or its type in angle brackets.

    The schema is other people's and may be anything.
    """
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _example(known.get(name)) for name in names}


def _example(schema: JsonValue) -> JsonValue:
    if not isinstance(schema, dict):
        return "<any>"
    for one in ("const", "default"):
        if one in schema:
            return schema[one]
    for several in ("enum", "examples"):
        values = schema.get(several)
        if isinstance(values, list) and values:
            return values[0]
    kind = schema.get("type")
    return f"<{kind}>" if isinstance(kind, str) else "<any>"
