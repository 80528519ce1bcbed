"""The `where` and `any_of` of a store's `find`: clauses, as predicates and as spans of keys."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache, partial

from pydantic import JsonValue

from airegistry.core.documents import KEY, Glob, Json, Scalar, Wanted, Where

Predicate = Callable[[Json], bool]
Typed = tuple[bool, Scalar]
"""A value, and whether it is a boolean: a boolean equals no number."""
WITHIN = {"provenance.source": "local"}
"""Fields inside others that are looked for, so that stores index them; each with the value that most documents have."""
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field may hold: one of some values, or a text of one of some forms.

    A missing field counts as null. A path leads through lists: `tools.name` reaches the name of every tool.
    """

    field: str
    path: Sequence[str]
    values: frozenset[Typed]
    globs: Sequence[str] = ()
    forms: Sequence[re.Pattern[str]] = ()

    @classmethod
    def of(cls, field: str, wanted: Wanted) -> "Condition":
        """The condition that a `where` has for a field."""
        single = isinstance(wanted, str | Glob) or not isinstance(wanted, Sequence)
        ways: Iterable[Scalar | Glob] = [wanted] if single else wanted  # type: ignore[assignment,list-item]  # as told
        plain, globs = set[Typed](), []
        for way in ways:
            if isinstance(way, Glob):
                globs.append(way.pattern)
            else:
                plain.add(typed(way))
        path = () if field == KEY else tuple(field.split("."))
        return cls(field, path, frozenset(plain), tuple(globs), tuple(map(_form, globs)))

    def holds(self, key: str, body: Json) -> bool:
        """Whether a document meets it."""
        if self.field == KEY:
            return self._is(key)
        if len(self.path) == 1 and not isinstance(value := body.get(self.path[0]), list | dict):
            return self._is(value)
        return any(map(self._is, values_of(body, self.path)))

    def _is(self, value: Scalar) -> bool:
        if typed(value) in self.values:
            return True
        return bool(self.forms) and isinstance(value, str) and any(form.match(value) for form in self.forms)


Clause = Sequence[Condition]
"""Conditions of which one is enough."""


def clauses(where: Where | None, any_of: Sequence[Where] = ()) -> list[Clause]:
    """What a document has to meet, each of them."""
    every = [(Condition.of(field, wanted),) for field, wanted in (where or {}).items()]
    return [*every, *(tuple(Condition.of(field, wanted) for field, wanted in each.items()) for each in any_of)]


@lru_cache(4096)
def _form(glob: str) -> re.Pattern[str]:
    return re.compile(translate(glob))


def meets(asked: Sequence[Clause], key: str, body: Json) -> bool:
    """Whether a document is asked for."""
    for clause in asked:
        for condition in clause:
            if condition.holds(key, body):
                break
        else:
            return False
    return True


def predicate(where: Where | None) -> Predicate | None:
    """A test of bodies against every condition; None when there is no condition."""
    return partial(meets, clauses(where), "") if where else None


def span(glob: str) -> tuple[str, str | None]:
    """Texts of a form lie from the one of these up to before the other, which is None where there is no bound."""
    head = _WILD.split(glob, maxsplit=1)[0]
    if not head or not "\0" <= head[-1] < "\ud7ff":
        return head, None
    return head, f"{head[:-1]}{chr(ord(head[-1]) + 1)}"


def typed(value: Scalar) -> Typed:
    """A value as it is compared."""
    return isinstance(value, bool), value


def values_of(value: JsonValue, path: Sequence[str]) -> Iterator[Scalar]:
    """The scalars a path leads to."""
    if isinstance(value, list):
        for member in value:
            if path or not isinstance(member, list):
                yield from values_of(member, path)
    elif not path:
        if not isinstance(value, dict):
            yield value
    elif isinstance(value, dict):
        yield from values_of(value.get(path[0]), path[1:])
    elif value is None:
        yield None
