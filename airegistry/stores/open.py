"""Opens the stores that the settings ask for."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio.to_thread import run_sync

from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.core.errors import Invalid
from airegistry.stores.cipher import FernetCipher, SharedCipher, open_cipher
from airegistry.stores.lock import FolderLock
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.segments import SegmentLog
from airegistry.stores.shared import SharedStore
from airegistry.stores.tinydb import TinyStore

JOURNAL_NAME = "documents.journal"
LOGS_NAME = "logs"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stores:
    """Where everything is kept. `damage` says in words what was found damaged and set aside; `shared` is whether other
    processes work on it too."""

    documents: DocumentStore
    log: AppendLog
    cipher: FernetCipher
    damage: list[str]
    shared: bool = False
    answers: Callable[[], bool] = lambda: True
    """Whether they can be asked just now."""
    near: DocumentStore | None = None
    """The documents as whoever may be a second behind reads them; None means as everybody does."""


@asynccontextmanager
async def open_stores(data: Path | None, shared: SharedStore | None = None) -> AsyncIterator[Stores]:
    """The stores in a data folder, created when there is none; None is memory. A shared store comes before both.

    Raises:
        FolderInUse: another process works on the folder.
        Invalid: the folder, or the URL of the database, cannot be used.
        Unsupported: a file, or the database, is of another format, of a later version perhaps.
        Internal: a file cannot be read, or not be mended; the database does not answer, or refuses.
    """
    if shared is not None:
        async with _open_shared(shared) as stores:
            yield stores
        return
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


@asynccontextmanager
async def _open_shared(shared: SharedStore) -> AsyncIterator[Stores]:
    cipher = SharedCipher(shared.keys)
    try:
        # The driver is an extra, and takes memory that the embedded store has no use for.
        from airegistry.stores.mongo.open import open_mongo
    except ImportError as error:
        raise Invalid(
            f"AIREGISTRY_STORE_URL needs the driver: pip install 'airegistry[mongo]' ({error})", field="STORE_URL"
        ) from None
    async with open_mongo(shared.url, shared.username, shared.password, streams=shared.streams) as opened:
        yield Stores(opened.documents, opened.log, cipher, [], shared=True, answers=opened.ready)
