"""What the change of a JSON Schema means for whoever calls a tool: what may be sent that could not be sent before."""

from collections.abc import Callable
from typing import Literal

from pydantic import JsonValue

from airegistry.core.assets import Json, Model
from airegistry.core.canonical import canonical

Grade = Literal["cosmetic", "minor", "material", "privilege_widened"]
EditKind = Literal[
    "text", "address", "parameter-added", "parameter-removed", "parameter-required", "constraint-removed",
    "constraint-narrowed", "enum-widened", "type-widened", "default", "hint-widened", "hint-narrowed",
    "security-removed", "tools-widened", "part-added", "part-removed", "member",
]  # fmt: skip


class Edit(Model):
    """One difference between two definitions.

    `at` is a JSON pointer into the definition, `said` a sentence without the text itself.
    """

    at: str
    kind: EditKind
    grade: Grade
    said: str


Note = Callable[[str, EditKind, Grade, str], None]
"""Takes an edit: pointer, kind, grade, sentence."""

Texts = Callable[[str, JsonValue, JsonValue], None]
"""Compares two texts at a pointer."""

_UPPER = frozenset("maximum exclusiveMaximum maxLength maxItems maxProperties maxContains".split())
_LOWER = frozenset("minimum exclusiveMinimum minLength minItems minProperties minContains".split())
_NAMED = frozenset("properties patternProperties $defs definitions dependentSchemas".split())
_ONE = frozenset("items contains additionalItems propertyNames if then else contentSchema".split())
_OPEN = frozenset("additionalProperties unevaluatedProperties unevaluatedItems".split())
_TEXTS = frozenset("description title $comment examples example".split())
_CONSTRAINTS = frozenset(
    "const pattern format multipleOf uniqueItems not propertyNames dependentRequired contentEncoding "
    "contentMediaType allOf readOnly".split()
)


def token(name: str) -> str:
    """A member's name as a JSON pointer has it."""
    return name.replace("~", "~0").replace("/", "~1")


class SchemaChanges:
    """Compares schemas. Finds are given to `note`, texts in them to `texts`."""

    def __init__(self, note: Note, texts: Texts) -> None:
        self._note = note
        self._texts = texts

    def compare(self, at: str, before: JsonValue, after: JsonValue) -> None:
        """Note each difference of two schemas at a pointer."""
        if canonical(before) == canonical(after):
            return
        if not isinstance(before, dict) or not isinstance(after, dict):
            self._note(at, *_as_a_whole(before, after))
            return
        for name in sorted({*before, *after}):
            here = f"{at}/{token(name)}"
            old, new = before.get(name), after.get(name)
            if name in before and name in after and canonical(old) == canonical(new):
                continue
            self._member(here, name, old, new, (before, after))

    def _member(self, at: str, name: str, old: JsonValue, new: JsonValue, of: tuple[Json, Json]) -> None:
        there = (name in of[0], name in of[1])
        if name in _TEXTS:
            self._texts(at, old, new)
        elif name in _NAMED:
            self._named(at, name, _object(old), _object(new), of)
        elif name == "required":
            self._required(at, _values(old), _values(new), of)
        elif name == "enum":
            self._enum(at, there, _values(old), _values(new))
        elif name == "type":
            self._type(at, there, _values(old), _values(new))
        elif name in _UPPER | _LOWER:
            self._bound(at, name, old, new)
        elif name in _OPEN:
            self.compare(at, *(True if value is None else value for value in (old, new)))
        elif name in {"anyOf", "oneOf", "allOf", "prefixItems"}:
            self._choices(at, name, old, new)
        elif name in _ONE and all(there):
            self.compare(at, old, new)
        elif name in _CONSTRAINTS | _ONE:
            self._constraint(at, there)
        else:
            kind: EditKind = "default" if name == "default" else "member"
            self._note(at, kind, "material", f"{name} is another one")

    def _named(self, at: str, name: str, old: Json, new: Json, of: tuple[Json, Json]) -> None:
        parameters = name == "properties"
        for each in sorted({*old, *new}):
            here = f"{at}/{token(each)}"
            if each in old and each in new:
                self.compare(here, old[each], new[each])
            elif not parameters:
                self._note(here, "member", "material", f"{name} {each!r} is {'new' if each in new else 'gone'}")
            elif each in new:
                must = "required " if each in {str(one) for one in _values(of[1].get("required"))} else ""
                self._note(here, "parameter-added", "material", f"{must}parameter {each!r} is new")
            else:
                self._note(here, "parameter-removed", "material", f"parameter {each!r} is gone")

    def _required(self, at: str, old: list[JsonValue], new: list[JsonValue], of: tuple[Json, Json]) -> None:
        known, named = (_object(each.get("properties")) for each in of)
        before, after = (
            {each if isinstance(each, str) else canonical(each) for each in values} for values in (old, new)
        )
        for name in sorted(after - before):
            if name in known or name not in named:  # else it is said with the parameter that it is new
                self._note(at, "parameter-required", "material", f"parameter {name!r} is required now")
        for name in sorted(before - after):
            if name in named or name not in known:
                self._note(at, "member", "minor", f"parameter {name!r} is not required any more")

    def _enum(self, at: str, there: tuple[bool, bool], old: list[JsonValue], new: list[JsonValue]) -> None:
        if not all(there):
            self._constraint(at, there)
            return
        known, now = set(map(canonical, old)), set(map(canonical, new))
        if now - known:
            self._note(at, "enum-widened", "privilege_widened", f"{len(now - known)} more values are allowed")
        if known - now:
            self._note(at, "constraint-narrowed", "minor", f"{len(known - now)} values are not allowed any more")

    def _type(self, at: str, there: tuple[bool, bool], old: list[JsonValue], new: list[JsonValue]) -> None:
        if not all(there):
            self._constraint(at, there)
            return
        known = {str(each) for each in old} | ({"integer"} if "number" in old else set())
        more = sorted({str(each) for each in new} - known)
        if more:
            self._note(at, "type-widened", "privilege_widened", f"takes {', '.join(more)} now")
        elif set(map(str, old)) != set(map(str, new)):
            self._note(at, "constraint-narrowed", "minor", "takes fewer types")

    def _bound(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        if not isinstance(old, int | float) or not isinstance(new, int | float):
            self._constraint(at, (old is not None, new is not None))
        elif (new > old) == (name in _UPPER):
            self._note(at, "constraint-removed", "privilege_widened", f"{name} allows more")
        else:
            self._note(at, "constraint-narrowed", "minor", f"{name} allows less")

    def _choices(self, at: str, name: str, old: JsonValue, new: JsonValue) -> None:
        before, after = _values(old), _values(new)
        if len(before) == len(after):
            for number, (one, other) in enumerate(zip(before, after, strict=True)):
                self.compare(f"{at}/{number}", one, other)
            return
        gates = name in {"allOf", "prefixItems"}  # each of them has to be met; else one of them is enough
        if not before or not after:
            self._constraint(at, (bool(before), bool(after)))
        elif (len(after) > len(before)) == gates:
            self._note(at, "constraint-narrowed", "material", f"{name} has other members")
        else:
            self._note(at, "constraint-removed", "privilege_widened", f"{name} allows more")

    def _constraint(self, at: str, there: tuple[bool, bool]) -> None:
        name = at.rpartition("/")[2]
        if there == (True, False):
            self._note(at, "constraint-removed", "privilege_widened", f"{name} is not asked for any more")
        elif there == (False, True):
            # One value that is left to be sent is the definition's choice and not the caller's.
            grade: Grade = "material" if name in {"const", "enum"} else "minor"
            self._note(at, "constraint-narrowed", grade, f"{name} is asked for now")
        else:
            self._note(at, "member", "material", f"{name} is another one")


def _as_a_whole(before: JsonValue, after: JsonValue) -> tuple[EditKind, Grade, str]:
    """A schema that allows all, or nothing, or is none, in place of another one or the other way round."""
    if before in (True, None) or after is False:
        return "constraint-narrowed", "minor", "the schema asks for more"
    if after in (True, None) or before is False:
        return "constraint-removed", "privilege_widened", "the schema asks for less"
    return "member", "material", "the schema is another one"


def _object(value: JsonValue) -> Json:
    return value if isinstance(value, dict) else {}


def _values(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else [] if value is None else [value]
