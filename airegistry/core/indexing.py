"""Keeping the index as the store is: every asset with its documents, its vectors and its names."""

import logging
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from sys import intern
from typing import cast

import anyio

from airegistry.core.assets import Kind, Server, VirtualServer, usable_tools
from airegistry.core.embedding import NO_VECTORS, Embedding
from airegistry.core.events import Event
from airegistry.core.lean_assets import LeanAssets
from airegistry.core.names import Names
from airegistry.core.ports import AnyAsset, IndexDocument, SearchIndex, Vectors
from airegistry.core.search_texts import NONE_MADE, SearchText, texts_of
from airegistry.core.shared_vectors import Bundle, Made, SharedVectors
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sight import BARE
from airegistry.core.sketches import Sketch, part_field
from airegistry.core.vector_exchange import Exchange

log = logging.getLogger(__name__)
BATCH = 200
"""Assets that are read at once at a start."""


@dataclass(slots=True)
class Progress:
    """How far something has come, in assets."""

    total: int = 0
    done: int = 0


class Indexing:
    """Holds the assets of the store in an index, with vectors of one embedder."""

    def __init__(
        self, index: SearchIndex, embedding: Embedding, shelf: Shelf, shared: SharedVectors | None = None
    ) -> None:
        """`shared` are vectors of that embedder that other processes make, and take, too."""
        self.index = index
        self.embedding = embedding
        self.names = Names()
        self.owners: set[str] = set()
        """Whoever registered an asset, ever since the start."""
        self.era = 0
        """What a caller sees of documents that stay as they are is the same within one era."""
        self.warm = anyio.Event()
        """Everything that was there at the start has its vectors."""
        self.exchange = None if shared is None else Exchange(shared, self._take, self._lacks, self._make)
        """To be run where vectors are shared."""
        self.shared = shared
        """What other processes share of this embedder's vectors."""
        self._shelf = shelf
        self.assets = LeanAssets()
        """What is held, by `kind/path`."""
        self._documents: dict[str, Sequence[str]] = {}
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

    def counts(self) -> tuple[int, int]:
        """How many assets and how many documents are held."""
        return len(self.assets), len(self.index)

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
        return await self._prepared(asset, anew=anew)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets: the next search sees it.

        Vectors of what another process wrote are made there: until they come it is found by its words.
        """
        kind, path = event.asset.kind, event.asset.path
        perhaps_health = event.elsewhere or event.name.endswith(":health")
        if perhaps_health and await self._felt(kind, path):
            return
        awaited = self.exchange if event.elsewhere else None
        await self.follow(kind, path, makes=awaited is None)
        if awaited is not None and self._lacks(f"{kind}/{path}"):
            awaited.await_(f"{kind}/{path}")

    async def follow(self, kind: Kind, path: str, *, anew: bool = False, makes: bool = True) -> None:
        """Hold an asset as the store has it, until it has it so still; `anew` makes its vectors again, and unless it
        `makes` any it is held with those that are there already.

        Events of concurrent writers come in any order: what the store holds in the end counts.
        """
        name = f"{kind}/{path}"
        while True:
            embeds = self._embeds
            head = await self._head(kind, path)
            if head is None:
                await anyio.to_thread.run_sync(self._drop, name)
                if self.shared is not None and makes:
                    await self.shared.remove(name)
            else:
                documents = await (self.prepare(head[0], anew=anew) if makes else self._prepared(head[0], makes=False))
                await anyio.to_thread.run_sync(self._hold, head[0], documents)
                if makes:
                    await self._share(head[0], documents)
            if embeds == self._embeds and await self._head(kind, path) == head:
                return

    async def rebuild(self) -> None:
        """Hold everything in the store: with its vectors where they are known, else by its words."""
        async for assets in _batches(self._shelf.walk()):
            texts = {ref(asset): _texts(asset) for asset in assets}
            known = {name: [self._known(text) for text in each] for name, each in texts.items()}
            lacking = [name for name, documents in known.items() if None in documents]
            bundles = {} if self.shared is None else await self.shared.many(lacking)
            for asset, (name, documents) in zip(assets, known.items(), strict=True):
                made = bundles[name].made if name in bundles else NONE_MADE
                found = zip(texts[name], documents, strict=True)
                self._hold(asset, [one or self._document(text, self._ready(text, made)) for text, one in found])

    async def embed_all(self) -> None:
        """Give vectors to everything held, and to all that comes from now on. Searches go on meanwhile.

        Until this is called new assets are held by their words alone, so that a start does not wait for the model.
        """
        self._embeds = True
        if self.exchange is not None:
            await self.exchange.settle(self.lacking())
        for name in self.lacking() if self.exchange is None else ():
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
            await self.follow(kind, path, makes=self.exchange is None)
            progress.done += 1
        if self.exchange is not None:  # others may fill theirs at the same time: each makes a part
            await self.exchange.settle(self.lacking())
        self.warm.set()

    async def make_anew(self, names: Sequence[str], progress: Progress) -> None:
        """Make texts and vectors of assets again, one after the other; each is held as it was until then."""
        progress.total = len(names)
        for name in names:
            await self.follow(*_split(name), anew=True)
            progress.done += 1

    async def tidy(self) -> None:
        """Delete what is shared of assets that are gone."""

        async def is_there(name: str) -> bool:
            return await self._head(*_split(name)) is not None

        if self.shared is not None and (deleted := await self.shared.tidy(is_there)):
            log.info("deleted the shared vectors of %d assets", deleted)

    async def vectors_of(self, texts: Mapping[str, SearchText]) -> dict[str, Vectors]:
        """The vectors of some texts, by the asset they are of: those that are shared, or made here."""
        bundles = {} if self.shared is None else await self.shared.many(texts)

        def made() -> dict[str, Vectors]:
            shared = {name: bundles[name].made if name in bundles else NONE_MADE for name in texts}
            rows = self.embedding.rows([each for name, text in texts.items() for each in text.lacking(shared[name])])
            return {name: text.vectors(rows, shared[name]) for name, text in texts.items()}

        return await anyio.to_thread.run_sync(made)

    async def _felt(self, kind: Kind, path: str) -> bool:
        """Hold the health of an asset as the store has it, if nothing else has changed: no text of it did, and when a
        network fails that of thousands changes at once."""
        head, held = await self._head(kind, path), self.assets.get(f"{kind}/{path}")
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
            if self.assets.get(ref(asset)) == held:
                self.assets.put(ref(asset), asset)
                for text in texts:
                    self.index.label(text.id, text.filters)

    async def _head(self, kind: Kind, path: str) -> tuple[AnyAsset, int] | None:
        head = await self._shelf.get(kind, path)
        return head if head is not None and head[0].kind == kind else None

    async def _take(self, bundles: Mapping[str, Bundle]) -> None:
        await anyio.to_thread.run_sync(self._take_all, bundles)

    def _take_all(self, bundles: Mapping[str, Bundle]) -> None:
        """Hold those of some assets with vectors of which the bundles have all, if they are as they were."""
        for name, bundle in bundles.items():
            held = self.assets.get(name)
            texts = _texts(held) if held is not None else []
            vectors = self._vectors(texts, False, bundle.made, False)
            if held is not None and all(map(len, vectors)):
                documents = [self._document(text, rows) for text, rows in zip(texts, vectors, strict=True)]
                self._hold(held, documents, instead_of=held)

    def _lacks(self, name: str) -> bool:
        """Whether an asset is held without all of its vectors."""
        return name in self.assets and self._made.get(name) is None

    async def _make(self, name: str) -> None:
        await self.follow(*_split(name))

    async def _prepared(self, asset: AnyAsset, *, anew: bool = False, makes: bool = True) -> list[IndexDocument]:
        texts = await anyio.to_thread.run_sync(_texts, asset)
        made = NONE_MADE if self.shared is None or anew else (await self.shared.get(ref(asset))).made
        try:
            vectors = await anyio.to_thread.run_sync(self._vectors, texts, anew, made, makes)
        except Exception:  # whatever a model's library raises: registrations go on
            log.exception("no vectors for %s", ref(asset))
            vectors = [NO_VECTORS for _ in texts]
        return [self._document(text, rows, anew) for text, rows in zip(texts, vectors, strict=True)]

    async def _share(self, asset: AnyAsset, documents: Sequence[IndexDocument]) -> None:
        """Have others know the vectors of an asset, if all of them are there and they do not."""
        if self.shared is None or not all(len(document.vectors) for document in documents):
            return
        texts = await anyio.to_thread.run_sync(_texts, asset)
        found = zip(texts, documents, strict=True)
        made = {text.unit(each): row for text, one in found for each, row in zip(text.dense, one.vectors, strict=True)}
        shared = await self.shared.get(ref(asset))
        if shared.maker or made.keys() != shared.made.keys() or not all(each.content for each in documents):
            await self.shared.put(ref(asset), made)

    def _hold(self, asset: AnyAsset, documents: Sequence[IndexDocument], instead_of: AnyAsset | None = None) -> None:
        """Hold an asset; where it is to stand `instead_of` one, only if that is held still."""
        name = intern(ref(asset))  # many hold it, and the names of its documents: one string of each is enough
        kept = {document.id for document in documents}
        whole = self.embedding.fingerprint is None or all(each.content or len(each.vectors) for each in documents)
        with self._writing:
            before = self.assets.sketches.get(name)
            if instead_of is not None and self.assets.get(name) != instead_of:
                return
            self._compose(name, asset)
            self.owners.add(asset.created_by)
            self.assets.put(name, asset)
            self._turn(name, before, asset)
            for document in documents:
                self.index.put(document)
            self._forget(name, kept)
            self._documents[name] = tuple(document.id for document in documents)
            self._made[name] = self.embedding.fingerprint if whole else None
            self._name(asset)

    def _drop(self, name: str) -> None:
        with self._writing:
            before = self.assets.sketches.get(name)
            self._compose(name, None)
            self.assets.remove(name)
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
        self.names.put(intern(ref(asset)), [asset.path, asset.name, asset.title or ""])
        if isinstance(asset, Server):
            for tool in usable_tools(asset):
                self.names.put(intern(f"tool/{asset.path}/{tool.name}"), [tool.name, tool.title or ""])

    def _compose(self, name: str, after: AnyAsset | None) -> None:
        """Remember of which servers a virtual server is made, if it is one."""
        before = self.assets.get(name) if name.startswith("virtual_server/") else None
        for tool in before.tools if isinstance(before, VirtualServer) else ():
            self._made_of.get(f"server/{tool.server}", set()).discard(name)
        for tool in after.tools if isinstance(after, VirtualServer) else ():
            self._made_of.setdefault(f"server/{tool.server}", set()).add(name)

    def _turn(self, name: str, before: Sketch | None, after: AnyAsset | None) -> None:
        """Begin another era, if who sees all tools of a virtual server may have changed with a server behind it."""
        if self._made_of.get(name) and _audience(before) != _audience(after):
            self.era += 1

    def _known(self, text: SearchText) -> IndexDocument | None:
        embedder = self.embedding.fingerprint
        if embedder is None or not self.index.knows(text.id, content := text.content(embedder)):
            return None
        return _indexed(text, NO_VECTORS, content)

    def _ready(self, text: SearchText, made: Made) -> Vectors:
        return _stacked(text, self.embedding.known(text.lacking(made)) or {}, made)

    def _document(self, text: SearchText, vectors: Vectors, anew: bool = False) -> IndexDocument:
        """With vectors that were made `anew` it has no content that might be known."""
        embedder = self.embedding.fingerprint
        if embedder is None or anew or not len(vectors):
            return _indexed(text, vectors)
        return _indexed(text, vectors, text.content(embedder))

    def _vectors(self, texts: Sequence[SearchText], anew: bool, made: Made, makes: bool) -> list[Vectors]:
        """The vectors of each text, none where some of them would have to be made and it does not make any."""
        lacking = [each for text in texts for each in text.lacking(made)]
        rows: Mapping[str, Vectors] = {}
        if self._embeds:
            rows = self.embedding.rows(lacking, anew=anew) if makes else self.embedding.known(lacking) or {}
        return [_stacked(text, rows, made) for text in texts]


def _indexed(text: SearchText, vectors: Vectors, content: bytes = b"") -> IndexDocument:
    return replace(text.indexed(vectors, content), facets=text.filters)


def _audience(asset: AnyAsset | Sketch | None) -> object:
    """What of a server decides on who sees its tools, beside the policy."""
    return None if asset is None else (asset.created_by, asset.visibility, tuple(asset.groups))


def _split(name: str) -> tuple[Kind, str]:
    """Kind and path of an asset, by `kind/path`."""
    kind, _, path = name.partition("/")
    return cast(Kind, kind), path


def _stacked(text: SearchText, rows: Mapping[str, Vectors], made: Made) -> Vectors:
    return text.vectors(rows, made) if rows or (made and not text.lacking(made)) else NO_VECTORS


async def _batches(assets: AsyncIterator[tuple[str, AnyAsset]]) -> AsyncIterator[list[AnyAsset]]:
    batch: list[AnyAsset] = []
    async for _, asset in assets:
        batch.append(asset)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def _texts(asset: AnyAsset) -> list[SearchText]:
    """What is indexed of an asset. Of a server with tools also a document without a word of them, for callers who
    may not see them all: hidden tools must not move the server in their ranking. So for agents and their skills."""
    texts = texts_of(asset)
    if part := part_field(asset):
        bare = texts_of(asset.model_copy(update={part: []}))[0]
        texts.append(replace(bare, id=intern(f"{ref(asset)}{BARE}")))
    return texts
