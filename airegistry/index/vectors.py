"""The dense leg: which vectors a document has, its head and its parts, and how near it is to a query."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import Whole
from airegistry.core.ports import Mask, Vectors
from airegistry.core.ranking import Numbers, Scores
from airegistry.index.arrays import Arrays, grown
from airegistry.index.rows import Rows

_NONE = -1
_SMALL = 4096


Close = tuple[float | None, int | None]
"""The cosine of a head, None where there is none, and the number of the part that is nearest, None when none is nearer
than the head."""


def close(cosines: Vectors) -> Close:
    """What the cosines of a document's vectors say, that of its head first."""
    if not len(cosines):
        return None, None
    best = int(np.argmax(cosines[1:])) if len(cosines) > 1 else None
    return float(cosines[0]), best if best is not None and cosines[1 + best] > cosines[0] else None


class VectorTable:
    """Vectors by the slot of the document they belong to. Not thread-safe.

    The parts of all documents stand in one row of numbers, those of one document together: a run. The runs of removed
    documents stay, without an owner, until they are half of all.
    """

    _parts: Numbers
    _starts: Numbers
    _owners: Numbers
    _count: int
    _filled: int
    _dead: int

    def __init__(self) -> None:
        self._rows = Rows()
        self._heads: Numbers = np.zeros(0, np.int64)
        self._runs: Numbers = np.zeros(0, np.int64)
        self._clear_runs()

    def check(self, vectors: Whole) -> None:
        """Whether the table can take these vectors.

        Raises:
            ValueError: they are not as long as those it holds.
        """
        dimensions = self._rows.dimensions
        if dimensions is not None and len(vectors) and vectors.shape[1] != dimensions:
            raise ValueError(f"vectors of {vectors.shape[1]} dimensions in an index of {dimensions}")

    def put(self, slot: int, vectors: Whole) -> None:
        """Give a slot its vectors, head first, in place of those it had."""
        self.check(vectors)
        self._heads, self._runs = grown(self._heads, slot + 1, _NONE), grown(self._runs, slot + 1, _NONE)
        before = self._of(slot)
        rows = self._rows.take(vectors) if len(vectors) else []
        self._disown(slot)
        if rows:
            self._heads[slot] = rows[0]
        if rows[1:]:
            self._add_run(slot, rows[1:])
        self._release(before)

    def remove(self, slot: int) -> None:
        """Take a slot's vectors out."""
        if slot < len(self._heads):
            before = self._of(slot)
            self._disown(slot)
            self._release(before)

    def cosines(self, vector: Vectors, visible: Mask) -> Scores:
        """For each visible slot half its head's cosine and half its best part's; NaN where there are no vectors."""
        size = len(visible)
        heads, runs = self._heads[:size], self._runs[:size]
        seen = visible[: len(heads)] & (heads >= 0)
        known = np.flatnonzero(seen)
        cosines = np.full(size, np.nan)
        if not len(known):
            return cosines
        wanted = self._wanted(known)
        found = self._rows.cosines(vector, wanted)
        if wanted is not None:
            found, some = np.zeros(len(self._rows), np.float32), found
            found[wanted] = some
        if 2 * len(known) > len(heads):  # then it is less work to look at all, and leave out what is not seen
            np.copyto(cosines[: len(heads)], found.take(heads, mode="wrap"), where=seen)
        else:
            cosines[known] = found[heads[known]]
        parted = np.flatnonzero(seen & (runs >= 0))
        if len(parted):
            ends = self._parts[: self._filled]
            best = np.maximum.reduceat(found[ends], self._starts[: self._count])
            cosines[parted] = 0.5 * cosines[parted] + 0.5 * best[runs[parted]]
        return cosines

    def close(self, vector: Vectors, slot: int) -> Close:
        """How close a slot is to a vector."""
        return close(self._rows.cosines(vector, np.array(self._of(slot), np.int64)))

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        self._tidy()
        return self._rows.dump() | {
            "heads": self._heads.copy(),
            "runs": self._runs.copy(),
            "starts": self._starts[: self._count].copy(),
            "parts": self._parts[: self._filled].copy(),
        }

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "VectorTable":
        """What was dumped."""
        found = cls()
        found._heads, found._runs, found._starts, found._parts = (
            arrays[name].astype(np.int64) for name in ("heads", "runs", "starts", "parts")
        )
        found._count, found._filled = len(found._starts), len(found._parts)
        slots = np.flatnonzero(found._runs >= 0)
        found._owners = np.full(found._count, _NONE, np.int64)
        found._owners[found._runs[slots]] = slots
        used = np.concatenate((found._heads[found._heads >= 0], found._parts))
        found._rows = Rows.restored(arrays, np.bincount(used))
        return found

    def _wanted(self, slots: Numbers) -> Numbers | None:
        """The rows of some slots, in their order; None for all, where most are wanted."""
        if 2 * len(slots) > len(self._rows):
            return None
        heads, runs = self._heads[slots], self._runs[slots]
        mine = np.zeros(self._count, np.bool_)
        mine[runs[runs >= 0]] = True
        wanted = np.zeros(len(self._rows), np.bool_)
        wanted[heads] = True
        wanted[self._parts[: self._filled][np.repeat(mine, self._lengths())]] = True
        return None if 2 * np.count_nonzero(wanted) > len(wanted) else np.flatnonzero(wanted)

    def _of(self, slot: int) -> list[int]:
        """The rows of a slot, head first."""
        head, run = int(self._heads[slot]), int(self._runs[slot])
        if head < 0:
            return []
        if run < 0:
            return [head]
        end = self._starts[run + 1] if run + 1 < self._count else self._filled
        return [head, *self._parts[self._starts[run] : end].tolist()]

    def _disown(self, slot: int) -> None:
        run = int(self._runs[slot])
        if run >= 0:
            self._dead += len(self._of(slot)) - 1
            self._owners[run] = _NONE
        self._heads[slot] = self._runs[slot] = _NONE

    def _release(self, rows: list[int]) -> None:
        self._rows.release(rows)
        if self._rows.dimensions is None:
            self._clear_runs()
        elif self._dead > max(_SMALL, self._filled // 2):
            self._tidy()

    def _add_run(self, slot: int, rows: list[int]) -> None:
        start, self._filled = self._filled, self._filled + len(rows)
        run, self._count = self._count, self._count + 1
        self._parts = grown(self._parts, self._filled)
        self._starts, self._owners = grown(self._starts, self._count), grown(self._owners, self._count)
        self._parts[start : self._filled] = rows
        self._starts[run], self._owners[run], self._runs[slot] = start, slot, run

    def _lengths(self) -> Numbers:
        """Parts of each run."""
        return np.diff(self._starts[: self._count], append=self._filled)

    def _tidy(self) -> None:
        """Leave out the runs without an owner."""
        owners, lengths = self._owners[: self._count], self._lengths()
        kept = owners >= 0
        self._parts = self._parts[: self._filled][np.repeat(kept, lengths)]
        self._owners, lengths = owners[kept], lengths[kept]
        self._starts = np.cumsum(lengths) - lengths
        self._count, self._filled, self._dead = len(self._owners), len(self._parts), 0
        self._runs[self._owners] = np.arange(self._count)

    def _clear_runs(self) -> None:
        self._parts, self._starts, self._owners = (np.zeros(0, np.int64) for _ in range(3))
        self._count = self._filled = self._dead = 0
