"""The index in this process's memory: BM25F and vectors over numpy arrays, exact for whatever a caller may see."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import numpy as np

from airegistry.core.ports import IndexDocument, Mask, Match, Vectors
from airegistry.core.ranking import Numbers, Scores, fuse, term_weights
from airegistry.index.directory import Directory
from airegistry.index.lexical import Lexical
from airegistry.index.vectors import VectorTable

Allowed = Callable[[Sequence[str]], Mask]
Facets = Mapping[str, Sequence[str]]


class MemoryIndex:
    """A `SearchIndex`. One lock guards it, and is never held while the caller's `allowed` runs.

    A search answers as an index would that holds nothing but the documents it may look at: document counts,
    the rarity of words, lengths and the extremes of both legs are theirs alone. Equal scores are ordered by id.

    A visible document takes part when it holds a word of the query or, where there is a vector, has vectors
    itself: no cosine tells near misses from matches, so weak matches are returned and left to their score.
    The number of matches counts all of these, so it is the same for every limit.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._directory = Directory()
        self._lexical = Lexical()
        self._vectors = VectorTable()

    def __len__(self) -> int:
        return len(self._directory)

    def put(self, document: IndexDocument) -> None:
        """Add or replace one document.

        Raises:
            ValueError: its vectors are not as long as those in the index.
        """
        weights, length = term_weights(document.fields)
        with self._lock:
            self._vectors.check(document.vectors)
            slot = self._directory.put(document)
            self._lexical.put(slot, weights, length)
            self._vectors.put(slot, document.vectors)

    def remove(self, document_id: str) -> None:
        """Remove one document; nothing happens when there is none."""
        with self._lock:
            slot = self._directory.remove(document_id)
            if slot is not None:
                self._lexical.remove(slot)
                self._vectors.remove(slot)

    def search(
        self,
        query: str,
        vector: Vectors | None,
        *,
        allowed: Allowed | None = None,
        kinds: frozenset[str] | None = None,
        facets: Facets | None = None,
        limit: int = 10,
    ) -> tuple[list[Match], int]:
        """The best matches and how many visible documents matched at all."""
        granted = None if allowed is None else self._ask(allowed, kinds, facets)
        with self._lock:
            visible = self._directory.select(kinds, facets)
            if granted is not None:
                visible &= self._still(granted)
            lexical = self._lexical.scores(query, visible)
            slots = np.flatnonzero(visible)
            cosine = None if vector is None else self._vectors.cosines(vector, len(visible))[slots]
            return self._rank(slots, cosine, lexical[slots], max(0, limit))

    def _ask(self, allowed: Allowed, kinds: frozenset[str] | None, facets: Facets | None) -> tuple[Numbers, Numbers]:
        """The slots granted to the caller, and the births of their documents."""
        with self._lock:
            slots = np.flatnonzero(self._directory.select(kinds, facets))
            births = self._directory.births(slots)
            ids = [self._directory.id(slot) for slot in slots.tolist()]
        mask = allowed(ids)
        return slots[mask], births[mask]

    def _still(self, granted: tuple[Numbers, Numbers]) -> Mask:
        """The granted slots that no other document has moved into since."""
        slots, births = granted
        mask = np.zeros(self._directory.size, np.bool_)
        mask[slots[self._directory.births(slots) == births]] = True
        return mask

    def _rank(self, slots: Numbers, cosine: Scores | None, lexical: Scores, limit: int) -> tuple[list[Match], int]:
        """The best of the slots; all arrays run parallel."""
        scores = fuse(cosine, lexical)
        dense = np.zeros_like(lexical) if cosine is None else np.nan_to_num(cosine)
        matched = lexical > 0 if cosine is None else (lexical > 0) | ~np.isnan(cosine)
        entered = np.flatnonzero(matched)
        total = len(entered)
        if len(entered) > limit > 0:
            worst = np.partition(scores[entered], -limit)[-limit]
            entered = entered[scores[entered] >= worst]
        matches = [
            Match(self._directory.id(int(slots[i])), float(scores[i]), float(lexical[i]), float(dense[i]))
            for i in entered
        ]
        matches.sort(key=lambda match: (-match.score, match.id))
        return matches[:limit], total
