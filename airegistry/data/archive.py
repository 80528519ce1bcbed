"""The file that everything is exported to: gzip over JSON lines, in chunks that are checked before they are believed.

    {"airegistry": "data", "format": 1, "product": "1.0.0", "created_at": "..."}
    ["document", collection, key, version, body]
    ["record", stream, seq, body]
    {"chunk": 1, "lines": 1000, "sha256": "..."}
    ...
    {"end": true, "chunks": 7, "documents": {collection: count}, "records": {stream: {...}}, "sha256": "..."}

The hash of a chunk is over the one before it and the chunk's lines, the first over the header: what is altered, cut
off, repeated or moved is found in its chunk. The last line has the hash of the last chunk: the digest of the file.
"""

import gzip
import hashlib
import os
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BufferedIOBase
from pathlib import Path
from typing import BinaryIO, NoReturn

import orjson
from anyio.to_thread import run_sync
from pydantic import BaseModel, ValidationError

from airegistry.core.documents import Document, Json
from airegistry.core.errors import Internal, Invalid, Unsupported
from airegistry.data.items import CHUNK_ITEMS, Item, Record, Source

FORMAT = 1
CHUNK_BYTES = 1 << 20
MAX_LINE = 64 << 20
"""A longer line is no document that any store takes, and would fill the memory."""
LEVEL = 6
_NAME = "data"


class Span(BaseModel):
    """What there is of a stream: the numbers of its first and last record, and how many there are."""

    first: int
    last: int
    count: int


class Manifest(BaseModel):
    """The last line: what the file holds."""

    end: bool = True
    chunks: int = 0
    documents: dict[str, int] = {}
    records: dict[str, Span] = {}
    sha256: str = ""

    def count(self, item: Item) -> None:
        """Note one more item."""
        if isinstance(item, Document):
            self.documents[item.collection] = self.documents.get(item.collection, 0) + 1
            return
        span = self.records.setdefault(item.stream, Span(first=item.seq, last=item.seq, count=0))
        span.last = item.seq
        span.count += 1

    @property
    def items(self) -> int:
        """How many documents and records there are."""
        return sum(self.documents.values()) + sum(span.count for span in self.records.values())


@dataclass(frozen=True, slots=True)
class Header:
    """The first line: the format, and the product that wrote it."""

    format: int
    product: str
    created_at: str


@dataclass(slots=True)
class Order:
    """Checks that items come in ascending order, so that none comes twice."""

    _before: tuple[int, str, str | int] | None = field(default=None)

    def check(self, item: Item) -> None:
        """Take the next item.

        Raises:
            Invalid: it came already, or should have.
        """
        if isinstance(item, Document):
            place: tuple[int, str, str | int] = (0, item.collection, item.key)
        else:
            place = (1, item.stream, item.seq)
        if self._before is not None and place[:2] == self._before[:2] and place[2] == self._before[2]:
            raise Invalid(f"{named(item)} is there twice")
        if self._before is not None and not _precedes(self._before, place):
            raise Invalid(f"{named(item)} is out of order")
        self._before = place


def _precedes(one: tuple[int, str, str | int], other: tuple[int, str, str | int]) -> bool:
    if one[:2] != other[:2]:
        return one[:2] < other[:2]
    return str(one[2]) < str(other[2]) if one[0] == 0 else int(one[2]) < int(other[2])


def named(item: Item) -> str:
    """An item in words."""
    if isinstance(item, Document):
        return f"document {item.key!r} of {item.collection!r}"
    return f"record {item.seq} of stream {item.stream!r}"


async def write_archive(
    file: BinaryIO, source: Source, *, product: str, tell: Callable[[int], None] = lambda items: None
) -> Manifest:
    """Write everything of a source; `tell` hears how many items are written. The file stays open.

    Raises:
        OSError: it cannot be written.
    """
    manifest, order = Manifest(), Order()
    packed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=LEVEL, mtime=0)
    writer = _Writer(packed, product)
    async for chunk in source.chunks():
        for item in chunk:
            order.check(item)
            manifest.count(item)
        await run_sync(writer.write, chunk)
        tell(manifest.items)
    await run_sync(writer.finish, manifest)
    return manifest


class _Writer:
    """Writes lines and the hashes of chunks; blocks."""

    def __init__(self, file: BufferedIOBase, product: str) -> None:
        self._file = file
        header = {
            "airegistry": _NAME,
            "format": FORMAT,
            "product": product,
            "created_at": datetime.now(UTC).isoformat(),
        }
        line = orjson.dumps(header) + b"\n"
        self._digest = hashlib.sha256(line).hexdigest()
        self._chunks = 0
        file.write(line)

    def write(self, items: Sequence[Item]) -> None:
        lines: list[bytes] = []
        size = 0
        for item in items:
            lines.append(_line(item))
            size += len(lines[-1])
            if len(lines[-1]) > MAX_LINE:
                raise Internal(f"{named(item)} has more than {MAX_LINE} bytes: no file that can be read holds it")
            if size >= CHUNK_BYTES:
                self._chunk(lines)
                lines, size = [], 0
        if lines:
            self._chunk(lines)

    def finish(self, manifest: Manifest) -> None:
        manifest.chunks, manifest.sha256 = self._chunks, self._digest
        self._file.write(orjson.dumps(manifest.model_dump()) + b"\n")
        self._file.close()

    def _chunk(self, lines: list[bytes]) -> None:
        self._digest = _chained(self._digest, lines)
        self._chunks += 1
        end = {"chunk": self._chunks, "lines": len(lines), "sha256": self._digest}
        self._file.write(b"".join([*lines, orjson.dumps(end), b"\n"]))


class Archive:
    """A file that was exported; a `Source`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def header(self) -> Header:
        """The first line.

        Raises:
            Invalid: the file is none of ours.
            Unsupported: it is of a later format.
        """
        with await run_sync(self._open) as packed:
            return await run_sync(_Reader(self.path, packed).header)

    async def chunks(self, *, after: int = 0) -> AsyncIterator[Sequence[Item]]:
        """The items, a chunk at a time: each is given when its hash was found right, the end is checked at the end.

        Chunks up to `after` are checked and not given.

        Raises:
            Invalid: the file is none of ours, or not as it was written; says where.
            Unsupported: it is of a later format.
        """
        with await run_sync(self._open) as packed:
            reader = _Reader(self.path, packed)
            await run_sync(reader.header)
            while (chunk := await run_sync(reader.chunk, after)) is not None:
                yield chunk

    async def verify(self, tell: Callable[[int], None] = lambda items: None) -> tuple[Header, Manifest]:
        """Read and check the whole file; `tell` hears how many items were read.

        Raises:
            Invalid, Unsupported: see `chunks`.
        """
        with await run_sync(self._open) as packed:
            reader = _Reader(self.path, packed)
            header = await run_sync(reader.header)
            while await run_sync(reader.chunk, 0) is not None:
                tell(reader.manifest.items)
            return header, reader.manifest

    def _open(self) -> gzip.GzipFile:
        try:
            return gzip.open(self.path, "rb")
        except OSError as error:
            raise Invalid(f"cannot read {self.path}: {error.strerror or error}", field="file") from None


class _Reader:
    """Reads and checks lines; blocks."""

    def __init__(self, path: Path, packed: gzip.GzipFile) -> None:
        self._path = path
        self._packed = packed
        self._digest = ""
        self._chunks = 0
        self._order = Order()
        self.manifest = Manifest()

    def header(self) -> Header:
        line = self._readline()
        found = _json(line)
        if not isinstance(found, dict) or found.get("airegistry") != _NAME or not isinstance(found.get("format"), int):
            raise Invalid(f"{self._path} is no file of `airegistry data export`", field="file")
        header = Header(found["format"], str(found.get("product", "")), str(found.get("created_at", "")))
        if header.format != FORMAT:
            raise Unsupported(
                f"{self._path} is of format {header.format}, written by airegistry {header.product}: "
                f"this version reads format {FORMAT}"
            )
        self._digest = hashlib.sha256(line).hexdigest()
        return header

    def chunk(self, after: int) -> list[Item] | None:
        """The next chunk, an empty one where it is not wanted; None at the end."""
        lines: list[bytes] = []
        size = 0
        while not (line := self._readline()).startswith(b"{"):
            lines.append(line)
            size += len(line)
            if len(lines) > CHUNK_ITEMS or size > CHUNK_BYTES + MAX_LINE:
                self._broken("is longer than a chunk can be")
        end = _json(line)
        if isinstance(end, dict) and "end" in end:
            self._finish(end, lines)
            return None
        self._digest, expected = _chained(self._digest, lines), self._chunks + 1
        if end != {"chunk": expected, "lines": len(lines), "sha256": self._digest}:
            self._broken("is not as it was written")
        items = [self._item(line) for line in lines]
        self._chunks = expected
        return items if expected > after else []

    def _finish(self, end: Json, lines: list[bytes]) -> None:
        self.manifest.chunks, self.manifest.sha256 = self._chunks, self._digest
        try:
            stated = Manifest.model_validate(end)
        except ValidationError:
            stated = Manifest()
        if lines or stated != self.manifest:
            self._broken("does not fit what the file says that it holds")
        if self._readline(at_end=True):
            self._broken("is followed by something else")

    def _item(self, line: bytes) -> Item:
        match _json(line):
            case ["document", str(collection), str(key), int(version), dict(body)]:
                item: Item = Document(collection, key, version, body)
            case ["record", str(stream), int(seq), dict(body)]:
                item = Record(stream, seq, body)
            case _:
                self._broken("has a line that is neither document nor record")
        try:
            self._order.check(item)
        except Invalid as error:
            raise Invalid(f"{self._path}, chunk {self._chunks + 1}: {error.message}", field="file") from None
        self.manifest.count(item)
        return item

    def _readline(self, *, at_end: bool = False) -> bytes:
        try:
            line = self._packed.readline(MAX_LINE)
        except gzip.BadGzipFile:
            if self._digest:
                self._broken("is not as it was written")
            raise Invalid(f"{self._path} is no file of `airegistry data export`", field="file") from None
        except EOFError:
            self._broken("is cut off")
        except zlib.error:
            self._broken("is not as it was written")
        except OSError as error:
            raise Internal(f"cannot read {self._path}: {error.strerror or error}") from None
        if not at_end and not line.endswith(b"\n"):
            self._broken("is cut off")
        return line

    def _broken(self, how: str) -> NoReturn:
        raise Invalid(f"{self._path}, chunk {self._chunks + 1}: the file {how} here", field="file") from None


def _line(item: Item) -> bytes:
    if isinstance(item, Document):
        return orjson.dumps(["document", item.collection, item.key, item.version, item.body]) + b"\n"
    return orjson.dumps(["record", item.stream, item.seq, item.body]) + b"\n"


def _json(line: bytes) -> object:
    try:
        found: object = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return found


def _chained(before: str, lines: Sequence[bytes]) -> str:
    digest = hashlib.sha256(before.encode())
    for line in lines:
        digest.update(line)
    return digest.hexdigest()


async def export(
    path: Path, source: Source, *, product: str, tell: Callable[[int], None] = lambda items: None
) -> Manifest:
    """Write everything of a source to a file that only its owner may read, and that takes its name when it is whole.

    Raises:
        Invalid: the file is there already, or cannot be created.
        Internal: it could not be written, and is gone again.
    """
    part = path.with_name(f"{path.name}.part")
    descriptor = await run_sync(_create, path, part)
    try:
        with os.fdopen(descriptor, "wb") as file:
            manifest = await write_archive(file, source, product=product, tell=tell)
            file.flush()
            await run_sync(os.fsync, file.fileno())
        await run_sync(_give_name, part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise Internal(f"{path} cannot be written: {error.strerror or error}; nothing is left of it") from error
        raise
    return manifest


def _create(path: Path, part: Path) -> int:
    if path.exists():
        raise Invalid(f"{path} exists already", field="file")
    try:
        part.unlink(missing_ok=True)
        return os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Invalid(f"cannot create {path}: {error.strerror or error}", field="file") from None


def _give_name(part: Path, path: Path) -> None:
    part.replace(path)
    if os.name != "nt":
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
