"""TinyDB over an append-only journal: a storage that stages changes, and a table that writes only what changed.

TinyDB's own table hands its storage the whole database at each write. Here an operation stages the rows it
touched, and `take` cuts what is staged into a `Transaction`: one append to the journal. Rows are seen when
they are on disk, so a reader never sees what a crash could take back.

A payload of the journal is `[revision, collection, key, version, body]`, body null for a removal. Records up
to the revision in the file's header are rows of a compaction, those after it are changes.
"""

import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

import orjson
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from airegistry.core.documents import Change, Json
from airegistry.stores.feed import Feed
from airegistry.stores.files import Sync, write_records
from airegistry.stores.framing import FRAME_SIZE, HEADER_SIZE
from airegistry.stores.journal import Journal, read_records
from airegistry.stores.rows import Rows

KIND = b"doc"


class Row(TypedDict):
    """A document as TinyDB holds it. Committed rows never change, they are replaced."""

    version: int
    body: Json


def _body(row: Row) -> Json:
    return row["body"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The committed rows at one moment, and the offset in the journal of what comes after."""

    tables: Mapping[str, Mapping[str, Row]]
    revision: int
    offset: int

    def write(self, path: Path, sync: Sync) -> None:
        """Write a journal that holds these rows and nothing else."""
        write_records(path, KIND, self.revision, self._payloads(), sync)

    def _payloads(self) -> Iterator[bytes]:
        for name, rows in self.tables.items():
            for key, row in rows.items():
                yield orjson.dumps([self.revision, name, key, row["version"], row["body"]])


class JournalStorage(Storage):
    """The tables in memory, what is staged, and the journal. Opening it blocks and replays the journal."""

    def __init__(self, path: Path, *, sync: Sync = os.fsync, feed: Feed | None = None) -> None:
        self.journal, damage = Journal.open(path, KIND, sync=sync)
        self.damage = [damage] if damage else []
        self.feed = feed or Feed()
        self.staged: dict[str, dict[str, Row | None]] = {}
        self.live_bytes = 0
        self._changes: list[Change] = []
        self._tables: dict[str, Rows[Row]] = {}
        self._sizes: dict[tuple[str, str], int] = {}
        self._replay()

    @property
    def garbage(self) -> int:
        """Bytes of the journal that no row needs."""
        return self.journal.end - HEADER_SIZE - self.live_bytes

    def rows(self, table: str) -> Rows[Row]:
        """The committed rows of a table."""
        return self._tables.setdefault(table, Rows(_body))

    def pending(self, table: str, key: str) -> Row | None:
        """A row as it will be when everything staged is committed."""
        staged = self.staged.get(table, {})
        return staged[key] if key in staged else self.rows(table).by_key.get(key)

    def stage(self, table: str, rows: Mapping[str, Row | None]) -> None:
        """Add rows, and removals (None), to the next transaction."""
        for key, row in rows.items():
            before = self.pending(table, key)
            kept = row or before
            if row == before or kept is None:
                continue
            revision = self.feed.revision + len(self._changes) + 1
            self._changes.append(Change(revision, table, key, kept["version"], row and row["body"]))
            self.staged.setdefault(table, {})[key] = row

    def take(self) -> "Transaction":
        """Everything staged, to be written and published before anything else is staged."""
        changes, self._changes, self.staged = self._changes, [], {}
        return Transaction(self, changes)

    def flush(self) -> None:
        """Write and publish what is staged: for those who use the TinyDB object itself."""
        transaction = self.take()
        transaction.write()
        transaction.publish()

    def commit(self, changes: Sequence[Change], sizes: Sequence[int]) -> None:
        """Make written changes the state of the tables, and tell the watchers."""
        for change, size in zip(changes, sizes, strict=True):
            rows = self.rows(change.collection)
            if change.body is None:
                rows.remove(change.key)
            else:
                rows.put(change.key, Row(version=change.version, body=change.body))
            self._weigh(change, size)
            self.feed.publish(change, size)
        self.feed.wake()

    def snapshot(self) -> Snapshot:
        """The committed rows, to be written elsewhere by another thread."""
        tables = {name: dict(rows.by_key) for name, rows in self._tables.items()}
        return Snapshot(tables, self.feed.revision, self.journal.end)

    def read(self) -> dict[str, dict[str, Any]]:
        """The committed tables, as TinyDB asks for them."""
        return {name: cast(dict[str, Any], rows.by_key) for name, rows in self._tables.items() if rows.by_key}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Stage what differs from the committed tables; TinyDB drops tables in this way."""
        for name in {**self._tables, **data}:
            committed, wanted = self.rows(name).by_key, cast(dict[str, Row], data.get(name, {}))
            changed = [key for key in {**committed, **wanted} if committed.get(key) != wanted.get(key)]
            self.stage(name, {key: wanted.get(key) for key in changed})

    def close(self) -> None:
        """Close the journal."""
        self.journal.close()

    def _replay(self) -> None:
        base = self.feed.revision = self.journal.base
        self.feed.forget()
        tables: dict[str, dict[str, Row]] = {}
        for _, payload in read_records(self.journal.path):
            revision, name, key, version, body = orjson.loads(payload)
            change = Change(revision, name, key, version, body)
            if body is None:
                tables.setdefault(name, {}).pop(key, None)
            else:
                tables.setdefault(name, {})[key] = Row(version=version, body=body)
            self._weigh(change, FRAME_SIZE + len(payload))
            if revision > base:
                self.feed.publish(change, len(payload))
        if self.damage:
            self.feed.forget()
        for name, rows in tables.items():
            self.rows(name).fill(rows)

    def _weigh(self, change: Change, size: int) -> None:
        name = change.collection, change.key
        self.live_bytes -= self._sizes.pop(name, 0)
        if change.body is not None:
            self._sizes[name] = size
            self.live_bytes += size


class Transaction:
    """Changes that become durable together (a `Batch` of `GroupCommit`)."""

    def __init__(self, storage: JournalStorage, changes: Sequence[Change]) -> None:
        self._storage = storage
        self._changes = changes
        self._sizes: Sequence[int] = ()

    def write(self) -> None:
        self._sizes = self._storage.journal.append(
            [
                orjson.dumps([change.revision, change.collection, change.key, change.version, change.body])
                for change in self._changes
            ]
        )

    def publish(self) -> None:
        self._storage.commit(self._changes, self._sizes)

    def withdraw(self) -> None:
        """Nothing of it was shown."""


class Draft(MutableMapping[str, Row]):
    """A table as an operation of TinyDB may change it; `touched` collects what it did."""

    def __init__(self, committed: Mapping[str, Row], staged: Mapping[str, Row | None]) -> None:
        self._committed = committed
        self.touched: dict[str, Row | None] = deepcopy(dict(staged))

    def __getitem__(self, key: str) -> Row:
        if key not in self.touched:
            # TinyDB changes in place what it is given.
            self.touched[key] = deepcopy(self._committed[key])
        row = self.touched[key]
        if row is None:
            raise KeyError(key)
        return row

    def __setitem__(self, key: str, row: Row) -> None:
        self.touched[key] = row

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self.touched[key] = None

    def __iter__(self) -> Iterator[str]:
        yield from [key for key in self._committed if key not in self.touched]
        yield from [key for key, row in self.touched.items() if row is not None]

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def clear(self) -> None:
        """Remove every row."""
        self.touched |= dict.fromkeys(self)


class JournalTable(Table):
    """A TinyDB table whose writes cost what they touch; document ids are keys."""

    document_id_class = str  # type: ignore[assignment]  # TinyDB only calls it, to make ids of keys

    def __init__(self, storage: Storage, name: str) -> None:
        # No cache: its results would be stale as soon as staged rows are committed.
        super().__init__(storage, name, cache_size=0)

    @property
    def rows(self) -> Rows[Row]:
        """The committed rows."""
        return self._journal.rows(self.name)

    def pending(self, key: str) -> Row | None:
        """The row as it will be when everything staged is committed."""
        return self._journal.pending(self.name, key)

    def write(self, key: str, row: Row | None) -> None:
        """Stage a row, or its removal (None)."""
        self._journal.stage(self.name, {key: row})

    @property
    def _journal(self) -> JournalStorage:
        return cast(JournalStorage, self.storage)

    def _read_table(self) -> dict[str, Mapping[Any, Any]]:
        return cast(dict[str, Mapping[Any, Any]], self.rows.by_key)

    def _update_table(self, updater: Callable[[Any], None]) -> None:
        draft = Draft(self.rows.by_key, self._journal.staged.get(self.name, {}))
        updater(draft)
        self._journal.stage(self.name, draft.touched)


class JournalDB(TinyDB):
    """TinyDB with the classes of this module: `JournalDB(path, sync=…)`."""

    table_class = JournalTable  # type: ignore[assignment]  # it has no `cache_size`, and nobody gives one
    default_storage_class = JournalStorage  # type: ignore[assignment]  # TinyDB infers its own default as the type

    def collection(self, name: str) -> JournalTable:
        """A table."""
        return cast(JournalTable, self.table(name))

    @property
    def journal(self) -> JournalStorage:
        """The storage."""
        return cast(JournalStorage, self.storage)
