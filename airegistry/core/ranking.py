"""How search ranks, as pure functions: tokens, BM25F, and the fusion of the lexical with the dense leg.

The constants were measured on nine development sets (NDCG@10, macro average); the index applies them.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import Stemmer

Scores = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FIELD_WEIGHTS: Mapping[str, float] = {
    "name": 3,
    "title": 1,
    "server": 1,
    "description": 1,
    "tags": 1,
    "tools": 1,
    "parameters": 0.5,
    "schema": 0.3,
    "body": 0.2,
}
"""BM25F: what a word counts in each field of a document; other fields are not read."""

K1 = 1.2
B = 0.75
DENSE_SHARE = 0.6
"""What the dense leg counts in the fused score; the lexical leg counts the rest."""

_HALF_LEXICAL = 20.0
_LONGEST_WORD = 100

STOP_WORDS = frozenset(
    "a about after again all also am an and any are as at be been before being but by can could did do does doing "
    "dont for from further had has have having he her here hers him his how i if im in into is it its itself ive just "
    "me more most my no nor not of on once only or other our ours out over own same she should so some such than that "
    "the their theirs them then there these they this those through to too under until up us very was we were what "
    "when where which while who whom why will with would you your yours".split()
)

_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_WORDS = re.compile(r"[^\W_]+(?:[-_]+[^\W_]+)*")
_SEPARATORS = re.compile(r"[-_]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_RUNS = re.compile(r"\d+|\D+")


def tokens(text: str) -> list[str]:
    """The stems of a text, identifiers both split and whole: `getUser_v2` gives get, user, v2, getuserv2.

    Stop words are left out. Chinese and Japanese, which have no spaces, are cut into pairs of characters.
    """
    text = text.replace("'", "").replace("’", "")
    found: list[str] = []
    if not text.isascii():
        text = _plain(text)
        for run in _IDEOGRAPHS.findall(text):
            found += (run[i : i + 2] for i in range(max(1, len(run) - 1)))
        text = _IDEOGRAPHS.sub(" ", text)
    for word in _WORDS.findall(text):
        if len(word) <= _LONGEST_WORD:
            found += _word_tokens(word)
    return found


def _plain(text: str) -> str:
    """Compatible forms made one, accents taken off."""
    decomposed = unicodedata.normalize("NFKD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not "\u0300" <= c <= "\u036f"))


@lru_cache(16_384)
def _word_tokens(word: str) -> tuple[str, ...]:
    parts = [part for piece in _SEPARATORS.split(word) for chunk in _CAMEL.split(piece) for part in _numbered(chunk)]
    if len(parts) > 1:
        # A lone letter split off (the `o` of `OAuth`) is noise; the whole keeps it.
        parts = [part for part in parts if len(part) > 1 or part.isdigit()] + [_SEPARATORS.sub("", word)]
    # A stemmer is cheap to make and must not be shared by threads.
    stem = Stemmer.Stemmer("english", 0).stemWord
    return tuple(stem(part) for part in map(str.lower, parts) if part not in STOP_WORDS)


def _numbered(chunk: str) -> list[str]:
    """`gpt4` in two parts; `s3`, `k8s` and `3d` are words as they stand."""
    runs: list[str] = _RUNS.findall(chunk)
    return runs if all(run.isdigit() or len(run) > 1 for run in runs) else [chunk]


def term_weights(fields: Mapping[str, str]) -> tuple[dict[str, float], float]:
    """BM25F's view of a document: the weight of each of its terms, and its length."""
    weights: dict[str, float] = {}
    length = 0.0
    for field, weight in FIELD_WEIGHTS.items():
        counts = Counter(tokens(fields.get(field, "")))
        length += weight * counts.total()
        for term, count in counts.items():
            weights[term] = weights.get(term, 0.0) + weight * count
    return weights, length


def idf(documents: int, holders: int) -> float:
    """How much a term tells when `holders` of so many documents have it (Lucene's form, never negative)."""
    return math.log(1 + (documents - holders + 0.5) / (holders + 0.5))


def bm25(weights: Scores, lengths: Numbers, average: float, rarity: float) -> Scores:
    """What one term adds to the score of each document that holds it."""
    return rarity * weights * (K1 + 1) / (weights + K1 * (1 - B + B * lengths / average))


def fuse(cosine: Scores | None, lexical: Scores) -> Scores:
    """One score in [0, 1] for each document of the visible ones: a convex sum of both legs, each brought to [0, 1].

    A document without vectors has the cosine NaN and gets nothing from the dense leg. Give it the documents
    that the caller may see and no others: the extremes are part of the score.
    """
    best = lexical.max(initial=0.0)
    words = lexical / best if best > 0 else np.zeros_like(lexical)
    known = None if cosine is None else cosine[~np.isnan(cosine)]
    if cosine is None or known is None or not known.size:
        return words
    low, high = known.min(), known.max()
    meaning = (cosine - low) / (high - low) if high > low else np.ones_like(cosine)
    return DENSE_SHARE * np.where(np.isnan(cosine), 0.0, meaning) + (1 - DENSE_SHARE) * words


def display_score(cosine: float, lexical: float) -> float:
    """How good a match is by itself, in [0, 1]: comparable between queries, which the fused score is not."""
    return 0.5 * max(0.0, min(1.0, cosine)) + 0.5 * lexical / (lexical + _HALF_LEXICAL)
