"""Takes out of `*/list` answers what the caller may not use, in JSON and in event streams alike.

The same filter reads the event streams that a client opens by GET: a backend may replay a list there.
"""

from collections.abc import Callable
from typing import Literal, Protocol

import orjson
from pydantic import JsonValue

from airegistry.gateway.errors import BadAnswer
from airegistry.gateway.sse import Bytes, Events, data_of, with_data

Member = Literal["tools", "prompts", "resources", "tasks", "instructions"]
Keep = Callable[[Member, str], bool]

OPENINGS = frozenset(("initialize", "server/discover"))
LISTS = frozenset(("tools/list", "prompts/list", "resources/list", "resources/templates/list"))
MAX_LIST = 32 * 2**20
"""The longest list answer, and the longest event of a filtered stream, in bytes."""

_MEMBERS: dict[str, tuple[Member, str]] = {
    "tools": ("tools", "name"),
    "prompts": ("prompts", "name"),
    "resources": ("resources", "uri"),
    "resourceTemplates": ("resources", "uriTemplate"),
    "tasks": ("tasks", "taskId"),
}
"""Member of a result -> what its items are for access, and the member that names them."""


class Filter(Protocol):
    """Rewrites an answer as it passes.

    Raises:
        BadAnswer: the answer cannot be read: what was not understood is not shown.
    """

    def feed(self, chunk: bytes) -> bytes:
        """What can go on to the client after this chunk."""
        ...

    def finish(self) -> bytes:
        """What remains to be sent at the end."""
        ...


class JsonFilter:
    """Filters one `application/json` answer, which it must have in full."""

    def __init__(self, keep: Keep, limit: int = MAX_LIST) -> None:
        self._keep = keep
        self._limit = limit
        self._body = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        self._body += chunk
        if len(self._body) > self._limit:
            raise BadAnswer(f"the backend's list is longer than {self._limit} bytes")
        return b""

    def finish(self) -> bytes:
        return filtered(bytes(self._body), self._keep)


class SseFilter:
    """Filters a `text/event-stream` event by event, so that what comes before the list is not held back."""

    def __init__(self, keep: Keep, limit: int = MAX_LIST) -> None:
        self._keep = keep
        self._events = Events(limit)

    def feed(self, chunk: bytes) -> bytes:
        return b"".join(map(self._rewrite, self._events.feed(chunk)))

    def finish(self) -> bytes:
        return bytes(self._rewrite(self._events.rest()))

    def _rewrite(self, event: Bytes) -> Bytes:
        data = data_of(event)
        return with_data(event, filtered(data, self._keep)) if data else event


def filtered(message: bytes, keep: Keep) -> bytes:
    """One JSON-RPC message, printed anew without the items that `keep` refuses; integers beyond 64 bits become floats.

    Raises:
        BadAnswer: it is no JSON, a list of it is none, or it is nested more than 250 deep.
    """
    try:
        value: JsonValue = orjson.loads(message)
    except orjson.JSONDecodeError as error:
        raise BadAnswer("the backend's answer is not JSON") from error
    for part in value if isinstance(value, list) else [value]:
        result = part.get("result") if isinstance(part, dict) else None
        if isinstance(result, dict):
            filter_result(result, keep)
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError as error:
        raise BadAnswer("the backend's answer is nested too deeply") from error


def filter_result(result: dict[str, JsonValue], keep: Keep) -> None:
    """Take out of a result what `keep` refuses, in place: items of lists, and instructions, which are no list.

    Raises:
        BadAnswer: a list of it is none.
    """
    instructions = result.get("instructions")
    if isinstance(instructions, str) and not keep("instructions", instructions):
        del result["instructions"]
    for member, (kind, key) in _MEMBERS.items():
        if member not in result:
            continue
        items = result[member]
        if not isinstance(items, list):
            raise BadAnswer(f"the backend's {member} are not a list")
        kept: list[JsonValue] = []
        for item in items:
            name = item.get(key) if isinstance(item, dict) else None
            if isinstance(name, str) and keep(kind, name):
                kept.append(item)
        result[member] = kept
        if "cacheScope" in result:
            # What one caller may see must never be served to another from a cache.
            result["cacheScope"] = "private"
