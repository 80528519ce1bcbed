"""What differs between the eras inside messages, as pure functions: parameters, results, errors, notifications.

`docs/eras.md` says what each of them does and why.
"""

from typing import Final
from uuid import uuid4

import orjson
from mcp_types import (
    INVALID_PARAMS,
    LOG_LEVEL_META_KEY,
    METHOD_NOT_FOUND,
    SERVER_INFO_META_KEY,
    URL_ELICITATION_REQUIRED,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS, is_version_at_least
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.calls import Outcome
from airegistry.core.errors import Unsupported
from airegistry.gateway.channels.exchange import Answer, Opening

CACHEABLE: Final = frozenset(
    "server/discover tools/list prompts/list resources/list resources/templates/list resources/read".split()
)
LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
DEFAULT_LEVEL: Final = "info"
"""What a client of the older era gets that never said which log messages it wants."""

ASKED: Final = frozenset(("elicitation/create", "sampling/createMessage", "roots/list"))
CHANGES: Final = {
    "notifications/tools/list_changed": "toolsListChanged",
    "notifications/prompts/list_changed": "promptsListChanged",
    "notifications/resources/list_changed": "resourcesListChanged",
    "notifications/resources/updated": "resourceSubscriptions",
}
"""Notifications that come unasked, and the member of `subscriptions/listen` that asks for them."""

_RESERVED = "io.modelcontextprotocol/"
_RESOURCE_NOT_FOUND = -32002
_LEGACY_ONLY = frozenset(
    (*CHANGES, "notifications/elicitation/complete", "notifications/tasks/status", "notifications/cancelled")
)
_MODERN_MEMBERS = frozenset(("resultType", "ttlMs", "cacheScope"))


def meta_of(params: Json) -> Json:
    """The `_meta` of parameters, empty when there is none."""
    meta = params.get("_meta")
    return meta if isinstance(meta, dict) else {}


def check_no_task(method: str, params: Json) -> None:
    """Refuse tasks: the experimental ones of 2025-11-25 and the extension of 2026-07-28 cannot be told as one another.

    Raises:
        Unsupported: the request makes a task or is about one.
    """
    if method.startswith("tasks/") or "task" in params:
        raise Unsupported("tasks do not exist alike in both eras of MCP, and are not bridged: call without one")


def capabilities_told(capabilities: Json) -> Json:
    """What a backend of either era is told that the client can do: all but tasks."""
    told = {name: value for name, value in capabilities.items() if name != "tasks"}
    extensions = told.get("extensions")
    if isinstance(extensions, dict) and f"{_RESERVED}tasks" in extensions:
        told["extensions"] = {name: value for name, value in extensions.items() if name != f"{_RESERVED}tasks"}
    return told


def can_answer(capabilities: Json, method: str, params: Json) -> bool:
    """Whether a client declared that it answers such a question."""
    if method == "elicitation/create":
        modes = capabilities.get("elicitation")
        if not isinstance(modes, dict):
            return False
        return "url" in modes if params.get("mode") == "url" else not modes or "form" in modes
    if method == "sampling/createMessage":
        return isinstance(capabilities.get("sampling"), dict)
    return method == "roots/list" and isinstance(capabilities.get("roots"), dict)


def params_for_legacy(params: Json) -> Json:
    """Parameters of a modern request without what only that era has; `progressToken` stays."""
    kept = {name: value for name, value in params.items() if name not in ("inputResponses", "requestState", "_meta")}
    meta = {name: value for name, value in meta_of(params).items() if not name.startswith(_RESERVED)}
    return {**kept, "_meta": meta} if meta else kept


def params_for_modern(params: Json, level: str) -> Json:
    """Parameters of a legacy request with the log level that its session has."""
    return {**params, "_meta": {**meta_of(params), LOG_LEVEL_META_KEY: level}}


def result_for_modern(method: str, result: Json, server_info: Json | None) -> Json:
    """A result as of 2026-07-28; what is there already stays."""
    made: Json = {"resultType": "complete", **result}
    if method in CACHEABLE and made["resultType"] == "complete":
        made.setdefault("ttlMs", 0)
        # What one caller may see must never be served to another from a cache.
        made["cacheScope"] = "private"
    if method == "tools/list":
        made["tools"] = [_without(tool, "execution") for tool in _list(made.get("tools"))]
    meta = meta_of(result)
    if server_info and SERVER_INFO_META_KEY not in meta:
        made["_meta"] = {**meta, SERVER_INFO_META_KEY: server_info}
    return made


def result_for_legacy(method: str, result: Json, version: str) -> Json:
    """A modern result as a client of `version` knows it."""
    made = {name: value for name, value in result.items() if name not in _MODERN_MEMBERS}
    meta = made.get("_meta")
    if isinstance(meta, dict) and SERVER_INFO_META_KEY in meta:
        made["_meta"] = {name: value for name, value in meta.items() if name != SERVER_INFO_META_KEY}
        if not made["_meta"]:
            del made["_meta"]
    if method == "tools/list":
        made["tools"] = [_legacy_tool(tool) for tool in _list(made.get("tools"))]
    elif method == "tools/call":
        _downgrade_call(made, version)
    return made


def _legacy_tool(tool: JsonValue) -> JsonValue:
    """The older era knows output schemas of objects only."""
    schema = tool.get("outputSchema") if isinstance(tool, dict) else None
    return tool if not isinstance(schema, dict) or schema.get("type") == "object" else _without(tool, "outputSchema")


def _downgrade_call(result: Json, version: str) -> None:
    if "structuredContent" in result and not isinstance(result["structuredContent"], dict):
        value = result.pop("structuredContent")
        if not result.get("content"):
            result["content"] = [{"type": "text", "text": orjson.dumps(value).decode()}]
    content = result.get("content")
    if isinstance(content, list) and not knows_all_content(version):
        result["content"] = [_older_content(part, version) for part in content]


def knows_all_content(version: str) -> bool:
    """Whether a client of a version has all kinds of content that the older era has."""
    return is_version_at_least(version, "2025-06-18")


def _older_content(part: JsonValue, version: str) -> JsonValue:
    """Content that came with 2025-06-18 (links) or 2025-03-26 (audio), as text for a client that is older."""
    kind = part.get("type") if isinstance(part, dict) else None
    assert isinstance(part, dict) or kind is None
    if kind == "resource_link" and isinstance(part, dict):
        return {"type": "text", "text": f"{part.get('name', 'resource')}: {part.get('uri', '')}"}
    if kind == "audio" and isinstance(part, dict) and not is_version_at_least(version, "2025-03-26"):
        return {"type": "text", "text": f"[audio, {part.get('mimeType', 'of an unknown type')}]"}
    return part


def error_for_modern(method: str, error: Json) -> Json:
    """A legacy backend's error."""
    if method == "resources/read" and error.get("code") == _RESOURCE_NOT_FOUND:
        return {**error, "code": INVALID_PARAMS}
    return error


def error_for_legacy(method: str, error: Json) -> Json:
    """A modern backend's error: what `resources/read` gets wrong is the URI."""
    if method == "resources/read" and error.get("code") == INVALID_PARAMS:
        return {**error, "code": _RESOURCE_NOT_FOUND}
    return error


def discovered(opening: Opening) -> Json:
    """The result of `server/discover`."""
    made: Json = {
        "supportedVersions": list(MODERN_PROTOCOL_VERSIONS),
        "capabilities": capabilities_told(opening.capabilities),
        **({} if opening.instructions is None else {"instructions": opening.instructions}),
    }
    return result_for_modern("server/discover", made, opening.server_info)


def initialized(opening: Opening, version: str) -> Json:
    """The result of `initialize`."""
    return {
        "protocolVersion": version,
        "capabilities": capabilities_told(opening.capabilities),
        "serverInfo": opening.server_info or {"name": "unknown", "version": "0"},
        **({} if opening.instructions is None else {"instructions": opening.instructions}),
    }


def notice_for_modern(message: Json, token: JsonValue, level: str | None) -> Json | None:
    """A notification that belongs to a request, as its client wants it; None when it does not.

    `token` is the progress token of the request under way: after a retry it is another than the backend was given.
    """
    method, params = message.get("method"), message.get("params")
    if method in _LEGACY_ONLY:
        return None
    if method == "notifications/progress" and isinstance(params, dict):
        return None if token is None else {**message, "params": {**params, "progressToken": token}}
    if method == "notifications/message":
        return message if level is not None and is_loud(message, level) else None
    return message


def is_loud(message: Json, level: str) -> bool:
    """Whether a log message is at least of a level."""
    params = message.get("params")
    said = params.get("level") if isinstance(params, dict) else None
    return said not in LEVELS or level not in LEVELS or LEVELS.index(said) >= LEVELS.index(level)


def question_for_modern(method: str, params: Json) -> Json:
    """A legacy backend's request to its client as one of the `inputRequests` of a result."""
    return {"method": method, "params": _without(params, "_meta", "task", "elicitationId")}


def question_for_legacy(request: JsonValue) -> tuple[str, Json] | None:
    """One of the `inputRequests` of a modern result as a request to a client; None when it is none."""
    method = request.get("method") if isinstance(request, dict) else None
    if not isinstance(request, dict) or not isinstance(method, str) or method not in ASKED:
        return None
    params = request.get("params")
    params = dict(params) if isinstance(params, dict) else {}
    if method == "elicitation/create" and params.get("mode") == "url":
        params.setdefault("elicitationId", uuid4().hex)  # which 2025-11-25 requires, and 2026-07-28 has no more
    return method, params


def required_urls(error: Json) -> list[Json]:
    """The url elicitations that error -32042 of 2025-11-25 asks for."""
    data = error.get("data")
    if error.get("code") != URL_ELICITATION_REQUIRED or not isinstance(data, dict):
        return []
    return [each for each in _list(data.get("elicitations")) if isinstance(each, dict)]


def cannot_answer(method: str) -> Json:
    """What a backend is told that asks what nobody can answer."""
    return {"error": {"code": METHOD_NOT_FOUND, "message": f"the client did not declare that it answers {method[:80]}"}}


def outcome_of(answer: Answer) -> tuple[Outcome, str | None]:
    """How a call ended that was answered."""
    if answer.error is not None:
        return "error", f"JSON-RPC {answer.error.get('code')}"
    return ("tool_error" if answer.result and answer.result.get("isError") is True else "ok"), None


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _without(value: JsonValue, *members: str) -> JsonValue:
    return {name: held for name, held in value.items() if name not in members} if isinstance(value, dict) else value
