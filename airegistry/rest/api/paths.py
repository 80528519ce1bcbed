"""Paths of the OpenAPI document that are no twins of tools: streams, one's own session and account, the peers' feed."""

from typing import Final, get_args

from pydantic import JsonValue

from airegistry.core.assets import Json, Kind
from airegistry.core.peer_feed import ASKED, PAGE
from airegistry.oauth.web_sessions import HEADER
from airegistry.rest.account import ACCOUNT
from airegistry.rest.api.calls import ANSWERS
from airegistry.rest.api.events import MAX_ASSETS
from airegistry.rest.api.routes import PREFIX
from airegistry.rest.peer_feed import ASSETS, CHANGES
from airegistry.rest.session import SESSION

_TEXT: Final[Json] = {"type": "string"}
_MOMENT: Final[Json] = {"type": "string", "format": "date-time"}
_SESSION: Final[list[JsonValue]] = [{"session": []}]
_CSRF: Final[Json] = {
    "name": HEADER.title(), "in": "header", "required": True, "description": "`csrf` of `GET /api/v1/session`.",
    "schema": _TEXT,
}  # fmt: skip


def _object(required: Json, optional: Json | None = None) -> Json:
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": [*required]}


def _list(*names: str, **members: Json) -> Json:
    return {"type": "array", "items": _object({**dict.fromkeys(names, _TEXT), **members})}


def _operation(
    id_: str, tag: str, summary: str, description: str, answer: Json, refusals: tuple[int, ...], /, **more: JsonValue
) -> Json:
    """An operation; `answer` is the schema of its JSON."""
    said: Json = {"description": "It is so.", "content": {"application/json": {"schema": answer}}}
    return {
        "operationId": id_, "tags": [tag], "summary": summary, "description": description, **more,
        "responses": {"200": said, **{str(each): {"$ref": f"#/components/responses/{each}"} for each in refusals}},
    }  # fmt: skip


def _parameter(name: str, place: str, description: str, schema: Json, /, *, required: bool = False) -> Json:
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _body(schema: Json) -> Json:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_STREAM: Final[Json] = {
    "operationId": "events",
    "tags": ["events"],
    "summary": "Listen to changes",
    "description": "Server-sent events: `catalog` (what you see changed), `asset` (this one did), `entitlement` (your "
    "rights did) and `reset` (after a reconnection: read again).",
    "parameters": [
        _parameter("asset", "query", "Only these, as in `server/weather`; all when left out.",
                   {"type": "array", "items": _TEXT, "maxItems": MAX_ASSETS}),
        _parameter("Last-Event-ID", "header", "Whatever was heard last: then `reset` comes first.", _TEXT),
    ],
    "responses": {"200": {"description": "The stream.", "content": {"text/event-stream": {"schema": _TEXT}}},
                  **{str(status): {"$ref": f"#/components/responses/{status}"} for status in (400, 401, 403, 429)}},
}  # fmt: skip
_ANSWER: Final = _operation(
    "answer_call", "tools", "Answer what a running call asks",
    "For a call of yours that is streamed: `call` and `question` are those of its event `elicitation`, the rest is an "
    "`ElicitResult` of MCP.",
    {"type": "object"}, (400, 401, 403, 404, 409, 413, 415, 429, 500, 503),
    parameters=[_parameter("call", "path", "The call.", {"type": "string", "minLength": 1}, required=True)],
    requestBody=_body({
        **_object({"question": {"type": "integer"}, "action": {"enum": ["accept", "decline", "cancel"]}},
                  {"content": {"type": ["object", "null"]}}),
        "additionalProperties": False,
    }),
)  # fmt: skip
_SHOW_SESSION: Final = _operation(
    "get_session", "session", "Who is signed in here",
    "For the web page's own session; a request that came by a token has none.",
    _object({
        "user": _object({"id": _TEXT, "name": _TEXT, "email": _TEXT, "provider": {"type": ["string", "null"]}}),
        "signed_in_at": _MOMENT, "expires_at": _MOMENT, "csrf": _TEXT,
    }),
    (400, 401, 403, 404, 429, 500, 503), security=_SESSION,
)  # fmt: skip
_END_SESSION: Final = _operation(
    "end_session", "session", "Sign out", "`next` is where the identity provider ends its own session, if it does.",
    _object({"ended": {"type": "boolean"}, "next": {"type": ["string", "null"]}}),
    (400, 401, 403, 404, 429, 500, 503), security=_SESSION,
    parameters=[_CSRF, _parameter("everywhere", "query", "All sessions of the person.", {"enum": ["true", "false"]})],
)  # fmt: skip
_SHOW_ACCOUNT: Final = _operation(
    "get_account", "account", "One's own sessions, applications and connections", "For the web page's own session.",
    _object({
        "sessions": _list("id", "by", here={"type": "boolean"}, signed_in_at=_MOMENT, seen_at=_MOMENT,
                          expires_at=_MOMENT),
        "applications": _list("client_id", "name", scopes={"type": "array", "items": _TEXT},
                              resources={"type": "array", "items": _TEXT}, used_at={"type": ["string", "null"]}),
        "connections": _list("id", "backend", "name", "host", connected_at=_MOMENT),
        "unconnected": _list("backend", "name", "host"),
    }),
    (401, 403, 404, 429, 500, 503), security=_SESSION,
)  # fmt: skip
_ENDS: Final = {
    "sessions": "End another session of one's own",
    "applications": "Take back what an application may do in one's name",
    "connections": "Disconnect an account at a backend",
}
_CHOICE: Final[list[JsonValue]] = [
    _parameter("kinds", "query", f"Of these, with commas between: {', '.join(get_args(Kind))}.", _TEXT),
    _parameter("tags", "query", "With one of these tags, with commas between.", _TEXT),
    _parameter("relay", "query", "Whether what came from other registries is wanted too.", {"enum": ["true", "false"]}),
]
_CHANGES: Final = _operation(
    "list_federation_changes", "federation", "What a peer lists", "Ids and digests of all that the caller may read.",
    _object({
        "registry": _TEXT, "gateway": {"type": "boolean"}, "next": {"type": ["string", "null"]},
        "items": {"type": "array", "items": _object({"id": _TEXT, "digest": _TEXT},
                                                    {"via": {"type": "array", "items": _TEXT}})},
    }),
    (400, 401, 403, 429, 500, 503),
    parameters=[_parameter("after", "query", "`next` of the page before.", _TEXT),
                _parameter("limit", "query", "Items of a page.", {"type": "integer", "minimum": 1, "maximum": PAGE}),
                *_CHOICE],
)  # fmt: skip
_BODIES: Final = _operation(
    "read_federation_assets", "federation", "What a peer reads", "The assets behind the ids of a listing; `left` are "
    "those to be asked for once more.",
    _object({"registry": _TEXT, "left": {"type": "array", "items": _TEXT},
             "items": {"type": "array", "items": {"type": "object"}}}),
    (400, 401, 403, 429, 500, 503), parameters=_CHOICE,
    requestBody=_body(_object({"ids": {"type": "array", "items": _TEXT, "maxItems": ASKED}})),
)  # fmt: skip


def _end(name: str, summary: str) -> Json:
    found = _parameter("id", "path", "As `GET /api/v1/account` names it.", {"type": "string", "minLength": 1},
                       required=True)  # fmt: skip
    return _operation(
        f"end_own_{name.removesuffix('s')}", "account", summary, "For the web page's own session.",
        _object({"ended": {"type": "boolean"}}, {"confirmed": {"type": "boolean"}}),
        (400, 401, 403, 404, 429, 500, 503), security=_SESSION, parameters=[_CSRF, found],
    )  # fmt: skip


PATHS: Final[Json] = {
    f"{PREFIX}/events": {"get": _STREAM},
    ANSWERS: {"post": _ANSWER},
    SESSION: {"get": _SHOW_SESSION, "delete": _END_SESSION},
    ACCOUNT: {"get": _SHOW_ACCOUNT},
    **{f"{ACCOUNT}/{name}/{{id}}": {"delete": _end(name, summary)} for name, summary in _ENDS.items()},
    CHANGES: {"get": _CHANGES},
    ASSETS: {"post": _BODIES},
}
