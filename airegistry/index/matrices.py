"""What vectors of whole numbers are kept in: as rows of two bytes each component, or very many as columns of one.

Queries are whole numbers, too, and products of the two are whole: they are exact, whoever adds them up in what order.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from airegistry.core.ports import Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.arrays import Arrays, grown
from airegistry.index.products import Bytes, Digits, Whole32, digits, products, summed

_BLOCK = 4096
"""Rows that are widened to float32 at a time: few enough to stay in the processor's cache, and enough that searches do
not hand the interpreter to other threads at each turn."""
_ALONE = 65_536
"""Vectors up to which one thread looks at them."""
_HANDS = min(4, os.cpu_count() or 1)
"""Threads that share more."""
_TOGETHER = 16_384
"""Columns that are kept, and multiplied, together: the second digit of a query finds them in the processor's cache, and
they are large enough for large pages of memory."""
_FEW = 1000
"""Columns that are picked out one by one; for more the blocks that they are in are multiplied."""
Kept = npt.NDArray[np.signedinteger[Any]]
Share = Callable[[int, int], None]
"""Does a part of a work: one hand's, from a number up to another."""


class Matrix:
    """Vectors as rows of two bytes each component, with room for more."""

    def __init__(self, rows: Kept) -> None:
        self._rows = rows.astype(np.int16, copy=False)

    @property
    def dimensions(self) -> int:
        """The length of each."""
        return int(self._rows.shape[1])

    def __getitem__(self, row: int) -> Kept:
        found: Kept = self._rows[row]
        return found

    def put(self, row: int, vector: Kept) -> None:
        """Keep a vector in a row, which is there or the next."""
        self._rows = grown(self._rows, row + 1)
        self._rows[row] = vector

    def some(self, first: int, last: int) -> Kept:
        """The rows from one up to another."""
        return self._rows[first:last]

    def score(self, query: Vectors, rows: Numbers | None, used: int) -> Vectors:
        """The products of a query with some rows, or with those that are used."""
        found = np.empty(used if rows is None else len(rows), np.float32)
        _shared(partial(self._score, query, rows, found), len(found), len(found))
        return found

    def _score(self, query: Vectors, rows: Numbers | None, found: Vectors, first: int, last: int) -> None:
        block = np.empty((min(last - first, _BLOCK), self.dimensions), np.float32)
        for start in range(first, last, _BLOCK):
            place = slice(start, min(start + _BLOCK, last))
            widened = block[: place.stop - start]
            widened[:] = self._rows[place if rows is None else rows[place]]
            # Row by row: BLAS would give a matrix product to all cores, whose waiting costs 15 ms where they are busy.
            np.vecdot(widened, query, out=found[place])

    def dump(self, used: int) -> Arrays:
        """Those that are used."""
        return {"rows": self._rows[:used].copy()}


class Columns:
    """Vectors as columns of bytes, so many in a block."""

    def __init__(self, dimensions: int, blocks: Sequence[Bytes] = (), sums: Whole32 | None = None) -> None:
        self.dimensions = dimensions
        self._blocks = [*blocks]
        self._sums = np.zeros(len(self._blocks) * _TOGETHER, np.int32) if sums is None else sums

    @classmethod
    def made(cls, dimensions: int, count: int, some: Callable[[int, int], Kept]) -> "Columns":
        """So many columns of vectors that are given `some` at a time, those from one up to another."""
        blocks = [np.zeros((dimensions, _TOGETHER), np.int8) for _ in range(0, count, _TOGETHER)]
        for block, start in zip(blocks, range(0, count, _TOGETHER), strict=True):
            vectors = some(start, min(start + _TOGETHER, count))
            block[:, : len(vectors)] = vectors.T
        return cls(dimensions, blocks, np.concatenate([summed(block) for block in blocks]))

    @classmethod
    def restored(cls, blocks: Bytes, sums: Whole32) -> "Columns":
        """What was dumped."""
        return cls(blocks.shape[1], [*blocks], sums)

    def __getitem__(self, row: int) -> Kept:
        block, column = divmod(row, _TOGETHER)
        return np.ascontiguousarray(self._blocks[block][:, column])

    def put(self, row: int, vector: Kept) -> None:
        """Keep a vector in a column, which is there or the next."""
        block, column = divmod(row, _TOGETHER)
        if block == len(self._blocks):
            self._blocks.append(np.zeros((self.dimensions, _TOGETHER), np.int8))
            self._sums = np.concatenate((self._sums, np.zeros(_TOGETHER, np.int32)))
        self._blocks[block][:, column] = vector
        self._sums[row] = vector.sum(dtype=np.int32)

    def score(self, query: Vectors, rows: Numbers | None, used: int) -> Vectors:
        """The products of a query with some columns, or with those that are used."""
        if rows is not None and len(rows) <= _FEW:
            few = np.array([self[row] for row in rows.tolist()], np.float32).reshape(-1, self.dimensions)
            return np.asarray(np.vecdot(few, query), np.float32)
        numbers = np.arange(len(self._blocks)) if rows is None else np.unique(rows // _TOGETHER)
        found = np.empty(len(self._blocks) * _TOGETHER, np.float32)
        _shared(partial(self._score, digits(query), numbers.tolist(), found), len(numbers), len(numbers) * _TOGETHER)
        return found[:used] if rows is None else found[rows]

    def _score(self, query: Digits, numbers: Sequence[int], found: Vectors, first: int, last: int) -> None:
        for number in numbers[first:last]:
            place = slice(number * _TOGETHER, (number + 1) * _TOGETHER)
            found[place] = products(query, self._blocks[number], self._sums[place])

    def dump(self, used: int) -> Arrays:
        """All of them, those that are not used as they happen to be."""
        return {"rows": np.stack(self._blocks), "rows.sums": self._sums.copy()}


def _shared(share: Share, count: int, vectors: int) -> None:
    """Have a work of so many parts done, by several hands where there are many vectors."""
    if vectors <= _ALONE:
        share(0, count)
        return
    ends = [count * hand // _HANDS for hand in range(_HANDS + 1)]
    waited = [_hands().submit(share, first, last) for first, last in pairwise(ends)]
    for each in waited:
        each.result()


@cache
def _hands() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_HANDS, thread_name_prefix="cosines")
