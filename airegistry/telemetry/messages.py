"""What spans say of an MCP message: what it asks for, never what with. Names are those of the semantic conventions."""

import re
from collections.abc import Mapping
from typing import TypeGuard

import orjson
from pydantic import JsonValue

from airegistry.core.telemetry import Value

LONGEST = 200
"""Characters of a name that are told."""
_OF_MCP = re.compile(
    r"(?:tools|prompts|resources|completion|server|logging|notifications|subscriptions)/.|initialize$|ping$"
)
"""Methods that are of MCP and of no other protocol over JSON-RPC."""
TRACED = b'"traceparent"'
"""Stands in each message that has a context."""
Attributes = dict[str, Value]


def attributes_of(method: str, name: str | None, id_: object) -> tuple[str, Attributes]:
    """The name and the attributes of a span for a message. `name` is the tool's or the prompt's."""
    attributes: Attributes = {"mcp.method.name": method[:LONGEST]}
    if isinstance(id_, str | int):
        attributes["jsonrpc.request.id"] = str(id_)[:LONGEST]
    if name is None or method not in {"tools/call", "prompts/get"}:
        return method[:LONGEST], attributes
    if method == "tools/call":
        attributes["gen_ai.operation.name"] = "execute_tool"
        attributes["gen_ai.tool.name"] = name[:LONGEST]
    else:
        attributes["gen_ai.prompt.name"] = name[:LONGEST]
    return f"{method} {name[:LONGEST]}", attributes


def about(body: bytes) -> tuple[str, Attributes]:
    """The same of a message as it is sent; nothing of what is no request or notification of MCP."""
    message = _read(body)
    method = message.get("method")
    if not is_of_mcp(method):
        return "", {}
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    return attributes_of(method, name if isinstance(name, str) else None, message.get("id"))


def is_of_mcp(method: object) -> TypeGuard[str]:
    """Whether a method is one of MCP's."""
    return isinstance(method, str) and _OF_MCP.match(method) is not None


def context_in(body: bytes) -> dict[str, str]:
    """The W3C context that a message has in `_meta`; empty where it has none."""
    if TRACED not in body:
        return {}
    params = _read(body).get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return context_of(meta) if isinstance(meta, dict) else {}


def context_of(meta: Mapping[str, object]) -> dict[str, str]:
    """The W3C context in a `_meta`."""
    found = {name: meta.get(name) for name in ("traceparent", "tracestate")}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _read(body: bytes) -> dict[str, JsonValue]:
    try:
        message: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return message if isinstance(message, dict) else {}
