"""`/scim/v2` in the OpenAPI document: its schemas are made of the same tables as what `/Schemas` answers."""

from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.app import MEDIA_TYPE, PREFIX
from airegistry.rest.scim.errors import ERROR
from airegistry.rest.scim.patches import PATCH
from airegistry.rest.scim.queries import LIST, SEARCH
from airegistry.rest.scim.schemas import COMMON, KINDS, Attribute, Kind

_TEXT: Final[Json] = {"type": "string"}
_TYPES: Final[Json] = {
    "string": _TEXT, "reference": _TEXT, "boolean": {"type": "boolean"}, "integer": {"type": "integer"},
    "dateTime": {"type": "string", "format": "date-time"},
}  # fmt: skip
_REFUSALS: Final = {
    "400": "The request is not as SCIM has it; `scimType` says how.",
    "401": "No token, or none that holds here.",
    "403": "Provisioning is not allowed.",
    "404": "There is no such resource.",
    "409": "Another one has the name, or it changed meanwhile.",
    "412": "The resource is another one than If-Match names.",
    "413": "The body is too long.",
    "415": "The body is no JSON.",
    "429": "Too many requests; see `Retry-After`.",
    "500": "The registry failed.",
    "501": "It is not offered here.",
    "503": "The store rests.",
}
_BEFORE: Final = {"400", "401", "403", "429"}
"""What may be refused before SCIM is asked, as problem details."""
_QUERY: Final[Json] = {
    "filter": {**_TEXT, "description": "As RFC 7644, section 3.4.2.2 has it."},
    "sortBy": {**_TEXT, "description": "An attribute."},
    "sortOrder": {"enum": ["ascending", "descending"]},
    "startIndex": {"type": "integer", "description": "Counts from 1."},
    "count": {"type": "integer"},
}
_NAMES: Final = ("attributes", "excludedAttributes")


def schemas() -> Json:
    """What the paths refer to, by name."""
    found: Json = {
        "scim.Error": {
            "type": "object",
            "properties": {
                "schemas": {"const": [ERROR]}, "status": _TEXT, "detail": _TEXT, "scimType": _TEXT,
            },
            "required": ["schemas", "status", "detail"],
        },
        "scim.Search": _message(SEARCH, {**_QUERY, **{name: _array(_TEXT) for name in _NAMES}}, ()),
        "scim.Patch": _message(PATCH, {"Operations": _array({
            "type": "object",
            "properties": {"op": {"enum": ["add", "remove", "replace"]}, "path": _TEXT, "value": {}},
            "required": ["op"],
        })}, ("Operations",)),
        "scim.Described": {"type": "object", "properties": {"schemas": _array(_TEXT)}, "required": ["schemas"]},
        "scim.List": _list({"type": "object"}),
    }  # fmt: skip
    for kind in KINDS:
        found[f"scim.{kind.name}"] = _resource(kind, written=False)
        found[f"scim.{kind.name}.written"] = _resource(kind, written=True)
        found[f"scim.{kind.name}.list"] = _list(_ref(kind.name))
    return found


def paths() -> Json:
    """Every path of it."""
    described: Json = {
        "/ServiceProviderConfig": "What is offered", "/ResourceTypes": "The types of resources",
        "/ResourceTypes/{id}": "A type of resources", "/Schemas": "The schemas", "/Schemas/{id}": "A schema",
    }  # fmt: skip
    found: Json = {
        PREFIX + path: {"get": _operation(_id("get", path), str(text), {"200": _ref("Described")}, ids="{" in path)}
        for path, text in described.items()
    }
    found[PREFIX] = {
        "get": _operation("scim_list_all", "People and groups together", {"200": _ref("List")}, query=True)
    }
    found[f"{PREFIX}/.search"] = {
        "post": _operation("scim_search_all", "Search people and groups", {"200": _ref("List")}, body="Search")
    }
    for kind in KINDS:
        found |= _of(kind)
    return found


def _of(kind: Kind) -> Json:
    name, many, one = kind.name, PREFIX + kind.path, f"{PREFIX}{kind.path}/{{id}}"
    plural = kind.path.removeprefix("/").lower()
    single, several, written = _ref(name), _ref(f"{name}.list"), f"{name}.written"
    brief: dict[str, Json | None] = {"200": single, "204": None}
    return {
        many: {
            "get": _operation(f"scim_list_{plural}", f"List {plural}", {"200": several}, query=True),
            "post": _operation(f"scim_create_{name.lower()}", f"Create a {name}", {"201": single}, body=written),
        },
        f"{many}/.search": {
            "post": _operation(f"scim_search_{plural}", f"Search {plural}", {"200": several}, body="Search")
        },
        one: {
            "get": _operation(
                f"scim_get_{name.lower()}", f"A {name}", {"200": single, "304": None}, ids=True,
                headers=("If-None-Match",),
            ),
            "put": _operation(f"scim_replace_{name.lower()}", f"Replace a {name}", {"200": single}, ids=True,
                              headers=("If-Match",), body=written),
            "patch": _operation(f"scim_patch_{name.lower()}", f"Change a {name}", brief, ids=True,
                                headers=("If-Match",), body="Patch"),
            "delete": _operation(f"scim_delete_{name.lower()}", f"Remove a {name}", {"204": None}, ids=True,
                                 headers=("If-Match",)),
        },
    }  # fmt: skip


def _operation(
    id_: str, summary: str, answers: dict[str, Json | None], *, ids: bool = False, query: bool = False,
    headers: Sequence[str] = (), body: str = "",
) -> Json:  # fmt: skip
    """An operation; `answers` are the schemas by status, None where there is no body."""
    parameters: list[JsonValue] = []
    if ids:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}})
    if query:
        parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in _QUERY.items()]
    if query or "User" in str(answers) or "Group" in str(answers):
        parameters += [
            {"name": name, "in": "query", "description": "Names with commas between.", "schema": _TEXT}
            for name in _NAMES
        ]
    parameters += [{"name": name, "in": "header", "schema": _TEXT} for name in headers]
    said: Json = {
        "operationId": id_, "tags": ["scim"], "summary": summary, "parameters": parameters,
        "responses": {
            **{status: _answer(schema) for status, schema in answers.items()},
            **{status: _refusal(status, text) for status, text in _REFUSALS.items()},
        },
    }  # fmt: skip
    return {**said, "requestBody": {"required": True, "content": _content(_ref(body))}} if body else said


def _answer(schema: Json | None) -> Json:
    return {"description": "It is so."} if schema is None else {"description": "It is so.", "content": _content(schema)}


def _refusal(status: str, text: str) -> Json:
    problem: Json = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    own = {} if status == "401" else _content(_ref("Error"))
    return {"description": text, "content": {**own, **(problem if status in _BEFORE else {})}}


def _content(schema: Json) -> Json:
    return {MEDIA_TYPE: {"schema": schema}}


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/scim.{name}"}


def _array(schema: Json) -> Json:
    return {"type": "array", "items": schema}


def _message(urn: str, members: Json, required: Sequence[str]) -> Json:
    return {
        "type": "object", "properties": {"schemas": {"const": [urn]}, **members}, "required": ["schemas", *required],
    }  # fmt: skip


def _list(resource: Json) -> Json:
    number: Json = {"type": "integer"}
    members: Json = {
        "totalResults": number, "startIndex": number, "itemsPerPage": number, "Resources": _array(resource),
    }  # fmt: skip
    return _message(LIST, members, [*members])


def _resource(kind: Kind, *, written: bool) -> Json:
    """A resource as it is answered, or as clients write it."""
    own = _members([*COMMON, *kind.attributes], written=written)
    extensions: Json = {
        urn: {"type": "object", "properties": _members(attributes, written=written)}
        for urn, attributes in kind.extensions.items()
    }
    urns: Json = {"type": "array", "items": {"enum": [*kind.schemas()]}, "contains": {"const": kind.schema}}
    needed = [each.name for each in kind.attributes if each.required] if written else ["id"]
    return {
        "type": "object", "description": kind.described, "properties": {"schemas": urns, **own, **extensions},
        "required": ["schemas", *needed],
    }  # fmt: skip


def _members(attributes: Sequence[Attribute], *, written: bool) -> Json:
    return {each.name: _value(each, written=written) for each in attributes if each.writable or not written}


def _value(attribute: Attribute, *, written: bool) -> Json:
    if attribute.type == "complex":
        one: Json = {"type": "object", "properties": _members(attribute.sub, written=written)}
    else:
        known = _TYPES[attribute.type]
        one = {**known} if isinstance(known, dict) else {}
    return {**(_array(one) if attribute.multi else one), "description": attribute.description}


def _id(verb: str, path: str) -> str:
    name = path.strip("/").replace("/{id}", "")
    return f"scim_{verb}_{name.lower()}{'_one' if '{id}' in path else ''}"
