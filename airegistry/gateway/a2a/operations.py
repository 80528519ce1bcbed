"""The operations of A2A, by what both of its versions and both of its bindings over HTTP call them.

An operation has the name that JSON-RPC of 0.3 gives it: policy and audit read the same whoever speaks which version.
"""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Binding = Literal["JSONRPC", "HTTP+JSON"]

SEND = "message/send"
STREAM = "message/stream"
GET = "tasks/get"
LIST = "tasks/list"
CANCEL = "tasks/cancel"
SUBSCRIBE = "tasks/resubscribe"
PUSH_SET = "tasks/pushNotificationConfig/set"
PUSH_GET = "tasks/pushNotificationConfig/get"
PUSH_LIST = "tasks/pushNotificationConfig/list"
PUSH_DELETE = "tasks/pushNotificationConfig/delete"
CARD = "card"

SENDS = frozenset((SEND, STREAM))
STREAMS = frozenset((STREAM, SUBSCRIBE))
READS = frozenset((GET, LIST, SUBSCRIBE, PUSH_GET, PUSH_LIST))
"""Operations that change nothing, and may be sent twice."""

METHODS: Mapping[str, tuple[str, str]] = {
    "message/send": (SEND, "0.3"),
    "message/stream": (STREAM, "0.3"),
    "tasks/get": (GET, "0.3"),
    "tasks/list": (LIST, "0.3"),
    "tasks/cancel": (CANCEL, "0.3"),
    "tasks/resubscribe": (SUBSCRIBE, "0.3"),
    "tasks/pushNotificationConfig/set": (PUSH_SET, "0.3"),
    "tasks/pushNotificationConfig/get": (PUSH_GET, "0.3"),
    "tasks/pushNotificationConfig/list": (PUSH_LIST, "0.3"),
    "tasks/pushNotificationConfig/delete": (PUSH_DELETE, "0.3"),
    "agent/getAuthenticatedExtendedCard": (CARD, "0.3"),
    "SendMessage": (SEND, "1.0"),
    "SendStreamingMessage": (STREAM, "1.0"),
    "GetTask": (GET, "1.0"),
    "ListTasks": (LIST, "1.0"),
    "CancelTask": (CANCEL, "1.0"),
    "SubscribeToTask": (SUBSCRIBE, "1.0"),
    "CreateTaskPushNotificationConfig": (PUSH_SET, "1.0"),
    "GetTaskPushNotificationConfig": (PUSH_GET, "1.0"),
    "ListTaskPushNotificationConfigs": (PUSH_LIST, "1.0"),
    "DeleteTaskPushNotificationConfig": (PUSH_DELETE, "1.0"),
    "GetExtendedAgentCard": (CARD, "1.0"),
}
"""Method of JSON-RPC -> the operation, and the version that calls it so."""

WELL_KNOWN = frozenset(("/.well-known/agent-card.json", "/.well-known/agent.json"))

_ID = r"(?!\.{1,2}(?:[:/]|$))[A-Za-z0-9._~=+@-]{1,256}"
_PLACE = re.compile(
    rf"(?P<v1>/v1)?(?P<tenant>/{_ID})??"
    rf"/(?P<what>message:send|message:stream|card|extendedAgentCard"
    rf"|tasks(?:/(?P<task>{_ID})(?P<act>:cancel|:subscribe|/pushNotificationConfigs(?:/(?P<config>{_ID}))?)?)?)"
)
_MESSAGES = {("POST", "message:send"): SEND, ("POST", "message:stream"): STREAM}
_CARDS = frozenset(("card", "extendedAgentCard"))
_ACTS = {
    ("GET", None): GET,
    ("POST", ":cancel"): CANCEL,
    ("GET", ":subscribe"): SUBSCRIBE,
    ("POST", ":subscribe"): SUBSCRIBE,
    ("POST", "/pushNotificationConfigs"): PUSH_SET,
    ("GET", "/pushNotificationConfigs"): PUSH_LIST,
}
_CONFIGS = {"GET": PUSH_GET, "DELETE": PUSH_DELETE}


class Place(NamedTuple):
    """What a path of the HTTP+JSON binding is about. `operation` is None when it has none of this HTTP method."""

    operation: str | None
    version: str
    tenant: str
    task: str | None


def place_of(verb: str, rest: str) -> Place | None:
    """What `rest`, the path below the agent's, means; None when it is no path of A2A."""
    match = _PLACE.fullmatch(rest)
    if match is None:
        return None
    what, task, act = match["what"], match["task"], match["act"]
    operation: str | None
    if what in _CARDS:
        operation = CARD if verb in {"GET", "HEAD"} else None
    elif task is None:
        operation = _MESSAGES.get((verb, what)) or (LIST if (verb, what) == ("GET", "tasks") else None)
    elif match["config"] is not None:
        operation = _CONFIGS.get(verb)
    else:
        operation = _ACTS.get((verb, act))
    tenant = (match["tenant"] or "").removeprefix("/")
    return Place(operation, "0.3" if match["v1"] else "1.0", tenant, task)
