"""The client and the registry's OpenAPI document say the same: operations, arguments, choices, answers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx2
import pytest
from airegistry_client.models.access import NewToken, Quarantine
from airegistry_client.models.assets import Asset
from airegistry_client.models.operation import Source, Webhook
from airegistry_client.models.reviews import Waiver
from pydantic import BaseModel, RootModel

from tests.clients_python.described import Asked, Method, asked, choices, methods, model, recorded
from tests.rest.api_world import World

Json = Mapping[str, object]
CLIENT, RECORDER = recorded()
METHODS = list(methods(CLIENT))
JSON = "application/json"
OWN: Mapping[type, set[str]] = {
    Asset: {"etag", "endpoint", "tools", "card", "frontmatter", "data", "scan"}, NewToken: {"scopes"}, Source: {"runs"},
    Quarantine: {"ended"}, Webhook: {"secret"}, Waiver: {"enabled", "tags"},
}  # fmt: skip
"""Members that some answers have and others have not, or that the description leaves open."""
FOR_OTHERS = re.compile(r"/(session|account|scim)(/|$)|/federation/(changes|assets)$")
"""Paths for browsers, identity providers and peers, which the client has no methods for."""


def members(value: object, *names: str) -> Json:
    """An object inside others; empty where it is not there."""
    for name in names:
        value = value.get(name, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[Json]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, Sequence) else []


@dataclass(frozen=True)
class Described:
    """The document."""

    document: Json

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        for path, of_path in members(self.document, "paths").items():
            for method in members(of_path) if not FOR_OTHERS.search(path) else ():
                yield method.upper(), path.removeprefix("/api/v1"), members(of_path, method)

    def media(self, operation: Json) -> Sequence[str]:
        """The types of answers that an operation has."""
        content = members(operation, "responses", self._success(operation), "content")
        return [str(media) for media in content]

    def schema(self, schema: Json) -> Json:
        """A schema, where it is kept."""
        reference = str(schema.get("$ref", "")).rpartition("/")[2]
        return members(self.document, "components", "schemas", reference) if reference else schema

    def arguments(self, operation: Json) -> Mapping[str, Json]:
        """The schemas of all its arguments but the cursor, which is the client's own business."""
        found = {
            str(parameter["name"]): members(parameter, "schema")
            for parameter in items(operation.get("parameters"))
            if parameter["in"] in {"path", "query"} and parameter["name"] != "cursor"
        }
        return {**found, **{name: members(schema) for name, schema in self.body(operation)[0].items()}}

    def required(self, operation: Json) -> set[str]:
        parameters = items(operation.get("parameters"))
        return {str(each["name"]) for each in parameters if each.get("required")} | {*self.body(operation)[1]}

    def body(self, operation: Json) -> tuple[Json, Sequence[str]]:
        """The members of its body, and those it does not go without; one that is no object of members is `changes`."""
        content = members(operation, "requestBody", "content")
        if not content:
            return {}, []
        schema = self.schema(members(content, JSON, "schema"))
        if "properties" not in schema:
            return {"changes": schema}, ["changes"]
        required = schema.get("required")
        return members(schema, "properties"), [str(name) for name in required] if isinstance(required, list) else []

    def answer(self, operation: Json) -> Json:
        return self.schema(members(operation, "responses", self._success(operation), "content", JSON, "schema"))

    def _success(self, operation: Json) -> str:
        return "201" if "201" in members(operation, "responses") else "200"

    def choices(self, schema: Json) -> set[object]:
        """What a schema, or what it is a list of, says that there is to choose from."""
        if "enum" in schema or "const" in schema:
            enum = schema.get("enum", [schema.get("const")])
            return {*enum} if isinstance(enum, list) else set()
        parts = [*items(schema.get("anyOf")), *([members(schema, "items")] if "items" in schema else [])]
        return {choice for part in parts for choice in self.choices(self.schema(part))}


@pytest.fixture(scope="module")
def described(served: World) -> Described:
    headers = {"authorization": f"Bearer {served.tokens['nothing']}"}
    return Described(httpx2.get(f"{served.url}/api/v1/openapi.json", headers=headers, trust_env=False).json())


def everything(method: Method) -> Asked:
    """What is asked for with every argument given."""
    return asked(method, RECORDER, [name for name in method.arguments if name != "known"])


@pytest.fixture(scope="module")
def pairs(described: Described) -> Sequence[tuple[Method, Asked, Json]]:
    """Every method, with what it asks for and the operation that this is."""
    operations = {(verb, path): operation for verb, path, operation in described.operations()}
    requests = [(method, everything(method)) for method in METHODS]
    return [(each, request, operations.get((request.method, request.path), {})) for each, request in requests]


def test_every_operation_has_its_method_and_only_one(
    described: Described, pairs: Sequence[tuple[Method, Asked, Json]]
) -> None:
    asked_for = [(request.method, request.path, request.media) for _, request, _ in pairs]
    assert sorted(asked_for) == sorted(
        (verb, path, media) for verb, path, operation in described.operations() for media in described.media(operation)
    )
    assert len(asked_for) > 190


def test_a_method_has_the_arguments_of_its_operation(
    described: Described, pairs: Sequence[tuple[Method, Asked, Json]]
) -> None:
    for method, request, operation in pairs:
        arguments, needed = {*described.arguments(operation)}, described.required(operation)
        in_path = {name.strip("{}") for name in request.path.split("/") if name.startswith("{")}
        document = {"changes"} & arguments  # a body that is the caller's own is what it was given
        said = (request.query - {"cursor"}) | (document or request.body) | in_path
        assert said == arguments, method.name
        assert {*method.required} == needed, method.name
        fewest = asked(method, RECORDER, method.required)
        assert fewest.query | (document or fewest.body) | in_path == needed, method.name


def test_a_method_has_the_choices_of_its_operation(
    described: Described, pairs: Sequence[tuple[Method, Asked, Json]]
) -> None:
    compared = 0
    for method, _, operation in pairs:
        schemas = described.arguments(operation)
        for name, hint in method.arguments.items():
            if (known := choices(hint)) and name in schemas:
                compared += 1
                assert known == described.choices(described.schema(schemas[name])), f"{method.name} {name}"
    assert compared > 40


def differences(found: type[BaseModel], schema: Json, described: Described, place: str) -> Iterator[str]:
    """Where a model and a schema do not say the same, however deep."""
    known = {field.alias or name: field for name, field in found.model_fields.items()}
    properties = members(schema, "properties")
    said = schema.get("required")
    required = {*said} if isinstance(said, list) else set()
    if unknown := (properties.keys() ^ known.keys()) - OWN.get(found, set()):
        yield f"{place}: {sorted(unknown)} stand in one of them alone"
    for name, field in known.items():
        if field.is_required() and name not in required:
            yield f"{place}.{name} may be missing"
        inner, part = model(field.annotation), described.schema(inside(members(properties, name)))
        if inner is not None and "properties" in part and issubclass(inner, BaseModel):
            yield from differences(inner, part, described, f"{place}.{name}")


def inside(schema: Json) -> Json:
    """What a list or a choice is of."""
    for part in [members(schema, "items"), members(schema, "additionalProperties"), *items(schema.get("anyOf"))]:
        if part and part.get("type") != "null":
            return inside(part)
    return schema


def test_a_method_answers_with_what_its_operation_does(
    described: Described, pairs: Sequence[tuple[Method, Asked, Json]]
) -> None:
    compared = 0
    for method, request, operation in pairs:
        found, schema = model(method.answer), described.answer(operation)
        if found is None or not issubclass(found, BaseModel) or issubclass(found, RootModel) or request.media != JSON:
            continue
        one = [*members(schema, "properties").values()]
        parts = [schema, *(described.schema(inside(members(each))) for each in one if "items" in members(each))]
        said = [[*differences(found, part, described, method.name)] for part in parts if "properties" in part]
        compared += 1
        assert [] in said, said
    assert compared > 120
