"""One process to a data folder. The lock is the operating system's: it ends with the process, kill -9 included."""

import os
import sys
from io import FileIO
from pathlib import Path
from types import TracebackType

from airegistry.core.errors import AirError, Invalid
from airegistry.stores.files import make_folder

LOCK_NAME = "lock"


class FolderInUse(AirError):
    """Another process works on the data folder."""

    code = "conflict"


class FolderLock:
    """The exclusive right to a folder, from `with` to its end. The file stays behind and means nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: FileIO | None = None

    def acquire(self) -> None:
        """Take the lock, creating the folder when there is none.

        Raises:
            FolderInUse: another process, or this one, holds it.
            Invalid: the folder cannot be created or written to.
        """
        try:
            make_folder(self._folder)
            file = FileIO(self._folder / LOCK_NAME, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600))
        except OSError as error:
            raise Invalid(f"the data folder {self._folder} cannot be used: {error.strerror}", field="data") from error
        try:
            _lock(file.fileno())
            file.truncate(0)
            file.write(f"{os.getpid()}\n".encode())
        except BlockingIOError:
            holder = _pid(file)
            file.close()
            raise FolderInUse(f"the data folder {self._folder} is in use by another process{holder}") from None
        except OSError as error:
            file.close()
            raise Invalid(f"the data folder {self._folder} cannot be locked: {error.strerror}", field="data") from error
        self._file = file

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __enter__(self) -> "FolderLock":
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _pid(file: FileIO) -> str:
    file.seek(0)
    text = file.read(20).strip()
    return f" (pid {text.decode()})" if text.isdigit() else ""


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        # A byte far behind the pid: a locked byte can be read by nobody else.
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError from error

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
