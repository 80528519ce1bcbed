"""Answers of the MCP Registry API: entries as it shapes them, and errors as problem details with its `error` beside."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import wraps

import orjson
from starlette.requests import Request
from starlette.responses import Response

from airegistry.core.assets import Json
from airegistry.core.documents import Unavailable
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    ApprovalRequired,
    Conflict,
    GateRejected,
    Invalid,
    NotFound,
    Quarantined,
    RateLimited,
    ScanFailed,
    Unauthenticated,
    Unsupported,
    UpstreamFailed,
)
from airegistry.core.published import Entry
from airegistry.core.server_schema import Misfit
from airegistry.rest.app import TITLES

log = logging.getLogger(__name__)
OFFICIAL = "io.modelcontextprotocol.registry/official"
MAX_BODY = 2_000_000
STATUS: Mapping[type[AirError], int] = {
    Invalid: 400, NotFound: 404, Conflict: 409, AccessDenied: 403, Unauthenticated: 401, ApprovalRequired: 403,
    GateRejected: 403, ScanFailed: 403, RateLimited: 429, Quarantined: 403, UpstreamFailed: 502, Unsupported: 400,
    Unavailable: 503,
}  # fmt: skip
Handler = Callable[[Request], Awaitable[Response]]


class Unprocessable(Invalid):
    """A parameter or a body that cannot be read: 422, as the official registry has it."""


class TooLarge(Invalid):
    """A body over the limit."""


def answer(body: object, status: int = 200) -> Response:
    """A JSON answer."""
    headers = {"cache-control": "no-store"}
    return Response(orjson.dumps(body), status, media_type="application/json", headers=headers)


def shown(entry: Entry) -> Json:
    """An entry with what the registry says of it."""
    official: Json = {
        "status": entry.status,
        "statusChangedAt": moment(entry.changed),
        "publishedAt": moment(entry.server.created_at),
        "updatedAt": moment(entry.server.updated_at),
        "isLatest": entry.latest,
    }
    if entry.message:
        official["statusMessage"] = entry.message
    return {"server": entry.document, "_meta": {OFFICIAL: official}}


def told(handler: Handler) -> Handler:
    """A handler whose errors of the core are answers."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except AirError as error:
            status = _status(error)
            if status == 500:
                log.exception("the registry API failed")
            return _refusal(error, status)

    return answered


async def document_in(request: Request) -> Json:
    """The JSON object in the body of a request.

    Raises:
        TooLarge, Unprocessable: it is too long, or no JSON object.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise TooLarge(f"a body has at most {MAX_BODY} bytes")
    try:
        orjson.loads(body)  # refuses what is no Unicode, no number or too deep
        document = json.loads(body)  # and this keeps large integers as they are
    except (ValueError, RecursionError):
        raise Unprocessable("the body is no JSON") from None
    if not isinstance(document, dict):
        raise Unprocessable("the body is no JSON object")
    return document


def _status(error: AirError) -> int:
    if isinstance(error, Unprocessable | Misfit):
        return 422
    if isinstance(error, TooLarge):
        return 413
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 500)


def _refusal(error: AirError, status: int) -> Response:
    message = error.message if status != 500 else "the registry failed"
    body: dict[str, object] = {
        "title": TITLES[status], "status": status, "detail": message, "code": error.code,
        "error": message,
    }  # fmt: skip
    response = answer(body, status)
    if isinstance(error, RateLimited):
        response.headers["retry-after"] = str(max(1, round(error.retry_after)))
    return response


def moment(moment: datetime) -> str:
    """As RFC 3339 has it, in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
