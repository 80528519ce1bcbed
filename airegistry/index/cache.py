"""Vectors of texts, kept in a file: what was embedded once is not embedded again at the next start."""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from airegistry.core.embedding import Whole, fractions, whole
from airegistry.core.ports import Vectors
from airegistry.core.ranking import Numbers
from airegistry.index.digests import SIZE, Digests, Halves, halves
from airegistry.index.disk import Disk, write_whole
from airegistry.index.mapped import MappedRecords

_NAMES = ("digest", "vector")
_CHECKSUM = 4
_CHUNK = 1024
"""Records that are read or written at once."""
_SPARE = 4096
"""Vectors that nobody asked for since the start are kept while they are at most as many as the others, or so many."""


class KeptVectors:
    """A `VectorCache` of one embedder. What the file holds stays in the file; what is new waits to be saved.

    The vectors are those the index works with: rounded to 4096ths.
    """

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint
        self._lock = Lock()
        self._saved = MappedRecords(np.zeros(0, _record(0)))
        self._places = Digests(halves(b""))
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
            rest = [text for text in digests if text not in new]
            places = self._places.places([digests[text] for text in rest])
            known = places >= 0
            self._asked[places[known]] = True
            vectors = self._saved.vectors(places[known])
        saved = [text for text, there in zip(rest, known.tolist(), strict=True) if there]
        found = dict(zip(saved, fractions(vectors), strict=True)) if saved else {}
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
        digests = _checked(path)
        saved = MappedRecords.of(path)
        with self._lock:
            self._saved, self._asked = saved, np.zeros(len(saved), np.bool_)
            self._places = Digests(digests)

    def save(self, path: Path, disk: Disk) -> None:
        """Write all of it to a file and go on with that.

        Raises:
            OSError: it cannot be written; nothing is lost but the saving.
        """
        with self._lock:
            new = dict(self._new)
            places = self._worth_keeping(new)
        if not len(places) + len(new):
            return
        digests: list[bytes] = []

        def write(file: BinaryIO) -> None:
            summed = _Summed(file)
            for piece in self._pieces(places, new, digests):
                summed.write(piece)
            file.write(summed.checksum.to_bytes(_CHECKSUM, "big"))

        write_whole(path, write, disk)
        found, saved = Digests(halves(b"".join(digests))), MappedRecords.of(path)
        with self._lock:  # what was asked for while it was written counts
            self._asked = np.concatenate((self._asked[places], np.ones(len(new), np.bool_)))
            self._saved, self._places = saved, found
            for digest, vector in new.items():
                if self._new[digest] is vector:
                    del self._new[digest]

    def _worth_keeping(self, new: Mapping[bytes, Whole]) -> Numbers:
        """The places in the file that the next file has too."""
        kept = np.ones(len(self._saved), np.bool_)
        replaced = self._places.places([*new])
        kept[replaced[replaced >= 0]] = False
        places = np.flatnonzero(kept)
        asked = places[self._asked[places]]
        return places if len(places) <= 2 * (len(asked) + len(new)) + _SPARE else asked

    def _pieces(self, places: Numbers, new: Mapping[bytes, Whole], digests: list[bytes]) -> Iterator[bytes]:
        """A file's head and its records, a few at a time: all of them may be more than there is memory. `digests` takes
        down those of the records."""
        saved = self._saved
        width = len(next(iter(new.values()))) if new else saved.width
        form, added = _record(width), [*new.items()]
        yield _head(form, len(places) + len(new))
        for start in range(0, len(places), _CHUNK):
            records = saved.records(places[start : start + _CHUNK])
            digests.append(records["digest"].tobytes())
            yield records.tobytes()
        for start in range(0, len(added), _CHUNK):
            records = np.array(added[start : start + _CHUNK], form)
            digests.append(records["digest"].tobytes())
            yield records.tobytes()


def _head(form: np.dtype[np.void], count: int) -> bytes:
    head = BytesIO()
    described = {"descr": np.lib.format.dtype_to_descr(form), "fortran_order": False, "shape": (count,)}
    np.lib.format.write_array_header_1_0(head, described)
    return head.getvalue()


class _Summed:
    """A file that sums up what is written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.checksum = 0

    def write(self, data: bytes) -> int:
        self.checksum = zlib.crc32(data, self.checksum)
        return self._file.write(data)


def _checked(path: Path) -> Halves:
    """The digests of a file's records, if the sum at its end is that of the file: it is read, and not mapped, for what
    is mapped and looked at stays in memory."""
    with path.open("rb") as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError("it is of another form")
        shape, _, form = np.lib.format.read_array_header_1_0(file)
        if form.names != _NAMES or len(shape) != 1:
            raise ValueError("it holds no vectors")
        end = file.tell()
        if path.stat().st_size != end + shape[0] * form.itemsize + _CHECKSUM:
            raise ValueError("it is cut off")
        file.seek(0)
        checksum, digests = zlib.crc32(file.read(end)), []
        for start in range(0, shape[0], _CHUNK):
            chunk = file.read(min(_CHUNK, shape[0] - start) * form.itemsize)
            checksum = zlib.crc32(chunk, checksum)
            digests.append(np.frombuffer(chunk, form)["digest"].tobytes())
        if file.read() != checksum.to_bytes(_CHECKSUM, "big"):
            raise ValueError("its checksum is wrong")
    return halves(b"".join(digests))


def _record(width: int) -> np.dtype[np.void]:
    return np.dtype([("digest", f"V{SIZE}"), ("vector", "<i2", (width,))])


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=SIZE).digest()
