"""What the API answers: JSON with validators, the way to the next page, and errors as problem details (RFC 9457)."""

import base64
import hashlib
import json
import math
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from airegistry.core.assets import Json
from airegistry.core.documents import Unavailable
from airegistry.core.errors import AirError, BackendResting, RateLimited, Retired
from airegistry.core.preconditions import Changed
from airegistry.rest.api.idempotency import InProgress, OtherRequest
from airegistry.rest.api.reading import TooLarge, WrongType
from airegistry.rest.api.routes import NoMethod
from airegistry.rest.app import problem

STATUS: Final[Mapping[str, int]] = {
    "invalid": 400, "unauthenticated": 401, "access_denied": 403, "approval_required": 403, "gate_rejected": 403,
    "quarantined": 403, "scan_failed": 403, "not_found": 404, "conflict": 409, "rate_limited": 429, "internal": 500,
    "unsupported": 400, "upstream_failed": 502,
}  # fmt: skip
"""By code, as the gateway has it; but what is not offered here is no fault of the server."""
_OWN_STATUS: Mapping[type[AirError], int] = {
    Changed: 412, NoMethod: 405, TooLarge: 413, WrongType: 415, OtherRequest: 422, Retired: 410, BackendResting: 503,
    Unavailable: 503,
}  # fmt: skip
_RENAMED: Final[Mapping[str, str]] = {"status": "request_status"}
"""Members of errors whose names problem details have themselves."""
_LIVE = frozenset(
    (
        "health health_report circuit quality repository rating your_rating duplicates card_lacks parts callable ans"
    ).split()
)
"""Members of an asset that change by themselves: no change of theirs stands in the way of one that somebody makes."""


def answer(body: Json, status: int = 200) -> Response:
    """A JSON answer that nobody keeps."""
    headers = {"cache-control": "no-store"}
    return Response(written(body), status, media_type="application/json", headers=headers)


def written(body: Json) -> bytes:
    """JSON, members in order of name."""
    try:
        return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # an integer of more than 64 bits
        return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def refusal(error: AirError) -> Response:
    """An error as problem details; its other members stand beside the code."""
    status = next((own for kind, own in _OWN_STATUS.items() if isinstance(error, kind)), STATUS.get(error.code, 500))
    message = error.message if status != 500 else "the registry failed"
    more = {_RENAMED.get(name, name): value for name, value in error.details().items()}
    response = problem(status, error.code, message, **more)
    response.headers["cache-control"] = "no-store"
    if isinstance(error, RateLimited | BackendResting):
        response.headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, InProgress):
        response.headers["retry-after"] = "1"
    if isinstance(error, NoMethod):
        response.headers["allow"] = ", ".join(error.allowed)
    return response


def tag_of(asset: Json, *, live: bool) -> str:
    """The ETag of an asset as one caller sees it: it tells nothing of what that caller does not see.

    It has two parts, what somebody wrote and, with `live`, what changes by itself. If-Match asks for the first only.
    """
    written = _digest({name: value for name, value in asset.items() if name not in _LIVE})
    return f'"{written}.{_digest(asset)}"' if live else f'"{written}"'


def fits(condition: str, tag: str, *, whole: bool) -> bool:
    """Whether one of the tags of If-Match or If-None-Match is that of an asset; `whole` is whether all of it counts."""
    given = [each.strip() for each in condition.split(",")]
    if "*" in given:
        return True
    if whole:
        return tag in {each.removeprefix("W/") for each in given}
    return _written(tag) in {_written(each) for each in given}  # a weak one never fits (RFC 9110, section 13.1.1)


def next_page(request: Request, base: str, body: Json) -> str | None:
    """The value of Link for an answer that goes on (RFC 8288); `base` is the path of the registry's own URL."""
    cursor = body.get("next_cursor")
    if not isinstance(cursor, str) or request.method not in {"GET", "HEAD"}:
        return None
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    path = request.scope.get("raw_path", b"").decode("latin-1")
    return f'<{base}{path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'


def _written(tag: str) -> str:
    return tag.partition(".")[0].removesuffix('"')


def _digest(asset: Json) -> str:
    found = hashlib.sha256(written(asset)).digest()
    return base64.urlsafe_b64encode(found[:12]).decode()
