"""Filters as questions to a resource: what each comparison means for each type of value."""

from collections.abc import Callable
from datetime import UTC, datetime

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.filters import And, Compare, Filter, Literal_, Not, Operator, Or, Present, Within
from airegistry.rest.scim.paths import Path, path_of
from airegistry.rest.scim.schemas import Attribute, Kind

Test = Callable[[Json], bool]
Same = Callable[[JsonValue], str | None]
_TEXTS = frozenset({"co", "sw", "ew"})
_ORDER: dict[Operator, Callable[[str, str], bool]] = {
    "gt": lambda own, other: own > other, "ge": lambda own, other: own >= other,
    "lt": lambda own, other: own < other, "le": lambda own, other: own <= other,
    "co": lambda own, part: part in own, "sw": str.startswith, "ew": str.endswith,
}  # fmt: skip


def predicate_of(kind: Kind, found: Filter, refusal: str = "invalidFilter") -> Test:
    """Whether a resource fits a filter.

    Raises:
        Refused: it names what is not there, or compares what cannot be compared.
    """
    return _test(found, lambda path: path_of(kind, path, refusal), refusal)


def predicate_of_value(attribute: Attribute, found: Filter, refusal: str) -> Test:
    """Whether one value of a complex attribute fits a filter on its sub-attributes.

    Raises:
        Refused: as `predicate_of`.
    """
    return _test(found, lambda path: _sub(attribute, path, refusal), refusal)


def in_order(value: JsonValue) -> str | None:
    """A text as it is compared where case does not count."""
    return value.casefold() if isinstance(value, str) else None


def _sub(attribute: Attribute, path: str, refusal: str) -> Path:
    sub = attribute.of(path)
    if sub is None:
        raise Refused(f"{attribute.name} has no {path[:100]!r}", refusal)
    return Path(sub)


def _test(found: Filter, resolve: Callable[[str], Path], refusal: str) -> Test:
    match found:
        case Compare():
            return _compared(found, resolve(found.path), refusal)
        case Present():
            there = resolve(found.path)
            return lambda resource: bool(there.values(resource))
        case Within():
            return _within(found, resolve(found.path), refusal)
        case Not():
            inner = _test(found.inner, resolve, refusal)
            return lambda resource: not inner(resource)
        case And() | Or():
            tests = [_test(each, resolve, refusal) for each in found.parts]
            if isinstance(found, And):
                return lambda resource: all(test(resource) for test in tests)
            return lambda resource: any(test(resource) for test in tests)


def _within(found: Within, path: Path, refusal: str) -> Test:
    if path.sub is not None or path.attribute.type != "complex":
        raise Refused(f"{found.path[:100]!r} has no parts", refusal)
    inner = predicate_of_value(path.attribute, found.inner, refusal)
    return lambda resource: any(isinstance(each, dict) and inner(each) for each in path.values(resource))


def _compared(found: Compare, path: Path, refusal: str) -> Test:
    path = path.valued()
    if path.end.type == "complex":
        raise Refused(f"{found.path[:100]!r} is compared by one of its parts", refusal)
    if found.value is None:
        if found.operator not in {"eq", "ne"}:
            raise Refused("null is only equal or not", refusal)
        absent = found.operator == "eq"
        return lambda resource: bool(path.values(resource)) is not absent
    fits = _fits(path.end, found.operator, found.value, refusal)
    if found.operator == "ne":
        return lambda resource: any(map(fits, values)) if (values := path.values(resource)) else True
    return lambda resource: any(map(fits, path.values(resource)))


def _fits(attribute: Attribute, operator: Operator, literal: Literal_, refusal: str) -> Callable[[JsonValue], bool]:
    """Whether one value fits."""
    wrong = Refused(f"{attribute.name} is a {attribute.type}, and does not compare so", refusal)
    if attribute.type == "boolean":
        literal = _truth(literal)
        if literal is None or operator not in {"eq", "ne"}:
            raise wrong
        return lambda value: (value is literal) is (operator == "eq")
    if attribute.type == "integer" or not isinstance(literal, str):
        raise wrong
    comparable: Same = _text(attribute)
    if attribute.type == "dateTime" and operator not in _TEXTS:
        comparable = _moment
    wanted = comparable(literal)
    if wanted is None:
        raise wrong
    test = _ORDER.get(operator)
    if test is not None:
        return lambda value: (own := comparable(value)) is not None and test(own, wanted)
    return lambda value: (comparable(value) == wanted) is (operator == "eq")


def _text(attribute: Attribute) -> Same:
    return _exactly if attribute.exact else in_order


def _exactly(value: JsonValue) -> str | None:
    return value if isinstance(value, str) else None


def _truth(literal: Literal_) -> bool | None:
    if isinstance(literal, bool):
        return literal
    return {"true": True, "false": False}.get(literal.lower()) if isinstance(literal, str) else None


def _moment(value: JsonValue) -> str | None:
    """A time in a form whose order is that of times."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    try:
        moment = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:
        return None
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds")
