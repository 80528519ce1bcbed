"""Disks that misbehave."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def content(path: Path) -> bytes:
    return path.read_bytes()


def overwrite(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def flip(path: Path, place: int) -> bytes:
    """Change one byte; the file as it is then."""
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    return bytes(data)


class FailingSync:
    """`os.fsync` that fails while `failing` is set."""

    def __init__(self) -> None:
        self.failing = False

    def __call__(self, descriptor: int) -> None:
        if self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)


class SyncFailingOnce:
    """`os.fsync` that fails at its nth call and at no other."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    @property
    def failed(self) -> bool:
        return self._left <= 0

    def __call__(self, descriptor: int) -> None:
        self._left -= 1
        if self._left == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.fsync(descriptor)


class CrashImages:
    """`os.fsync` that keeps a copy of a folder as it is before and after: what a crash would leave there.

    Beside each copy stands what was `acknowledged` when it was made.
    """

    def __init__(self, folder: Path, images: Path) -> None:
        self._folder = folder
        self._images = images
        self.acknowledged: set[str] = set()
        self.taken: list[tuple[Path, set[str]]] = []

    def __call__(self, descriptor: int) -> None:
        self._take()
        os.fsync(descriptor)
        self._take()

    def _take(self) -> None:
        acknowledged = self.acknowledged.copy()
        image = self._images / uuid4().hex
        shutil.copytree(self._folder, image)
        self.taken.append((image, acknowledged))


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """As on a full disk, a write beyond `size` bytes is cut short and the next one fails."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
