"""Search over what the caller may see: servers, tools, agents, skills, virtual servers and entities in one ranking."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import anyio
import numpy as np

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Health, Kind, Server, Tool, VirtualServer
from airegistry.core.audit import Audit
from airegistry.core.events import Event
from airegistry.core.grants import EVERY_TOOL
from airegistry.core.parts import sees_all, sees_skill
from airegistry.core.ports import AnyAsset, Embedder, IndexDocument, Mask, Match, SearchIndex, Vectors
from airegistry.core.principals import Principal
from airegistry.core.search_texts import SearchText, texts_of
from airegistry.core.shelf import Shelf, ref
from airegistry.core.visibility import Visibility
from airegistry.core.vitals import has_endpoint

log = logging.getLogger(__name__)
MASKS = 256
PATIENCE = 5.0
BARE = "!bare"
"""Ends the id of a server's document without its tools; `!` comes before all characters of paths, so that of equal
scores either document of a server has the same place."""
VECTORS = 4096
NO_VECTORS: Vectors = np.zeros((0, 0), dtype=np.float32)
NEAREST = 10
MEANING = 0.95
"""Cosine from which two assets of a kind are reported as duplicates in meaning."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One result: the asset, the tool when the match is a tool of it, and a score in [0, 1]."""

    asset: AnyAsset
    tool: Tool | None
    score: float

    @property
    def kind(self) -> str:
        """The kind of what matched."""
        return "tool" if self.tool is not None else self.asset.kind


@dataclass(frozen=True, slots=True)
class Found:
    """The best hits, and how many visible things matched before the cut."""

    hits: Sequence[Hit]
    total: int


class Search:
    """Indexes assets and finds them again."""

    def __init__(
        self,
        index: SearchIndex,
        embedder: Embedder | None,
        access: Access,
        visibility: Visibility,
        shelf: Shelf,
        audit: Audit | None = None,
    ) -> None:
        """Searches are recorded where there is an `audit`, without what was asked for: that may be personal."""
        self._index = index
        self._embedder = embedder
        self._access = access
        self._visibility = visibility
        self._shelf = shelf
        self._audit = audit
        self._assets: dict[str, AnyAsset] = {}
        self._ids: dict[str, list[str]] = {}
        self._masks: OrderedDict[tuple[object, ...], dict[str, bool]] = OrderedDict()
        self._vectors: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._embeds = False
        self._warm = anyio.Event()

    async def find(
        self,
        who: Principal,
        query: str,
        *,
        kinds: Iterable[str] | None = None,
        tags: Sequence[str] | None = None,
        include_disabled: bool = False,
        limit: int = 10,
    ) -> Found:
        """The best `limit` things for a query, among those the caller may see.

        While the vectors of a start are still being made it waits for them a little, then ranks by what there is.
        """
        if self._embeds and not self._warm.is_set():
            with anyio.move_on_after(PATIENCE):
                await self._warm.wait()
        vector = await self._query_vector(query)
        seen = self._seen(who, include_disabled)
        facets = {"tags": list(tags)} if tags else None
        wanted = frozenset(kinds) if kinds is not None else None

        def search() -> tuple[list[Match], int]:
            return self._index.search(
                query, vector, allowed=lambda ids: self._mask(who, seen, ids), kinds=wanted, facets=facets, limit=limit
            )

        matches, total = await anyio.to_thread.run_sync(search)
        hits = [hit for match in matches if (hit := self._hit(match)) is not None]
        self._record(who, len(hits), total)
        return Found(hits, total)

    def _record(self, who: Principal, shown: int, total: int) -> None:
        if self._audit is not None:
            reason = f"{shown} of {total} shown"
            self._audit.note(
                self._audit.event(who, "registry:search", None, None, decision="allow", outcome="ok", reason=reason)
            )

    async def prepare(self, asset: AnyAsset) -> list[IndexDocument]:
        """What the index will hold of an asset. Without vectors when the embedder fails: a failed index never
        fails a registration."""
        texts = await anyio.to_thread.run_sync(_texts, asset)
        try:
            vectors = await anyio.to_thread.run_sync(self._embed, texts)
        except Exception:  # whatever a model's library raises: registrations go on
            log.exception("no vectors for %s", ref(asset))
            vectors = [NO_VECTORS for _ in texts]
        return [text.indexed(vector) for text, vector in zip(texts, vectors, strict=True)]

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets: the next search sees it."""
        if not (event.name.endswith(":health") and await self._felt(event.asset.kind, event.asset.path)):
            await self._follow(event.asset.kind, event.asset.path)

    async def _felt(self, kind: Kind, path: str) -> bool:
        """Hold the health of an asset as the store has it, if nothing else has changed: no text of it did, and when a
        network fails that of thousands changes at once."""
        head, held = await self._head(kind, path), self._assets.get(f"{kind}/{path}")
        if head is None or held is None:
            return False
        health = {"health": head[0].health, "health_report": head[0].health_report}
        if held.model_copy(update=health) != head[0]:
            return False
        with self._writing:
            self._assets[f"{kind}/{path}"] = head[0]
        return True

    async def _follow(self, kind: Kind, path: str) -> None:
        """Hold an asset as the store has it, until it has it so still.

        Events of concurrent writers come in any order: what the store holds in the end counts.
        """
        while True:
            embeds = self._embeds
            head = await self._head(kind, path)
            if head is None:
                await anyio.to_thread.run_sync(self._drop, f"{kind}/{path}")
            else:
                documents = await self.prepare(head[0])
                await anyio.to_thread.run_sync(self._hold, head[0], documents)
            if embeds == self._embeds and await self._head(kind, path) == head:
                return

    async def _head(self, kind: Kind, path: str) -> tuple[AnyAsset, int] | None:
        head = await self._shelf.get(kind, path)
        return head if head is not None and head[0].kind == kind else None

    def _hold(self, asset: AnyAsset, documents: Sequence[IndexDocument]) -> None:
        name = ref(asset)
        kept = {document.id for document in documents}
        with self._writing:
            self._assets[name] = asset
            for document in documents:
                self._index.put(document)
            for gone in self._ids.get(name, ()):
                if gone not in kept:
                    self._index.remove(gone)
            self._ids[name] = [document.id for document in documents]
            self._changed()

    def _drop(self, name: str) -> None:
        with self._writing:
            for gone in self._ids.pop(name, ()):
                self._index.remove(gone)
            self._assets.pop(name, None)
            self._changed()

    async def rebuild(self) -> None:
        """Hold everything in the store by its words; `embed_all` adds the vectors."""
        async for _, asset in self._shelf.walk():
            self._hold(asset, [text.indexed(NO_VECTORS) for text in _texts(asset)])

    async def embed_all(self) -> None:
        """Give vectors to everything held, and to all that comes from now on. Searches go on meanwhile.

        Until this is called assets are held by their words alone, so that a start does not wait for the model.
        """
        self._embeds = True
        for asset in list(self._assets.values()):
            await self._follow(asset.kind, asset.path)
        self._warm.set()

    async def similar(
        self, who: Principal, asset: AnyAsset, documents: Sequence[IndexDocument]
    ) -> list[tuple[AnyAsset, float]]:
        """Other assets of the same kind the caller may see whose heads mean nearly the same, with their cosine."""
        if not documents or documents[0].vectors.shape[0] == 0:
            return []
        seen = self._seen(who, include_disabled=True)
        try:
            return await anyio.to_thread.run_sync(self._near, who, seen, asset, documents[0].vectors[0])
        except Exception:  # as in `prepare`
            log.exception("no duplicates in meaning for %s", ref(asset))
            return []

    def shows(self, who: Principal, asset: AnyAsset) -> bool:
        """Whether the caller may know of an asset as it is held now, whatever state of it is given."""
        held = self._assets.get(ref(asset))
        return held is not None and self._visibility.shows(who, held)

    def _near(
        self, who: Principal, seen: dict[str, bool], asset: AnyAsset, head: Vectors
    ) -> list[tuple[AnyAsset, float]]:
        """The index weighs parts as well: it proposes, and the heads decide."""
        matches, _ = self._index.search(
            "", head, allowed=lambda ids: self._mask(who, seen, ids), kinds=frozenset({asset.kind}), limit=NEAREST
        )
        # Heads name tools: of a server held without them for this caller nothing is told, its id is no asset's.
        found = [self._assets.get(match.id) for match in matches if match.id != ref(asset)]
        heads = [(other, texts_of(other)[0].head) for other in found if other is not None]
        rows = self._rows([text for _, text in heads])
        scored = [(other, float(rows[text] @ head)) for other, text in heads]
        return [(other, score) for other, score in scored if score >= MEANING]

    def count(self, who: Principal) -> int:
        """How many assets the caller may see."""
        return sum(self._visibility.shows(who, asset) for asset in list(self._assets.values()))

    def health(self, who: Principal) -> dict[Health, int]:
        """How many of the backends that are switched on and that the caller may see are of which health."""
        found: dict[Health, int] = dict.fromkeys(get_args(Health), 0)
        for asset in list(self._assets.values()):
            if has_endpoint(asset) and asset.enabled and self._visibility.shows(who, asset):
                found[asset.health] += 1
        return found

    def _changed(self) -> None:
        self._masks = OrderedDict()  # a new one: another thread may be at work on the old

    def _embed(self, texts: Sequence[SearchText]) -> list[Vectors]:
        if self._embedder is None or not self._embeds:
            return [NO_VECTORS for _ in texts]
        rows = self._rows([part for text in texts for part in text.dense])
        return [np.stack([rows[part] for part in text.dense]) for text in texts]

    def _rows(self, parts: Sequence[str]) -> dict[str, Vectors]:
        """The vector of each text, computed once for equal ones."""
        assert self._embedder is not None  # whoever has vectors has an embedder
        flat = list(dict.fromkeys(parts))
        with self._lock:
            rows = {part: self._vectors[part] for part in flat if part in self._vectors}
        new = [part for part in flat if part not in rows]
        rows.update(zip(new, self._embedder.embed(new), strict=True) if new else ())
        with self._lock:
            self._vectors.update((part, rows[part]) for part in new)
            while len(self._vectors) > VECTORS:
                self._vectors.popitem(last=False)
        return rows

    async def _query_vector(self, query: str) -> Vectors | None:
        if self._embedder is None or not self._embeds or not query.strip():
            return None
        try:
            return await anyio.to_thread.run_sync(self._embedder.embed_query, query)
        except Exception:  # whatever a model's library raises: searches go on
            log.exception("no vector for a query: lexical search only")
            return None

    def _seen(self, who: Principal, include_disabled: bool) -> dict[str, bool]:
        key = (who, include_disabled, self._access.revision)
        seen = self._masks.get(key)
        if seen is None:
            seen = self._masks[key] = {"": include_disabled}
            while len(self._masks) > MASKS:
                self._masks.popitem(last=False)
        return seen

    def _mask(self, who: Principal, seen: dict[str, bool], ids: Sequence[str]) -> Mask:
        """Which documents the caller may see. `seen` remembers; its entry "" says whether disabled ones count."""
        for id_ in ids:
            if id_ and id_ not in seen:
                seen[id_] = self._allowed(who, seen, id_)
        return np.fromiter((bool(id_) and seen[id_] for id_ in ids), dtype=np.bool_, count=len(ids))

    def _allowed(self, who: Principal, seen: dict[str, bool], id_: str) -> bool:
        """Of a server the caller sees either the document with the words of all its tools, or the one without."""
        asset, tool = self._resolve(id_)
        if asset is None or not (asset.enabled or seen[""]) or not self._visibility.shows(who, asset):
            return False
        if tool is not None:
            return self._access.sees(who, asset, tool)
        if not _parts_of(asset):
            return True
        # By the rules and not by the tools there are: else the ranking would tell whether some tool is hidden.
        if isinstance(asset, Agent):
            whole = sees_skill(self._access, who, asset, EVERY_TOOL)
        else:
            whole = self._access.sees(who, asset, EVERY_TOOL)
        if whole and isinstance(asset, VirtualServer):
            whole = sees_all(self._access, who, asset, self._assets.get)
        return whole != id_.endswith(BARE)

    def _resolve(self, id_: str) -> tuple[AnyAsset | None, str | None]:
        """The asset a document is of, and the tool's name if it is of a tool."""
        kind, _, rest = id_.partition("/")
        if kind != "tool":
            return self._assets.get(id_.removesuffix(BARE)), None
        path, _, name = rest.partition("/")
        return self._assets.get(f"server/{path}"), name

    def _hit(self, match: Match) -> Hit | None:
        asset, name = self._resolve(match.id)
        if asset is None:
            return None
        if name is None:
            return Hit(asset, None, match.score)
        tools = asset.tools if isinstance(asset, Server) else []
        return next((Hit(asset, tool, match.score) for tool in tools if tool.name == name), None)


def _texts(asset: AnyAsset) -> list[SearchText]:
    """What is indexed of an asset. Of a server with tools also a document without a word of them, for callers who
    may not see them all: hidden tools must not move the server in their ranking. So for agents and their skills."""
    texts = texts_of(asset)
    if part := _parts_of(asset):
        bare = texts_of(asset.model_copy(update={part: []}))[0]
        texts.append(replace(bare, id=f"{ref(asset)}{BARE}"))
    return texts


def _parts_of(asset: AnyAsset) -> str | None:
    """The field of an asset that holds what may be hidden from some of its readers; None when there is nothing."""
    if isinstance(asset, Agent):
        return "skills" if asset.skills else None
    return "tools" if isinstance(asset, Server | VirtualServer) and asset.tools else None
