"""Terms and their numbers, and which terms are nearly another one."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from airegistry.core.names import edits as edits_between
from airegistry.core.ports import Mask
from airegistry.index.arrays import Arrays, grown, packed_texts, unpacked_texts


class Vocabulary:
    """Gives each term a number, and the numbers of dropped ones to others. Not thread-safe.

    Each term has a sign, the set of its characters as bits: an edit changes at most two of them, so most terms
    are ruled out without a look at them.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._terms: list[str] = []
        self._free: list[int] = []
        self._sizes = np.zeros(0, np.int64)
        self._signs = np.zeros(0, np.uint64)

    def __len__(self) -> int:
        """One more than the highest number ever given out."""
        return len(self._terms)

    def get(self, term: str) -> int | None:
        """The number of a term, if it has one."""
        return self._numbers.get(term)

    def number(self, term: str) -> int:
        """The number of a term: the one it has, or another."""
        number = self._numbers.get(term)
        if number is not None:
            return number
        if self._free:
            number = self._free.pop()
            self._terms[number] = term
        else:
            number = len(self._terms)
            self._terms.append(term)
            self._sizes, self._signs = grown(self._sizes, len(self)), grown(self._signs, len(self))
        self._numbers[term] = number
        self._sizes[number], self._signs[number] = len(term), _sign(term)
        return number

    def drop(self, number: int) -> None:
        """Take a number from its term."""
        del self._numbers[self._terms[number]]
        self._terms[number] = ""
        self._free.append(number)

    def near(self, term: str, edits: int, among: Mask) -> Iterator[tuple[str, int]]:
        """Terms at most so many edits away, of those whose numbers are chosen, with their distance."""
        size = len(among)
        alike = among & (np.bitwise_count(self._signs[:size] ^ _sign(term)) <= 2 * edits)
        alike &= np.abs(self._sizes[:size] - len(term)) <= edits
        for number in np.flatnonzero(alike).tolist():
            distance = edits_between(term, self._terms[number], edits)
            if distance <= edits:
                yield self._terms[number], distance

    def begun(self, start: str, among: Mask) -> list[str]:
        """Terms that begin so and go on, of those whose numbers are chosen."""
        sign = _sign(start)
        longer = among & (self._signs[: len(among)] & sign == sign) & (self._sizes[: len(among)] > len(start))
        return [term for number in np.flatnonzero(longer).tolist() if (term := self._terms[number]).startswith(start)]

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        signs, taken = self._signs[: len(self)].copy(), np.zeros(len(self), np.bool_)
        taken[list(self._numbers.values())] = True
        return packed_texts("terms", self._terms) | {"terms.signs": signs, "terms.taken": taken}

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Vocabulary":
        """What was dumped."""
        found = cls()
        found._terms = unpacked_texts("terms", arrays)
        found._sizes = arrays["terms.lengths"].astype(np.int64)
        found._signs = arrays["terms.signs"].astype(np.uint64)
        taken = arrays["terms.taken"].astype(np.bool_)
        found._numbers = {found._terms[number]: number for number in np.flatnonzero(taken).tolist()}
        found._free = np.flatnonzero(~taken).tolist()
        return found


def _sign(term: str) -> np.uint64:
    bits = 0
    for character in term:
        bits |= 1 << ord(character) % 64
    return np.uint64(bits)
