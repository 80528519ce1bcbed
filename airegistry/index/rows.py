"""Vectors in one growing matrix, equal ones kept once, scored by brute force."""

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import GRID, Whole
from airegistry.core.places import Places
from airegistry.core.ports import Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.arrays import Arrays, grown

_QUERY_GRID = 2048
"""Components are kept as whole 4096ths, a query's as whole 2048ths. Their products are whole numbers and sums of them
exact in float32 up to 2^24, twice what unit vectors reach: a cosine depends neither on the row nor on the order in
which BLAS adds. The rounding moves a cosine by 0.0002; the int8 model itself is off by 0.007."""

_BLOCK = 4096
"""Rows that are widened to float32 at a time: few enough to stay in the processor's cache, and enough that searches do
not hand the interpreter to other threads at each turn."""
_ALONE = 65_536
"""Rows up to which one thread looks at them."""
_SCANS = 4
"""Queries for which the cosines with so many are remembered: each kind of things is searched by itself."""
_HANDS = min(4, os.cpu_count() or 1)
"""Threads that share more."""

_MANY = 200_000
"""Vectors past which they are kept as bytes, a half of the memory: that moves a cosine by 0.0006."""
_WIDEST = 5.0
"""Bytes tell components apart up to so many times their usual size."""
_Kept = npt.NDArray[np.signedinteger[Any]]


class Rows:
    """Vectors by row; rows that nobody uses any more are used again. Not thread-safe."""

    _matrix: _Kept
    _uses: Numbers
    _blocks: list[Vectors]
    _places: Places
    _free: list[int]
    _scans: OrderedDict[bytes, Vectors]

    def __init__(self, many: int = _MANY) -> None:
        """Past `many` rows they are kept as bytes."""
        self._many = many
        self._clear()

    def __len__(self) -> int:
        """One more than the highest row ever given out."""
        return self._used

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors, None while there are none."""
        return self._matrix.shape[1] if self._used > len(self._free) else None

    def take(self, vectors: Whole) -> list[int]:
        """The rows of these vectors, each used once more."""
        self._scans.clear()
        if self.dimensions is None:
            self._begin(np.zeros((0, vectors.shape[1]), np.int16))
        rows = [self._row(vector) for vector in self._as_kept(vectors)]
        for row in rows:
            self._uses[row] += 1
        if self._used > self._many and self._matrix.dtype == np.int16:
            self._narrow()
        return rows

    def release(self, rows: Sequence[int]) -> None:
        """Use these rows once less."""
        self._scans.clear()
        for row in rows:
            self._uses[row] -= 1
            if not self._uses[row]:
                self._places.discard(_hash(self._matrix[row]), row)
                self._free.append(row)
        if self.dimensions is None:
            self._clear()

    def cosines(self, query: Vectors, rows: Numbers | None = None) -> Vectors:
        """The cosine of a query with each of some rows, or of all."""
        aimed = _aimed(query)
        known = self._scans.get(aimed.tobytes())
        if known is not None:
            return known if rows is None else known[rows]
        count = self._used if rows is None else len(rows)
        found = np.empty(count, np.float32)
        if count <= _ALONE:
            self._score(aimed, rows, found, 0, 0, count)
        else:
            ends = [count * hand // _HANDS for hand in range(_HANDS + 1)]
            shares = zip(range(_HANDS), ends, ends[1:], strict=False)
            waited = [_hands().submit(self._score, aimed, rows, found, *share) for share in shares]
            for each in waited:
                each.result()
        found /= np.float32(self._grid * _QUERY_GRID)
        if rows is None and count > _ALONE:
            found.flags.writeable = False
            self._scans[aimed.tobytes()] = found
            if len(self._scans) > _SCANS:
                self._scans.popitem(last=False)
        return found

    def _score(self, aimed: Vectors, rows: Numbers | None, found: Vectors, hand: int, first: int, last: int) -> None:
        """Fill in the products of a query with the rows from `first` up to `last`, in a block of its own."""
        self._blocks[hand] = block = grown(self._blocks[hand], min(last - first, _BLOCK))
        for start in range(first, last, _BLOCK):
            place = slice(start, min(start + _BLOCK, last))
            widened = block[: place.stop - start]
            widened[:] = self._matrix[place if rows is None else rows[place]]
            # Row by row: BLAS would give a matrix product to all cores, whose waiting costs 15 ms where they are busy.
            np.vecdot(widened, aimed, out=found[place])

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        hashes, taken = self._places.listed()
        return {"rows": self._matrix[: self._used].copy(), "rows.hashes": hashes, "rows.taken": taken}

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]], uses: Numbers) -> "Rows":
        """What was dumped, with how often each row is used."""
        found, rows = cls(), arrays["rows"]
        found._begin(rows.astype(np.int8, copy=False) if rows.dtype == np.int8 else rows.astype(np.int16, copy=False))
        found._uses, found._used = uses, len(rows)
        found._places = Places.filled(arrays["rows.hashes"].astype(np.int64), arrays["rows.taken"].astype(np.int64))
        found._free = np.flatnonzero(uses == 0).tolist()
        return found

    def _clear(self) -> None:
        self._begin(np.zeros((0, 0), np.int16))
        self._uses, self._used = np.zeros(0, np.int64), 0
        self._places, self._free, self._scans = Places(), [], OrderedDict()

    def _begin(self, matrix: _Kept) -> None:
        """Go on with a matrix, which decides how the rows are kept."""
        dimensions = matrix.shape[1]
        self._matrix = matrix
        self._grid = GRID if matrix.dtype == np.int16 else _coarse(dimensions)
        self._blocks = [np.zeros((0, dimensions), np.float32) for _ in range(_HANDS)]

    def _narrow(self) -> None:
        """Keep the rows as bytes from now on."""
        fine, used = self._matrix, self._used
        self._begin(np.zeros((len(fine), fine.shape[1]), np.int8))
        for start in range(0, used, _BLOCK):
            self._matrix[start : min(start + _BLOCK, used)] = self._as_kept(fine[start : min(start + _BLOCK, used)])
        taken = np.flatnonzero(self._uses[:used])
        self._places = Places.filled(np.array([_hash(self._matrix[row]) for row in taken.tolist()], np.int64), taken)

    def _as_kept(self, vectors: _Kept) -> _Kept:
        if self._matrix.dtype == np.int16:
            return vectors
        coarse = np.rint(vectors * np.float32(self._grid / GRID))
        return np.asarray(np.minimum(np.maximum(coarse, -127), 127), np.int8)

    def _row(self, vector: _Kept) -> int:
        hashed = _hash(vector)
        row = next((row for row in self._places.of(hashed) if np.array_equal(self._matrix[row], vector)), None)
        if row is None:
            row = self._free.pop() if self._free else self._used
            self._used = max(self._used, row + 1)
            self._matrix, self._uses = grown(self._matrix, self._used), grown(self._uses, self._used)
            self._matrix[row] = vector
            self._places.add(hashed, row)
        return row


def cosines(rows: Whole, query: Vectors) -> Vectors:
    """The cosine of a query with each of a few rows, the same as `Rows` gives."""
    return np.asarray(np.vecdot(rows.astype(np.float32), _aimed(query)) / np.float32(GRID * _QUERY_GRID), np.float32)


def _aimed(query: Vectors) -> Vectors:
    return np.round(query * np.float32(_QUERY_GRID)).astype(np.float32)


def _coarse(dimensions: int) -> float:
    """Into how many parts 1 is divided where components are bytes."""
    return float(round(127 * max(1.0, dimensions**0.5 / _WIDEST)))


@cache
def _hands() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_HANDS, thread_name_prefix="cosines")


def _hash(vector: _Kept) -> int:
    """The same in every process, as it is kept in a file."""
    return int.from_bytes(blake2b(vector.tobytes(), digest_size=4).digest(), "big")
