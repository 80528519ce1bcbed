"""Lists of a shared store's assets without asking it which they are: what lists go by is known here of every asset.

An outline is the few fields that filters and entitlements look at. A page is cut from the outlines, and the documents
on it are read by their keys. While the outlines are not all there, or changes are told too late, the store is asked.
"""

import logging
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from functools import lru_cache
from typing import NamedTuple, cast

import anyio
from pydantic import JsonValue

from airegistry.core.documents import KEY, Change, Document, DocumentStore, Json, Where
from airegistry.core.errors import AirError
from airegistry.stores.find import select
from airegistry.stores.rows import Rows
from airegistry.stores.where import Clause, clauses, meets

FIELDS = tuple("kind visibility groups created_by stage tags owner_team enabled type".split())
PAUSE = 1.0
log = logging.getLogger(__name__)


class Outline(NamedTuple):
    """A document's version and what it holds in `FIELDS`."""

    version: int
    values: tuple[JsonValue, ...]

    @classmethod
    def of(cls, version: int, body: Json) -> "Outline":
        """The outline of a document."""
        return cls(version, _shared(body))

    @property
    def fields(self) -> Json:
        """A body of these fields alone."""
        return dict(zip(FIELDS, self.values, strict=True))


class Outlines:
    """A `DocumentStore` over another one, which cuts pages of one collection itself.

    `fresh` is whether changes are told in time. `written` and `follow` are to be called for every write of this process
    and every change on the feed, `load` whenever changes were lost, and at first unless somebody reads everything.
    """

    def __init__(self, store: DocumentStore, collection: str, fresh: Callable[[], bool]) -> None:
        self._store = store
        self._collection = collection
        self._fresh = fresh
        self._rows = Rows[Outline](_fields)
        self._loaded = False
        self._changed: set[str] | None = None
        """While everything is read: what changed meanwhile, and is known better already."""

    def __len__(self) -> int:
        """Of how many documents the outlines are known."""
        return len(self._rows.by_key)

    def written(self, collection: str, key: str, document: Document | None) -> None:
        """This process wrote a document, or deleted it."""
        if collection == self._collection:
            self._take(key, None if document is None else Outline.of(document.version, document.body))

    def follow(self, change: Change) -> None:
        """The feed told of a change, of whomever."""
        if change.collection != self._collection:
            return
        known = self._rows.by_key.get(change.key)
        if known is None or known.version <= change.version:  # else it is of before what this process wrote
            self._take(change.key, None if change.body is None else Outline.of(change.version, change.body))

    def lose(self) -> None:
        """Changes were lost: the store is asked until everything was read again."""
        self._loaded = False

    async def run(self) -> None:
        """Read everything, however often that is tried."""
        while not self._loaded:
            try:
                await self.load()
            except AirError as error:
                log.warning("what lists go by cannot be read: %s", error.message)
                await anyio.sleep(PAUSE)

    async def load(self) -> None:
        """Read everything; what changes meanwhile is followed."""
        async for _ in self._all():
            pass

    async def _all(self) -> AsyncIterator[Document]:
        """Everything, of which the outlines are known once the last of it was taken."""
        changed, found = set[str](), dict[str, Outline]()
        self._changed = changed
        async for document in self._store.find(self._collection):
            found[document.key] = Outline.of(document.version, document.body)
            yield document
        if self._changed is not changed:  # somebody began anew
            return
        for key in changed:
            found.pop(key, None)
            if key in self._rows.by_key:
                found[key] = self._rows.by_key[key]
        self._rows.fill(found)
        self._changed, self._loaded = None, True

    async def get(self, collection: str, key: str) -> Document | None:
        return await self._store.get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        return await self._store.put(collection, key, body, expect=expect)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        return await self._store.delete(collection, key, expect=expect)

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        if collection == self._collection and not (where or any_of or after or limit is not None or self._loaded):
            async for document in self._all():
                yield document
            return
        asked = clauses(where, any_of)
        if collection != self._collection or limit is None or not self._loaded or not self._fresh() or _beyond(asked):
            rest = self._store.find(collection, where=where, any_of=any_of, after=after, limit=limit)
            async for document in rest:
                yield document
            return
        fits = _Fits(asked)
        while limit > 0:
            keys = [key async for key, _ in select(self._rows, asked, after, limit, fits.meets)]
            if not keys:
                return
            over, after = len(keys) < limit, keys[-1]
            async for document in self._store.find(collection, where={KEY: keys}):
                if meets(asked, document.key, document.body):
                    yield document
                    limit -= 1
            if over:
                return

    async def collections(self) -> Sequence[str]:
        return await self._store.collections()

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._store.watch(since=since)

    def _take(self, key: str, outline: Outline | None) -> None:
        if self._changed is not None:
            self._changed.add(key)
        if outline is None:
            self._rows.remove(key)
        else:
            self._rows.put(key, outline)


class _Fits:
    """Whether outlines are asked for. What their fields say to it is found out once for all that have the same."""

    def __init__(self, asked: Sequence[Clause]) -> None:
        self._clauses = [
            ([each for each in clause if each.field == KEY], [each for each in clause if each.field != KEY])
            for clause in asked
        ]
        self._open: dict[int, tuple[object, Sequence[Clause]]] = {}
        """By the identity of values, which are kept so that it stays theirs: what only the key can meet."""

    def meets(self, key: str, outline: Outline) -> bool:
        """Whether one is."""
        known = self._open.get(id(outline.values))
        if known is None:
            body = outline.fields
            open_ = [keys for keys, fields in self._clauses if not any(each.holds("", body) for each in fields)]
            known = self._open[id(outline.values)] = outline.values, open_
        return all(any(each.holds(key, {}) for each in keys) for keys in known[1])


def _fields(outline: Outline) -> Json:
    return outline.fields


def _shared(body: Json) -> tuple[JsonValue, ...]:
    """The values of a body, of which many have the same: they share them, and nobody may change a list of them."""
    plain = (tuple(value) if isinstance(value := body.get(field), list) else value for field in FIELDS)
    try:
        return _same(*cast("tuple[Hashable, ...]", tuple(plain)))
    except TypeError:  # an object among them: no asset has one there, and nobody else's document stops all lists
        return tuple(body.get(field) for field in FIELDS)


@lru_cache(16_384, typed=True)
def _same(*values: Hashable) -> tuple[JsonValue, ...]:
    return tuple(cast(JsonValue, [*value] if isinstance(value, tuple) else value) for value in values)


def _beyond(asked: Sequence[Clause]) -> bool:
    """Whether more is asked about than an outline tells."""
    return any(condition.field != KEY and condition.field not in FIELDS for clause in asked for condition in clause)
