"""What the gateway reads of a message: the JSON-RPC envelope, the name it is about, and the headers that mirror it.

The body is the truth. It goes on to the backend byte for byte, so whatever another parser could read differently
(duplicate members, members that differ by case, a second encoding) is refused rather than interpreted.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import orjson
from mcp.shared.inbound import NAME_BEARING_METHODS, decode_header_value
from mcp_types import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    PROTOCOL_VERSION_META_KEY,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import JsonValue

from airegistry.gateway.errors import Malformed, RequestId

Members = dict[str, JsonValue]
Kind = Literal["request", "notification", "response"]

RESPONSE = "notifications/response"
"""The method under which a posted answer (to an elicitation, say) enters: one-way, like a notification."""

SUBJECTS: Mapping[str, str] = {
    "tools/call": "name",
    "prompts/get": "name",
    "resources/read": "uri",
    "resources/subscribe": "uri",
    "resources/unsubscribe": "uri",
}
"""Methods that are about one named thing, and the parameter that names it."""

SERVER_VERSION = b"x-mcp-server-version"
"""The header by which a client pins a version of a server."""

GIVEN_UP = frozenset(
    "initialize ping logging/setLevel resources/subscribe resources/unsubscribe tasks/list tasks/result".split()
)
"""Requests that 2026-07-28 has no more."""

_MEMBERS = frozenset(("jsonrpc", "id", "method", "params", "result", "error"))
_PARAMS = frozenset(("name", "uri", "ref", "_meta", "arguments"))
_REF = frozenset(("type", "name", "uri"))
_FORWARDED = frozenset((b"accept", b"last-event-id", b"traceparent", b"tracestate"))
_SINGLE = frozenset(
    (
        b"authorization",
        b"content-length",
        b"content-type",
        b"host",
        b"last-event-id",
        b"origin",
        b"transfer-encoding",
        SERVER_VERSION,
    )
)


_MIRRORED = frozenset((b"mcp-protocol-version", b"mcp-method", b"mcp-name"))
_KNOWN: Mapping[bytes, tuple[str, bool, bool]] = {
    name: (name.decode("ascii"), name in _SINGLE or name.startswith(b"mcp-"), name in _FORWARDED or name in _MIRRORED)
    for name in (*_SINGLE, *_FORWARDED, *_MIRRORED, b"mcp-session-id")
}
"""Header -> its name as text, whether it must be single, whether it goes on. Others that begin with `mcp-` are both."""


class Envelope(NamedTuple):
    """The head of one JSON-RPC message. `name` is what `method` is about, `version` what `_meta` declares.

    `watched` are the resource URIs that a `subscriptions/listen` asks for, `task` is what a `tasks/…` is about,
    `cursor` that of a `…/list`, `state` the `requestState` that a request goes on with.
    """

    kind: Kind
    id: RequestId
    method: str
    name: str | None = None
    version: str | None = None
    watched: tuple[str, ...] = ()
    task: str | None = None
    cursor: str | None = None
    state: str | None = None


class Inbound(NamedTuple):
    """What the gateway reads of the HTTP headers; `forward` is all of them that a backend may see.

    `modern` is whether the client speaks an era without sessions: any version that has no handshake.
    """

    forward: list[tuple[str, str]]
    content_type: bytes
    length: int
    version: str | None
    session: str | None
    method: str | None
    name: str | None
    server_version: str | None
    modern: bool


def read_headers(raw: Iterable[tuple[bytes, bytes]]) -> Inbound:
    """Pick out the headers that matter.

    Raises:
        Malformed: a header that must be single is not, or one that goes on is not ASCII.
    """
    seen: dict[bytes, bytes] = {}
    forward: list[tuple[str, str]] = []
    for name, value in raw:
        known = _KNOWN.get(name)
        if known is None:
            if not name.startswith(b"mcp-"):
                continue
            known = name.decode("latin-1"), True, True
        text, single, goes_on = known
        if single:
            if name in seen:
                raise Malformed(f"the header {text} is there twice")
            seen[name] = value
        if goes_on:
            forward.append((text, _ascii(name, value)))
    if b"transfer-encoding" in seen and b"content-length" in seen:
        raise Malformed("Content-Length and Transfer-Encoding exclude each other")
    length = seen.get(b"content-length", b"0")
    if not length.isdigit() or len(length) > 15:
        raise Malformed("Content-Length is not a number")
    version = _text(seen, b"mcp-protocol-version")
    return Inbound(
        forward,
        seen.get(b"content-type", b""),
        int(length),
        version,
        _text(seen, b"mcp-session-id"),
        _text(seen, b"mcp-method"),
        _text(seen, b"mcp-name"),
        _text(seen, SERVER_VERSION),
        version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS,
    )


def _ascii(name: bytes, value: bytes) -> str:
    try:
        return value.decode("ascii")
    except UnicodeDecodeError:
        raise Malformed(f"the header {name.decode('latin-1')} is not ASCII") from None


def _text(seen: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = seen.get(name)
    return None if value is None else _ascii(name, value).strip()


def parse(body: bytes, *, modern: bool = False) -> Envelope:
    """Read one JSON-RPC message; a modern one is of no method that its era has given up.

    Raises:
        Malformed: it is no JSON, a batch, or not a message of MCP.
    """
    message = read_object(body)
    method = message.get("method")
    if modern and isinstance(method, str) and method in GIVEN_UP:
        id_ = message.get("id")
        id_ = id_ if isinstance(id_, str | int) else None
        raise Malformed(f"{method} is not of this protocol version", rpc=METHOD_NOT_FOUND, status=404, id=id_)
    return read_envelope(message)


def read_object(body: bytes) -> Members:
    """Read one JSON object, each of whose members is there once.

    Raises:
        Malformed: it is no JSON, no object, or somewhere in it a member is there twice.
    """
    try:
        message: JsonValue = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"parse error: {error}", rpc=PARSE_ERROR) from None
    if isinstance(message, list):
        raise Malformed("batches are not supported: send one message per request")
    if not isinstance(message, dict):
        raise Malformed("the body is not a JSON-RPC message")
    # What prints back to itself has every member once; the rest is read again by a parser that sees duplicates.
    if not _prints_as(message, body):
        _refuse_duplicates(body)
    return message


def read_envelope(message: Members) -> Envelope:
    """The head of a JSON-RPC message.

    Raises:
        Malformed: it is not a message of MCP.
    """
    _refuse_lookalikes(message, _MEMBERS)
    if message.get("jsonrpc") != "2.0":
        raise Malformed('"jsonrpc" must be "2.0"')
    return _envelope(message)


def _envelope(message: Members) -> Envelope:
    has_id = "id" in message
    request_id = message.get("id")
    if has_id and (isinstance(request_id, bool) or not isinstance(request_id, str | int)):
        if "error" not in message or request_id is not None:
            raise Malformed("the id must be a string or an integer")
        return Envelope("response", None, RESPONSE)
    assert request_id is None or isinstance(request_id, str | int)
    if "method" not in message:
        if not has_id or ("result" in message) == ("error" in message):
            raise Malformed("the body is neither a request nor a notification nor a response")
        return Envelope("response", request_id, RESPONSE)
    method = message["method"]
    if not isinstance(method, str) or not method or "result" in message or "error" in message:
        raise Malformed("the method must be a string, and a request has no result", id=request_id)
    if has_id == method.startswith("notifications/"):
        raise Malformed(f"{method[:80]!r} is no {'request' if has_id else 'notification'}", id=request_id)
    params = message.get("params")
    if params is None:
        params = {}
    if not isinstance(params, dict):
        raise Malformed("params must be an object", rpc=INVALID_PARAMS, id=request_id)
    try:
        return Envelope(
            "request" if has_id else "notification",
            request_id,
            method,
            _name(method, params),
            _version(params),
            _watched(params) if method == "subscriptions/listen" else (),
            _task(params) if method.startswith("tasks/") and method != "tasks/list" else None,
            _cursor(params) if method.endswith("/list") else None,
            _state(params),
        )
    except Malformed as error:
        error.id = request_id
        raise


def _name(method: str, params: Members) -> str | None:
    """What the call is about: the one thing that access is decided on besides the method."""
    member = SUBJECTS.get(method)
    if member is None and method != "completion/complete":
        return None
    _refuse_lookalikes(params, _PARAMS)
    if member is None:
        ref = params.get("ref")
        if not isinstance(ref, dict):
            raise Malformed("completion/complete needs params.ref", rpc=INVALID_PARAMS)
        _refuse_lookalikes(ref, _REF)
        if ("name" in ref) == ("uri" in ref):
            raise Malformed("params.ref needs either a name or a uri", rpc=INVALID_PARAMS)
        member, params = ("name" if "name" in ref else "uri"), ref
    name = params.get(member)
    if not isinstance(name, str) or not name:
        raise Malformed(f"{method} needs a {member}", rpc=INVALID_PARAMS)
    return name


def _version(params: Members) -> str | None:
    meta = params.get("_meta")
    version = meta.get(PROTOCOL_VERSION_META_KEY) if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def _watched(params: Members) -> tuple[str, ...]:
    wanted = params.get("notifications")
    uris = wanted.get("resourceSubscriptions") if isinstance(wanted, dict) else None
    if uris is None:
        return ()
    watched = tuple(uri for uri in uris if isinstance(uri, str)) if isinstance(uris, list) else ()
    if not isinstance(uris, list) or len(watched) != len(uris) or len(uris) > 100:
        raise Malformed("resourceSubscriptions must be a list of at most 100 URIs", rpc=INVALID_PARAMS)
    return watched


def _task(params: Members) -> str:
    task = params.get("taskId")
    if not isinstance(task, str) or not task or any(member.casefold() == "taskid" for member in {*params} - {"taskId"}):
        raise Malformed("params.taskId must be a string", rpc=INVALID_PARAMS)
    return task


def _cursor(params: Members) -> str | None:
    cursor = params.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise Malformed("params.cursor must be a string", rpc=INVALID_PARAMS)
    return cursor


def _state(params: Members) -> str | None:
    state = params.get("requestState")
    return state if isinstance(state, str) else None


def check_headers(inbound: Inbound, envelope: Envelope) -> None:
    """Make sure the headers that mirror the body say what the body says (MCP 2026-07-28, transports).

    Raises:
        Malformed: they do not, or a modern request lacks them.
    """
    required = inbound.modern and envelope.kind == "request"
    if inbound.method != envelope.method and (required or inbound.method is not None):
        raise _mismatch("Mcp-Method", envelope)
    named = inbound.name is not None or (required and envelope.method in NAME_BEARING_METHODS)
    if named and (envelope.name is None or decode_header_value(inbound.name) != envelope.name):
        raise _mismatch("Mcp-Name", envelope)
    if inbound.version is not None and envelope.version is not None and inbound.version != envelope.version:
        raise _mismatch("MCP-Protocol-Version", envelope)


def _mismatch(header: str, envelope: Envelope) -> Malformed:
    return Malformed(f"{header} does not agree with the body", rpc=HEADER_MISMATCH, id=envelope.id)


def _refuse_lookalikes(members: Members, known: frozenset[str]) -> None:
    """Refuse `Method` beside `method`: some parsers match members without regard to case."""
    for member in members:
        if member not in known and member.casefold() in known:
            raise Malformed(f"the member {member[:40]!r} differs from a known one by case only", rpc=INVALID_REQUEST)


def _unique(pairs: list[tuple[str, JsonValue]]) -> Members:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("an object has the same member twice")
    return members


def _prints_as(message: Members, body: bytes) -> bool:
    try:
        return orjson.dumps(message) == body
    except orjson.JSONEncodeError:  # it reads deeper nesting than it prints
        return False


_STRICT = json.JSONDecoder(object_pairs_hook=_unique)


def _refuse_duplicates(body: bytes) -> None:
    try:
        _STRICT.decode(body.decode())
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None
