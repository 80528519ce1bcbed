"""botocore's descriptions of services, read from the side of the service: which operation a request is, and whether
it and the answer are as they are described."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote

from botocore.loaders import create_loader  # type: ignore[import-untyped]  # botocore has no types
from botocore.model import OperationModel, ServiceModel, Shape  # type: ignore[import-untyped]

SERVICES = {"agent-registry": "agent-registry-control", "bedrock-agentcore": "bedrock-agentcore-control", "sts": "sts"}
"""By the name that requests are signed for."""


class NotAsDescribed(Exception):
    """A request or an answer that the description does not allow."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation and its parameters."""

    operation: str
    parameters: dict[str, object]


@cache
def model(service: str) -> ServiceModel:
    """The description of a service, by the name that requests are signed for."""
    return ServiceModel(create_loader().load_service_model(SERVICES[service], "service-2"), SERVICES[service])


def asked(service: str, method: str, path: str, query: str, body: bytes) -> Asked:
    """What a request asks for, checked; `path` is as it was on the wire."""
    if service == "sts":
        form = dict(parse_qsl(body.decode()))
        operation = model(service).operation_model(form.pop("Action"))
        if form.pop("Version") != model(service).api_version:
            raise NotAsDescribed("another version")
        parameters: dict[str, object] = {name: _number(operation, name, value) for name, value in form.items()}
    else:
        operation, parameters = _found(model(service), method, path)
        told = dict(parse_qsl(query, keep_blank_values=True))
        for name, shape in operation.input_shape.members.items():
            key = shape.serialization.get("name", name)
            if shape.serialization.get("location") == "querystring" and key in told:
                parameters[name] = _number(operation, name, told.pop(key))
        if told:
            raise NotAsDescribed(f"a query with {sorted(told)}")
        parameters |= json.loads(body) if body else {}
    check(operation.input_shape, parameters, operation.name)
    return Asked(operation.name, parameters)


def answered(service: str, operation: str, answer: Mapping[str, object]) -> None:
    """Check an answer."""
    check(model(service).operation_model(operation).output_shape, answer, operation)


def check(shape: Shape, value: object, place: str) -> None:
    """Check a value and all in it."""
    wrong = NotAsDescribed(f"{place}: {value!r} is no {shape.name}")
    if shape.type_name == "structure":
        if getattr(shape, "is_document_type", False):
            return
        if not isinstance(value, dict) or value.keys() - shape.members.keys():
            raise wrong
        for name in shape.required_members:
            if name not in value:
                raise NotAsDescribed(f"{place}: {name} is missing")
        for name, each in value.items():
            check(shape.members[name], each, f"{place}.{name}")
    elif shape.type_name == "list":
        if not isinstance(value, list):
            raise wrong
        for each in value:
            check(shape.member, each, place)
    elif shape.type_name == "string":
        low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 10**9)
        if not isinstance(value, str) or not low <= len(value) <= high:
            raise wrong
        if shape.enum and value not in shape.enum:
            raise wrong
        if (pattern := shape.metadata.get("pattern")) and not re.fullmatch(pattern, value):
            raise wrong
    elif shape.type_name in {"integer", "long"}:
        low, high = shape.metadata.get("min", -(10**9)), shape.metadata.get("max", 10**9)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise wrong
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        raise wrong


def _found(service: ServiceModel, method: str, path: str) -> tuple[OperationModel, dict[str, object]]:
    for name in service.operation_names:
        operation = service.operation_model(name)
        uri = operation.http["requestUri"].partition("?")[0]
        names = re.findall(r"\{(\w+)\}", uri)
        match = re.fullmatch(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(uri)), path)
        if operation.http["method"] == method and match is not None:
            members = operation.input_shape.members
            keys = {shape.serialization.get("name", member): member for member, shape in members.items()}
            return operation, {keys[key]: unquote(value) for key, value in zip(names, match.groups(), strict=True)}
    raise NotAsDescribed(f"{method} {path}")


def _number(operation: OperationModel, name: str, value: str) -> object:
    shape = operation.input_shape.members.get(name)
    return int(value) if shape is not None and shape.type_name == "integer" else value
