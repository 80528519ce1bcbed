"""Search over what the caller may see: servers, tools, agents, skills, virtual servers and entities in one ranking."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import get_args

import anyio

from airegistry.core.access import Access
from airegistry.core.answers import POOL, Found, complementary, without_copies
from airegistry.core.assets import Health
from airegistry.core.audit import Audit
from airegistry.core.embedding import Embedding
from airegistry.core.events import Event
from airegistry.core.indexing import Indexing, Told
from airegistry.core.late_vectors import LateVectors
from airegistry.core.look import Look, Query
from airegistry.core.ports import AnyAsset, Embedder, VectorCache, Vectors
from airegistry.core.principals import Principal
from airegistry.core.ranking import parts_of
from airegistry.core.restoring import KeptIndex
from airegistry.core.search_texts import SearchText, texts_of
from airegistry.core.shared_vectors import SharedVectors
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sight import Sight
from airegistry.core.sketches import Sketch
from airegistry.core.vector_exchange import PAUSE
from airegistry.core.visibility import Visibility

log = logging.getLogger(__name__)
Facets = Mapping[str, Sequence[str]]
PATIENCE = 5.0
AT_ONCE = max(2, min(4, os.cpu_count() or 2))
"""Searches that run at once: more threads would only keep each other, and the event loop, from running."""
EMBEDDING = 16
"""Queries that are embedded at once: an embedder may be a server far away."""
TIDY = 6 * 3600.0
"""Seconds between two looks for shared vectors that nobody uses."""
NEAREST = 10
MEANING = 0.95
"""Cosine from which two assets of a kind are reported as duplicates in meaning."""
ROUNDING = 0.01
"""What a cosine of an index may differ by: 0.004 where vectors are kept as bytes."""
TOOLS = frozenset({"tool"})


class Search:
    """Finds what is indexed: for each caller as if nothing else were."""

    def __init__(
        self,
        index: KeptIndex,
        embedder: Embedder | None,
        access: Access,
        visibility: Visibility,
        shelf: Shelf,
        audit: Audit | None = None,
        vectors: VectorCache | None = None,
        shared: SharedVectors | None = None,
    ) -> None:
        """Searches are recorded where there is an `audit`, without what was asked for: that may be personal.

        `vectors` are those of the embedder that are kept from before, `shared` those that other processes make too.
        """
        self.indexing = Indexing(index, Embedding(embedder, vectors), shelf, shared)
        """What is searched; another one may take its place, between two searches."""
        self.beside: Indexing | None = None
        """What is going to be searched: it follows all events too."""
        self.late = LateVectors(self._make)
        """Makes vectors after the answer, while it runs: without, whoever registers waits for them."""
        self.popularity: Callable[[str], int] | None = None
        """How often something is called, by `kind/path` or `tool/path/name`: it puts equally good matches in order."""
        self._access = access
        self._visibility = visibility
        self._audit = audit
        self._threads = anyio.CapacityLimiter(AT_ONCE)
        self._embedding = anyio.CapacityLimiter(EMBEDDING)

    async def find(
        self,
        who: Principal,
        query: str,
        *,
        kinds: Iterable[str] | None = None,
        tags: Sequence[str] | None = None,
        facets: Facets | None = None,
        include_disabled: bool = False,
        limit: int = 10,
        explain: bool = False,
    ) -> Found:
        """The best `limit` things for a query, among those the caller may see; with `explain` also why.

        `facets` are names (owner, environment, stage, source, health) with the values of which one must be there.
        While the vectors of a start are still being made it waits for them a little, then ranks by what there is.
        """
        look = await self._look(who, _given(tags, facets), include_disabled, explain)
        (asked,) = await self._queries(look, [query])
        wanted = None if kinds is None else frozenset(kinds)
        found = await anyio.to_thread.run_sync(look.find, asked, wanted, limit, limiter=self._threads)
        self._record(who, len(found.hits), found.total)
        return found

    async def find_by_kind(
        self,
        who: Principal,
        query: str,
        kinds: Iterable[str],
        *,
        tags: Sequence[str] | None = None,
        facets: Facets | None = None,
        include_disabled: bool = False,
        limit: int = 10,
        explain: bool = False,
    ) -> dict[str, Found]:
        """The best `limit` things of each kind, each kind ranked on its own; kinds without any are left out."""
        look = await self._look(who, _given(tags, facets), include_disabled, explain)
        (asked,) = await self._queries(look, [query])

        def search() -> dict[str, Found]:
            return {kind: look.find(asked, frozenset({kind}), limit) for kind in dict.fromkeys(kinds)}

        found = await anyio.to_thread.run_sync(search, limiter=self._threads)
        self._record(who, sum(len(each.hits) for each in found.values()), sum(each.total for each in found.values()))
        return {kind: each for kind, each in found.items() if each.total}

    async def find_tools(
        self,
        who: Principal,
        task: str,
        *,
        limit: int = 5,
        explain: bool = False,
        unfit: Callable[[AnyAsset], bool] = lambda asset: False,
    ) -> Found:
        """Tools for a task: the best ones, or for a task of several steps those that do it together.

        Tools of assets that are `unfit` are left out.
        """
        look = await self._look(who, {}, False, explain)
        asked = await self._queries(look, [task, *parts_of(task)])
        found = await anyio.to_thread.run_sync(partial(_choose, look, asked, limit, unfit), limiter=self._threads)
        self._record(who, len(found.hits), found.total)
        return found

    async def suggest(
        self, who: Principal, query: str, *, kinds: Iterable[str] | None = None, include_disabled: bool = False
    ) -> list[str]:
        """Names one or two edits away from what was typed, the nearest first, if nothing of that very name is seen."""
        look = Look(self.indexing, self._sight(who, self.indexing, include_disabled))
        wanted = None if kinds is None else frozenset(kinds)
        return await anyio.to_thread.run_sync(look.suggestions, query, wanted, limiter=self._threads)

    async def _look(self, who: Principal, facets: Facets, include_disabled: bool, explain: bool) -> Look:
        """A look into what is in force now, index and embedder together."""
        indexing = self.indexing
        if indexing.embeds and not indexing.warm.is_set():
            with anyio.move_on_after(PATIENCE):
                await indexing.warm.wait()
        await self.late.settled()
        return Look(indexing, self._sight(who, indexing, include_disabled), facets, explain, self.popularity)

    async def _queries(self, look: Look, texts: Sequence[str]) -> list[Query]:
        return await anyio.to_thread.run_sync(look.queries, texts, limiter=self._embedding)

    def _sight(self, who: Principal, indexing: Indexing, include_disabled: bool) -> Sight:
        subject = who.subject if who.subject in indexing.owners else ""  # who registered nothing sees by rights alone
        key = (self._access.rights(who), subject, include_disabled, indexing.made_of.era)
        held, sketched = indexing.assets.get, indexing.assets.sketches.get
        return Sight(who, self._access, self._visibility, held, include_disabled, key, sketched)

    def _record(self, who: Principal, shown: int, total: int) -> None:
        if self._audit is not None:
            reason = f"{shown} of {total} shown"
            self._audit.note(
                self._audit.event(who, "registry:search", None, None, decision="allow", outcome="ok", reason=reason)
            )

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets: the next search sees it."""
        for indexing in (self.indexing, self.beside):
            if indexing is not None and await indexing.on_event(event, late=self.late.runs):
                self.late.owe(f"{event.asset.kind}/{event.asset.path}")

    async def _make(self, name: str) -> None:
        for indexing in (self.indexing, self.beside):
            if indexing is not None:
                await indexing.make(name)

    async def rebuild(self, told: Sequence[Told] = ()) -> None:
        """Hold everything in the store, and tell others of each asset; `embed_all` adds the vectors that are not
        known."""
        await self.indexing.rebuild(told)

    async def embed_all(self) -> None:
        """Give vectors to everything held, and to all that comes from now on."""
        await self.indexing.embed_all()

    async def exchange(self) -> None:
        """Get vectors that other processes make, until cancelled."""
        while True:
            for indexing in (self.indexing, self.beside):
                if indexing is not None and indexing.exchange is not None:
                    await indexing.exchange.look()
            await anyio.sleep(PAUSE)

    async def tidy(self) -> None:
        """Delete shared vectors that nobody uses, now and then, until cancelled: one process does for all."""
        while True:
            await anyio.sleep(TIDY)
            await self.indexing.tidy()

    async def similar(self, who: Principal, asset: AnyAsset) -> list[tuple[AnyAsset, float]]:
        """Other assets of the same kind the caller may see whose heads mean nearly the same, with their cosine."""
        indexing = self.indexing
        if not indexing.embeds or indexing.embedding.fingerprint is None:
            return []
        sight = self._sight(who, indexing, include_disabled=True)
        try:
            head = (await indexing.vectors_of({ref(asset): _head(asset)}))[ref(asset)][0]
            near = await anyio.to_thread.run_sync(_near, sight, indexing, asset, head)
            rows = await indexing.vectors_of({ref(each): _head(each) for each in near}) if near else {}
        except Exception:  # whatever a model's library raises: registrations go on
            log.exception("no duplicates in meaning for %s", ref(asset))
            return []
        scored = [(other, float(rows[ref(other)][0] @ head)) for other in near]
        return [(other, score) for other, score in scored if score >= MEANING]

    def seen_by(self, who: Principal, *, include_disabled: bool) -> tuple[Indexing, Sight]:
        """What is held now, and what a caller sees of it."""
        indexing = self.indexing
        return indexing, self._sight(who, indexing, include_disabled)

    def shows(self, who: Principal, asset: AnyAsset | Sketch) -> bool:
        """Whether the caller may know of an asset as it is held now, whatever state of it is given."""
        held = self.indexing.assets.sketches.get(f"{asset.kind}/{asset.path}")
        return held is not None and self._visibility.shows(who, held)

    def count(self, who: Principal) -> int:
        """How many assets the caller may see."""
        return sum(self._visibility.shows(who, asset) for asset in list(self.indexing.assets.sketches.values()))

    def health(self, who: Principal) -> dict[Health, int]:
        """How many of the backends that are switched on and that the caller may see are of which health."""
        found: dict[Health, int] = dict.fromkeys(get_args(Health), 0)
        for asset in list(self.indexing.assets.sketches.values()):
            if asset.has_endpoint and asset.enabled and self._visibility.shows(who, asset):
                found[asset.health] += 1
        return found


def _given(tags: Sequence[str] | None, facets: Facets | None) -> dict[str, Sequence[str]]:
    """What answers are narrowed to; nothing is narrowed by names without values."""
    asked = {**(facets or {}), **({"tags": tags} if tags else {})}
    return {name: values for name, values in asked.items() if values}


def _choose(look: Look, asked: Sequence[Query], limit: int, unfit: Callable[[AnyAsset], bool]) -> Found:
    """The tools for a task, which is the first of the queries; the others are its steps."""
    task, *parts = asked
    whole = look.find(task, TOOLS, limit + POOL)
    hits = [hit for hit in whole.hits if not unfit(hit.asset)]
    if not parts:
        return Found(without_copies(hits, limit), whole.total)
    by_step = [[hit for hit in look.find(part, TOOLS, POOL).hits if not unfit(hit.asset)] for part in parts]
    return Found(complementary(hits, by_step, limit), whole.total)


def _head(asset: AnyAsset) -> SearchText:
    return replace(texts_of(asset)[0], parts=())


def _near(sight: Sight, indexing: Indexing, asset: AnyAsset, head: Vectors) -> list[AnyAsset]:
    """The index weighs parts as well: it proposes, and the heads decide. Those that it knows to be too far away are not
    looked at, however it rounds."""
    matches, _ = indexing.index.search(
        "", head, allowed=sight.mask, mask_key=sight.key, kinds=frozenset({asset.kind}), limit=NEAREST
    )
    # Heads name tools: of a server held without them for this caller nothing is told, its id is no asset's.
    close = [match for match in matches if match.head is None or match.head >= MEANING - ROUNDING]
    found = [indexing.assets.get(match.id) for match in close if match.id != ref(asset)]
    return [other for other in found if other is not None]
