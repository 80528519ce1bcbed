"""Rankings of a corpus for queries: by search as it is, by each of its legs alone, and by the textbook's hybrid."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from anyio.to_thread import run_sync

from airegistry.core.ports import Mask
from airegistry.core.principals import SYSTEM
from airegistry.core.search_texts import texts_of
from airegistry.egress.guard import Guard
from airegistry.embedders.open import open_embedder
from airegistry.embedders.remote import EmbeddingServer
from airegistry.evaluation.baselines import Baselines
from airegistry.evaluation.corpus import Document, Query
from airegistry.evaluation.drafts import Drafts, drafts_of
from airegistry.evaluation.registry import Progress, Remembering, Said, TrialRegistry
from airegistry.settings import Settings

DEPTH = 100
"""Documents of a ranking at most."""
LEAST = 10
"""Documents of a ranking at least, where so many match."""

SEARCH, LEXICAL, VECTOR, HYBRID = "airegistry", "lexical only", "vector only", "textbook hybrid"
Ranking = Sequence[str]
"""Ids of documents, best first."""
Rankings = Mapping[str, Ranking]
"""Rankings by query id."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A corpus in a registry in memory, ready to be searched."""

    registry: TrialRegistry
    embedder: Remembering | None
    drafts: Drafts

    async def ranked(self, queries: Sequence[Query], progress: Progress) -> Rankings:
        """What `Search.find` answers to whoever may see everything, of the kinds in the corpus.

        Raises:
            AirError: the embedder failed.
        """
        found: dict[str, Ranking] = {}
        for number, query in enumerate(queries, 1):
            found[query.qid] = await self._find(query.query)
            progress("searched", number, len(queries))
        self.registry.check()
        return found

    async def compared(self, queries: Sequence[Query], progress: Progress) -> Mapping[str, Rankings]:
        """The same by the comparisons, of which only the lexical leg needs no embedder."""
        rows: dict[str, dict[str, Ranking]] = {LEXICAL: {}}
        if self.embedder is not None:
            rows |= {VECTOR: {}, HYBRID: {}}
        rank = await run_sync(self._comparisons)
        for number, query in enumerate(queries, 1):
            for row, ranking in (await run_sync(rank, query.query)).items():
                rows[row][query.qid] = ranking
            progress("compared", number, len(queries))
        return rows

    async def _find(self, query: str) -> Ranking:
        """Of a server's tools only some may be documents: then the first answer holds too few, and all is asked for."""
        limit = DEPTH
        while True:
            found = await self.registry.search.find(SYSTEM, query, kinds=self._kinds, limit=limit)
            hits = (
                f"tool/{hit.asset.path}/{hit.tool.name}" if hit.tool else f"{hit.kind}/{hit.asset.path}"
                for hit in found.hits
            )
            ranking = self._documents(hits)
            if len(ranking) >= LEAST or found.total <= limit:
                return ranking
            limit = found.total

    def _documents(self, names: Iterable[str]) -> Ranking:
        held = self.drafts.documents
        return [held[name].id for name in names if name in held][:DEPTH]

    @property
    def _kinds(self) -> frozenset[str]:
        return frozenset(document.type for document in self.drafts.documents.values())

    def _comparisons(self) -> Callable[[str], Mapping[str, Ranking]]:
        texts = {
            self.drafts.documents[text.id].id: text
            for asset in self.drafts.assets
            for text in texts_of(asset)
            if text.id in self.drafts.documents
        }
        whole = {id_: "\n".join(text.fields.values()) for id_, text in texts.items()}
        embedder = self.embedder
        if embedder is None:
            return lambda query: {LEXICAL: self._lexical(query)}
        baselines = Baselines(whole, embedder.embed([text.head for text in texts.values()]))

        def rank(query: str) -> Mapping[str, Ranking]:
            vector = embedder.embed_query(query)
            return {
                LEXICAL: self._lexical(query),
                VECTOR: baselines.vector(vector, DEPTH),
                HYBRID: baselines.hybrid(query, vector, DEPTH),
            }

        return rank

    def _lexical(self, query: str) -> Ranking:
        """The index' lexical leg over the documents of the corpus."""
        matches, _ = self.registry.index.search(
            query, None, allowed=self._held, mask_key=LEXICAL, kinds=self._kinds, limit=DEPTH
        )
        return self._documents(match.id for match in matches)

    def _held(self, ids: Sequence[str]) -> Mask:
        return np.fromiter((id_ in self.drafts.documents for id_ in ids), np.bool_, len(ids))


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Rankings by system, that of search first, and what there is to say of the import where there was one.

    `refused` says of documents, by id, why they could not be imported; `embedder` is a fingerprint.
    """

    systems: Mapping[str, Rankings]
    embedder: str | None = None
    verdicts: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    refused: Mapping[str, str] = field(default_factory=dict)


async def evaluated(
    documents: Sequence[Document], queries: Sequence[Query], settings: Settings, progress: Progress, *,
    asked: Rankings | None = None,
) -> Evaluation:  # fmt: skip
    """Rank a corpus for queries, and compare where there are relevant documents.

    `asked` are rankings of a running registry, in place of those of search here: then nothing is imported but to
    compare.

    Raises:
        AirError: there is no such embedder, or it failed.
    """
    judged = [query for query in queries if query.grades]
    if asked is not None and not judged:
        return Evaluation({SEARCH: asked})
    async with _trial(documents, settings, progress) as trial:
        own = await trial.ranked(queries, progress) if asked is None else asked
        compared = await trial.compared(judged, progress) if judged else {}
        said, fingerprint = trial.registry.said, trial.embedder.fingerprint if trial.embedder else None
        refused = dict(_refused(trial.drafts, said))
        return Evaluation({SEARCH: own, **compared}, fingerprint, dict(said.verdicts), said.duplicates, refused)


@asynccontextmanager
async def _trial(documents: Sequence[Document], settings: Settings, progress: Progress) -> AsyncIterator[Trial]:
    """A registry in memory that holds a corpus, with the embedder of the settings."""
    guard = Guard(settings.egress_allow, loopback=settings.loopback)
    async with EmbeddingServer(guard, settings.embedder_url, settings.embedder_key) as server:
        opened = open_embedder(settings.embedder, server)
        embedder = None if opened is None else Remembering(opened)
        drafts, registry = drafts_of(documents), TrialRegistry(embedder)
        await registry.take(drafts.assets, progress)
        yield Trial(registry, embedder, drafts)


def _refused(drafts: Drafts, said: Said) -> Iterator[tuple[str, str]]:
    """The documents that are not there, and why: a tool goes with its server."""
    for name, document in drafts.documents.items():
        kind, path = name.split("/", 2)[:2]
        why = said.refused.get(f"{'server' if kind == 'tool' else kind}/{path}")
        if why is not None:
            yield document.id, why
