"""The few things done to files that must survive a crash."""

import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from io import FileIO
from mmap import ACCESS_READ, mmap
from pathlib import Path

from airegistry.core.errors import Internal, Unsupported
from airegistry.stores.framing import HEADER_SIZE, Data, Findings, frame, header, read_base, records

Sync = Callable[[int], None]
"""Makes the bytes behind a file descriptor durable; `os.fsync` but in tests."""

CHUNK = 1 << 20
_logger = logging.getLogger(__name__)


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns an error of the operating system into one that says what could not be opened.

    Raises:
        Internal: there was one.
    """
    try:
        yield
    except OSError as error:
        raise Internal(f"cannot open {path}: {error.strerror or error}") from error


def make_folder(path: Path, sync: Sync = os.fsync) -> None:
    """Create a folder that only its owner may enter, and its parents; nothing happens when it is there."""
    if path.is_dir():
        return
    make_folder(path.parent, sync)
    path.mkdir(mode=0o700, exist_ok=True)
    sync_folder(path.parent, sync)


def open_private(path: Path, *, create: bool = False) -> FileIO:
    """Open a file for reading and writing, unbuffered; a created one is readable by its owner only."""
    mode = "w+b" if create else "r+b"
    return FileIO(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))


def write_all(file: FileIO, chunks: Iterable[bytes]) -> int:
    """Write at the file's position, in blocks of about a megabyte; returns the number of bytes."""
    total, held, size = 0, [], 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= CHUNK:
            total += _write(file, b"".join(held))
            held, size = [], 0
    return total + _write(file, b"".join(held))


def _write(file: FileIO, block: bytes) -> int:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]
    return len(block)


def sync_folder(path: Path, sync: Sync = os.fsync) -> None:
    """Make the names in a folder durable (where the system can: Windows needs and offers no such thing)."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def write_records(path: Path, kind: bytes, base: int, payloads: Iterable[bytes], sync: Sync = os.fsync) -> None:
    """Write a whole file of records, durable but for its name."""
    with open_private(path, create=True) as file:
        write_all(file, [header(kind, base)])
        write_all(file, map(frame, payloads))
        sync(file.fileno())


def replace(fresh: Path, path: Path, sync: Sync = os.fsync) -> None:
    """Give a finished file its name: a crash leaves the old file or the new one, never neither."""
    fresh.replace(path)
    sync_folder(path.parent, sync)


def fresh_path(path: Path) -> Path:
    """Where the successor of a file is written before it takes the name."""
    return path.with_name(path.name + ".new")


@contextmanager
def mapped(path: Path) -> Iterator[Data]:
    """The bytes of a file, without reading them all into memory."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield b""
            return
        with mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield data


def mend(path: Path, kind: bytes, *, base: int = 0, sync: Sync = os.fsync) -> str | None:
    """Make a file of records whole again; the text says what was damaged, None that nothing was.

    A record cut short at the end was never acknowledged: it is cut off. Any other damage sets the file aside
    and puts one with all intact records in its place; `base` stands in for that of a damaged header.

    Raises:
        Unsupported: the file is of another format, and left as it is.
    """
    fresh_path(path).unlink(missing_ok=True)
    with mapped(path) as data:
        findings = Findings(end=HEADER_SIZE)
        try:
            found = read_base(data, kind)
        except Unsupported as error:
            raise Unsupported(f"cannot open {path}: {error.message}") from None
        start = 0 if found is None else HEADER_SIZE
        count = sum(1 for _ in records(data, start, findings))
    if found is not None and not findings.damaged:
        if findings.torn:
            _cut(path, findings, sync)
        return None
    return _salvage(path, kind, base if found is None else found, start, count, findings, sync)


def _cut(path: Path, findings: Findings, sync: Sync) -> None:
    _logger.warning(
        "%s: cut %d bytes of a write that a crash interrupted; it was never acknowledged", path, findings.torn
    )
    with open_private(path) as file:
        file.truncate(findings.end)
        sync(file.fileno())


def _salvage(path: Path, kind: bytes, base: int, start: int, count: int, findings: Findings, sync: Sync) -> str:
    kept = _set_aside(path, sync)
    with mapped(path) as data:
        payloads = (payload for _, payload in records(data, start, Findings(end=start)))
        write_records(fresh_path(path), kind, base, payloads, sync)
    replace(fresh_path(path), path, sync)
    lost = f"{findings.damaged} bytes are unreadable" if findings.damaged else "its header is unreadable"
    report = f"{path} was damaged: {lost}, {count} intact records were recovered; the damaged file is kept as {kept}"
    _logger.error("%s", report)
    return report


def _set_aside(path: Path, sync: Sync) -> Path:
    """A second name for the file, so that at no moment there is none under the first."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    kept = path.with_name(f"{path.name}.damaged-{stamp}")
    try:
        kept.hardlink_to(path)
    except OSError:
        # Some file systems have no links.
        shutil.copy2(path, kept)
        with open_private(kept) as file:
            sync(file.fileno())
    return kept
