"""Keeping the index as the store is: every asset with its documents, its vectors and its names."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import anyio

from airegistry.core.assets import Kind, Server, VirtualServer, usable_tools
from airegistry.core.embedding import NO_VECTORS, Embedding
from airegistry.core.events import Event
from airegistry.core.names import Names
from airegistry.core.ports import AnyAsset, IndexDocument, SearchIndex, Vectors
from airegistry.core.search_texts import SearchText, texts_of
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sight import BARE, part_field

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Progress:
    """How far something has come, in assets."""

    total: int = 0
    done: int = 0


class Indexing:
    """Holds the assets of the store in an index, with vectors of one embedder."""

    def __init__(self, index: SearchIndex, embedding: Embedding, shelf: Shelf) -> None:
        self.index = index
        self.embedding = embedding
        self.names = Names()
        self.owners: set[str] = set()
        """Whoever registered an asset, ever since the start."""
        self.era = 0
        """What a caller sees of documents that stay as they are is the same within one era."""
        self.warm = anyio.Event()
        """Everything that was there at the start has its vectors."""
        self._shelf = shelf
        self._assets: dict[str, AnyAsset] = {}
        self._documents: dict[str, list[str]] = {}
        self._made: dict[str, str | None] = {}
        """By what embedder the vectors of an asset were made; None where it has not all of them."""
        self._made_of: dict[str, set[str]] = {}
        """The virtual servers that are made of a server, by ref."""
        self._embeds = False
        self._writing = threading.Lock()

    @property
    def embeds(self) -> bool:
        """Whether queries and documents get vectors: from `embed_all` on."""
        return self._embeds

    @property
    def assets(self) -> Mapping[str, AnyAsset]:
        """What is held, by `kind/path`. Other threads change it: copy before you iterate."""
        return self._assets

    def counts(self) -> tuple[int, int]:
        """How many assets and how many documents are held."""
        return len(self._assets), len(self.index)

    def lacking(self) -> list[str]:
        """The assets that have not all of their vectors, by `kind/path`."""
        if self.embedding.fingerprint is None:
            return []
        return sorted(name for name, made in list(self._made.items()) if made is None)

    def stale(self) -> list[str]:
        """The assets whose vectors are of another embedder than the one in force, by `kind/path`."""
        now = self.embedding.fingerprint
        return sorted(name for name, made in list(self._made.items()) if made not in (None, now))

    async def prepare(self, asset: AnyAsset, *, anew: bool = False) -> list[IndexDocument]:
        """What the index will hold of an asset. Without vectors when the embedder fails: a failed index never
        fails a registration."""
        texts = await anyio.to_thread.run_sync(_texts, asset)
        try:
            vectors = await anyio.to_thread.run_sync(self._vectors, texts, anew)
        except Exception:  # whatever a model's library raises: registrations go on
            log.exception("no vectors for %s", ref(asset))
            vectors = [NO_VECTORS for _ in texts]
        return [self._document(text, vector, anew) for text, vector in zip(texts, vectors, strict=True)]

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets: the next search sees it."""
        if not (event.name.endswith(":health") and await self._felt(event.asset.kind, event.asset.path)):
            await self.follow(event.asset.kind, event.asset.path)

    async def follow(self, kind: Kind, path: str, *, anew: bool = False) -> None:
        """Hold an asset as the store has it, until it has it so still; `anew` makes its vectors again.

        Events of concurrent writers come in any order: what the store holds in the end counts.
        """
        while True:
            embeds = self._embeds
            head = await self._head(kind, path)
            if head is None:
                await anyio.to_thread.run_sync(self._drop, f"{kind}/{path}")
            else:
                documents = await self.prepare(head[0], anew=anew)
                await anyio.to_thread.run_sync(self._hold, head[0], documents)
            if embeds == self._embeds and await self._head(kind, path) == head:
                return

    async def rebuild(self) -> None:
        """Hold everything in the store: with its vectors where they are known, else by its words."""
        async for _, asset in self._shelf.walk():
            self._hold(asset, self._at_hand(asset))

    async def embed_all(self) -> None:
        """Give vectors to everything held, and to all that comes from now on. Searches go on meanwhile.

        Until this is called new assets are held by their words alone, so that a start does not wait for the model.
        """
        self._embeds = True
        for name in self.lacking():
            await self.follow(*_split(name))
        self.warm.set()

    async def check(self) -> None:
        """Whether the embedder works; what it raises passes through."""
        await anyio.to_thread.run_sync(partial(self.embedding.rows, ["a text"], anew=True))

    async def fill(self, progress: Progress) -> None:
        """Hold everything in the store with its vectors, while events are followed already."""
        self._embeds = True
        found = [(asset.kind, asset.path) async for _, asset in self._shelf.walk()]
        progress.total = len(found)
        for kind, path in found:
            await self.follow(kind, path)
            progress.done += 1
        self.warm.set()

    async def make_anew(self, names: Sequence[str], progress: Progress) -> None:
        """Make texts and vectors of assets again, one after the other; each is held as it was until then."""
        progress.total = len(names)
        for name in names:
            await self.follow(*_split(name), anew=True)
            progress.done += 1

    async def _felt(self, kind: Kind, path: str) -> bool:
        """Hold the health of an asset as the store has it, if nothing else has changed: no text of it did, and when a
        network fails that of thousands changes at once."""
        head, held = await self._head(kind, path), self._assets.get(f"{kind}/{path}")
        if head is None or held is None:
            return False
        health = {"health": head[0].health, "health_report": head[0].health_report}
        if held.model_copy(update=health) != head[0]:
            return False
        await anyio.to_thread.run_sync(self._relabel, head[0], held)
        return True

    def _relabel(self, asset: AnyAsset, held: AnyAsset) -> None:
        texts = _texts(asset) if asset.health != held.health else ()
        with self._writing:
            if self._assets.get(ref(asset)) is held:
                self._assets[ref(asset)] = asset
                for text in texts:
                    self.index.label(text.id, text.facets)

    async def _head(self, kind: Kind, path: str) -> tuple[AnyAsset, int] | None:
        head = await self._shelf.get(kind, path)
        return head if head is not None and head[0].kind == kind else None

    def _hold(self, asset: AnyAsset, documents: Sequence[IndexDocument]) -> None:
        name = ref(asset)
        kept = {document.id for document in documents}
        whole = self.embedding.fingerprint is None or all(each.content or len(each.vectors) for each in documents)
        with self._writing:
            before = self._assets.get(name)
            self._compose(name, before, asset)
            self.owners.add(asset.created_by)
            self._assets[name] = asset
            self._turn(name, before, asset)
            for document in documents:
                self.index.put(document)
            self._forget(name, kept)
            self._documents[name] = [document.id for document in documents]
            self._made[name] = self.embedding.fingerprint if whole else None
            self._name(asset)

    def _drop(self, name: str) -> None:
        with self._writing:
            before = self._assets.pop(name, None)
            self._compose(name, before, None)
            self._forget(name, frozenset())
            self._documents.pop(name, None)
            self._made.pop(name, None)
            self._turn(name, before, None)

    def _forget(self, name: str, kept: frozenset[str] | set[str]) -> None:
        """Take out what was held of an asset, but for the documents that stay."""
        for gone in self._documents.get(name, ()):
            if gone not in kept:
                self.index.remove(gone)
                self.names.remove(gone)

    def _name(self, asset: AnyAsset) -> None:
        self.names.put(ref(asset), [asset.path, asset.name, asset.title or ""])
        if isinstance(asset, Server):
            for tool in usable_tools(asset):
                self.names.put(f"tool/{asset.path}/{tool.name}", [tool.name, tool.title or ""])

    def _compose(self, name: str, before: AnyAsset | None, after: AnyAsset | None) -> None:
        """Remember of which servers a virtual server is made, if it is one."""
        for tool in before.tools if isinstance(before, VirtualServer) else ():
            self._made_of.get(f"server/{tool.server}", set()).discard(name)
        for tool in after.tools if isinstance(after, VirtualServer) else ():
            self._made_of.setdefault(f"server/{tool.server}", set()).add(name)

    def _turn(self, name: str, before: AnyAsset | None, after: AnyAsset | None) -> None:
        """Begin another era, if who sees all tools of a virtual server may have changed with a server behind it."""
        if self._made_of.get(name) and _audience(before) != _audience(after):
            self.era += 1

    def _at_hand(self, asset: AnyAsset) -> list[IndexDocument]:
        """The documents of an asset without a run of the embedder, and without vectors where the index has them."""
        return [self._known(text) or self._document(text, self._ready(text)) for text in _texts(asset)]

    def _known(self, text: SearchText) -> IndexDocument | None:
        embedder = self.embedding.fingerprint
        if embedder is None or not self.index.knows(text.id, content := text.content(embedder)):
            return None
        return text.indexed(NO_VECTORS, content)

    def _ready(self, text: SearchText) -> Vectors:
        rows = self.embedding.known(text.embedded)
        return NO_VECTORS if rows is None else _stacked(text, rows)

    def _document(self, text: SearchText, vectors: Vectors, anew: bool = False) -> IndexDocument:
        """With vectors that were made `anew` it has no content that might be known."""
        embedder = self.embedding.fingerprint
        if embedder is None or anew or not len(vectors):
            return text.indexed(vectors)
        return text.indexed(vectors, text.content(embedder))

    def _vectors(self, texts: Sequence[SearchText], anew: bool) -> list[Vectors]:
        if not self._embeds:
            return [NO_VECTORS for _ in texts]
        rows = self.embedding.rows([part for text in texts for part in text.embedded], anew=anew)
        return [_stacked(text, rows) for text in texts]


def _audience(asset: AnyAsset | None) -> object:
    """What of a server decides on who sees its tools, beside the policy."""
    return None if asset is None else (asset.created_by, asset.visibility, asset.groups)


def _split(name: str) -> tuple[Kind, str]:
    """Kind and path of an asset, by `kind/path`."""
    kind, _, path = name.partition("/")
    return cast(Kind, kind), path


def _stacked(text: SearchText, rows: Mapping[str, Vectors]) -> Vectors:
    return text.vectors(rows) if rows else NO_VECTORS


def _texts(asset: AnyAsset) -> list[SearchText]:
    """What is indexed of an asset. Of a server with tools also a document without a word of them, for callers who
    may not see them all: hidden tools must not move the server in their ranking. So for agents and their skills."""
    texts = texts_of(asset)
    if part := part_field(asset):
        bare = texts_of(asset.model_copy(update={part: []}))[0]
        texts.append(replace(bare, id=f"{ref(asset)}{BARE}"))
    return texts
