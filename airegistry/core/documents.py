"""The storage port: versioned JSON documents with compare-and-set and a change feed.

Two ports, because there are two kinds of data. What is replaced (assets, users, tokens, scopes) is a
document; what only grows (audit, usage) is a log.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, JsonValue

from airegistry.core.errors import Conflict, Internal, NotFound
from airegistry.core.newer import Newer

Json = dict[str, JsonValue]
Scalar = str | int | float | bool | None
KEY = ""
"""As a field of `where`: the key of the document itself."""


@dataclass(frozen=True, slots=True)
class Glob:
    """In place of a value: every text of a form, as `fnmatch` has it, case and all."""

    pattern: str


Wanted = Scalar | Glob | Sequence[Scalar | Glob]
Where = Mapping[str, Wanted]


@dataclass(frozen=True, slots=True)
class Document:
    """One stored document. `version` starts at 1 and grows by one with each write of the key.

    `body` belongs to the store: treat it as read-only.
    """

    collection: str
    key: str
    version: int
    body: Json


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write. `revision` grows over the whole store; `body` is None for a deletion."""

    revision: int
    collection: str
    key: str
    version: int
    body: Json | None


class ChangesLost(Conflict):
    """A watcher asked for changes that are no longer kept: read the collections and watch anew."""


class Unavailable(Internal):
    """The store does not answer, or not in time: what was to be written may be written or not."""


class DocumentStore(Protocol):
    """Six methods over named collections. Every write is durable when the method returns."""

    async def get(self, collection: str, key: str) -> Document | None:
        """The document, or None."""
        ...

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        """Write a document.

        `expect=0` creates and never replaces, `expect=n` replaces version n only, None writes either way.
        A key that was deleted and is created again continues its version count or restarts at 1.

        Raises:
            Conflict: the stored version is not the expected one.
        """
        ...

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        """Remove a document; False when there is none.

        Raises:
            Conflict: the stored version is not the expected one.
        """
        ...

    def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        """Documents in ascending order of key, those after the key `after` only.

        `where` maps a dotted field to a scalar or to a sequence of alternatives. A field that holds a
        list matches when one of its members does. Every field of `where` has to match, and of each of
        `any_of` at least one.
        """
        ...

    async def collections(self) -> Sequence[str]:
        """The names of the collections that hold documents, in ascending order."""
        ...

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        """Changes in order of revision: those after `since` still retained, then new ones as they come.

        None means from now on. The feed is registered when the first item is awaited; after that no
        change is missed while the iterator lives. It ends when the store closes. A store that several
        processes share may tell the last alone of several writes of one document, and again what lay
        shortly before `since`.

        Raises:
            ChangesLost: the iterator fell behind what is retained, or `since` lies before it.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One entry of a log. `seq` counts from 1 without gaps."""

    seq: int
    body: Json


class AppendLog(Protocol):
    """Streams that only grow."""

    async def append(self, stream: str, records: Sequence[Json]) -> int:
        """Add records in call order (whoever calls first is written first); returns the last `seq`.

        The records are durable when this returns; concurrent appends share one sync to disk.
        """
        ...

    def read(
        self, stream: str, *, after: int = 0, before: int | None = None, reverse: bool = False,
        where: Where | None = None,
    ) -> AsyncIterator[LogRecord]:  # fmt: skip
        """Records with `after < seq < before`, oldest first, or newest first with `reverse`.

        `where` narrows as in `find`: what does not match is passed over without being handed out.
        """
        ...

    async def last(self, stream: str) -> LogRecord | None:
        """The newest record, or None."""
        ...

    async def streams(self) -> Sequence[str]:
        """The names of the streams that were ever appended to, in ascending order."""
        ...

    async def prune(self, stream: str, before: int) -> int:
        """Remove the records with a smaller `seq` than `before`; returns how many.

        What remains keeps its numbers, and no number is ever given again.
        """
        ...


M = TypeVar("M", bound=BaseModel)


class Repository(Generic[M]):
    """A typed view of one collection. Models are stored by alias, as JSON; fields that a newer version wrote, and this
    one does not know, are kept by who reads a document and writes it again through one repository."""

    def __init__(self, store: DocumentStore, collection: str, model: type[M]) -> None:
        self._store = store
        self._collection = collection
        self._model = model
        self._newer = Newer()
        ignores = model.model_config.get("extra", "ignore") == "ignore"
        self._fields = frozenset(each.alias or name for name, each in model.model_fields.items()) if ignores else None

    async def find_one(self, key: str) -> tuple[M, int] | None:
        """The model and its version, or None."""
        document = await self._store.get(self._collection, key)
        return None if document is None else (self._load(document), document.version)

    async def get(self, key: str) -> M:
        """The model.

        Raises:
            NotFound: there is none.
        """
        found = await self.find_one(key)
        if found is None:
            raise NotFound(f"no {self._collection.rstrip('s')} named {key!r}")
        return found[0]

    async def create(self, key: str, model: M) -> int:
        """Store a new model.

        Raises:
            Conflict: the key is taken.
        """
        return (await self._store.put(self._collection, key, _dump(model), expect=0)).version

    async def save(self, key: str, model: M, *, expect: int | None = None) -> int:
        """Store a model, new or not; see `DocumentStore.put` for `expect`."""
        body = self._newer.written(key, _dump(model))
        return (await self._store.put(self._collection, key, body, expect=expect)).version

    async def delete(self, key: str, *, expect: int | None = None) -> bool:
        """Remove a model; False when there was none."""
        return await self._store.delete(self._collection, key, expect=expect)

    async def find(
        self, *, where: Where | None = None, after: str | None = None, limit: int | None = None
    ) -> AsyncIterator[tuple[str, M]]:
        """Keys and models in order of key."""
        async for document in self._store.find(self._collection, where=where, after=after, limit=limit):
            yield document.key, self._load(document)

    def _load(self, document: Document) -> M:
        model = self._newer.read(document.key, document.body, self._parse)
        if self._fields is not None and not document.body.keys() <= self._fields:
            known = {name: value for name, value in document.body.items() if name in self._fields}
            self._newer.note(document.key, document.body, known)
        return model

    def _parse(self, body: Json) -> M:
        return self._model.model_validate(body, by_alias=True, by_name=False)


def _dump(model: BaseModel) -> Json:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)
