"""What a target holds in the places of a source, found by walking along it while the source is walked along.

Both are in the same order, so that one pass over a collection answers for all of its documents: no query for each.
"""

from collections.abc import AsyncIterator

from airegistry.core.documents import AppendLog, Document, DocumentStore, LogRecord


class Beside:
    """Asked in the order of a `Source`; what was passed is not found again."""

    def __init__(self, documents: DocumentStore, log: AppendLog) -> None:
        self._documents = documents
        self._log = log
        self._collection: str | None = None
        self._stream: str | None = None
        self._document: Document | None = None
        self._record: LogRecord | None = None
        self._rest: AsyncIterator[Document] | None = None
        self._later: AsyncIterator[LogRecord] | None = None

    async def document(self, collection: str, key: str) -> Document | None:
        """The target's document under a key, if there is one."""
        if self._rest is None or collection != self._collection:
            self._collection = collection
            self._rest = self._documents.find(collection)
            self._document = await anext(self._rest, None)
        while self._document is not None and self._document.key < key:
            self._document = await anext(self._rest, None)
        return self._document if self._document is not None and self._document.key == key else None

    async def record(self, stream: str, seq: int) -> LogRecord | None:
        """The target's record of a number, if there is one."""
        if self._later is None or stream != self._stream:
            self._stream = stream
            self._later = self._log.read(stream, after=seq - 1)
            self._record = await anext(self._later, None)
        while self._record is not None and self._record.seq < seq:
            self._record = await anext(self._later, None)
        return self._record if self._record is not None and self._record.seq == seq else None
