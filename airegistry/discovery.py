"""Puts search together: the index and the vectors that are kept on disk, the embedder in force, and their care."""

import gc
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from airegistry.core.admission import Compared
from airegistry.core.documents import DocumentStore
from airegistry.core.embedding import Embedding
from airegistry.core.errors import Invalid
from airegistry.core.index_care import IndexCare, embedder_in_force
from airegistry.core.indexing import Indexing
from airegistry.core.ports import Embedder, SearchIndex, VectorCache
from airegistry.core.search import Search
from airegistry.core.shared_vectors import SharedVectors
from airegistry.embedders.open import open_embedder
from airegistry.embedders.remote import EmbeddingServer
from airegistry.index.memory import MemoryIndex
from airegistry.index.snapshot import Keeper, load, load_index
from airegistry.oauth.server import Foundation
from airegistry.observing import search_kind
from airegistry.settings import Settings

if TYPE_CHECKING:
    from airegistry.index.mongo import MongoIndexes

log = logging.getLogger(__name__)
FOLDER = "index"
Embedders = Callable[[str], Embedder | None]
"""From a name to the embedder; raises `Invalid` where there is none."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """Search, its care, and what is saved of it for the next start."""

    search: Search
    care: IndexCare
    keeper: Keeper
    shared: bool
    """Whether other processes make vectors, too."""
    compared: Compared
    """What registrations are compared with."""

    async def warm(self) -> None:
        """Load the embedder and make the vectors that are missing."""
        await self.search.embed_all()
        await self.keeper.save()

    async def run(self) -> None:
        """Save what changes, make vectors of what comes, and get those that other processes make, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.keeper.run)
            tasks.start_soon(self.search.late.run)
            if self.shared:
                tasks.start_soon(self.search.exchange)


@asynccontextmanager
async def open_discovery(settings: Settings, rules: Foundation) -> AsyncIterator[Discovery]:
    """Search over everything in the store, with what the data folder keeps of it.

    Raises:
        Invalid: the settings name no embedder that there is.
    """
    folder = settings.data / FOLDER
    async with EmbeddingServer(rules.guard, settings.embedder_url, settings.embedder_key) as server:
        embedders = partial(open_embedder, server=server)
        name, embedder = await _embedder(rules.store, settings.embedder, embedders)
        indexes = await anyio.to_thread.run_sync(_indexes, settings, folder)
        index, vectors = await anyio.to_thread.run_sync(_kept, indexes, folder, embedder)
        shared = _shared(rules, embedder)
        search = search_kind(rules.telemetry)(
            index, embedder, rules.access, rules.visibility, rules.shelf.near, rules.audit, vectors, shared
        )
        compared = Compared()
        gc.disable()  # what is read stays: looking for garbage in it again and again takes a third of the time
        try:
            await search.rebuild([compared.put])
        finally:
            gc.enable()
        index.forget_dormant()
        rules.shelf.held = lambda: search.indexing.assets.sketches

        def build(name: str) -> Indexing:
            embedder = embedders(name)
            embedding = Embedding(embedder, _vectors(folder, embedder))
            return Indexing(indexes.fresh(_named(embedder)), embedding, rules.shelf.near, _shared(rules, embedder))

        def current() -> tuple[SearchIndex, VectorCache | None]:
            return search.indexing.index, search.indexing.embedding.cache

        care = IndexCare(
            search, build, rules.store, rules.access, rules.audit, rules.clock, configured=settings.embedder,
            embedder=name, shared=rules.shared,
        )  # fmt: skip
        try:
            yield Discovery(search, care, Keeper(folder, current), rules.shared, compared)
        finally:
            indexes.close()


async def _embedder(store: DocumentStore, configured: str, embedders: Embedders) -> tuple[str, Embedder | None]:
    """The embedder switched to, or else the one of the settings."""
    name = await embedder_in_force(store, configured)
    try:
        return name, embedders(name)
    except Invalid as error:
        if name == configured:
            raise
        log.error("the embedder that was switched to cannot be used, %r is instead: %s", configured, error.message)
        return configured, embedders(configured)


def _shared(rules: Foundation, embedder: Embedder | None) -> SharedVectors | None:
    """Vectors in the store, where other processes work on it too."""
    if embedder is None or not rules.shared:
        return None
    return SharedVectors(rules.store, embedder.fingerprint, rules.clock)


class _Local:
    """Indexes in this process, and what a folder keeps of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def kept(self, fingerprint: str) -> MemoryIndex:
        """The index that was saved."""
        return load_index(self._folder, fingerprint=fingerprint)

    def fresh(self, fingerprint: str) -> MemoryIndex:
        """An empty one."""
        return MemoryIndex()

    def close(self) -> None:
        """There is nothing to close."""


class _InDatabase:
    """Indexes whose vectors a database searches."""

    def __init__(self, indexes: "MongoIndexes") -> None:
        self.kept = self.fresh = indexes.of
        self.close = indexes.close


def _indexes(settings: Settings, folder: Path) -> _Local | _InDatabase:
    """Where vectors are searched.

    Raises:
        Invalid: in a database, and none is named.
    """
    if settings.index == "memory":
        return _Local(folder)
    if (store := settings.shared_store) is None:
        raise Invalid("AIREGISTRY_INDEX needs AIREGISTRY_STORE_URL: that database is searched", field="INDEX")
    from airegistry.index.mongo import MongoIndexes  # the driver is an extra

    return _InDatabase(MongoIndexes(settings.index, store.url, store.username, store.password))


def _kept(
    indexes: _Local | _InDatabase, folder: Path, embedder: Embedder | None
) -> tuple[MemoryIndex, VectorCache | None]:
    with ThreadPoolExecutor(1) as beside:  # there may be a gigabyte of either
        vectors = beside.submit(_vectors, folder, embedder)
        return indexes.kept(_named(embedder)), vectors.result()


def _named(embedder: Embedder | None) -> str:
    return "" if embedder is None else embedder.fingerprint


def _vectors(folder: Path, embedder: Embedder | None) -> VectorCache | None:
    return None if embedder is None else load(folder, embedder.fingerprint)
