"""PATCH (RFC 7644, section 3.5.2), in the dialects of Microsoft Entra ID and Okta too.

Names of operations in any case; `active` as text; members of a path-less value that are paths themselves, or that
nobody writes; members to remove given as the value; one value where several may stand; a complex value given as text.
"""

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.cleaning import check, member, single, value_of
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.filters import And, Compare, Filter, Reader
from airegistry.rest.scim.matching import Test, predicate_of_value
from airegistry.rest.scim.paths import Path, is_there, path_of
from airegistry.rest.scim.schemas import Attribute, Kind

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MAX_OPERATIONS, MAX_WORK = 1000, 2_000_000
"""Operations of one request, and values that they look at together."""
Op = Literal["add", "replace", "remove"]
OPS: dict[str, Op] = {"add": "add", "replace": "replace", "remove": "remove"}


@dataclass(frozen=True, slots=True)
class Target:
    """What an operation is on: a path, and which of several values."""

    path: Path
    fits: Test | None = None
    filter: Filter | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Without a target its value is an object of what it is on, or the extension to be removed."""

    op: Op
    target: Target | None
    value: JsonValue


def operations_of(kind: Kind, sent: Json) -> list[Operation]:
    """The operations of a request.

    Raises:
        Refused: it is none, or names what is not there.
    """
    schemas, listed = member(sent, "schemas"), member(sent, "Operations")
    if not isinstance(schemas, list) or PATCH.lower() not in {str(each).lower() for each in schemas}:
        raise Refused(f"schemas has to name {PATCH}", "invalidSyntax")
    if not isinstance(listed, list) or not listed:
        raise Refused("there are no Operations", "invalidSyntax")
    if len(listed) > MAX_OPERATIONS:
        raise Refused(f"there are at most {MAX_OPERATIONS} Operations", "invalidSyntax")
    return [_operation(kind, each) for each in listed]


def patched(kind: Kind, resource: Json, operations: list[Operation]) -> Json:
    """The resource with all of it done, as it is kept.

    Raises:
        Refused: something cannot be done; then nothing is.
    """
    result = deepcopy(resource)
    several = sum(len(value) for value in result.values() if isinstance(value, list))
    if several * len(operations) > MAX_WORK:
        raise Refused("these are too many operations for so many values; send fewer at once", "tooMany")
    for each in operations:
        if each.target is not None:
            _apply(result, each.op, each.target, each.value)
        elif each.op == "remove":
            result.pop(str(each.value), None)
        else:
            for target, value in _members(kind, each.value):
                _apply(result, each.op, target, value)
    check(kind, result)
    return {name: value for name, value in result.items() if is_there(value)}


def target_of(kind: Kind, text: str) -> Target:
    """What a path names: an attribute, or those of its values that fit a filter, or a part of them.

    Raises:
        Refused: there is no such thing.
    """
    reader = Reader(text, "invalidPath")
    name = reader.path()
    path = path_of(kind, name)
    if not reader.kind:
        return Target(path)
    if path.sub is not None or not path.attribute.multi:
        raise Refused(f"{name[:100]!r} has no several values", "invalidPath")
    reader.take("[")
    found = reader.either(1)
    if reader.kind != "mark" or reader.text != "]":
        raise Refused("the filter in it has no end", "invalidPath")
    rest = reader.rest()
    sub = path.attribute.of(rest[1:]) if rest.startswith(".") else None
    if rest and sub is None:
        raise Refused(f"{rest[:100]!r} is no part of it", "invalidPath")
    fits = predicate_of_value(path.attribute, found, "invalidFilter")
    return Target(Path(path.attribute, sub, path.extension), fits, found)


def _operation(kind: Kind, sent: JsonValue) -> Operation:
    if not isinstance(sent, dict):
        raise Refused("an operation is an object", "invalidSyntax")
    named, path, value = member(sent, "op"), member(sent, "path"), member(sent, "value")
    op = OPS.get(named.lower()) if isinstance(named, str) else None
    if op is None:
        raise Refused("op is add, replace or remove", "invalidSyntax")
    if path is None or path == "":
        if op == "remove":
            raise Refused("what is to be removed has a path", "noTarget")
        if not isinstance(value, dict):
            raise Refused("without a path the value is an object")
        return Operation(op, None, value)
    if not isinstance(path, str):
        raise Refused("a path is a text", "invalidPath")
    if op != "remove" and "value" not in {name.lower() for name in sent}:
        raise Refused(f"there is no value to {op}")
    urn = next((urn for urn in kind.extensions if urn.lower() == path.lower()), None)
    if urn is not None:
        return Operation(op, None, urn if op == "remove" else {urn: value})
    target = target_of(kind, path)
    _check_writable(target.path)
    return Operation(op, target, value)


def _check_writable(path: Path) -> None:
    if not path.attribute.writable or (path.sub is not None and not path.sub.writable):
        raise Refused(f"{path.end.name} is not for clients to write", "mutability")


def _members(kind: Kind, value: JsonValue) -> list[tuple[Target, JsonValue]]:
    """What a path-less value is on; what is not there or not written is passed over, as in a whole resource."""
    found: list[tuple[Target, JsonValue]] = []
    for name, each in value.items() if isinstance(value, dict) else ():
        urn = next((urn for urn in kind.extensions if urn.lower() == name.lower()), None)
        if urn is not None and isinstance(each, dict):
            found += _members(kind, {f"{urn}:{part}": inner for part, inner in each.items()})
            continue
        try:
            target = target_of(kind, name)
            _check_writable(target.path)
        except Refused:
            continue
        found.append((target, each))
    return found


def _apply(resource: Json, op: Op, target: Target, value: JsonValue) -> None:
    path, holder = target.path, resource
    if path.extension:
        inner = resource.setdefault(path.extension, {})
        if not isinstance(inner, dict):
            raise Refused(f"{path.extension} is an object")
        holder = inner
    if path.attribute.multi:
        holder[path.attribute.name] = _several(holder.get(path.attribute.name), op, target, value)
        return
    if op == "remove":
        _check_goes(path)
    if path.attribute.type == "complex":
        before = holder.get(path.attribute.name)
        holder[path.attribute.name] = _merged(before if isinstance(before, dict) else {}, op, path, value)
    else:
        holder[path.attribute.name] = None if op == "remove" else value_of(path.attribute, value)
        if path.attribute.required and not is_there(holder[path.attribute.name]):
            _check_goes(path)


def _check_goes(path: Path) -> None:
    if path.end.required:
        raise Refused(f"{path.end.name} does not go without a value", "mutability")


def _merged(before: Json, op: Op, path: Path, value: JsonValue) -> Json:
    """A complex value with what an operation makes of it."""
    if path.sub is not None:
        return {**before, path.sub.name: None if op == "remove" else value_of(path.sub, value)}
    if op == "remove":
        return {}
    new = single(path.attribute, value)
    return {**before, **new} if isinstance(new, dict) else {}


def _several(before: JsonValue, op: Op, target: Target, value: JsonValue) -> list[JsonValue]:
    values: list[JsonValue] = [*before] if isinstance(before, list) else []
    attribute = target.path.attribute
    if target.fits is None and target.path.sub is None:
        return _whole(values, op, attribute, value)
    chosen = [each for each in values if isinstance(each, dict) and (target.fits is None or target.fits(each))]
    if not chosen:
        return _none_fits(values, op, target, value)
    if op == "remove":
        if target.path.sub is None:
            gone = {id(each) for each in chosen}
            return [each for each in values if id(each) not in gone]
        _check_goes(target.path)
    changed = {id(each): _merged(each if op != "replace" or target.path.sub else {}, op, target.path, value)
               for each in chosen}  # fmt: skip
    result: list[JsonValue] = [changed.get(id(each), each) for each in values]
    return _one_primary(result, [*changed.values()])


def _none_fits(values: list[JsonValue], op: Op, target: Target, value: JsonValue) -> list[JsonValue]:
    """Where no value fits: what is gone already is no error, and one is added that fits."""
    if op == "remove":
        return values
    made = _fitting(target.filter) if op == "add" or target.filter is None else None
    if made is None or target.filter is None:
        raise Refused("no value fits", "noTarget")
    new = _merged(value_members(target.path.attribute, made), op, target.path, value)
    return _one_primary([*values, new], [new])


def value_members(attribute: Attribute, said: Json) -> Json:
    """A complex value of what a filter says of it."""
    found = single(attribute, said)
    return found if isinstance(found, dict) else {}


def _fitting(found: Filter | None) -> Json | None:
    """What the one value that a filter describes by equality has; None when it describes none."""
    parts = found.parts if isinstance(found, And) else (found,)
    if not all(isinstance(each, Compare) and each.operator == "eq" for each in parts):
        return None
    return {each.path: each.value for each in parts if isinstance(each, Compare)}


def _whole(values: list[JsonValue], op: Op, attribute: Attribute, value: JsonValue) -> list[JsonValue]:
    if op == "remove" and value is None:
        return []
    sent = value_of(attribute, value)
    new: list[JsonValue] = [*sent] if isinstance(sent, list) else []
    key = _key(attribute)
    if op == "remove":
        gone = {key(each) for each in new}
        return [each for each in values if key(each) not in gone]
    if op == "replace":
        return new
    known = {key(each) for each in values}
    added: list[JsonValue] = [each for each in new if key(each) not in known]
    return _one_primary([*values, *added], added)


def _key(attribute: Attribute) -> Callable[[JsonValue], object]:
    """What a value is the same by: members are by their id, others by all of it."""
    if attribute.name == "members":
        return lambda each: each.get("value") if isinstance(each, dict) else None
    return lambda each: json.dumps(each, sort_keys=True)


def _one_primary(values: list[JsonValue], touched: "list[JsonValue] | list[Json]") -> list[JsonValue]:
    """The values, of which none but one that was just made so is primary (RFC 7644, section 3.5.2)."""
    first = [id(each) for each in touched if isinstance(each, dict) and each.get("primary") is True]
    if not first:
        return values
    return [
        {**each, "primary": False} if isinstance(each, dict) and each.get("primary") is True and id(each) != first[-1]
        else each for each in values
    ]  # fmt: skip
