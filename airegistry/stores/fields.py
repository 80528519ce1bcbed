"""Which rows hold which value of a field: an index in memory, eight bytes a row and value beside the values."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from airegistry.core.documents import Json
from airegistry.stores.where import Typed, typed, values_of


class FieldIndex:
    """The keys of rows by the values of one field, in ascending order; a dotted one leads into objects."""

    def __init__(self, field: str) -> None:
        self._path = field.split(".")
        self._keys: dict[Typed, list[str]] = {}

    def append(self, key: str, body: Json) -> None:
        """Take in a row whose key is after all others."""
        for value in self._values(body):
            self._keys.setdefault(value, []).append(key)

    def change(self, key: str, before: Json | None, after: Json | None) -> None:
        """Follow the change of a row; None is where there was none, or is none any more."""
        had: Iterable[Typed] = () if before is None else self._values(before)
        has: Iterable[Typed] = () if after is None else self._values(after)
        if had == has:
            return
        for value in {*had} - {*has}:
            keys = self._keys[value]
            del keys[bisect_left(keys, key)]
            if not keys:
                del self._keys[value]
        for value in {*has} - {*had}:
            insort(self._keys.setdefault(value, []), key)

    def count(self, value: Typed) -> int:
        """How many rows hold a value."""
        return len(self._keys.get(value, ()))

    def after(self, value: Typed, key: str | None) -> Iterator[str]:
        """The keys of rows that hold a value, those after a key only; not to be used beyond a change."""
        keys = self._keys.get(value, [])
        start = 0 if key is None else bisect_right(keys, key)
        return map(keys.__getitem__, range(start, len(keys)))

    def _values(self, body: Json) -> Iterable[Typed]:
        if len(self._path) > 1:
            return {typed(each) for each in values_of(body, self._path)}
        value = body.get(self._path[0])
        if isinstance(value, list | dict):
            return {typed(each) for each in values_of(value, ())}
        return (typed(value),)
