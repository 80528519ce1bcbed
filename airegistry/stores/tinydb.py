"""The embedded document store: TinyDB, one journal file, one process."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.to_thread import run_sync

from airegistry.core.documents import Change, Document, Json, Where
from airegistry.core.errors import Conflict
from airegistry.stores.compaction import MIN_GARBAGE, Compaction
from airegistry.stores.files import Sync, opening
from airegistry.stores.find import select
from airegistry.stores.groupcommit import Batch, GroupCommit
from airegistry.stores.rows import check_name, copy_body, next_version
from airegistry.stores.tables import JournalDB, Row, Transaction
from airegistry.stores.where import clauses


@dataclass(slots=True, eq=False)
class _Write:
    """A put, or a removal (`body` None); `version` is that of the row it wrote or removed, 0 when it did nothing."""

    collection: str
    key: str
    body: Json | None
    expect: int | None
    version: int = 0
    conflict: Conflict | None = None

    def stage(self, db: JournalDB) -> None:
        """Decide against everything staged before it."""
        table = db.collection(self.collection)
        current = table.pending(self.key)
        if current is None and self.body is None:
            return
        try:
            version = next_version(self.collection, self.key, current and current["version"], self.expect)
        except Conflict as conflict:
            self.conflict = conflict
            return
        if self.body is None:
            table.write(self.key, None)
            self.version = version - 1
        else:
            table.write(self.key, Row(version=version, body=self.body))
            self.version = version


class _Turn:
    """Writes nothing: its caller waits for the end of a batch."""

    def stage(self, db: JournalDB) -> None:
        pass


class _Step:
    """A transaction, and the compaction it may give cause for."""

    def __init__(self, transaction: Transaction, compaction: Compaction) -> None:
        self.write = transaction.write
        self.withdraw = transaction.withdraw
        self._transaction = transaction
        self._compaction = compaction

    def publish(self) -> None:
        self._transaction.publish()
        self._compaction.consider()


class TinyStore:
    """A `DocumentStore` in a folder.

    A write is decided, journaled, synced and only then seen, by its caller and everybody else, in that order;
    concurrent writes share a sync. A write that cannot be made durable raises `Internal` and leaves no trace.
    """

    def __init__(self, db: JournalDB, *, sync: Sync, min_garbage: int) -> None:
        self._db = db
        self._storage = db.journal
        self._commits = GroupCommit[_Write | _Turn](str(self._storage.journal.path), self._begin)
        self._compaction = Compaction(self._storage, self._commits.between_batches, sync=sync, min_garbage=min_garbage)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, sync: Sync = os.fsync, min_garbage: int = MIN_GARBAGE
    ) -> AsyncIterator["TinyStore"]:
        """The store in a journal file, created when there is none; its folder is there and locked.

        Raises:
            Unsupported: the file is of another format.
            Internal: the file cannot be read, or not be mended.
        """
        with opening(path):
            db = await run_sync(lambda: JournalDB(path, sync=sync))
        store = cls(db, sync=sync, min_garbage=min_garbage)
        try:
            yield store
        finally:
            with anyio.CancelScope(shield=True):
                await store._close()

    @property
    def damage(self) -> list[str]:
        """What was found damaged at opening, set aside and recovered."""
        return self._storage.damage

    async def get(self, collection: str, key: str) -> Document | None:
        row = self._storage.rows(collection).by_key.get(key)
        return None if row is None else Document(collection, key, row["version"], row["body"])

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        check_name(collection, key)
        copy, _ = copy_body(body)
        version = await self._submit(_Write(collection, key, copy, expect))
        return Document(collection, key, version, copy)

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        return bool(await self._submit(_Write(collection, key, None, expect)))

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        rows = self._storage.rows(collection)
        async for key, row in select(rows, clauses(where, any_of), after, limit):
            yield Document(collection, key, row["version"], row["body"])

    async def collections(self) -> Sequence[str]:
        return sorted(self._storage.read())

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._storage.feed.watch(since)

    async def compact(self) -> None:
        """Rewrite the journal without its garbage now.

        Raises:
            Internal: the new file could not be written; the old one stays in use.
        """
        self._compaction.request()
        await self._commits.submit(_Turn())
        await self._compaction.finished()

    async def _submit(self, write: _Write) -> int:
        await self._commits.submit(write)
        if write.conflict is not None:
            raise write.conflict
        return write.version

    def _begin(self, writes: list[_Write | _Turn]) -> Batch:
        for write in writes:
            write.stage(self._db)
        return _Step(self._storage.take(), self._compaction)

    async def _close(self) -> None:
        # In this order: a compaction ends in the writer's thread, and the last writes are changes too.
        await self._compaction.close()
        await self._commits.close()
        self._storage.feed.close()
        await run_sync(self._db.close)
