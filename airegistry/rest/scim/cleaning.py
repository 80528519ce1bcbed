"""What a client sends, as it is kept: known attributes by their own names, each of its type."""

import json
from collections.abc import Iterable
from datetime import datetime

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.paths import is_there
from airegistry.rest.scim.schemas import COMMON, Attribute, Kind

MAX_TEXT, MAX_VALUES, MAX_KEPT = 4096, 100, 32_768
"""Characters of a text, values of an attribute (members of a group aside), bytes of what is kept of a person."""


def cleaned(kind: Kind, sent: Json) -> Json:
    """A resource as it is kept, without what it does not have here and what clients do not write.

    Raises:
        Refused: it names no schema of its kind, or a value is of another type.
    """
    schemas = member(sent, "schemas")
    named = {each.lower() for each in schemas if isinstance(each, str)} if isinstance(schemas, list) else set()
    if kind.schema.lower() not in named:
        raise Refused(f"schemas has to name {kind.schema}", "invalidSyntax")
    kept = _members([*COMMON, *kind.attributes], sent)
    for urn, attributes in kind.extensions.items():
        found = member(sent, urn)
        if isinstance(found, dict):
            kept[urn] = _members(attributes, found)
        elif found is not None:
            raise Refused(f"{urn} is an object")
    check(kind, kept)
    return {name: value for name, value in kept.items() if is_there(value)}


def check(kind: Kind, resource: Json) -> None:
    """Refuse what goes not without, or is too much.

    Raises:
        Refused: a required attribute has no value, or there is too much of something.
    """
    for attribute in kind.attributes:
        value = resource.get(attribute.name)
        if attribute.required and not is_there(value):
            raise Refused(f"{attribute.name} is required")
        if isinstance(value, list) and attribute.name != "members":
            first = [each for each in value if isinstance(each, dict) and each.get("primary") is True]
            if len(first) > 1:
                raise Refused(f"{attribute.name} has one that is primary at most")
            if len(value) > MAX_VALUES:
                raise Refused(f"{attribute.name} has at most {MAX_VALUES} values")
    if "members" not in resource and len(json.dumps(resource)) > MAX_KEPT:
        raise Refused(f"what is said of a person has at most {MAX_KEPT} bytes")


def value_of(attribute: Attribute, sent: JsonValue) -> JsonValue:
    """A value of an attribute as it is kept; None for none.

    Raises:
        Refused: it is of another type.
    """
    if not attribute.multi:
        return _single(attribute, sent)
    several = sent if isinstance(sent, list) else [sent]
    found = [_single(attribute, each) for each in several]
    if attribute.name == "members" and not all(map(is_there, found)):
        raise Refused("a member has a value")
    return [each for each in found if is_there(each)]


def single(attribute: Attribute, sent: JsonValue) -> JsonValue:
    """One value of an attribute that may have several, as it is kept.

    Raises:
        Refused: it is of another type.
    """
    return _single(attribute, sent)


def member(sent: Json, name: str) -> JsonValue:
    """A member of an object, whatever the case of its name."""
    if name in sent:
        return sent[name]
    lowered = name.lower()
    return next((value for key, value in sent.items() if key.lower() == lowered), None)


def _members(attributes: Iterable[Attribute], sent: Json) -> Json:
    by_name = {name.lower(): value for name, value in sent.items()}
    found: Json = {}
    for attribute in attributes:
        if attribute.writable and attribute.name.lower() in by_name:
            value = value_of(attribute, by_name[attribute.name.lower()])
            if is_there(value):
                found[attribute.name] = value
    return found


def _single(attribute: Attribute, sent: JsonValue) -> JsonValue:
    if sent is None or (sent == "" and attribute.type != "string"):
        return None
    if attribute.type == "complex":
        if isinstance(sent, str) and attribute.of("value") is not None:
            sent = {"value": sent}
        if not isinstance(sent, dict):
            raise _wrong(attribute)
        return _members(attribute.sub, sent)
    if attribute.type == "boolean":
        truth = {"true": True, "false": False}.get(sent.lower()) if isinstance(sent, str) else sent
        if not isinstance(truth, bool):
            raise _wrong(attribute)
        return truth
    if not isinstance(sent, str) or len(sent) > MAX_TEXT:
        raise _wrong(attribute)
    if attribute.type == "dateTime":
        try:
            datetime.fromisoformat(sent)
        except ValueError:
            raise _wrong(attribute) from None
    return sent


def _wrong(attribute: Attribute) -> Refused:
    return Refused(f"{attribute.name} is a {attribute.type} of at most {MAX_TEXT} characters")
