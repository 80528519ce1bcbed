"""Vectors of texts, kept in a file: what was embedded once is not embedded again at the next start."""

import zlib
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from airegistry.core.embedding import Whole, fractions, whole
from airegistry.core.ports import Mask, Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.disk import Disk, write_whole

Records = npt.NDArray[np.void]

_NAMES = ("digest", "vector")
_DIGEST = 16
_CHECKSUM = 4
_CHUNK = 1 << 20
_SPARE = 4096
"""Vectors that nobody asked for since the start are kept while they are at most as many as the others, or so many."""


class KeptVectors:
    """A `VectorCache` of one embedder. What the file holds stays in the file; what is new waits to be saved.

    The vectors are those the index works with: rounded to 4096ths.
    """

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._lock = Lock()
        self._saved: Records = np.zeros(0, _record(0))
        self._places: dict[bytes, int] = {}
        self._asked = np.zeros(0, np.bool_)
        self._new: dict[bytes, Whole] = {}

    @property
    def fingerprint(self) -> str:
        """Of the embedder that made them."""
        return self._fingerprint

    @property
    def changed(self) -> bool:
        """Whether there are vectors that no file has."""
        return bool(self._new)

    def __len__(self) -> int:
        return len(self._places) + len(self._new)

    def get(self, texts: Sequence[str]) -> dict[str, Vectors]:
        """The vectors of those of the texts that are known, each of shape (dimensions,)."""
        digests = {text: _digest(text) for text in texts}
        with self._lock:
            new = {text: self._new[digest] for text, digest in digests.items() if digest in self._new}
            saved = {text: self._places.get(digest, -1) for text, digest in digests.items() if text not in new}
            saved = {text: place for text, place in saved.items() if place >= 0}
            places = list(saved.values())
            self._asked[places] = True
            vectors = self._saved["vector"][places]
        found = dict(zip(saved, fractions(vectors), strict=True)) if places else {}
        return found | {text: fractions(vector) for text, vector in new.items()}

    def put(self, vectors: Mapping[str, Vectors]) -> None:
        """Keep the vectors of texts."""
        with self._lock:
            for text, vector in vectors.items():
                self._new[_digest(text)] = whole(vector)

    def open(self, path: Path) -> None:
        """Take what a file holds.

        Raises:
            OSError: it cannot be read.
            ValueError: it is damaged.
        """
        _check(path)
        saved = _mapped(path)
        if saved.dtype.names != _NAMES:
            raise ValueError("it holds no vectors")
        with self._lock:
            self._hold(saved, np.zeros(len(saved), np.bool_))

    def save(self, path: Path, disk: Disk) -> None:
        """Write all of it to a file and go on with that.

        Raises:
            OSError: it cannot be written; nothing is lost but the saving.
        """
        with self._lock:
            new = dict(self._new)
            places = self._worth_keeping(new)
            records = self._records(places, new)
            asked = np.concatenate((self._asked[places], np.ones(len(new), np.bool_)))
        if not len(records):
            return

        def write(file: BinaryIO) -> None:
            summed = _Summed(file)
            np.lib.format.write_array(summed, records, allow_pickle=False)
            file.write(summed.checksum.to_bytes(_CHECKSUM, "big"))

        write_whole(path, write, disk)
        saved = _mapped(path)
        with self._lock:
            asked |= np.fromiter((self._was_asked(digest) for digest in _digests(saved)), np.bool_, len(saved))
            self._hold(saved, asked)
            for digest, vector in new.items():
                if self._new[digest] is vector:
                    del self._new[digest]

    def _was_asked(self, digest: bytes) -> bool:
        place = self._places.get(digest)
        return place is not None and bool(self._asked[place])

    def _hold(self, saved: Records, asked: Mask) -> None:
        self._saved, self._asked = saved, asked
        self._places = {digest: place for place, digest in enumerate(_digests(saved))}

    def _worth_keeping(self, new: Mapping[bytes, Whole]) -> Numbers:
        """The places in the file that the next file has too."""
        places = np.array([place for digest, place in self._places.items() if digest not in new], np.int64)
        asked = places[self._asked[places]]
        return places if len(places) <= 2 * (len(asked) + len(new)) + _SPARE else asked

    def _records(self, places: Numbers, new: Mapping[bytes, Whole]) -> Records:
        width = len(next(iter(new.values()))) if new else self._saved["vector"].shape[1]
        records = np.zeros(len(places) + len(new), _record(width))
        if len(places):
            records[: len(places)] = self._saved[places]
        for row, (digest, vector) in enumerate(new.items(), len(places)):
            records[row] = (digest, vector)
        return records


class _Summed:
    """A file that sums up what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = 0

    def write(self, data: bytes) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)


def _check(path: Path) -> None:
    """Compare a file with the sum at its end."""
    rest, checksum = path.stat().st_size - _CHECKSUM, 0
    with path.open("rb") as file:
        while rest > 0 and (chunk := file.read(min(rest, _CHUNK))):
            checksum, rest = zlib.crc32(chunk, checksum), rest - len(chunk)
        if rest or file.read() != checksum.to_bytes(_CHECKSUM, "big"):
            raise ValueError("its checksum is wrong")


def _mapped(path: Path) -> Records:
    """The records of a file, read when they are needed."""
    mapped: Records = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped.view(np.ndarray)  # whose rows are made faster than those of a memmap


def _record(width: int) -> np.dtype[np.void]:
    return np.dtype([("digest", f"V{_DIGEST}"), ("vector", "<i2", (width,))])


def _digests(records: Records) -> list[bytes]:
    joined = records["digest"].tobytes()
    return [joined[start : start + _DIGEST] for start in range(0, len(joined), _DIGEST)]


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST).digest()
