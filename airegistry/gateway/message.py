"""Parts of a message that was checked before, for the few requests on the way of bytes that are looked into."""

from collections.abc import Mapping

import orjson
from mcp_types import CLIENT_CAPABILITIES_META_KEY
from pydantic import JsonValue

from airegistry.core.assets import Json


def params_of(body: bytes | None) -> Json:
    """The params of a message, empty when there are none."""
    message: JsonValue = orjson.loads(body) if body is not None else None
    return as_object(as_object(message).get("params"))


def capabilities_of(params: Json) -> Json:
    """What a client declared: in a modern request's `_meta`, or in the params of `initialize`."""
    meta = as_object(params.get("_meta"))
    return as_object(meta.get(CLIENT_CAPABILITIES_META_KEY, params.get("capabilities")))


def as_object(value: JsonValue | Mapping[str, JsonValue]) -> Json:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}
