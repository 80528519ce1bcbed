"""Files that are there as a whole or not at all."""

import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)


class Disk:
    """What files are written with; a test has one that fails."""

    def open(self, path: Path) -> BinaryIO:
        """A new, empty file that nobody else reads: it tells of private assets."""
        return open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600))

    def sync(self, descriptor: int) -> None:
        """Wait until what was written is durable."""
        os.fsync(descriptor)

    def replace(self, old: Path, new: Path) -> None:
        """Give a file the place of another."""
        os.replace(old, new)


def write_whole(path: Path, write: Callable[[BinaryIO], None], disk: Disk) -> None:
    """Let `write` write a file aside and put it in its place when it is durable.

    Raises:
        OSError: it could not be written; the file that was there is untouched.
    """
    aside = _aside(path)
    try:
        with disk.open(aside) as file:
            write(file)
            file.flush()
            disk.sync(file.fileno())
        disk.replace(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent, disk)


def clear_aside(path: Path) -> None:
    """Remove what an end in the midst of writing left behind."""
    _aside(path).unlink(missing_ok=True)


def set_aside(path: Path, reason: object) -> None:
    """Keep a damaged file out of the way, for whoever wants to look at it."""
    damaged = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    os.replace(path, damaged)
    log.error("%s is damaged (%s): set aside as %s, it will be made anew", path, reason, damaged.name)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _sync_folder(folder: Path, disk: Disk) -> None:
    if os.name == "nt":  # pragma: no cover  # where folders cannot be opened
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
