"""How search ranks, as pure functions: the view of a query, BM25F, and the fusion of the lexical with the dense leg.

What each step gains is in docs/search.md; the index applies them, over the documents that the caller may see.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import Stemmer

from airegistry.core.names import most_edits

Scores = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

FIELD_WEIGHTS: Mapping[str, float] = {
    "name": 3,
    "title": 1,
    "server": 1,
    "description": 1,
    "tags": 1,
    "tools": 1,
    "parameters": 0.75,
    "schema": 0.5,
    "body": 0.2,
}
"""BM25F: what a word counts in each field of a document; other fields are not read."""

SPELLED_FIELDS = tuple(field for field in FIELD_WEIGHTS if field not in ("schema", "body"))
"""Fields whose words may be meant by a slip; long texts have words that are near to anything."""

K1 = 0.9
B = 0.6
DENSE_SHARES = (0.75, 0.45)
"""What the dense leg counts in the fused score when no document has a word of the query, and when the best one by words
has them all; the lexical leg counts the rest."""

HEAD_COUNT = 100
"""Documents that are scored by the parts of a query as well."""

PARTS = 4
PART_SHARE = 0.3
"""Parts of a query that are looked at, and what the best of them counts in a document's cosine."""

TYPED_WORDS = 4
"""Queries of so many words at most are typed: what no document says may be a slip."""

_ALTERNATIVES = 3
_BLOCK = 1024
"""With more words equally near to a slip none is meant."""

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
_BREAKS = re.compile(
    r"[.;!?\n]+\s|\n+|[。！？；，、]|,?\s+(?:and\s+)?(?:then|also|afterwards|finally|after\s+that)\s+|,\s+(?:and\s+)?"
    r"|\s+and\s+|\s+as\s+well\s+as\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class QueryView:
    """A query as the legs see it.

    `terms` are its distinct tokens; `typed` says that it is short enough to be a name or keywords, of which the
    `unfinished` one may be still on its way.
    """

    text: str
    terms: tuple[str, ...]
    typed: bool
    unfinished: str | None


def view(query: str) -> QueryView:
    """What ranking reads of a query, made once."""
    found, typed = tokens(query), len(query.split()) <= TYPED_WORDS
    unfinished = found[-1] if found and typed and query[-1].isalnum() else None
    return QueryView(query, tuple(dict.fromkeys(found)), typed, unfinished)


def parts_of(query: str) -> tuple[str, ...]:
    """The intents of a query of several, in their order and at most 4; none for a query of one."""
    lines = "\n".join(" ".join(line.split()) for line in query.splitlines())  # long runs of spaces would take long
    pieces = [piece.strip() for piece in _BREAKS.split(lines) if len(set(tokens(piece))) > 1]
    return tuple(pieces[:PARTS]) if len(pieces) > 1 else ()


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


def stemmer() -> Callable[[str], str]:
    """What gives a word's stem: cheap to make, and not to be shared by threads."""
    stem: Callable[[str], str] = Stemmer.Stemmer("english", 0).stemWord
    return stem


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
    stem = stemmer()
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
    below = B * lengths  # in place from here on: there may be half a million of them
    below /= average
    below += 1 - B
    below *= K1
    below += weights
    added = rarity * weights
    added *= K1 + 1
    added /= below
    return added


def slip_edits(term: str) -> int:
    """How many edits away another word may be what was meant by a term that no visible document has; 0 for none."""
    return most_edits(term) if term.isalpha() else 0


def meant(term: str, near: Sequence[tuple[str, int]]) -> list[str]:
    """The words that stand for a mistyped term, of those near it with their distances, the nearest first."""
    found = [(word, distance) for word, distance in near if word[0] == term[0]]
    nearest = [word for word, distance in found if distance == found[0][1]]
    return nearest if len(nearest) <= _ALTERNATIVES else []


def heads(scores: Scores) -> Numbers:
    """The places of the best scores, in order of place: 100, or more where the last are equal."""
    if len(scores) <= HEAD_COUNT:
        return np.arange(len(scores))
    return np.flatnonzero(scores >= least_of_best(scores, HEAD_COUNT))


def least_of_best(scores: Scores, count: int) -> float:
    """The score that so many have, or a better one; of at least as many scores, of which none is NaN."""
    whole = len(scores) // _BLOCK * _BLOCK
    if whole // _BLOCK >= count:  # as many blocks have one that is as good, so that what is below is not looked at
        tops = scores[:whole].reshape(-1, _BLOCK).max(axis=1)
        scores = scores[scores >= np.partition(tops, -count)[-count]]
    return float(np.partition(scores, -count)[-count])


def with_parts(cosine: Scores, parts: Sequence[Scores]) -> Scores:
    """Cosines with a query and with its parts as one: a document that is right for one part is a good answer."""
    return (1 - PART_SHARE) * cosine + PART_SHARE * np.max(parts, axis=0) if parts else cosine


def fuse(cosine: Scores | None, lexical: Scores, coverage: float = 0.5) -> Scores:
    """One score in [0, 1] for each document of the visible ones: a convex sum of both legs, each brought to [0, 1].

    `coverage` in [0, 1] is the share of the query's words, by their rarity, that the best document by words has: the
    less it has, the more the meaning counts. A document without vectors has the cosine NaN and gets nothing from the
    dense leg. Give it the documents that the caller may see and no others: the extremes are part of the score.
    """
    best = lexical.max(initial=0.0)
    words = lexical / best if best > 0 else np.zeros_like(lexical)
    if cosine is None or not len(cosine):
        return words
    low, high = cosine.min(), cosine.max()
    unknown = np.isnan(cosine) if np.isnan(low) else None
    if unknown is not None:
        if unknown.all():
            return words
        low, high = np.nanmin(cosine), np.nanmax(cosine)
    meaning = (cosine - low) / (high - low) if high > low else np.ones_like(cosine)
    if unknown is not None:
        meaning[unknown] = 0.0
    share = DENSE_SHARES[0] + (DENSE_SHARES[1] - DENSE_SHARES[0]) * coverage
    meaning *= share
    words *= 1 - share
    meaning += words
    return meaning


def display_score(cosine: float, lexical: float) -> float:
    """How good a match is by itself, in [0, 1]: comparable between queries, which the fused score is not."""
    return 0.5 * max(0.0, min(1.0, cosine)) + 0.5 * lexical / (lexical + _HALF_LEXICAL)
