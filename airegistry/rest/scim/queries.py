"""What is asked of a list: which resources, in which order, how many, and what of each (RFC 7644, section 3.4.2)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.rest.scim.cleaning import member
from airegistry.rest.scim.discovery import MAX_RESULTS
from airegistry.rest.scim.errors import Refused
from airegistry.rest.scim.filters import And, Compare, Filter, parsed
from airegistry.rest.scim.matching import in_order
from airegistry.rest.scim.paths import Path, path_of
from airegistry.rest.scim.schemas import Kind

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
DEFAULT_COUNT = 100
MAX_NAMES = 100
ALWAYS = frozenset({"schemas", "id"})
"""Members of every answer."""


@dataclass(frozen=True, slots=True)
class Projection:
    """What of a resource is answered: `only` some attributes, or all but `without`; names in lower case."""

    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def shown(self, kind: Kind, resource: Json) -> Json:
        """What is left of a resource."""
        if self.only is None and not self.without:
            return resource
        found: Json = {}
        for name, value in resource.items():
            if name in ALWAYS:
                found[name] = value
            elif name in kind.extensions:
                inner = value if isinstance(value, dict) else {}
                parts: Json = {part: left for part, each in inner.items() if (left := self._left(name, part, each))}
                if parts:
                    found[name] = parts
            elif (left := self._left(kind.schema, name, value)) is not None:
                found[name] = left
        return found

    def wants(self, name: str) -> bool:
        """Whether a top-level attribute is answered at all."""
        lowered = name.lower()
        if self.only is None:
            return lowered not in {each.rsplit(":", 1)[-1] for each in self.without}
        return any(each.rsplit(":", 1)[-1].partition(".")[0] == lowered for each in self.only)

    def _left(self, urn: str, name: str, value: JsonValue) -> JsonValue:
        """What is left of an attribute; None for nothing."""
        names = {f"{urn}:{name}".lower(), name.lower()}
        if self.only is None:
            return None if names & self.without else _parts(value, names, self.without, keep=False)
        if names & self.only or urn.lower() in self.only:
            return value
        return _parts(value, names, self.only, keep=True)


@dataclass(frozen=True, slots=True)
class Query:
    """A list that is asked for; `start` counts from 1."""

    filter: Filter | None = None
    sort_by: str = ""
    descending: bool = False
    start: int = 1
    count: int = DEFAULT_COUNT
    projection: Projection = Projection()

    def page(self, kinds: Sequence[Kind], found: list[Json]) -> list[Json]:
        """Those on the page that is asked for, of all that fit."""
        ordered = self._sorted(kinds, found) if self.sort_by else found
        return ordered[self.start - 1 : self.start - 1 + self.count]

    def _sorted(self, kinds: Sequence[Kind], found: list[Json]) -> list[Json]:
        """In order of an attribute; what has no value comes last, or first when descending (section 3.4.2.3)."""
        paths, refusals = list[Path](), list[Refused]()
        for kind in kinds:
            try:
                paths.append(path_of(kind, self.sort_by, "invalidValue").valued())
            except Refused as refusal:  # what only the others have
                refusals.append(refusal)
        if refusals and not paths:
            raise refusals[0]
        keyed = [(_sort_value([value for path in paths for value in path.values(each)]), each) for each in found]
        there = sorted((pair for pair in keyed if pair[0] is not None), key=lambda pair: str(pair[0]))
        ordered = [each for _, each in there] + [each for value, each in keyed if value is None]
        return ordered[::-1] if self.descending else ordered


def query_of(sent: Mapping[str, JsonValue]) -> Query:
    """What the members of a search request, or the parameters of a GET, ask for.

    Raises:
        Refused: one of them is none.
    """
    asked: Json = {**sent}
    text, sort_by = member(asked, "filter"), member(asked, "sortBy")
    order = member(asked, "sortOrder")
    if not all(each is None or isinstance(each, str) for each in (text, sort_by, order)):
        raise Refused("filter, sortBy and sortOrder are texts")
    if order and str(order).lower() not in {"ascending", "descending"}:
        raise Refused("sortOrder is ascending or descending")
    return Query(
        filter=parsed(str(text)) if text else None, sort_by=str(sort_by or ""),
        descending=str(order).lower() == "descending",
        start=max(1, _number(asked, "startIndex", 1)),
        count=min(MAX_RESULTS, max(0, _number(asked, "count", DEFAULT_COUNT))),
        projection=projection_of(asked),
    )  # fmt: skip


def projection_of(asked: Json) -> Projection:
    """Which attributes are asked for.

    Raises:
        Refused: both forms are used, or there are too many names.
    """
    only, without = _names(member(asked, "attributes")), _names(member(asked, "excludedAttributes"))
    if only and without:
        raise Refused("either attributes or excludedAttributes")
    return Projection(only or None, without)


def list_of(resources: Sequence[Json], total: int, start: int) -> Json:
    """The answer to a list."""
    return {
        "schemas": [LIST], "totalResults": total, "startIndex": start, "itemsPerPage": len(resources),
        "Resources": [*resources],
    }  # fmt: skip


def equals(found: Filter | None, *names: str) -> str | None:
    """The text that one of some attributes has to be equal to for a resource to fit; None when there is no such."""
    parts = found.parts if isinstance(found, And) else (found,)
    wanted = {name.lower() for name in names}
    for each in parts:
        if not isinstance(each, Compare) or each.operator != "eq" or not isinstance(each.value, str):
            continue
        if each.path.rsplit(":", 1)[-1].lower() in wanted:
            return each.value
    return None


def _number(asked: Json, name: str, default: int) -> int:
    value = member(asked, name)
    if value is None or value == "":
        return default
    try:
        number = int(value) if isinstance(value, str) and len(value) <= 12 else value
    except ValueError:
        number = None
    if not isinstance(number, int) or isinstance(number, bool):
        raise Refused(f"{name} is a number")
    return number


def _names(value: JsonValue) -> frozenset[str]:
    listed: Iterable[JsonValue] = (
        value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    )
    names = frozenset(each.strip().lower() for each in listed if isinstance(each, str) and each.strip())
    if len(names) > MAX_NAMES:
        raise Refused(f"at most {MAX_NAMES} attributes are named")
    return names


def _parts(value: JsonValue, names: set[str], chosen: frozenset[str], *, keep: bool) -> JsonValue:
    """A complex value with, or without, the parts that are named; None when none is left of what was to be kept."""
    parts = {each[len(name) + 1 :] for name in names for each in chosen if each.startswith(f"{name}.")}
    if not parts:
        return None if keep else value
    several = value if isinstance(value, list) else [value]
    left: list[JsonValue] = [
        {part: inner for part, inner in each.items() if (part.lower() in parts) is keep}
        for each in several
        if isinstance(each, dict)
    ]
    if isinstance(value, list):
        return left
    return left[0] if left and left[0] else None


def _sort_value(values: list[JsonValue]) -> str | None:
    """What a resource is sorted by: of several values the first."""
    first = values[0] if values else None
    if isinstance(first, bool):
        return str(first).lower()
    if isinstance(first, str):
        return str(in_order(first))
    return None
