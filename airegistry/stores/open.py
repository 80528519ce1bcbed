"""Opens the stores that the settings ask for."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio.to_thread import run_sync

from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.stores.cipher import FernetCipher, open_cipher
from airegistry.stores.lock import FolderLock
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore

JOURNAL_NAME = "documents.journal"
LOGS_NAME = "logs"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything is kept. `damage` says in words what was found damaged and set aside."""

    documents: DocumentStore
    log: AppendLog
    cipher: FernetCipher
    damage: list[str]


@asynccontextmanager
async def open_stores(data: Path | None) -> AsyncIterator[Stores]:
    """The stores in a data folder, created when there is none; None is memory.

    Raises:
        FolderInUse: another process works on the folder.
        Invalid: the folder cannot be used.
        Unsupported: a file is of another format, of a later version perhaps.
        Internal: a file cannot be read, or not be mended.
    """
    if data is None:
        memory = MemoryStore()
        try:
            yield Stores(memory, MemoryLog(), open_cipher(None), [])
        finally:
            memory.close()
        return
    lock = FolderLock(data)
    await run_sync(lock.acquire)
    try:
        async with TinyStore.open(data / JOURNAL_NAME) as documents:
            damage = list(documents.damage)
            async with SegmentLog.open(data / LOGS_NAME, damage=damage) as log:
                yield Stores(documents, log, await run_sync(open_cipher, data), damage)
    finally:
        lock.release()
