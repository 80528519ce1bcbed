"""What the document stores that live in memory have in common: rows in key order, versions, JSON copies."""

from bisect import bisect_right, insort
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

import orjson

from airegistry.core.documents import Json
from airegistry.core.errors import Conflict, Invalid
from airegistry.stores.fields import FieldIndex

R = TypeVar("R")


class Rows(Generic[R]):
    """Rows by key, the keys in ascending order, and an index of each field that was asked for while there were many
    rows. `body` is the body of a row."""

    def __init__(self, body: Callable[[R], Json]) -> None:
        self.body = body
        self.by_key: dict[str, R] = {}
        self.order: list[str] = []
        self.indexes: dict[str, FieldIndex] = {}

    def put(self, key: str, row: R) -> None:
        """Add or replace a row."""
        before = self.by_key.get(key)
        if before is None:
            insort(self.order, key)
        self.by_key[key] = row
        for index in self.indexes.values():
            index.change(key, None if before is None else self.body(before), self.body(row))

    def remove(self, key: str) -> None:
        """Remove a row; nothing happens when there is none."""
        before = self.by_key.pop(key, None)
        if before is not None:
            del self.order[bisect_right(self.order, key) - 1]
            for index in self.indexes.values():
                index.change(key, self.body(before), None)

    def fill(self, rows: Mapping[str, R]) -> None:
        """Replace all rows."""
        self.by_key = dict(rows)
        self.order = sorted(self.by_key)
        self.indexes = {}

    def index(self, field: str) -> FieldIndex:
        """The index of a field, made when it is asked for first."""
        found = self.indexes.get(field)
        if found is None:
            found = self.indexes[field] = FieldIndex(field)
            for key in self.order:
                found.append(key, self.body(self.by_key[key]))
        return found

    def after(self, key: str | None, limit: int | None) -> list[tuple[str, R]]:
        """The rows after a key in order of key, as they are now, at most `limit`."""
        start = 0 if key is None else bisect_right(self.order, key)
        stop = None if limit is None else start + max(limit, 0)
        return self.of(self.order[start:stop])

    def of(self, keys: Sequence[str]) -> list[tuple[str, R]]:
        """The rows of these keys that there are."""
        found = self.by_key
        return [(key, found[key]) for key in keys if key in found]


def next_version(collection: str, key: str, current: int | None, expect: int | None) -> int:
    """The version a write makes of the stored one (None: there is none).

    Raises:
        Conflict: the stored version is not the expected one.
    """
    if expect is not None and expect != (current or 0):
        if current is None:
            raise Conflict(f"there is no {key!r} in {collection}, so no version {expect} of it")
        if expect == 0:
            raise Conflict(f"{key!r} exists already in {collection}")
        raise Conflict(f"{key!r} in {collection} is at version {current}, not {expect}")
    return (current or 0) + 1


def encode(value: Json) -> bytes:
    """JSON bytes of a value.

    Raises:
        Invalid: it is no JSON.
    """
    try:
        return orjson.dumps(value)
    except TypeError as error:
        raise Invalid(f"not storable as JSON: {error}") from error


def copy_body(body: Json) -> tuple[Json, int]:
    """A copy of a body that no caller holds, and its size in bytes as JSON.

    Raises:
        Invalid: it is no JSON object.
    """
    if not isinstance(body, dict):
        raise Invalid("a document is a JSON object")
    encoded = encode(body)
    copy: Json = orjson.loads(encoded)
    return copy, len(encoded)


def check_name(collection: str, key: str) -> None:
    """Whether a document can be stored under this name.

    Raises:
        Invalid: one part is empty or no Unicode text.
    """
    try:
        if collection.encode() and key.encode():
            return
    except UnicodeEncodeError as error:
        raise Invalid(f"{collection!r}, {key!r}: not Unicode text") from error
    raise Invalid("a document needs a collection and a key")


def is_name(collection: str, key: str) -> bool:
    """Whether there can be a document of this name."""
    try:
        check_name(collection, key)
    except Invalid:
        return False
    return True
