"""The dense leg: head and part vectors of documents in one growing matrix, scored by brute force."""

import numpy as np

from airegistry.core.ports import Vectors
from airegistry.core.ranking import Scores

_GRID = np.float32(4096)
_QUERY_GRID = np.float32(2048)
"""Components are rounded to multiples of 1/4096, a query's of 1/2048. Their products are multiples of 2^-23 and
sums of them exact in float32 up to 2, so a cosine depends neither on the row nor on how BLAS adds. The rounding
moves a cosine by 0.0002; the int8 model itself is off by 0.007."""


class VectorTable:
    """Vectors by the slot of the document they belong to. Rows of removed documents are used again. Not thread-safe."""

    def __init__(self) -> None:
        self._rows: dict[int, list[int]] = {}
        self._clear()

    def check(self, vectors: Vectors) -> None:
        """Whether the table can take these vectors.

        Raises:
            ValueError: they are not as long as those it holds.
        """
        if self._rows and len(vectors) and vectors.shape[1] != self._matrix.shape[1]:
            raise ValueError(f"vectors of {vectors.shape[1]} dimensions in an index of {self._matrix.shape[1]}")

    def put(self, slot: int, vectors: Vectors) -> None:
        """Give a slot its vectors, head first, in place of those it had."""
        self.check(vectors)
        self.remove(slot)
        if not len(vectors):
            return
        rows = self._take(len(vectors), vectors.shape[1])
        self._matrix[rows] = _rounded(vectors, _GRID)
        self._owners[rows] = slot
        self._heads[rows] = False
        self._heads[rows[0]] = True
        self._rows[slot] = rows

    def remove(self, slot: int) -> None:
        """Take a slot's vectors out."""
        rows = self._rows.pop(slot, [])
        self._owners[rows] = -1
        self._free += rows
        if not self._rows:
            self._clear()

    def cosines(self, vector: Vectors, slots: int) -> Scores:
        """For each of the slots half its head's cosine and half its best part's; NaN where there are no vectors."""
        cosines = np.full(slots, np.nan)
        if not self._rows:
            return cosines
        # Row by row: BLAS would give a matrix product to all cores, whose waiting costs 15 ms where they are busy.
        found = np.vecdot(self._matrix[: self._used], _rounded(vector, _QUERY_GRID))
        owners, heads = self._owners[: self._used], self._heads[: self._used]
        alive = owners >= 0
        chosen = np.flatnonzero(alive & heads)
        cosines[owners[chosen]] = found[chosen]
        best = np.full(slots, -np.inf, np.float32)
        chosen = np.flatnonzero(alive & ~heads)
        np.maximum.at(best, owners[chosen], found[chosen])
        return np.where(np.isneginf(best), cosines, 0.5 * cosines + 0.5 * best)

    def _clear(self) -> None:
        self._matrix: Vectors = np.zeros((0, 0), np.float32)
        self._owners = np.zeros(0, np.int64)
        self._heads = np.zeros(0, np.bool_)
        self._used = 0
        self._free: list[int] = []

    def _take(self, count: int, dimensions: int) -> list[int]:
        rows = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = count - len(rows)
        if self._used + fresh > len(self._matrix):
            self._grow(max(64, 2 * len(self._matrix), self._used + fresh), dimensions)
        rows += range(self._used, self._used + fresh)
        self._used += fresh
        return rows

    def _grow(self, size: int, dimensions: int) -> None:
        matrix = np.zeros((size, dimensions), np.float32)
        owners, heads = np.full(size, -1, np.int64), np.zeros(size, np.bool_)
        if self._used:
            used = slice(self._used)
            matrix[used], owners[used], heads[used] = self._matrix[used], self._owners[used], self._heads[used]
        self._matrix, self._owners, self._heads = matrix, owners, heads


def _rounded(vectors: Vectors, grid: np.float32) -> Vectors:
    return (np.round(vectors * grid) / grid).astype(np.float32)
