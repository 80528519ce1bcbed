"""Vectors in one growing matrix, equal ones kept once, scored by brute force."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import GRID, Whole
from airegistry.core.places import Places
from airegistry.core.ports import Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.arrays import Arrays, grown
from airegistry.index.matrices import Columns, Kept, Matrix

_QUERY_GRID = 2048
"""Components are kept as whole 4096ths, a query's as whole 2048ths. Their products are whole numbers and sums of them
exact in float32 up to 2^24, twice what unit vectors reach: a cosine depends neither on the row nor on the order in
which BLAS adds. The rounding moves a cosine by 0.0002; the int8 model itself is off by 0.007."""

_SCANNED = 65_536
"""Rows past which the cosines with all of them are remembered."""
_SCANS = 4
"""Queries for which they are: each kind of things is searched by itself."""
_MANY = 200_000
"""Vectors past which they are kept as bytes, a half of the memory: that moves a cosine by 0.0006."""
_WIDEST = 5.0
"""Bytes tell components apart up to so many times their usual size."""


class Rows:
    """Vectors by row; rows that nobody uses any more are used again. Not thread-safe."""

    _kept: Matrix | Columns
    _uses: Numbers
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
        return self._kept.dimensions if self._used > len(self._free) else None

    def take(self, vectors: Whole) -> list[int]:
        """The rows of these vectors, each used once more."""
        self._scans.clear()
        if self.dimensions is None:
            self._begin(Matrix(np.zeros((0, vectors.shape[1]), np.int16)))
        rows = [self._row(vector) for vector in self._as_kept(vectors)]
        for row in rows:
            self._uses[row] += 1
        if self._used > self._many and isinstance(self._kept, Matrix):
            self._narrow(self._kept)
        return rows

    def release(self, rows: Sequence[int]) -> None:
        """Use these rows once less."""
        self._scans.clear()
        for row in rows:
            self._uses[row] -= 1
            if not self._uses[row]:
                self._places.discard(_hash(self._kept[row]), row)
                self._free.append(row)
        if self.dimensions is None:
            self._clear()

    def cosines(self, query: Vectors, rows: Numbers | None = None) -> Vectors:
        """The cosine of a query with each of some rows, or of all."""
        aimed = _aimed(query)
        known = self._scans.get(aimed.tobytes())
        if known is not None:
            return known if rows is None else known[rows]
        found = self._kept.score(aimed, rows, self._used)
        found /= np.float32(self._grid * _QUERY_GRID)
        if rows is None and len(found) > _SCANNED:
            found.flags.writeable = False
            self._scans[aimed.tobytes()] = found
            if len(self._scans) > _SCANS:
                self._scans.popitem(last=False)
        return found

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        hashes, taken = self._places.listed()
        return self._kept.dump(self._used) | {"rows.hashes": hashes, "rows.taken": taken}

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]], uses: Numbers) -> "Rows":
        """What was dumped, with how often each row is used."""
        found, rows = cls(), arrays["rows"]
        if rows.dtype == np.int8:
            found._begin(Columns.restored(rows.astype(np.int8, copy=False), arrays["rows.sums"].astype(np.int32)))
        else:
            found._begin(Matrix(rows.astype(np.int16, copy=False)))
        found._uses, found._used = uses, len(uses)
        found._places = Places.filled(arrays["rows.hashes"].astype(np.int64), arrays["rows.taken"].astype(np.int64))
        found._free = np.flatnonzero(uses == 0).tolist()
        return found

    def _clear(self) -> None:
        self._begin(Matrix(np.zeros((0, 0), np.int16)))
        self._uses, self._used = np.zeros(0, np.int64), 0
        self._places, self._free, self._scans = Places(), [], OrderedDict()

    def _begin(self, kept: Matrix | Columns) -> None:
        """Go on with what decides how vectors are kept."""
        self._kept = kept
        self._grid = GRID if isinstance(kept, Matrix) else _coarse(kept.dimensions)

    def _narrow(self, fine: Matrix) -> None:
        """Keep the rows as bytes from now on."""
        self._begin(Columns(fine.dimensions))
        self._kept = Columns.made(fine.dimensions, self._used, lambda *span: self._as_kept(fine.some(*span)))
        taken = np.flatnonzero(self._uses[: self._used])
        self._places = Places.filled(np.array([_hash(self._kept[row]) for row in taken.tolist()], np.int64), taken)

    def _as_kept(self, vectors: Kept) -> Kept:
        if isinstance(self._kept, Matrix):
            return vectors
        coarse = np.rint(vectors * np.float32(self._grid / GRID))
        return np.asarray(np.minimum(np.maximum(coarse, -127), 127), np.int8)

    def _row(self, vector: Kept) -> int:
        hashed = _hash(vector)
        row = next((row for row in self._places.of(hashed) if np.array_equal(self._kept[row], vector)), None)
        if row is None:
            row = self._free.pop() if self._free else self._used
            self._used = max(self._used, row + 1)
            self._uses = grown(self._uses, self._used)
            self._kept.put(row, vector)
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


def _hash(vector: Kept) -> int:
    """The same in every process, as it is kept in a file."""
    return int.from_bytes(blake2b(vector.tobytes(), digest_size=4).digest(), "big")
