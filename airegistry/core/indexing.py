"""Keeping the index as the store is: every asset with its documents, its vectors and its names."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from sys import intern
from typing import Literal, cast

import anyio

from airegistry.core.assets import Kind, Server, usable_tools
from airegistry.core.embedding import NO_VECTORS, Embedding
from airegistry.core.events import Event
from airegistry.core.lean_assets import LeanAssets
from airegistry.core.made_of import MadeOf
from airegistry.core.names import Names
from airegistry.core.ports import AnyAsset, IndexDocument, Vectors
from airegistry.core.restoring import KeptIndex, ahead
from airegistry.core.said import Said
from airegistry.core.search_texts import NONE_MADE, SearchText, texts_in_index
from airegistry.core.shared_vectors import Bundle, Made, SharedVectors
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sketches import Sketch
from airegistry.core.vector_exchange import Exchange

log = logging.getLogger(__name__)
When = Literal["now", "later", "elsewhere"]
"""When the vectors of an asset are made: those that are made elsewhere are awaited."""
Told = Callable[[AnyAsset, Sketch], None]
"""Is given an asset and its sketch."""


@dataclass(slots=True)
class Progress:
    """How far something has come, in assets."""

    total: int = 0
    done: int = 0


class Indexing:
    """Holds the assets of the store in an index, with vectors of one embedder."""

    def __init__(
        self, index: KeptIndex, embedding: Embedding, shelf: Shelf, shared: SharedVectors | None = None
    ) -> None:
        """`shared` are vectors of that embedder that other processes make, and take, too."""
        self.index = index
        self.embedding = embedding
        self.names = Names()
        self.owners: set[str] = set()
        """Whoever registered an asset, ever since the start."""
        self.made_of = MadeOf()
        """Of what virtual servers are made."""
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

    async def on_event(self, event: Event, *, late: bool = False) -> bool:
        """Follow what happens to assets: the next search sees it. With `late` it is found by its words and by the
        vectors that there are; True says that others are to be made, see `make`.

        Vectors of what another process wrote are made there: until they come it is found by its words.
        """
        kind, path = event.asset.kind, event.asset.path
        perhaps_health = event.elsewhere or event.name.endswith(":health")
        if perhaps_health and await self._felt(kind, path):
            return False
        awaited = self.exchange if event.elsewhere else None
        late = late and not event.deletes and self._embeds and self.embedding.fingerprint is not None
        await self.follow(kind, path, vectors="elsewhere" if awaited else "later" if late else "now")
        lacks = self._lacks(f"{kind}/{path}")
        if awaited is not None and lacks:
            awaited.await_(f"{kind}/{path}")
        return late and awaited is None and lacks

    async def follow(self, kind: Kind, path: str, *, anew: bool = False, vectors: When = "now") -> None:
        """Hold an asset as the store has it, until it has it so still; `anew` makes its vectors again, and unless they
        are made now it is held with those that are there already.

        Events of concurrent writers come in any order: what the store holds in the end counts.
        """
        name, ours = f"{kind}/{path}", vectors != "elsewhere"
        while True:
            embeds = self._embeds
            head = await self._head(kind, path)
            if head is None:
                await anyio.to_thread.run_sync(self._drop, name)
                if self.shared is not None and ours:
                    await self.shared.remove(name)
            else:
                makes = vectors == "now"
                documents = await (self.prepare(head[0], anew=anew) if makes else self._prepared(head[0], makes=False))
                whole = all(len(each.vectors) if makes else each.content for each in documents)
                await anyio.to_thread.run_sync(self._hold, head[0], documents, whole)
                if ours and whole:
                    await self._share(head[0], documents)
            if embeds == self._embeds and await self._head(kind, path) == head:
                return

    async def make(self, name: str) -> None:
        """Make the vectors that an asset lacks, `kind/path`, unless another process is at it."""
        if self._lacks(name):
            await (self._make if self.exchange is None else self.exchange.make)(name)

    async def rebuild(self, told: Sequence[Told] = ()) -> None:
        """Hold everything in the store, with its vectors where they are known, and have others `told` of each asset."""
        async with ahead(self._shelf.said()) as found:
            async for batch in found:
                await self._refill([each for each in batch if not self._hold_again(*each)])
                for (asset, _), tell in product(batch, told):
                    tell(asset, self.assets.sketches.get(ref(asset)) or Sketch.of(asset))

    async def _refill(self, changed: Sequence[tuple[AnyAsset, Said]]) -> None:
        """Hold assets that were not held so before the start."""
        texts = {ref(asset): texts_in_index(asset) for asset, _ in changed}
        known = {name: [self._known(text) for text in each] for name, each in texts.items()}
        lacking = [name for name, documents in known.items() if None in documents]
        bundles = {} if self.shared is None else await self.shared.many(lacking)
        for (asset, said), (name, kept) in zip(changed, known.items(), strict=True):
            made = bundles[name].made if name in bundles else NONE_MADE
            found = zip(texts[name], kept, strict=True)
            documents = [one or self._document(text, self._ready(text, made)) for text, one in found]
            self._hold(asset, documents, all(each.content for each in documents), said=said)

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
            await self.follow(kind, path, vectors="now" if self.exchange is None else "elsewhere")
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
        texts, said = texts_in_index(asset) if asset.health != held.health else (), Said.of(asset)
        with self._writing:
            if self.assets.get(ref(asset)) == held:
                self.assets.put(ref(asset), asset, said)
                for text in texts:
                    self.index.label(text.id, text.filters)
                if texts and self._made.get(ref(asset)) is not None:
                    self.index.bind([text.id for text in texts], said.content(self.embedding.fingerprint))

    async def _head(self, kind: Kind, path: str) -> tuple[AnyAsset, int] | None:
        head = await self._shelf.get(kind, path)
        return head if head is not None and head[0].kind == kind else None

    async def _take(self, bundles: Mapping[str, Bundle]) -> None:
        await anyio.to_thread.run_sync(self._take_all, bundles)

    def _take_all(self, bundles: Mapping[str, Bundle]) -> None:
        """Hold those of some assets with vectors of which the bundles have all, if they are as they were."""
        for name, bundle in bundles.items():
            held = self.assets.get(name)
            texts = texts_in_index(held) if held is not None else []
            vectors = self._vectors(texts, False, bundle.made, False)
            if held is not None and all(map(len, vectors)):
                documents = [self._document(text, rows) for text, rows in zip(texts, vectors, strict=True)]
                self._hold(held, documents, True, instead_of=held)

    def _lacks(self, name: str) -> bool:
        """Whether an asset is held without all of its vectors."""
        return name in self.assets and self._made.get(name) is None

    async def _make(self, name: str) -> None:
        await self.follow(*_split(name))

    async def _prepared(self, asset: AnyAsset, *, anew: bool = False, makes: bool = True) -> list[IndexDocument]:
        made = NONE_MADE if self.shared is None or anew else (await self.shared.get(ref(asset))).made
        return await anyio.to_thread.run_sync(self._read, asset, anew, made, makes)

    def _read(self, asset: AnyAsset, anew: bool, made: Made, makes: bool) -> list[IndexDocument]:
        texts = texts_in_index(asset)
        try:
            vectors = self._vectors(texts, anew, made, makes)
        except Exception:  # whatever a model's library raises: registrations go on
            log.exception("no vectors for %s", ref(asset))
            vectors = [NO_VECTORS for _ in texts]
        documents = [self._document(text, rows, anew) for text, rows in zip(texts, vectors, strict=True)]
        if not makes and not len(vectors[0]):  # its head may have been looked at for duplicates: so they are found
            (head,) = self._vectors([replace(texts[0], parts=())], False, made, False)
            documents[0] = replace(documents[0], vectors=head)
        return documents

    async def _share(self, asset: AnyAsset, documents: Sequence[IndexDocument]) -> None:
        """Have others know the vectors of an asset, all of which are there, if they do not."""
        if self.shared is None:
            return
        texts = await anyio.to_thread.run_sync(texts_in_index, asset)
        found = zip(texts, documents, strict=True)
        made = {text.unit(each): row for text, one in found for each, row in zip(text.dense, one.vectors, strict=True)}
        shared = await self.shared.get(ref(asset))
        if shared.maker or made.keys() != shared.made.keys() or not all(each.content for each in documents):
            await self.shared.put(ref(asset), made)

    def _hold(
        self, asset: AnyAsset, documents: Sequence[IndexDocument], whole: bool = False,
        instead_of: AnyAsset | None = None, said: Said | None = None,
    ) -> None:  # fmt: skip
        """Hold an asset, `whole` where all its vectors are there; where it is to stand `instead_of` one, only if that
        is held still. `said` is what it says where it was read from the store just now."""
        name = intern(ref(asset))  # many hold it, and the names of its documents: one string of each is enough
        ids, kept = tuple(document.id for document in documents), self._documents.get(name, ())
        stored, said = said is not None, said or Said.of(asset)
        with self._writing:
            if instead_of is not None and self.assets.get(name) != instead_of:
                return
            self._keep(name, asset, said, ids, whole, stored=stored)
            for document in documents:
                self.index.put(document)
            self._forget(kept, frozenset(ids))
            if whole or self.embedding.fingerprint is None:
                self.index.bind(ids, said.content(self.embedding.fingerprint))

    def _hold_again(self, asset: AnyAsset, said: Said) -> bool:
        """Hold an asset as it was held before the start, if that was kept and it has not changed."""
        ids = self.index.put_again(ref(asset), said.content(self.embedding.fingerprint))
        if ids is not None:
            with self._writing:
                self._keep(intern(ids[0]), asset, said, tuple(ids), True, stored=True)
        return ids is not None

    def _keep(
        self, name: str, asset: AnyAsset, said: Said, ids: Sequence[str], whole: bool, *, stored: bool = False
    ) -> None:
        """Remember an asset and which documents are its own; `stored` is one that was read from the store just now."""
        before = self.assets.sketches.get(name)
        self.made_of.compose(name, self._virtual(name), asset)
        self.owners.add(asset.created_by)
        self.assets.put(name, asset, said, stored=stored)
        self.made_of.turn(name, before, asset)
        self._documents[name] = ids
        self._made[name] = self.embedding.fingerprint if whole else None
        self._name(asset, ids)

    def _drop(self, name: str) -> None:
        with self._writing:
            before = self.assets.sketches.get(name)
            self.made_of.compose(name, self._virtual(name), None)
            self.assets.remove(name)
            self._forget(self._documents.pop(name, ()), frozenset())
            self._made.pop(name, None)
            self.made_of.turn(name, before, None)

    def _virtual(self, name: str) -> AnyAsset | None:
        return self.assets.get(name) if name.startswith("virtual_server/") else None

    def _forget(self, held: Sequence[str], kept: frozenset[str]) -> None:
        """Take out documents that were held of an asset, but for those that stay."""
        for gone in held:
            if gone not in kept:
                self.index.remove(gone)
                self.names.remove(gone)

    def _name(self, asset: AnyAsset, ids: Sequence[str]) -> None:
        known = {each: each for each in ids}  # the strings that the index has
        self.names.put(known.get(name := ref(asset), name), [asset.path, asset.name, asset.title or ""])
        for tool in usable_tools(asset) if isinstance(asset, Server) else ():
            name = f"tool/{asset.path}/{tool.name}"
            self.names.put(known.get(name, name), [tool.name, tool.title or ""])

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
        if not self._embeds:
            return [_stacked(text, {}, made) for text in texts]
        if not makes:
            return [self._ready(text, made) for text in texts]
        rows = self.embedding.rows([each for text in texts for each in text.lacking(made)], anew=anew)
        return [_stacked(text, rows, made) for text in texts]


def _indexed(text: SearchText, vectors: Vectors, content: bytes = b"") -> IndexDocument:
    return replace(text.indexed(vectors, content), facets=text.filters)


def _split(name: str) -> tuple[Kind, str]:
    """Kind and path of an asset, by `kind/path`."""
    kind, _, path = name.partition("/")
    return cast(Kind, kind), path


def _stacked(text: SearchText, rows: Mapping[str, Vectors], made: Made) -> Vectors:
    return text.vectors(rows, made) if rows or (made and not text.lacking(made)) else NO_VECTORS
