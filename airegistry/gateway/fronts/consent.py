"""How a caller is told to open a page first: to connect an account, or whatever a legacy backend wants done there."""

import orjson
from mcp_types import URL_ELICITATION_REQUIRED
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import ConsentRequired
from airegistry.gateway.channels.exchange import Era
from airegistry.gateway.errors import RequestId
from airegistry.gateway.fronts.translate import can_answer, result_for_modern

_KEY = "airegistry.url."
"""What the keys of such `inputRequests` begin with: the gateway's own, which no backend is to see answered."""


def consent_refusal(error: ConsentRequired, request_id: RequestId, capabilities: Json, era: Era) -> bytes | None:
    """A JSON-RPC message (HTTP 200) that has the client open the URL, if it declared url elicitation; else None.

    Modern: an `input_required` result. Legacy (2025-11-25): error -32042 with `data.elicitations`.
    """
    asked: Json = {"mode": "url", "message": error.message, "url": error.url}
    if not can_answer(capabilities, "elicitation/create", asked):
        return None
    elicitation: Json = {**asked, "elicitationId": error.id}
    if era == "modern":
        return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": urls_required([elicitation])})
    data = {"elicitations": [elicitation], "code": error.code, **error.details()}
    refusal = {"code": URL_ELICITATION_REQUIRED, "message": error.message, "data": data}
    return orjson.dumps({"jsonrpc": "2.0", "id": request_id, "error": refusal})


def urls_required(elicitations: list[Json]) -> Json:
    """The modern result that asks for url elicitations; the call is made anew after them, so there is no state."""
    requests: Json = {}
    for number, elicitation in enumerate(elicitations):
        params: Json = {name: elicitation.get(name, "") for name in ("message", "url")}
        requests[f"{_KEY}{number}"] = {"method": "elicitation/create", "params": {"mode": "url", **params}}
    return result_for_modern("", {"resultType": "input_required", "inputRequests": requests}, None)


def has_opened(responses: JsonValue) -> bool:
    """Whether a client was asked to open a URL already, as its `inputResponses` tell."""
    return isinstance(responses, dict) and any(key.startswith(_KEY) for key in responses)


def without_opened(params: Json) -> Json:
    """Parameters without the answers to `urls_required`."""
    responses = params.get("inputResponses")
    if not isinstance(responses, dict) or not has_opened(responses):
        return params
    kept: Json = {key: value for key, value in responses.items() if not key.startswith(_KEY)}
    rest = {name: value for name, value in params.items() if name != "inputResponses"}
    return {**rest, "inputResponses": kept} if kept else rest
