"""What search is compared with: one vector a document, and textbook BM25 fused with it by reciprocal ranks."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Vectors

Scores = npt.NDArray[np.float64]
K1 = 1.2
B = 0.75
RANK_CONSTANT = 60
"""Reciprocal rank fusion: a document at rank r of a leg gets 1 / (60 + r) from it."""

_WORDS = re.compile(r"\w+")


class PlainBM25:
    """BM25 over the lower-case words of whole texts: no fields, no stems, no stop words."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(_WORDS.findall(text.lower())) for text in texts]
        lengths = np.array([count.total() for count in counts], np.float64)
        self._norms = K1 * (1 - B + B * lengths / max(1.0, lengths.mean()))
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for place, count in enumerate(counts):
            for word, times in count.items():
                self._postings.setdefault(word, []).append((place, times))

    def scores(self, query: str) -> Scores:
        """The score of each text, 0 where it has no word of the query."""
        scores = np.zeros(len(self._norms))
        for word in sorted(set(_WORDS.findall(query.lower()))):
            if postings := self._postings.get(word):
                places, times = np.array(postings).T
                rarity = np.log(1 + (len(scores) - len(places) + 0.5) / (len(places) + 0.5))
                scores[places] += rarity * times * (K1 + 1) / (times + self._norms[places])
        return scores


def by_score(scores: Scores, *, above: float = -np.inf) -> npt.NDArray[np.int64]:
    """The places of the scores above a bound, best first; equal ones in order of place."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > above]


def fused(*legs: npt.NDArray[np.int64], documents: int) -> npt.NDArray[np.int64]:
    """The places that some leg ranks, by the sum of their reciprocal ranks."""
    scores = np.zeros(documents)
    for leg in legs:
        scores[leg] += 1 / (RANK_CONSTANT + np.arange(1, len(leg) + 1))
    return by_score(scores, above=0)


class Baselines:
    """Ranks the documents of a corpus by their texts and by the vectors of their heads."""

    def __init__(self, texts: Mapping[str, str], heads: Vectors) -> None:
        """`texts` are whole documents by id; `heads` has one unit vector for each, in the same order."""
        self._ids = list(texts)
        self._words = PlainBM25(list(texts.values()))
        self._heads = heads

    def vector(self, query: Vectors, limit: int) -> list[str]:
        """The best documents by the cosine of their heads."""
        return self._named(by_score(self._cosines(query)), limit)

    def hybrid(self, query: str, vector: Vectors, limit: int) -> list[str]:
        """The best documents by both legs' reciprocal ranks."""
        words = by_score(self._words.scores(query), above=0)
        return self._named(fused(words, by_score(self._cosines(vector)), documents=len(self._ids)), limit)

    def _cosines(self, query: Vectors) -> Scores:
        return np.asarray(np.vecdot(self._heads, query), np.float64)

    def _named(self, places: npt.NDArray[np.int64], limit: int) -> list[str]:
        return [self._ids[place] for place in places[:limit].tolist()]
