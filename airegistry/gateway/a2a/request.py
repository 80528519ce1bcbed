"""What the gateway reads of an A2A request: the operation, and every id, skill and URL that policy is about.

The body goes on byte for byte. Whatever another parser could read differently is refused rather than interpreted.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND
from pydantic import JsonValue

from airegistry.gateway.a2a.members import Known, child, folded, text, urls_in
from airegistry.gateway.a2a.operations import (
    CARD,
    GET,
    LIST,
    METHODS,
    PUSH_LIST,
    PUSH_SET,
    SENDS,
    Binding,
    Place,
)
from airegistry.gateway.envelope import Members, read_envelope, read_object
from airegistry.gateway.errors import Malformed, RequestId

MAX_REFERENCES = 100
VERSION = b"a2a-version"
MAX_QUERY = 1024
"""Characters of a query: the URL that it becomes a part of has to be sent."""

_VERSION = re.compile(r"[0-9A-Za-z.-]{1,32}")
_SKILLS = {folded(name): name for name in ("skillId", "skill")}

_PARAMS = Known(
    "message", "request", "configuration", "metadata", "tenant", "id", "taskId", "contextId", "name", "parent",
    "config", "pushNotificationConfig",
)  # fmt: skip
_MESSAGE = Known("contextId", "taskId", "referenceTaskIds", "metadata", "parts", "content")
_PART = Known("metadata")
_CONFIG = Known("taskId", "name", "parent")
_BY_ID = frozenset("tasks/get tasks/cancel tasks/resubscribe GetTask CancelTask SubscribeToTask".split())
_OLD_CONFIGS = frozenset(f"tasks/pushNotificationConfig/{act}" for act in ("get", "list", "delete"))
_QUERY = {
    GET: frozenset({"historyLength"}),
    LIST: frozenset(
        (
            "contextId status pageSize pageToken historyLength statusTimestampAfter lastUpdatedAfter includeArtifacts"
        ).split()
    ),
    PUSH_LIST: frozenset({"pageSize", "pageToken"}),
}
_FORWARDED = frozenset(
    (b"accept", VERSION, b"a2a-extensions", b"x-a2a-extensions", b"last-event-id", b"traceparent", b"tracestate")
)
_JSON = frozenset(("application/json", "application/a2a+json"))


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. `task` is what it is about, `tasks` are all task ids in it; `callbacks` are URLs to be called back.

    `skill` is the one that the request names. `version` is major and minor, `suffix` what follows the URL of an
    interface of HTTP+JSON, `query` its query.
    """

    binding: Binding
    operation: str
    version: str
    id: RequestId = None
    tenant: str = ""
    skill: str | None = None
    tasks: tuple[str, ...] = ()
    task: str | None = None
    context: str | None = None
    callbacks: tuple[str, ...] = ()
    suffix: str = ""
    query: str = ""


def forwarded(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """The headers that an agent may see.

    Raises:
        Malformed: one of them is not ASCII, or is there twice.
    """
    found: dict[str, str] = {}
    for name, value in raw:
        if name in _FORWARDED:
            key = name.decode("ascii")
            if key in found:
                raise Malformed(f"the header {key} is there twice")
            try:
                found[key] = value.decode("ascii")
            except UnicodeDecodeError:
                raise Malformed(f"the header {key} is not ASCII") from None
    return list(found.items())


def content_type(raw: bytes) -> str:
    """The media type of a body.

    Raises:
        Malformed: it is not JSON.
    """
    found = raw.partition(b";")[0].strip().lower().decode("latin-1")
    if found not in _JSON:
        raise Malformed("the body must be application/json or application/a2a+json", status=415)
    return found


def parameters(query: bytes) -> dict[str, str]:
    """The query of a request.

    Raises:
        Malformed: it is not ASCII, no list of names and values, too long, or has a name twice.
    """
    if len(query) > MAX_QUERY:
        raise Malformed(f"the query is longer than {MAX_QUERY} characters", status=414)
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError:
        raise Malformed("the query cannot be read") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("the query has a parameter twice")
    return found


def said(body: bytes | None) -> Members:
    """What a request says, to be told from another: without the ids that a client makes up anew each time."""
    message = read_object(body) if body else {}
    params = child(message, "params") if "jsonrpc" in message else message
    held = {name: value for name, value in params.items() if isinstance(value, dict) and name in ("message", "request")}
    return {**params, **{name: _without(value, "messageId", "message_id") for name, value in held.items()}}


def _without(members: Members, *names: str) -> Members:
    return {name: value for name, value in members.items() if name not in names}


def stated_version(headers: Sequence[tuple[str, str]], query: dict[str, str]) -> str | None:
    """The version of A2A that a request states, in its header or its query; the latter is taken out there.

    Raises:
        Malformed: they say different things, or what is no version.
    """
    header, parameter = dict(headers).get("a2a-version", "").strip(), query.pop("A2A-Version", "")
    if header and parameter and header != parameter:
        raise Malformed("A2A-Version of the header is not that of the query")
    stated = header or parameter
    if stated and not _VERSION.fullmatch(stated):
        raise Malformed("A2A-Version is no version")
    return stated or None


def of_rpc(body: bytes, version: str | None) -> Asked:
    """Read a request of the JSON-RPC binding.

    Raises:
        Malformed: it is none.
    """
    message = read_object(body)
    method = message.get("method")
    # `tasks/*` of MCP have other parameters: of the envelope only what is common to all JSON-RPC is read there.
    head = read_envelope({**message, "method": "a2a"} if isinstance(method, str) and method else message)
    if head.kind != "request" or not isinstance(method, str):
        raise Malformed("the body is not a request", id=head.id)
    try:
        if method not in METHODS:
            raise Malformed(f"method {method[:80]!r} is not one of A2A", rpc=METHOD_NOT_FOUND, status=404)
        operation, spoken = METHODS[method]
        members = child(message, "params")
        params = _PARAMS.of(members)
        task, tenant = _task(method, operation, params), text(params, "tenant") or ""
        return _asked("JSONRPC", operation, version or spoken, head.id, members, params, task, tenant)
    except Malformed as error:
        error.id = head.id
        raise


def of_http(place: Place, rest: str, query: dict[str, str], body: bytes, version: str | None) -> Asked:
    """Read a request of the HTTP+JSON binding. `body` may be empty.

    Raises:
        Malformed: it is none.
    """
    operation = place.operation
    if operation is None:
        raise Malformed("this path has another HTTP method", status=405)
    if unknown := sorted(query.keys() - _QUERY.get(operation, frozenset())):
        raise Malformed(f"the parameter {unknown[0][:40]!r} is not one of {operation}", rpc=INVALID_PARAMS)
    members = read_object(body) if body else {}
    params = _PARAMS.of(members)
    if place.task is not None:
        _agree(place.task, params, ("taskId",) if operation == PUSH_SET else ("taskId", "id"))
    named = text(params, "tenant") or ""
    if named and place.tenant and named != place.tenant:
        raise Malformed("the tenant of the body is not that of the path", rpc=INVALID_PARAMS)
    if operation == LIST and "contextId" in query:
        params = {**params, "contextId": query["contextId"]}
    tenant = named or place.tenant
    asked = _asked("HTTP+JSON", operation, version or place.version, None, members, params, place.task, tenant)
    return replace(asked, suffix=rest, query=urlencode(query))


def _task(method: str, operation: str, params: Members) -> str | None:
    """The task that a request of JSON-RPC is about; versions and operations name it differently.

    Raises:
        Malformed: there is none where one is due, or there are two.
    """
    if operation in SENDS or operation in {LIST, CARD}:
        return None
    by_id = method in _BY_ID or method in _OLD_CONFIGS
    task = text(params, "id" if by_id else "taskId")
    if task is None:
        raise Malformed(f"{method} names no task", rpc=INVALID_PARAMS)
    _agree(task, params, ("taskId",) if by_id else ())
    return task


def _agree(task: str, params: Members, names: Sequence[str]) -> None:
    """Make sure that nothing in a request names another task.

    Raises:
        Malformed: something does.
    """
    nested = [_CONFIG.of(child(params, name)) for name in ("config", "pushNotificationConfig")]
    named = [*(text(params, name) for name in names), *(text(inner, "taskId") for inner in nested)]
    for holder in (params, *nested):  # 0.3 as protobuf has it: tasks/{id}/pushNotificationConfigs/{id}
        paths = (text(holder, name) for name in ("name", "parent"))
        named += [path.removeprefix("tasks/").partition("/")[0] for path in paths if path is not None]
    if not {*named} <= {None, task}:
        raise Malformed("the request names two tasks", rpc=INVALID_PARAMS)


def _asked(
    binding: Binding, operation: str, version: str, id: RequestId, members: Members, params: Members,
    task: str | None, tenant: str,
) -> Asked:  # fmt: skip
    tasks, context, metadata = [] if task is None else [task], None, [child(params, "metadata")]
    callbacks = urls_in(members) if operation == PUSH_SET else ()
    if operation in SENDS:
        if ("message" in params) == ("request" in params):
            raise Malformed(f"{operation} needs a message", rpc=INVALID_PARAMS)
        message = _MESSAGE.of(child(params, "message") or child(params, "request"))
        task, context = text(message, "taskId"), text(message, "contextId")
        tasks = [*([] if task is None else [task]), *_references(message)]
        metadata += [child(message, "metadata"), *_of_parts(message)]
        callbacks = urls_in([params.get(name) for name in ("configuration", "config", "pushNotificationConfig")])
    elif operation == LIST:
        context = text(params, "contextId")
    return Asked(
        binding, operation, _minor(version), id, tenant, _skill(metadata), tuple(tasks), task, context, callbacks
    )


def _of_parts(message: Members) -> list[Members]:
    """The metadata of a message's parts, which protobuf of 0.3 calls its content."""
    found: list[Members] = []
    for name in ("parts", "content"):
        parts = message.get(name)
        for part in parts if isinstance(parts, list) else ():
            if isinstance(part, dict):
                found.append(child(_PART.of(part), "metadata"))
    return found


def _references(message: Members) -> list[str]:
    """The tasks that a message refers to."""
    value = message.get("referenceTaskIds")
    if value is None:
        return []
    named = [each for each in value if isinstance(each, str) and each] if isinstance(value, list) else []
    if not isinstance(value, list) or len(named) != len(value) or len(named) > MAX_REFERENCES:
        raise Malformed(f"referenceTaskIds must be a list of at most {MAX_REFERENCES} ids", rpc=INVALID_PARAMS)
    return named


def _skill(metadata: Sequence[Members]) -> str | None:
    """The skill that a request names: A2A has no member for it, so it stands in the metadata.

    Raises:
        Malformed: it names two.
    """
    named: list[JsonValue] = []
    for each in metadata:
        for name, value in each.items():
            if (known := _SKILLS.get(folded(name))) is not None:
                named.append(value if name == known else None)  # another spelling is another name to some agents
    if not named:
        return None
    first = named[0]
    if not isinstance(first, str) or not first or any(other != first for other in named):
        raise Malformed("metadata names a skill by one string, skillId", rpc=INVALID_PARAMS)
    return first


def _minor(version: str) -> str:
    """Major and minor of a version: patches do not count (A2A 1.0, 3.6)."""
    return ".".join(version.split(".")[:2])
