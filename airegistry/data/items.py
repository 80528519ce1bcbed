"""What is carried from one store to another: documents and log records, in chunks, in one order."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from airegistry.core.documents import AppendLog, Document, DocumentStore, Json
from airegistry.core.log_places import place_of

CHUNK_ITEMS = 1000
CHECKPOINTS = "data_imports"
"""The collection in which an import notes how far it came: it stays where it is, and is never exported."""
PASSING = frozenset((CHECKPOINTS, "calls_under_way", "feed", "leases", "log_places", "looks", "quota_uses"))
"""What processes that share a store tell one another: it is of that moment, and of those processes."""
DERIVED = "vectors-"
"""Begins the names of collections of vectors, which are made anew from what they are of."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of a log stream."""

    stream: str
    seq: int
    body: Json


Item = Document | Record


class Source(Protocol):
    """Where items come from. They can be read more than once."""

    def chunks(self) -> AsyncIterator[Sequence[Item]]:
        """Documents by collection and key, then records by stream and `seq`, each in ascending order."""
        ...


class StoreSource:
    """Everything in a document store and a log."""

    def __init__(self, documents: DocumentStore, log: AppendLog) -> None:
        self._documents = documents
        self._log = log

    async def chunks(self) -> AsyncIterator[Sequence[Item]]:
        """Chunks of up to `CHUNK_ITEMS` items; what is held in memory is one of them."""
        chunk: list[Item] = []
        async for item in self._items():
            chunk.append(item)
            if len(chunk) == CHUNK_ITEMS:
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    async def _items(self) -> AsyncIterator[Item]:
        for collection in sorted(await self._documents.collections()):
            if collection not in PASSING and not collection.startswith(DERIVED):
                async for document in self._documents.find(collection):
                    yield document
        for stream in sorted(await self._log.streams()):
            if place_of(stream) is not None:
                continue  # what was logged tells of processes of here, and says nothing there
            async for entry in self._log.read(stream):
                yield Record(stream, entry.seq, entry.body)
