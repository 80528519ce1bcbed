"""One append-only file of records: what `append` returned from is on disk, whatever happens next."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from airegistry.stores.files import (
    CHUNK,
    Sync,
    fresh_path,
    mapped,
    mend,
    open_private,
    replace,
    sync_folder,
    write_all,
    write_records,
)
from airegistry.stores.framing import HEADER_SIZE, Findings, frame, read_base, records


class Journal:
    """An open file. Blocks; used by one thread at a time.

    After a failed write the file is cut back to what was acknowledged before anything else is written;
    while that fails too, so does every write.
    """

    def __init__(self, path: Path, kind: bytes, *, sync: Sync = os.fsync) -> None:
        self.path = path
        self._sync = sync
        self._file = open_private(path)
        self.base = read_base(self._file.read(HEADER_SIZE), kind) or 0
        self._end = self._file.seek(0, os.SEEK_END)
        self._sound = True

    @classmethod
    def create(cls, path: Path, kind: bytes, *, base: int = 0, sync: Sync = os.fsync) -> "Journal":
        """A new file without records; it exists whole or not at all."""
        write_records(fresh_path(path), kind, base, (), sync)
        replace(fresh_path(path), path, sync)
        return cls(path, kind, sync=sync)

    @classmethod
    def open(cls, path: Path, kind: bytes, *, sync: Sync = os.fsync) -> tuple["Journal", str | None]:
        """The file of that name, created or mended where needed, and what was found damaged.

        Raises:
            Unsupported: the file is of another format.
        """
        if not path.exists():
            return cls.create(path, kind, sync=sync), None
        damage = mend(path, kind, sync=sync)
        return cls(path, kind, sync=sync), damage

    @property
    def end(self) -> int:
        """Size of the acknowledged part, in bytes."""
        return self._end

    def append(self, payloads: Sequence[bytes]) -> list[int]:
        """Add records; they are durable when this returns. Returns the size of each on disk.

        Raises:
            OSError: they could not be written; none of them is kept.
        """
        if not payloads:
            return []
        if not self._sound:
            self._repair()
        frames = [frame(payload) for payload in payloads]
        self._sound = False
        try:
            self._file.seek(self._end)
            size = write_all(self._file, frames)
            self._sync(self._file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                self._repair()
            raise
        self._end += size
        self._sound = True
        return [len(each) for each in frames]

    def adopt(self, fresh: Path, since: int) -> None:
        """Continue in the file `fresh`, which stands for everything before offset `since` of this one.

        Raises:
            OSError: this file is still the one in use.
        """
        if not self._sound:
            self._repair()
        with open_private(fresh) as file:
            file.seek(0, os.SEEK_END)
            write_all(file, self._blocks(since))
            self._sync(file.fileno())
            end = file.tell()
        # Until the new name is durable nothing may be acknowledged: `_repair` sees to it if this fails.
        self._sound = False
        self._file.close()
        try:
            fresh.replace(self.path)
            self._end = end
        finally:
            self._repair()

    def close(self) -> None:
        """Close the file."""
        if not self._sound:
            with contextlib.suppress(OSError):
                self._repair()
        self._file.close()

    def _blocks(self, since: int) -> Iterator[bytes]:
        self._file.seek(since)
        rest = self._end - since
        while rest > 0:
            block = self._file.read(min(rest, CHUNK))
            if not block:
                raise OSError(f"{self.path} is shorter than what was written to it")
            rest -= len(block)
            yield block

    def _repair(self) -> None:
        if self._file.closed:
            self._file = open_private(self.path)
        sync_folder(self.path.parent, self._sync)
        self._file.truncate(self._end)
        self._sync(self._file.fileno())
        self._sound = True


def read_records(path: Path) -> Iterator[tuple[int, bytes]]:
    """Offset and payload of each record of a mended file."""
    with mapped(path) as data:
        yield from records(data, HEADER_SIZE, Findings(end=HEADER_SIZE))
