"""How a refusal looks on the wire: an HTTP status and a JSON-RPC error whose `data.code` is the stable code.

| code | HTTP | why |
|---|---|---|
| invalid | 400 | 413 for a body over the limit, 415 for one that is no JSON, 405 for another verb |
| unauthenticated | 401 | the authentication layer in front adds the challenge |
| not_found | 404 | one body for what is hidden and what does not exist; 400 for an unknown tool of a known server |
| access_denied, approval_required, quarantined, scan_failed, gate_rejected | 403 | |
| conflict | 409 | |
| rate_limited | 429 | with Retry-After |
| unsupported | 501 | the server is known, but this way to it is not built; 410 for a version that has ended |
| upstream_failed | 502 | the backend is down, lies, or asks for other credentials; 503 while it is left alone |
| internal | 500 | |
"""

import math
from collections.abc import Mapping

import orjson
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from starlette.types import Send

from airegistry.core.errors import (
    AirError,
    BackendResting,
    Invalid,
    NotFound,
    RateLimited,
    Retired,
    UnknownTool,
    UpstreamFailed,
)

RequestId = str | int | None

REFUSED = -32003
"""The JSON-RPC code of every refusal that JSON-RPC has no code for, from the range left to implementations."""

STATUS: Mapping[str, int] = {
    "invalid": 400,
    "unauthenticated": 401,
    "access_denied": 403,
    "approval_required": 403,
    "gate_rejected": 403,
    "quarantined": 403,
    "scan_failed": 403,
    "not_found": 404,
    "conflict": 409,
    "rate_limited": 429,
    "internal": 500,
    "unsupported": 501,
    "upstream_failed": 502,
}
_RPC = {"invalid": INVALID_REQUEST, "internal": INTERNAL_ERROR}


# A 404 for a tool would tell a client of the older era that its session is gone.
_OWN_STATUS: Mapping[type[AirError], int] = {UnknownTool: 400, Retired: 410, BackendResting: 503}


class Malformed(Invalid):
    """A message that breaks JSON-RPC, MCP or HTTP: `rpc` is the JSON-RPC code, `status` the HTTP status."""

    def __init__(self, message: str, *, rpc: int = INVALID_REQUEST, status: int = 400, id: RequestId = None) -> None:
        super().__init__(message)
        self.rpc = rpc
        self.status = status
        self.id = id


class BadAnswer(UpstreamFailed):
    """The backend answered against its protocol. Unlike others of its kind the message names no address."""


class CredentialRefused(BadAnswer):
    """The backend answered 401: another credential may do."""


class SessionLost(Exception):  # it is handled inside the gateway, always
    """The backend no longer knows the session of a request, which it did not run."""


def _status(error: AirError) -> int:
    for kind, status in _OWN_STATUS.items():
        if isinstance(error, kind):
            return status
    return STATUS.get(error.code, 500)


def error_body(error: AirError, request_id: RequestId) -> bytes:
    """The JSON-RPC error object; that of NotFound says nothing of what was asked for."""
    known = not isinstance(error, NotFound) or isinstance(error, UnknownTool)
    rpc = error.rpc if isinstance(error, Malformed) else _RPC.get(error.code, REFUSED)
    rpc = INVALID_PARAMS if isinstance(error, UnknownTool) else rpc
    data = {**(error.details() if known else {}), "code": error.code}
    message = error.message if known else "not found"
    if isinstance(error, UpstreamFailed) and not isinstance(error, BadAnswer):
        # The detail may name addresses inside the operator's network: it is for the audit, not for the caller.
        message = "the backend cannot be reached, or broke off"
    return orjson.dumps(
        {"jsonrpc": "2.0", "id": request_id, "error": {"code": rpc, "message": message, "data": data}},
        option=orjson.OPT_NON_STR_KEYS,
    )


class Reply:
    """The answer to one client: whether it has begun, and how to refuse while it has not.

    `extra` headers go with whatever is answered.
    """

    __slots__ = ("extra", "request_id", "send", "started")

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False
        self.extra: list[tuple[bytes, bytes]] = []
        self.request_id: RequestId = None

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of the answer."""
        self.started = True
        await self.send({"type": "http.response.start", "status": status, "headers": headers + self.extra})

    async def body(self, chunk: bytes, *, more: bool) -> None:
        """Send a part of the body; waits while the client reads slowly."""
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
        """Send an answer in one piece."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.body(body, more=False)

    async def refuse(self, error: AirError, *, status: int | None = None, challenge: bytes | None = None) -> None:
        """Answer with an error; an answer already begun is left unfinished, so that the client sees it broken.

        `challenge` tells the client which token would do (`WWW-Authenticate`).
        """
        if self.started:
            return
        headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
        if challenge is not None:
            headers.append((b"www-authenticate", challenge))
        if isinstance(error, RateLimited | BackendResting):
            headers.append((b"retry-after", b"%d" % max(1, math.ceil(error.retry_after))))
        request_id = self.request_id
        if isinstance(error, Malformed):
            status = status or error.status
            request_id = error.id if request_id is None else request_id
            if status == 405:
                headers.append((b"allow", b"GET, POST, DELETE"))
        body = error_body(error, request_id)
        status = status or _status(error)
        await self.whole(status, headers, body)
