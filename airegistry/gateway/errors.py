"""How a refusal looks on the wire: an HTTP status and a JSON-RPC error whose `data.code` is the stable code.

| code | HTTP | why |
|---|---|---|
| invalid | 400 | 413 for a body over the limit, 415 for one that is no JSON, 405 for another verb |
| unauthenticated | 401 | the authentication layer in front adds the challenge |
| not_found | 404 | one body for what is hidden and what does not exist; for an unknown tool 400, in the older era 200 |
| access_denied, approval_required, quarantined, scan_failed, gate_rejected | 403 | |
| conflict | 409 | |
| rate_limited | 429 | with Retry-After |
| unsupported | 501 | the server is known, but this way to it is not built; 410 for a version that has ended |
| upstream_failed | 502 | the backend is down, lies, or asks for other credentials; 503 while it is left alone |
| internal | 500 | |
"""

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress

import orjson
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST
from starlette.types import Send

from airegistry.core import errors
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
from airegistry.oauth.sending import FAREWELL_SECONDS, FOLLOWS, is_event_stream

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


class CallRefused(BadAnswer, errors.CallRefused):
    """The backend answered 403."""


class CredentialRefused(BadAnswer, errors.CredentialRefused):
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

    `extra` headers go with whatever is answered. `handshake` is whether the client's era has one.
    """

    __slots__ = ("_ended", "_headers", "extra", "handshake", "request_id", "send", "started")

    def __init__(self, send: Send) -> None:
        self.send = send
        self.started = False
        self.handshake = False
        self.extra: list[tuple[bytes, bytes]] = []
        self.request_id: RequestId = None
        self._headers: list[tuple[bytes, bytes]] = []
        self._ended = False

    async def start(self, status: int, headers: list[tuple[bytes, bytes]], *, follows: bool = False) -> None:
        """Send the head of the answer; `follows` is whether a first part of its body does at once."""
        self.started = True
        self._headers = headers
        await self.send(
            {"type": "http.response.start", "status": status, "headers": headers + self.extra, FOLLOWS: follows}
        )

    async def body(self, chunk: bytes, *, more: bool) -> None:
        """Send a part of the body; waits while the client reads slowly."""
        self._ended = not more
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def whole(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
        """Send an answer in one piece."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))], follows=True)
        await self.body(body, more=False)

    async def cut(self, error: AirError) -> None:
        """End the answer early, on purpose: an event stream ends, anything else that has begun stays unfinished."""
        if not self.started:
            await self.refuse(error)
        elif not self._ended and is_event_stream(self._headers):
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):  # the client may not be reading
                    await self.body(b"", more=False)

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
        if self.handshake and isinstance(error, UnknownTool):
            status = 200  # models make names up: clients of that era end their session at an HTTP error
        body = error_body(error, request_id)
        status = status or _status(error)
        await self.whole(status, headers, body)
