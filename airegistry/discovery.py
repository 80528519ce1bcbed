"""Puts search together: the index and the vectors that are kept on disk, the embedder in force, and their care."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio

from airegistry.core.documents import DocumentStore
from airegistry.core.embedding import Embedding
from airegistry.core.errors import Invalid
from airegistry.core.index_care import IndexCare, embedder_in_force
from airegistry.core.indexing import Indexing
from airegistry.core.ports import Embedder, SearchIndex, VectorCache
from airegistry.core.search import Search
from airegistry.embedders.open import open_embedder
from airegistry.embedders.remote import EmbeddingServer
from airegistry.index.memory import MemoryIndex
from airegistry.index.snapshot import Keeper, load, load_index
from airegistry.oauth.server import Foundation
from airegistry.settings import Settings

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

    async def warm(self) -> None:
        """Load the embedder and make the vectors that are missing."""
        await self.search.embed_all()
        await self.keeper.save()


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
        index, vectors = await anyio.to_thread.run_sync(_kept, folder, embedder)
        search = Search(index, embedder, rules.access, rules.visibility, rules.shelf, rules.audit, vectors)
        await search.rebuild()
        index.forget_dormant()

        def build(name: str) -> Indexing:
            embedder = embedders(name)
            return Indexing(MemoryIndex(), Embedding(embedder, _vectors(folder, embedder)), rules.shelf)

        def current() -> tuple[SearchIndex, VectorCache | None]:
            return search.indexing.index, search.indexing.embedding.cache

        care = IndexCare(
            search, build, rules.store, rules.access, rules.audit, rules.clock, configured=settings.embedder,
            embedder=name,
        )  # fmt: skip
        yield Discovery(search, care, Keeper(folder, current))


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


def _kept(folder: Path, embedder: Embedder | None) -> tuple[MemoryIndex, VectorCache | None]:
    fingerprint = "" if embedder is None else embedder.fingerprint
    return load_index(folder, fingerprint=fingerprint), _vectors(folder, embedder)


def _vectors(folder: Path, embedder: Embedder | None) -> VectorCache | None:
    return None if embedder is None else load(folder, embedder.fingerprint)
