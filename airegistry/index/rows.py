"""Vectors in one growing matrix, equal ones kept once, scored by brute force."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import GRID, Whole, fractions
from airegistry.core.ports import Mask, Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.ann import Likely
from airegistry.index.arrays import Arrays, grown

_QUERY_GRID = 2048
"""Components are kept as whole 4096ths, a query's as whole 2048ths. Their products are whole numbers and sums of them
exact in float32 up to 2^24, twice what unit vectors reach: a cosine depends neither on the row nor on the order in
which BLAS adds. The rounding moves a cosine by 0.0002; the int8 model itself is off by 0.007."""

_DIGEST = 16
_BLOCK = 4096
"""Rows that are widened to float32 at a time: few enough to stay in the processor's cache, and enough that searches do
not hand the interpreter to other threads at each turn."""


class Rows:
    """Vectors by row; rows that nobody uses any more are used again. Not thread-safe."""

    _matrix: Whole
    _uses: Numbers
    _block: Vectors
    _rows: dict[bytes, int]
    _free: list[int]
    _likely: Likely | None
    _touched: set[int]

    def __init__(self) -> None:
        self._clear()

    def __len__(self) -> int:
        """One more than the highest row ever given out."""
        return self._used

    @property
    def dimensions(self) -> int | None:
        """Length of the vectors, None while there are none."""
        return self._matrix.shape[1] if self._rows else None

    def take(self, vectors: Whole) -> list[int]:
        """The rows of these vectors, each used once more."""
        if not self._rows:
            self._matrix = np.zeros((0, vectors.shape[1]), np.int16)
            self._block = np.zeros((0, vectors.shape[1]), np.float32)
        rows = [self._row(vector) for vector in vectors]
        for row in rows:
            self._uses[row] += 1
        return rows

    def release(self, rows: Sequence[int]) -> None:
        """Use these rows once less."""
        for row in rows:
            self._uses[row] -= 1
            if not self._uses[row]:
                del self._rows[_digest(self._matrix[row])]
                self._free.append(row)
        if not self._rows:
            self._clear()

    def cosines(self, query: Vectors, rows: Numbers | None = None) -> Vectors:
        """The cosine of a query with each of some rows, or of all."""
        aimed = _aimed(query)
        count = self._used if rows is None else len(rows)
        self._block = grown(self._block, min(count, _BLOCK))
        found = np.empty(count, np.float32)
        for start in range(0, count, _BLOCK):
            place = slice(start, min(start + _BLOCK, count))
            widened = self._block[: place.stop - start]
            widened[:] = self._matrix[place if rows is None else rows[place]]
            # Row by row: BLAS would give a matrix product to all cores, whose waiting costs 15 ms where they are busy.
            np.vecdot(widened, aimed, out=found[place])
        found /= np.float32(GRID * _QUERY_GRID)
        return found

    def near(self, query: Vectors, among: Mask | None, count: int) -> Numbers:
        """The rows that are likely nearest to a query, by the extra `ann`, of all or of those that are marked."""
        if self._likely is None:
            self._likely, self._touched = Likely(self._matrix.shape[1]), set(range(self._used))
        touched = sorted(self._touched)
        for start in range(0, len(touched), _BLOCK):
            rows = touched[start : start + _BLOCK]
            self._likely.put(rows, fractions(self._matrix[rows]))
        self._touched.clear()
        return self._likely.near(query, among, count)

    def dump(self) -> Arrays:
        """All of it, to be restored."""
        places = np.fromiter(self._rows.values(), np.int64, len(self._rows))
        digests = np.frombuffer(b"".join(self._rows), np.uint8)
        return {"rows": self._matrix[: self._used].copy(), "rows.taken": places, "rows.digests": digests}

    @classmethod
    def restored(cls, arrays: Mapping[str, npt.NDArray[np.generic]], uses: Numbers) -> "Rows":
        """What was dumped, with how often each row is used."""
        found, matrix = cls(), arrays["rows"].astype(np.int16, copy=False)
        found._matrix, found._uses, found._used = matrix, uses, len(matrix)
        found._block = np.zeros((0, matrix.shape[1]), np.float32)
        digests, taken = arrays["rows.digests"].tobytes(), arrays["rows.taken"].tolist()
        starts = range(0, len(digests), _DIGEST)
        found._rows = {digests[start : start + _DIGEST]: row for start, row in zip(starts, taken, strict=True)}
        found._free = np.flatnonzero(uses == 0).tolist()
        return found

    def _clear(self) -> None:
        self._matrix, self._block = np.zeros((0, 0), np.int16), np.zeros((0, 0), np.float32)
        self._uses, self._used = np.zeros(0, np.int64), 0
        self._rows, self._free = {}, []
        self._likely, self._touched = None, set()

    def _row(self, vector: Whole) -> int:
        digest = _digest(vector)
        row = self._rows.get(digest)
        if row is None:
            row = self._free.pop() if self._free else self._used
            self._used = max(self._used, row + 1)
            self._matrix, self._uses = grown(self._matrix, self._used), grown(self._uses, self._used)
            self._matrix[row] = vector
            self._rows[digest] = row
            if self._likely is not None:
                self._touched.add(row)
        return row


def cosines(rows: Whole, query: Vectors) -> Vectors:
    """The cosine of a query with each of a few rows, the same as `Rows` gives."""
    return np.asarray(np.vecdot(rows.astype(np.float32), _aimed(query)) / np.float32(GRID * _QUERY_GRID), np.float32)


def _aimed(query: Vectors) -> Vectors:
    return np.round(query * np.float32(_QUERY_GRID)).astype(np.float32)


def _digest(vector: Whole) -> bytes:
    return blake2b(vector.tobytes(), digest_size=_DIGEST).digest()
