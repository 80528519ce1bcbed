"""The routes of the API: every row of the table of twins, once for each kind it is for, found by method and path."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol
from urllib.parse import unquote

from pydantic import JsonValue
from starlette.types import Scope

from airegistry.core.assets import Json, Kind
from airegistry.core.errors import AirError, Invalid, NotFound
from airegistry.rest.twins import COLLECTIONS, Twin

PREFIX = "/api/v1"
_ARGUMENT = re.compile(r"\{(\w+)\}")
_KINDS: Mapping[str, Kind] = {
    "server": "server", "agent": "agent", "skill": "skill", "virtual_server": "virtual_server", "entity": "entity",
}  # fmt: skip


class Operation(Protocol):
    """What the registry can do, as `tools/operations.py` has it."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def input_schema(self) -> Json: ...
    @property
    def output_schema(self) -> Json: ...

    async def run(self, scope: Scope, arguments: Mapping[str, JsonValue]) -> Json:
        """The structured content that it answers the caller of a request with.

        Raises:
            AirError: whatever it fails with.
        """
        ...


class NoMethod(AirError):
    """A path that is there, but not with this method; `allowed` are those it has."""

    code = "invalid"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        super().__init__(f"there is no {method[:20]} here; there is {', '.join(allowed)}")
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `kind` is the one that its path names, and `fixed` the argument that says so; no other
    endpoint has its `id`."""

    twin: Twin
    path: str
    operation: Operation
    kind: Kind | None = None
    fixed: Mapping[str, JsonValue] = field(default_factory=dict)
    id: str = ""

    @property
    def in_path(self) -> list[str]:
        """The arguments that its path carries."""
        return _ARGUMENT.findall(self.path)

    @property
    def properties(self) -> Mapping[str, Json]:
        """The schemas of all arguments that a caller gives, by name."""
        known = self.operation.input_schema.get("properties")
        members = known if isinstance(known, dict) else {}
        return {name: schema for name, schema in members.items() if isinstance(schema, dict) and name not in self.fixed}

    @property
    def in_query(self) -> list[str]:
        """The arguments that its query takes."""
        has_body = self.twin.method not in {"GET", "DELETE"}
        if has_body and self.twin.body is None:
            return []
        return [name for name in self.properties if name not in self.in_path and name != self.twin.body]

    @property
    def in_body(self) -> list[str]:
        """The arguments that are members of its body, or the one that is all of it."""
        if self.twin.body is not None:
            return [self.twin.body]
        taken = {*self.in_path, *self.in_query}
        return [name for name in self.properties if name not in taken]

    @property
    def required(self) -> list[str]:
        """The arguments that it does not go without."""
        known = self.operation.input_schema.get("required")
        names = known if isinstance(known, list) else []
        return [name for name in names if isinstance(name, str) and name not in self.fixed]


def endpoints(twins: Iterable[Twin], operations: Iterable[Operation]) -> list[Endpoint]:
    """Every endpoint that the rows describe."""
    known = {operation.name: operation for operation in operations}
    found = [endpoint for twin in twins if twin.tool in known for endpoint in _of(twin, known[twin.tool])]
    several = Counter(endpoint.operation.name for endpoint in found)
    return [replace(endpoint, id=_id(endpoint, several[endpoint.operation.name] > 1)) for endpoint in found]


def _id(endpoint: Endpoint, several: bool) -> str:
    name = endpoint.operation.name
    return f"{name}_{endpoint.kind}" if several and endpoint.kind else name


def _of(twin: Twin, operation: Operation) -> Iterator[Endpoint]:
    if "{kinds}" not in twin.path:
        named = {place: _KINDS[kind] for kind, place in COLLECTIONS.items()}
        yield Endpoint(twin, twin.path, operation, named.get(twin.path.split("/")[1]), _told(twin, operation, named))
        return
    taken = _choices(operation)
    for kind in twin.kinds:
        if kind in taken:
            path = twin.path.replace("{kinds}", COLLECTIONS[kind])
            yield Endpoint(twin, path, operation, _KINDS[kind], {"kind": kind})


def _told(twin: Twin, operation: Operation, named: Mapping[str, Kind]) -> Mapping[str, JsonValue]:
    """The kind that a path of one collection says, where the tool asks for it."""
    kind = named.get(twin.path.split("/")[1])
    return {"kind": kind} if kind is not None and kind in _choices(operation) else {}


def _choices(operation: Operation) -> Sequence[JsonValue]:
    """The kinds that a tool takes as its argument `kind`."""
    properties = operation.input_schema.get("properties")
    schema = properties.get("kind") if isinstance(properties, dict) else None
    if not isinstance(schema, dict):
        return ()
    choices = schema.get("enum")
    return choices if isinstance(choices, list) else [schema.get("const")]


@dataclass(slots=True)
class _Node:
    """A place in the tree of paths, by segments."""

    methods: dict[str, Endpoint] = field(default_factory=dict)
    literal: dict[str, "_Node"] = field(default_factory=dict)
    any: "_Node | None" = None


class Router:
    """Finds endpoints. A segment that is spelled out comes before one that stands for an argument."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._root = _Node()
        for endpoint in endpoints:
            node = self._root
            for segment in endpoint.path.split("/")[1:]:
                if _ARGUMENT.fullmatch(segment):
                    node.any = node.any or _Node()
                    node = node.any
                else:
                    node = node.literal.setdefault(segment, _Node())
            assert endpoint.twin.method not in node.methods, f"{endpoint.twin.method} {endpoint.path} is there twice"
            node.methods[endpoint.twin.method] = endpoint

    def find(self, method: str, raw_path: bytes) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint of a request and the arguments in its path; `raw_path` is as it stands on the request line, so
        that a slash that belongs to an argument does not part it.

        Raises:
            NotFound: there is no such path.
            NoMethod: it has other methods.
        """
        path = raw_path.decode("latin-1").removeprefix(PREFIX)
        node, values = self._root, list[str]()
        for segment in path.split("/")[1:]:
            value = _decoded(segment)
            found = node.literal.get(value)
            if found is None and node.any is not None and value:
                values.append(value)
                found = node.any
            if found is None:
                raise NotFound("there is nothing here")
            node = found
        if not node.methods:
            raise NotFound("there is nothing here")
        endpoint = node.methods.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            raise NoMethod(method, sorted(node.methods))
        return endpoint, dict(zip(endpoint.in_path, values, strict=True))


def _decoded(segment: str) -> str:
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise Invalid("the path is no UTF-8") from None
