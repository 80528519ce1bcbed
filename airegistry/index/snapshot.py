"""What of the index is kept on disk, so that a start neither embeds nor reads again what it knows.

All of it is derived: a file that is missing, damaged or of another form is made anew from the store.
"""

import logging
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO

import anyio
import numpy as np

from airegistry.core import ranking
from airegistry.core.ports import SearchIndex, VectorCache
from airegistry.index.cache import KeptVectors
from airegistry.index.disk import Disk, clear_aside, set_aside, write_whole
from airegistry.index.memory import MemoryIndex

log = logging.getLogger(__name__)
IMAGE = "index.npz"
INTERVAL = 300.0
DISK = Disk()
_TEXTS = ("assets", "indexing", "restoring", "said", "search_texts", "sight", "sketches")
"""Modules that decide what is indexed of an asset."""
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, KeyError, IndexError, EOFError)


def load(folder: Path, fingerprint: str) -> KeptVectors:
    """The vectors of an embedder that a folder holds; none when there is no file of them, or a damaged one."""
    cache, path = KeptVectors(fingerprint), _vectors(folder, fingerprint)
    clear_aside(path)
    try:
        cache.open(path)
    except FileNotFoundError:
        log.debug("no vectors in %s", path)
    except ValueError as error:
        set_aside(path, error)
    return cache


def save(folder: Path, cache: KeptVectors, disk: Disk = DISK) -> None:
    """Write vectors to a folder, which is made where there is none.

    Raises:
        OSError: they cannot be written; the file that was there is untouched.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    cache.save(_vectors(folder, cache.fingerprint), disk)


def load_index(folder: Path, *, fingerprint: str = "") -> MemoryIndex:
    """The index that a folder holds, all of it dormant: a document is found when it is put again.

    That of another embedder is of no use: its vectors do not compare, and may be of another length.
    """
    path = folder / IMAGE
    clear_aside(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as image:
            arrays = {name: image[name] for name in image.files}
        if arrays.pop("form").tobytes() == _form(fingerprint):
            return MemoryIndex.restored(arrays)
        log.info("%s is of another form: it will be made anew", path)
    except FileNotFoundError:
        log.debug("no index in %s", path)
    except _DAMAGE as error:
        set_aside(path, error)
    return MemoryIndex()


def save_index(folder: Path, index: MemoryIndex, disk: Disk = DISK, *, fingerprint: str = "") -> None:
    """Write an index to a folder, which is made where there is none.

    Raises:
        OSError: it cannot be written; the file that was there is untouched.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    arrays = index.dump() | {"form": np.frombuffer(_form(fingerprint), np.uint8)}

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    write_whole(folder / IMAGE, write, disk)


class Keeper:
    """Saves what is in force: now and then while it changes, and at the end."""

    def __init__(self, folder: Path, current: Callable[[], tuple[SearchIndex, VectorCache | None]]) -> None:
        self._folder = folder
        self._current = current
        self._saved: tuple[SearchIndex | None, int] = None, 0
        """An index, and its changes that are saved; of any other none are."""
        self._saving = anyio.Lock()

    async def run(self, interval: float = INTERVAL) -> None:
        """Until it is cancelled."""
        try:
            while True:
                await anyio.sleep(interval)
                await self.save()
        finally:
            with anyio.CancelScope(shield=True):
                await self.save()

    async def save(self) -> None:
        """Write what has changed. A failure is logged: the registry works without."""
        try:
            async with self._saving:  # the last save may come while the first is made, and both write aside one file
                await anyio.to_thread.run_sync(self._save)
        except OSError:
            log.exception("the index is not saved: the next start will take longer")

    def _save(self) -> None:
        index, cache = self._current()
        if isinstance(cache, KeptVectors) and cache.changed:
            save(self._folder, cache)
        # Of an index whose vectors lie elsewhere there is none: it is more than what a file would have.
        if type(index) is MemoryIndex:
            known, saved = self._saved
            if (changes := index.changes) != (saved if known is index else 0):
                save_index(self._folder, index, fingerprint="" if cache is None else cache.fingerprint)
                self._saved = index, changes


def _vectors(folder: Path, fingerprint: str) -> Path:
    return folder / f"vectors-{blake2b(fingerprint.encode(), digest_size=8).hexdigest()}.bin"


def _form(fingerprint: str) -> bytes:
    """Equal for indexes that the same program makes of the same texts, with vectors of one embedder."""
    return blake2b(_PROGRAM + fingerprint.encode()).digest()


def _program() -> bytes:
    core = Path(ranking.__file__).parent
    sources = [*core.glob("ranking*"), *Path(__file__).parent.glob("*.py"), *(core / f"{name}.py" for name in _TEXTS)]
    found = blake2b(f"{version('pystemmer')} {unicodedata.unidata_version}".encode())
    for source in sorted(path for path in sources if path.is_file()):
        found.update(source.read_bytes())
    return found.digest()


_PROGRAM = _program()
"""Of the program that runs, whatever becomes of its files."""
