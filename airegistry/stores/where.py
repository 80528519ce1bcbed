"""The `where` of a store's `find`, as a predicate."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from pydantic import JsonValue

from airegistry.core.documents import Json, Scalar, Where

Predicate = Callable[[Json], bool]
_Typed = tuple[bool, Scalar]


def predicate(where: Where | None) -> Predicate | None:
    """A test of bodies against every condition; None when there is no condition.

    A missing field counts as null. A path leads through lists: `tools.name` reaches the name of every tool.
    A boolean equals no number.
    """
    if not where:
        return None
    conditions = [(field.split("."), _alternatives(wanted)) for field, wanted in where.items()]
    return partial(_matches, conditions)


def _alternatives(wanted: Scalar | Sequence[Scalar]) -> frozenset[_Typed]:
    if isinstance(wanted, str) or not isinstance(wanted, Sequence):
        return frozenset({_typed(wanted)})
    return frozenset(map(_typed, wanted))


def _typed(value: Scalar) -> _Typed:
    return isinstance(value, bool), value


def _matches(conditions: Sequence[tuple[list[str], frozenset[_Typed]]], body: Json) -> bool:
    return all(any(_typed(value) in wanted for value in _values(body, path)) for path, wanted in conditions)


def _values(value: JsonValue, path: Sequence[str]) -> Iterator[Scalar]:
    """The scalars a path leads to."""
    if isinstance(value, list):
        for member in value:
            if path or not isinstance(member, list):
                yield from _values(member, path)
    elif not path:
        if not isinstance(value, dict):
            yield value
    elif isinstance(value, dict):
        yield from _values(value.get(path[0]), path[1:])
    elif value is None:
        yield None
