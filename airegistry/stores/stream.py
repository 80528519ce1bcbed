"""One stream of a log: segment files named by the number of their first record."""

import logging
import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import orjson

from airegistry.core.documents import LogRecord, Where
from airegistry.stores.files import Sync, fresh_path, make_folder, mend, open_private, replace, write_all
from airegistry.stores.framing import FRAME_SIZE, HEADER_SIZE, Findings, records
from airegistry.stores.journal import Journal, read_records
from airegistry.stores.where import Predicate, predicate

KIND = b"log"
SUFFIX = ".log"
FLOOR = "floor"
BLOCK_RECORDS = 128
BLOCK_BYTES = 64 << 10
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Block:
    """Where up to `BLOCK_RECORDS` records begin: what is read at once, in either direction."""

    seq: int
    offset: int


@dataclass(slots=True)
class Segment:
    """A segment file and its sparse index, which is empty until it is `indexed`."""

    path: Path
    first: int
    last: int
    end: int = HEADER_SIZE
    indexed: bool = True
    blocks: list[Block] = field(default_factory=list)

    def extend(self, seq: int, size: int) -> None:
        """Note one record at the end."""
        tail = self.blocks[-1] if self.blocks else None
        if tail is None or seq - tail.seq >= BLOCK_RECORDS or self.end - tail.offset >= BLOCK_BYTES:
            self.blocks.append(Block(seq, self.end))
        self.end += size
        self.last = seq

    def parts(self, after: int, before: int) -> list[tuple[int, int]]:
        """Begin and end in the file of the blocks that hold records with `after < seq < before`."""
        start = max(bisect_right(self.blocks, after + 1, key=lambda block: block.seq) - 1, 0)
        chosen = [block for block in self.blocks[start:] if block.seq < before]
        ends = [block.offset for block in self.blocks[start + 1 :]] + [self.end]
        return [(block.offset, end) for block, end in zip(chosen, ends, strict=False)]


Span = tuple[int, int]
"""Begin and end of a block in its file."""


@dataclass(frozen=True, slots=True)
class Search:
    """Which records are asked for. `texts` are printed texts one of which every match holds, a tuple a condition:
    a part of a file without them need not be parsed."""

    matches: Predicate | None = None
    texts: Sequence[tuple[bytes, ...]] = ()

    @classmethod
    def of(cls, where: Where | None) -> "Search":
        """The search for what meets conditions."""
        texts = []
        for wanted in (where or {}).values():
            ways = [wanted] if isinstance(wanted, str) or not isinstance(wanted, Sequence) else [*wanted]
            if all(isinstance(way, str) for way in ways):
                texts.append(tuple(orjson.dumps(way)[1:-1] for way in ways))  # a search for quotes is slow
        return cls(predicate(where), texts)

    def may_be_in(self, data: bytes) -> bool:
        """Whether a match can be in there."""
        return all(any(way in data for way in ways) for ways in self.texts)


EVERYTHING = Search()


def segment_path(folder: Path, first: int) -> Path:
    """The file of the segment that begins with a record."""
    return folder / f"{first:020d}{SUFFIX}"


def read_floor(folder: Path) -> int:
    """The number of the last record of a stream that was pruned, 0 when none was."""
    path = folder / FLOOR
    text = path.read_text("ascii").strip() if path.exists() else "0"
    return int(text) if text.isdecimal() else 0  # what it hid is shown again, and the trail still verifies


def write_floor(folder: Path, seq: int, sync: Sync = os.fsync) -> None:
    """Say durably which record was pruned last."""
    path = folder / FLOOR
    with open_private(fresh_path(path), create=True) as file:
        write_all(file, [b"%d\n" % seq])
        sync(file.fileno())
    replace(fresh_path(path), path, sync)


def find_segments(folder: Path) -> list[Segment]:
    """The segments of a stream in order, none indexed yet."""
    numbers = sorted(int(path.stem) for path in folder.glob(f"*{SUFFIX}") if path.stem.isdigit())
    return [Segment(segment_path(folder, first), first, first - 1, indexed=False) for first in numbers]


def index_segment(segment: Segment, sync: Sync = os.fsync) -> tuple[str | None, bytes | None]:
    """Read a whole segment, mending it where needed; returns what was damaged, and the newest payload."""
    damage = mend(segment.path, KIND, base=segment.first - 1, sync=sync)
    segment.blocks, segment.end, segment.last = [], HEADER_SIZE, segment.first - 1
    payload = None
    for _, payload in read_records(segment.path):
        segment.extend(_seq(payload), FRAME_SIZE + len(payload))
    segment.indexed = True
    return damage, payload


def read_blocks(path: Path, blocks: Sequence[Span], search: Search = EVERYTHING) -> list[LogRecord]:
    """The intact records in neighbouring blocks of a segment that a search is for."""
    first = blocks[0][0]
    with path.open("rb") as file:
        file.seek(first)
        data = file.read(blocks[-1][1] - first)
    if not search.may_be_in(data):
        return []
    return [
        record for begin, end in blocks for record in _block(path, data[begin - first : end - first], begin, search)
    ]


def _block(path: Path, data: bytes, begin: int, search: Search) -> list[LogRecord]:
    if not search.may_be_in(data):
        return []
    findings = Findings(end=0)
    payloads = (payload for _, payload in records(data, 0, findings) if search.may_be_in(payload))
    found = [record for record in map(decode, payloads) if search.matches is None or search.matches(record.body)]
    if findings.damaged or findings.torn:
        _logger.error("%s: %d bytes from offset %d on are unreadable", path, findings.damaged + findings.torn, begin)
    return found


def encode(seq: int, body: bytes) -> bytes:
    """A payload: `[seq, body]`."""
    return b"[%d,%b]" % (seq, body)


def decode(payload: bytes) -> LogRecord:
    """The record of a payload."""
    seq, body = orjson.loads(payload)
    return LogRecord(seq, body)


def _seq(payload: bytes) -> int:
    return int(payload[1 : payload.index(b",")])


class SegmentWriter:
    """The writing end of a stream; blocks, used by one thread. A full segment is followed by a new file."""

    def __init__(self, folder: Path, *, segment_bytes: int, sync: Sync) -> None:
        self._folder = folder
        # A segment without records is never full.
        self._segment_bytes = max(segment_bytes, HEADER_SIZE + 1)
        self._sync = sync
        self._journal: Journal | None = None

    def resume(self, segment: Segment) -> None:
        """Continue a mended segment."""
        self._journal = Journal(segment.path, KIND, sync=self._sync)

    def rotate(self, first: int) -> Segment | None:
        """Begin a new segment when the present one is full, or there is none; None when it is not.

        Raises:
            OSError: it cannot be created.
        """
        if self._journal is not None and self._journal.end < self._segment_bytes:
            return None
        make_folder(self._folder, self._sync)
        path = segment_path(self._folder, first)
        journal = Journal.create(path, KIND, base=first - 1, sync=self._sync)
        self.close()
        self._journal = journal
        return Segment(path, first, first - 1)

    def append(self, payloads: Sequence[bytes]) -> list[int]:
        """Add records, durable when this returns; the size of each on disk.

        Raises:
            OSError: none of them was added.
        """
        assert self._journal is not None, "rotate comes first"
        return self._journal.append(payloads)

    def close(self) -> None:
        """Close the file."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None


def check_order(segments: Sequence[Segment]) -> Iterator[str]:
    """What is missing between indexed neighbours."""
    for one, other in pairwise(segments):
        if one.indexed and one.last + 1 < other.first:
            yield f"{one.path.parent}: records {one.last + 1} to {other.first - 1} are missing"
