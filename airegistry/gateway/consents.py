"""A caller who has to connect an account first, on the way of bytes: told in the manner of its client's era."""

from collections.abc import Mapping

import orjson
from mcp_types import CLIENT_CAPABILITIES_META_KEY
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import ConsentRequired
from airegistry.gateway.direct import Request
from airegistry.gateway.fronts.consent import consent_refusal, has_opened


def consent_answer(error: ConsentRequired, request: Request) -> bytes | None:
    """The message that has the client open the page; None when it did not say that it can, or has done so already."""
    params = _params(request.body)
    if request.inbound.modern:
        if has_opened(params.get("inputResponses")):
            return None
        capabilities = _object(_object(params.get("_meta")).get(CLIENT_CAPABILITIES_META_KEY))
        return consent_refusal(error, request.envelope.id, capabilities, "modern")
    opening = request.session.opening if request.session is not None else None
    capabilities = _object(_params(opening).get("capabilities"))
    return consent_refusal(error, request.envelope.id, capabilities, "legacy")


def _params(body: bytes | None) -> Json:
    message: JsonValue = orjson.loads(body) if body is not None else None
    return _object(_object(message).get("params"))


def _object(value: JsonValue | Mapping[str, JsonValue]) -> Json:
    return value if isinstance(value, dict) else {}
