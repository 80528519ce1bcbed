"""BM25F over documents that come and go: inverted lists of bytes, with statistics of the visible documents only."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from struct import Struct
from typing import Any

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Mask
from airegistry.core.ranking import (
    FIELD_WEIGHTS,
    SPELLED_FIELDS,
    Numbers,
    QueryView,
    Scores,
    bm25,
    idf,
    meant,
    slip_edits,
    tokens,
)
from airegistry.core.unfinished import FEWEST, MOST, stems_ahead
from airegistry.index.arrays import Arrays, grown, packed_bytes, unpacked_bytes
from airegistry.index.vocabulary import Vocabulary

_UNIT = 1000
"""Lengths are kept in thousandths of a word: sums of integers do not depend on their order."""
_PARTS = 20
"""Weights are kept in twentieths, of which those of all fields are whole numbers."""
_HEAVIEST = 0xFFFF
_POSTING = np.dtype([("slot", "<i4"), ("weight", "<u2")])
_SLOT, _PACK_POSTING = Struct("<i"), Struct("<iH")
_FIELDS = tuple(FIELD_WEIGHTS)
_SPELLED = sum(1 << _FIELDS.index(field) for field in SPELLED_FIELDS)
_BITS = len(_FIELDS)
_FIELDS_ONLY = (1 << _BITS) - 1
_NOTHING = np.zeros(0, np.uint32)
_SHORT = 1024
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True)
class Words:
    """What the lexical leg keeps of a document: the weight of each term in twentieths, the bits of its fields, and the
    length."""

    weights: Mapping[str, int]
    fields: Mapping[str, int]
    length: int


def read(fields: Mapping[str, str]) -> Words:
    """The words of a document, weighed as `term_weights` does."""
    weights: dict[str, int] = {}
    bits: dict[str, int] = {}
    length = 0.0
    for number, (field, weight) in enumerate(FIELD_WEIGHTS.items()):
        if not (text := fields.get(field)):
            continue
        counts, bit, parts = Counter(tokens(text)), 1 << number, round(weight * _PARTS)
        length += weight * counts.total()
        for term, count in counts.items():
            weights[term] = weights.get(term, 0) + parts * count
            bits[term] = bits.get(term, 0) | bit
    return Words(weights, bits, round(length * _UNIT))


class Lexical:
    """The lexical leg: a document lives in a slot, a small integer that its owner gives out. Not thread-safe.

    Of each term there is a list of postings, the slots that hold it and its weight in each, in no order. Of each slot
    there is a list of what it holds, the numbers of terms and the bits of fields.
    """

    def __init__(self) -> None:
        self._terms = Vocabulary()
        self._postings: list[bytearray] = []
        self._spelled = np.zeros(0, np.int64)
        self._held: list[bytes] = []
        self._lengths = np.zeros(0, np.int64)

    def put(self, slot: int, words: Words) -> None:
        """Fill a slot, or replace what it holds."""
        self.remove(slot)
        self._held += [b""] * (slot + 1 - len(self._held))
        self._lengths = grown(self._lengths, slot + 1)
        self._lengths[slot] = words.length
        held: list[int] = []
        for term, weight in words.weights.items():
            number = self._terms.number(term)
            if number == len(self._postings):
                self._postings.append(bytearray())
                self._spelled = grown(self._spelled, number + 1)
            self._postings[number] += _PACK_POSTING.pack(slot, weight if weight < _HEAVIEST else _HEAVIEST)
            held.append(number << _BITS | (fields := words.fields[term]))
            if fields & _SPELLED:
                self._spelled[number] += 1
        self._held[slot] = pack(held)

    def remove(self, slot: int) -> None:
        """Empty a slot."""
        if slot >= len(self._held):
            return
        for number, fields in unpack(self._held[slot]):
            self._spelled[number] -= bool(fields & _SPELLED)
            _drop(self._postings[number], slot)
            if not self._postings[number]:
                self._terms.drop(number)
        self._held[slot] = b""

    def terms(self, query: QueryView, visible: Mask) -> list[str]:
        """The terms to look for: in a typed query one that is unfinished, or a slip, gives way to the words that may be
        meant."""
        if not query.typed:
            return list(query.terms)
        meant_by = (self._meant(term, visible, unfinished=term == query.unfinished) for term in query.terms)
        return list(dict.fromkeys(chain.from_iterable(meant_by)))

    def begun(self, term: str, visible: Mask) -> list[str]:
        """The words that most visible documents have of those that a term may be the beginning of, at most 3; words of
        long texts are not among them."""
        if len(term) < FEWEST:
            return []
        ahead = [word for word in stems_ahead(term) if self._terms.get(word) is not None]
        found = dict.fromkeys([*self._terms.begun(term, self._spelled[: len(self._terms)] > 0), *ahead])
        held = {word: len(self._seen(word, visible)[0]) for word in found if self._is_spelled(word, visible)}
        return sorted(held, key=lambda word: (-held[word], word))[:MOST]

    def scores(self, terms: Sequence[str], visible: Mask) -> tuple[Scores, float]:
        """BM25F score of each slot, as if the visible documents were all there are, 0 elsewhere; and the share of the
        terms, by their rarity, that the best document has."""
        scores, mass, holders = np.zeros(len(visible)), 0.0, list[tuple[Numbers, float]]()
        count = int(np.count_nonzero(visible))
        lengths = self._lengths[: len(visible)]
        total = int(lengths[visible].sum())
        if not total:
            return scores, 0.0
        for term in terms:
            slots, weights = self._seen(term, visible)
            rarity = idf(count, len(slots))
            mass += rarity
            if len(slots):
                scores[slots] += bm25(weights, lengths[slots], total / count, rarity)
                holders.append((slots, rarity))
        best = scores.max(initial=0.0)
        return scores, _most_held(np.flatnonzero(scores == best), holders, len(visible)) / mass if best else 0.0

    def near(self, term: str, edits: int, visible: Mask) -> list[tuple[str, int]]:
        """Words of visible documents so many edits away at most, with their distance, the nearest first; words of
        long texts are not among them."""
        near = self._terms.near(term, edits, self._spelled[: len(self._terms)] > 0)
        found = [(word, distance) for word, distance in near if self._is_spelled(word, visible)]
        return sorted(found, key=lambda each: (each[1], each[0]))

    def words(self, slot: int, terms: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Where a slot holds which of the terms, at most 8: the field, and the word that is shown for the term."""
        bits = dict(unpack(self._held[slot]))
        found = (
            (field, shown)
            for place, field in enumerate(_FIELDS)
            for term, shown in terms.items()
            if (number := self._terms.get(term)) is not None and bits.get(number, 0) >> place & 1
        )
        return tuple(islice(dict.fromkeys(found), _MOST_WORDS))

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        return (
            {"lengths": self._lengths[: len(self._held)].copy(), "spelled": self._spelled[: len(self._terms)].copy()}
            | self._terms.dump()
            | packed_bytes("postings", self._postings)
            | packed_bytes("held", self._held)
        )

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Lexical":
        """What was dumped."""
        found = cls()
        found._terms = Vocabulary.restored(arrays)
        found._postings = [bytearray(piece) for piece in unpacked_bytes("postings", arrays)]
        found._held = [bytes(piece) for piece in unpacked_bytes("held", arrays)]
        found._lengths, found._spelled = arrays["lengths"].astype(np.int64), arrays["spelled"].astype(np.int64)
        return found

    def _meant(self, term: str, visible: Mask, *, unfinished: bool) -> Sequence[str]:
        """What a term of a typed query stands for: itself where a visible document has it, or nothing else is near."""
        if self._is_seen(term, visible):
            return [term]
        if unfinished and (begun := self.begun(term, visible)):
            return begun
        edits = slip_edits(term)
        return (meant(term, self.near(term, edits, visible)) if edits else []) or [term]

    def _is_seen(self, term: str, visible: Mask) -> bool:
        """Whether a visible document has a term."""
        return len(self._seen(term, visible)[0]) > 0

    def _is_spelled(self, term: str, visible: Mask) -> bool:
        """Whether a visible document has a term in a field whose words may be meant by a slip."""
        number = self._terms.get(term)
        held = (dict(unpack(self._held[slot])) for slot in self._seen(term, visible)[0].tolist())
        return number is not None and any(each[number] & _SPELLED for each in held)

    def _seen(self, term: str, visible: Mask) -> tuple[Numbers, Scores]:
        """The visible slots that hold a term, and its weight in each."""
        number = self._terms.get(term)
        postings = np.frombuffer(b"" if number is None else self._postings[number], _POSTING)
        slots, weights = postings["slot"].astype(np.int64), postings["weight"].astype(np.float64)
        chosen = visible[slots]
        if not chosen.all():
            slots, weights = np.compress(chosen, slots), np.compress(chosen, weights)
        weights /= _PARTS
        return slots, weights


def pack(held: Sequence[int]) -> bytes:
    """What a slot holds, terms by number with the bits of their fields behind it, in four bytes each, or in eight where
    there are very many terms: the first byte says which."""
    try:
        kept = array("I", held)
    except OverflowError:
        kept = array("Q", held)
    return bytes((kept.itemsize,)) + kept.tobytes()


def unpack(held: bytes) -> list[tuple[int, int]]:
    """What was packed: numbers and bits."""
    kept: npt.NDArray[np.unsignedinteger[Any]] = np.frombuffer(held, f"u{held[0]}", offset=1) if held else _NOTHING
    return list(zip((kept >> _BITS).tolist(), (kept & _FIELDS_ONLY).tolist(), strict=True))


def _most_held(slots: Numbers, holders: Sequence[tuple[Numbers, float]], size: int) -> float:
    """The rarity of all terms that one of some slots holds, of the one that holds most."""
    held, holds = np.zeros(len(slots)), np.zeros(size, np.bool_)
    for holding, rarity in holders:
        holds[holding] = True
        held[holds[slots]] += rarity
        holds[holding] = False
    return float(held.max())


def _drop(postings: bytearray, slot: int) -> None:
    """Take a slot's posting out: the last one moves into its place."""
    size = _POSTING.itemsize
    if len(postings) > _SHORT * size:
        place = size * int(np.flatnonzero(np.frombuffer(postings, _POSTING)["slot"] == slot)[0])
    else:
        sought = _SLOT.pack(slot)
        place = postings.find(sought)
        while place % size:
            place = postings.find(sought, place + 1)
    postings[place : place + size] = postings[-size:]
    del postings[-size:]
