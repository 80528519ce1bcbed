"""BM25F over documents that come and go: inverted lists in arrays, with statistics of the visible documents only."""

from array import array
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Mask
from airegistry.core.ranking import Scores, bm25, idf, tokens

_UNIT = 1000
"""Lengths are kept in thousandths of a word: sums of integers do not depend on their order."""


class _Postings:
    """The documents that hold one term, in no order, and its weight in each."""

    __slots__ = ("slots", "weights")

    def __init__(self) -> None:
        self.slots = array("i")
        self.weights = array("d")

    def add(self, slot: int, weight: float) -> None:
        self.slots.append(slot)
        self.weights.append(weight)

    def drop(self, slot: int) -> None:
        place = int(np.flatnonzero(np.frombuffer(self.slots, np.intc) == slot)[0])
        last_slot, last_weight = self.slots.pop(), self.weights.pop()
        if place < len(self.slots):
            self.slots[place], self.weights[place] = last_slot, last_weight

    def seen(self, visible: Mask) -> tuple[npt.NDArray[np.intc], Scores]:
        """Slots and weights of the visible documents, copied."""
        slots = np.frombuffer(self.slots, np.intc)
        chosen = visible[slots]
        return slots[chosen], np.frombuffer(self.weights, np.float64)[chosen]


class Lexical:
    """The lexical leg: a document lives in a slot, a small integer that its owner gives out. Not thread-safe."""

    def __init__(self) -> None:
        self._postings: dict[str, _Postings] = {}
        self._terms: dict[int, tuple[str, ...]] = {}
        self._lengths = np.zeros(64, np.int64)

    def put(self, slot: int, weights: Mapping[str, float], length: float) -> None:
        """Fill a slot, or replace what it holds, with what `term_weights` made of a document."""
        self.remove(slot)
        if slot >= len(self._lengths):
            self._lengths = np.concatenate((self._lengths, np.zeros(max(slot, len(self._lengths)), np.int64)))
        self._lengths[slot] = round(length * _UNIT)
        self._terms[slot] = tuple(weights)
        for term, weight in weights.items():
            self._postings.setdefault(term, _Postings()).add(slot, weight)

    def remove(self, slot: int) -> None:
        """Empty a slot."""
        for term in self._terms.pop(slot, ()):
            postings = self._postings[term]
            postings.drop(slot)
            if not postings.slots:
                del self._postings[term]

    def scores(self, query: str, visible: Mask) -> Scores:
        """BM25F score of each slot, as if the visible documents were all there are; 0 elsewhere."""
        scores = np.zeros(len(visible))
        count = int(np.count_nonzero(visible))
        lengths = self._lengths[: len(visible)]
        total = int(lengths[visible].sum())
        if not total:
            return scores
        for term in dict.fromkeys(tokens(query)):
            postings = self._postings.get(term)
            if postings is None:
                continue
            slots, weights = postings.seen(visible)
            scores[slots] += bm25(weights, lengths[slots], total / count, idf(count, len(slots)))
        return scores
