"""Stores with something in them, and stores that fail."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from airegistry.core.audit_chain import GENESIS, sealed
from airegistry.core.documents import AppendLog, Document, DocumentStore, Json
from airegistry.core.errors import Internal
from airegistry.data.archive import Manifest, export
from airegistry.data.items import CHUNK_ITEMS, Item, Record, StoreSource
from airegistry.data.sealed import opener
from airegistry.data.transfer import Target
from airegistry.stores.memory import MemoryStore
from airegistry.stores.open import Stores, open_stores

DOCUMENTS = 2 * CHUNK_ITEMS + 50
RECORDS = CHUNK_ITEMS + 7


async def fill(stores: Stores, *, documents: int = DOCUMENTS, records: int = RECORDS) -> None:
    """Assets, a user, a sealed secret and a trail, all made of fixed values but the secret."""
    for number in range(documents):
        body: Json = {"name": f"server {number}", "tags": ["ü", "🦊"], "n": number / 3, "none": None}
        await stores.documents.put("assets", f"server/{number:06}", body)
    await stores.documents.put("users", "ann", {"name": "ann"})
    await stores.documents.put("users", "ann", {"name": "Ann"})
    await stores.documents.put("credentials", "weather", {"sealed": stores.cipher.encrypt("s3cret")})
    await stores.log.append("audit", chain(records))
    await stores.log.append("usage", [{"calls": 1}])


def chain(count: int) -> list[Json]:
    """An audit trail of so many records."""
    records: list[Json] = []
    for number in range(count):
        records.append(sealed({"id": str(number)}, str(records[-1]["hash"]) if records else GENESIS))
    return records


@asynccontextmanager
async def filled(folder: Path | None = None, *, documents: int = DOCUMENTS) -> AsyncIterator[Stores]:
    async with open_stores(folder) as stores:
        await fill(stores, documents=documents)
        yield stores


async def exported(path: Path, stores: Stores) -> Manifest:
    return await export(path, StoreSource(stores.documents, stores.log), product="1.2.3")


def target(stores: Stores, documents: DocumentStore | None = None) -> Target:
    return Target(documents or stores.documents, stores.log, opener(stores.cipher))


async def contents(documents: DocumentStore, log: AppendLog) -> list[tuple[object, ...]]:
    """Everything but versions."""
    return [
        ("document", item.collection, item.key, item.body) if isinstance(item, Document) else ("record", *_parts(item))
        async for chunk in StoreSource(documents, log).chunks()
        for item in chunk
    ]


def _parts(item: Record) -> tuple[object, ...]:
    return item.stream, item.seq, item.body


class FullStore(MemoryStore):
    """A store that takes so many documents and then no more."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.room <= 0:
            raise Internal("no space left on device")
        self.room -= 1
        return await super().put(collection, key, body, expect=expect)


class Made:
    """A source of so many documents that nobody holds."""

    def __init__(self, documents: int) -> None:
        self._documents = documents

    async def chunks(self) -> AsyncIterator[Sequence[Item]]:
        for start in range(0, self._documents, CHUNK_ITEMS):
            numbers = range(start, min(start + CHUNK_ITEMS, self._documents))
            yield [Document("assets", f"{number:09}", 1, {"text": "x" * 500}) for number in numbers]


class Sink(MemoryStore):
    """A store that forgets what it is given at once."""

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        return Document(collection, key, 1, body)
