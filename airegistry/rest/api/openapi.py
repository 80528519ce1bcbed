"""The OpenAPI 3.1 document of the API, made of the endpoints: the tools' own schemas, titles and docstrings."""

from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import JsonValue

from airegistry import __version__
from airegistry.core.assets import Json
from airegistry.oauth.login.cookies import PREFIX as COOKIE
from airegistry.rest.api.idempotency import LONGEST
from airegistry.rest.api.paths import PATHS
from airegistry.rest.api.routes import PREFIX, Endpoint
from airegistry.rest.scim import openapi as scim

_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request is malformed, `field` names the culprit; or it asks for what is not offered here.",
    401: "No token, or none that holds here.",
    403: "Not allowed, held, or waiting for an approval; `code` says which.",
    404: "There is no such thing, or none that the caller may know of.",
    409: "The thing exists already, or changed meanwhile.",
    410: "A version that has ended.",
    413: "The body is too long.",
    429: "Too many requests; see `Retry-After`.",
    500: "The registry failed.",
    502: "The backend is down or answers against its protocol.",
    503: "The backend, or the store, rests.",
}
_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stays the same over all surfaces and versions."},
        "detail": {"type": "string"}, "field": {"type": "string"},
        "missing": {"type": "array", "items": {"type": "string"}}, "retry_after": {"type": "number"},
        "id": {"type": "string", "description": "Of the request for approval."},
        "request_status": {"type": "string", "description": "What became of that."},
    },
    "required": ["type", "title", "status", "code", "detail"],
}  # fmt: skip
_PROBLEM_CONTENT: Final[Json] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def description(endpoints: Sequence[Endpoint], url: str) -> Json:
    """The whole document; `url` is where the registry is reached."""
    schemas = _Schemas()
    paths: dict[str, JsonValue] = {}
    for endpoint in endpoints:
        here = paths.setdefault(PREFIX + endpoint.path, {})
        assert isinstance(here, dict)
        here[endpoint.twin.method.lower()] = _operation(endpoint, schemas)
    paths = _bounded({**paths, **PATHS, **scim.paths()})
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "airegistry",
            "version": __version__,
            "description": "Every tool of the registry over HTTP, streams of changes, and SCIM 2.0.",
        },
        "servers": [{"url": url}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": f"{COOKIE}session"},
            },
            "schemas": {"Problem": _PROBLEM, **scim.schemas(), **schemas.found},
            "responses": {str(status): _refusal(text) for status, text in _more_refusals().items()},
        },
    }


def _bounded(paths: Json) -> dict[str, JsonValue]:
    """The paths with what may be refused before anybody looks which one is asked for."""
    head: Json = {"431": {"$ref": "#/components/responses/431"}}
    return {
        path: {
            method: {**operation, "responses": {**operation["responses"], **head}}  # type: ignore[dict-item,call-overload,index]  # as each is made
            for method, operation in methods.items()  # type: ignore[union-attr]  # as above
        }
        for path, methods in paths.items()
    }


def _more_refusals() -> Mapping[int, str]:
    return {
        **_REFUSALS, 412: "The asset is another one than If-Match names.", 415: "The body is not sent as JSON.",
        422: "The Idempotency-Key was sent with another request.",
        431: "Request line and headers are too long.",
    }  # fmt: skip


def _refusal(text: str) -> Json:
    return {"description": text, "content": _PROBLEM_CONTENT}


def _operation(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    twin = endpoint.twin
    operation: Json = {
        "operationId": endpoint.id,
        "tags": [twin.path.split("/")[1] if endpoint.kind is None else endpoint.path.split("/")[1]],
        "summary": endpoint.operation.title,
        "description": endpoint.operation.description,
        "x-airegistry-tool": endpoint.operation.name,
        "parameters": [*_parameters(endpoint, schemas), *_header_parameters(endpoint)],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.in_body and twin.method not in {"GET", "DELETE"}:
        operation["requestBody"] = _body(endpoint, schemas)
    return operation


def _parameters(endpoint: Endpoint, schemas: "_Schemas") -> list[JsonValue]:
    found: list[JsonValue] = []
    for place, names in (("path", endpoint.in_path), ("query", endpoint.in_query)):
        for name in names:
            schema = _not_null(schemas.argument(endpoint, name))
            if place == "path" and schema.get("type") == "string":
                schema = {"minLength": 1, **schema}
            text = schema.pop("description", "")
            required = place == "path" or name in endpoint.required
            found.append({"name": name, "in": place, "required": required, "description": text, "schema": schema})
    return found


def _header_parameters(endpoint: Endpoint) -> list[JsonValue]:
    def header(name: str, text: str, **more: JsonValue) -> Json:
        schema: Json = {"type": "string", **more}
        return {"name": name, "in": "header", "required": False, "description": text, "schema": schema}

    found: list[JsonValue] = []
    if endpoint.twin.one:
        found.append(header("If-None-Match", "An ETag that is known already: then the answer is 304."))
    if endpoint.twin.guarded:
        found.append(header("If-Match", "The ETag of the asset as it was read: another one is 412."))
    if endpoint.twin.method == "POST":
        printable = f"^[ -~]{{1,{LONGEST}}}$"
        found.append(header("Idempotency-Key", "Names this request: sent again, it is made once.", pattern=printable))
    return found


def _body(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    required: list[JsonValue] = [name for name in endpoint.in_body if name in endpoint.required]
    members = {name: schemas.argument(endpoint, name) for name in endpoint.in_body}
    if endpoint.twin.body is not None:
        schema = members[endpoint.twin.body]
    else:
        schema = {"type": "object", "properties": {**members}, "required": required, "additionalProperties": False}
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _responses(endpoint: Endpoint, schemas: "_Schemas") -> Json:
    schema = schemas.shared(endpoint.operation.name, endpoint.operation.output_schema)
    content: Json = {"application/json": {"schema": schema}}
    if endpoint.twin.acts:
        events = "Events `progress`, `elicitation`, and last `result` or `error`, for `Accept: text/event-stream`."
        content["text/event-stream"] = {"schema": {"type": "string", "description": events}}
    answered: Json = {"description": "What the tool answers.", "content": content}
    headers: Json = {}
    if endpoint.twin.one or endpoint.twin.guarded:
        headers["ETag"] = {"description": "Names this state of the asset.", "schema": {"type": "string"}}
    if endpoint.twin.made:
        headers["Location"] = {"description": "Where it is.", "schema": {"type": "string"}}
    if "cursor" in endpoint.in_query:
        headers["Link"] = {"description": "The next page, `rel=next`, if there is one.", "schema": {"type": "string"}}
    if headers:
        answered["headers"] = headers
    statuses = [*_REFUSALS, *((412,) if endpoint.twin.guarded else ())]
    statuses += [415] if endpoint.in_body and endpoint.twin.method not in {"GET", "DELETE"} else []
    statuses += [422] if endpoint.twin.method == "POST" else []
    found: Json = {"201" if endpoint.twin.creates else "200": answered}
    if endpoint.twin.creates and "dry_run" in endpoint.in_body:
        found["200"] = answered
    if endpoint.twin.one:
        found["304"] = {"description": "It is as you know it."}
    return {**found, **{str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(statuses)}}


def _not_null(schema: Json) -> Json:
    """A schema for what stands in a URL: what is left out is not null."""
    alternatives = schema.get("anyOf")
    if not isinstance(alternatives, list):
        return {name: value for name, value in schema.items() if not (name == "default" and value is None)}
    known = [each for each in alternatives if isinstance(each, dict) and each.get("type") != "null"]
    rest = {name: value for name, value in schema.items() if name not in {"anyOf", "default"}}
    return {**rest, **known[0]} if len(known) == 1 else {**rest, "anyOf": [*known]}


class _Schemas:
    """The schemas that others refer to, each once, by name."""

    def __init__(self) -> None:
        self.found: dict[str, JsonValue] = {}

    def shared(self, owner: str, schema: Json) -> Json:
        """A reference to a schema by its title, or by its owner where it has none."""
        title = schema.get("title")
        return {"$ref": f"#/components/schemas/{self._keep(str(title or f'{owner}_answer'), self.here(owner, schema))}"}

    def argument(self, endpoint: Endpoint, name: str) -> Json:
        """The schema of an argument, which may refer to what the tool's input defines."""
        operation = endpoint.operation
        schema = endpoint.properties.get(name, {"type": "string"})
        if "$ref" not in str(schema):
            return schema
        return self.here(f"{operation.name}.input", {**schema, "$defs": operation.input_schema.get("$defs")})

    def here(self, owner: str, schema: Json) -> Json:
        """A schema to stand in the document: what it defines by itself is among the others."""
        definitions = schema.get("$defs")
        names: dict[str, str] = {}
        if isinstance(definitions, dict):
            names = {name: f"{owner}.{name}" for name in definitions}
            for name, definition in definitions.items():
                self.found[names[name]] = _renamed(definition, names)
        renamed = _renamed({name: value for name, value in schema.items() if name != "$defs"}, names)
        assert isinstance(renamed, dict)
        return renamed

    def _keep(self, name: str, schema: Json) -> str:
        number, wanted = 2, name
        while self.found.setdefault(wanted, schema) != schema:
            wanted, number = f"{name}{number}", number + 1
        return wanted


def _renamed(value: JsonValue, names: Mapping[str, str]) -> JsonValue:
    if isinstance(value, list):
        return [_renamed(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    ref = value.get("$ref")
    if isinstance(ref, str) and (known := names.get(ref.removeprefix("#/$defs/"))):
        return {**value, "$ref": f"#/components/schemas/{known}"}
    return {name: _renamed(each, names) for name, each in value.items()}
