"""A registry that is looked at where it lies: its settings, and a copy of what it keeps."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from airegistry.core.errors import AirError
from airegistry.egress.guard import Guard
from airegistry.settings import Settings
from airegistry.stores.lock import LOCK_NAME
from airegistry.stores.open import Stores, open_stores

LARGEST = 2 * 2**30
"""Bytes of a data folder that is copied for a look inside."""


@dataclass(frozen=True, slots=True)
class Patient:
    """`stores` are open on a copy of the data folder; where there are none, `why` says why not, and `broken` whether
    that is because they do not open."""

    settings: Settings
    file: Path
    stores: Stores | None = None
    why: str = ""
    broken: bool = False

    @property
    def guard(self) -> Guard:
        """What the registry itself would reach."""
        return Guard(self.settings.egress_allow, loopback=self.settings.loopback)


@asynccontextmanager
async def patient_of(settings: Settings, file: Path) -> AsyncIterator[Patient]:
    """Look inside the stores without a change: opening mends what is damaged, so it is a copy that is opened."""
    why = _closed(settings)
    if why:
        yield Patient(settings, file, why=why)
        return
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="airegistry-doctor-"))) / "data"
        found: Patient
        try:
            shutil.copytree(settings.data, folder, ignore=shutil.ignore_patterns(LOCK_NAME))
            found = Patient(settings, file, await stack.enter_async_context(open_stores(folder)))
        except (AirError, OSError, shutil.Error) as error:
            found = Patient(settings, file, why=getattr(error, "message", str(error)), broken=True)
        yield found


def _closed(settings: Settings) -> str:
    """Why there is nothing to look into, if so."""
    if settings.store_url is not None:
        return "it is in a database: a running registry tells more (`--url`)"
    if not settings.data.is_dir():
        return "there is no data folder yet"
    if (holder := holder_of(settings.data)) is not None:
        return f"a registry works on it{holder}: it tells more (`--url`)"
    size = sum(file.stat().st_size for file in settings.data.rglob("*") if file.is_file())
    if size > LARGEST:
        return f"it is of {size / 2**30:.1f} GiB: `airegistry audit verify` looks inside"
    if shutil.disk_usage(gettempdir()).free < 2 * size:
        return "there is no room for a copy to look into"
    return ""


def holder_of(folder: Path) -> str | None:
    """Which process works on a data folder, in words; None for none. The lock is tried and not kept."""
    lock = folder / LOCK_NAME
    if sys.platform == "win32" or not lock.exists():  # pragma: no cover  # a lock there cannot be tried without a trace
        return None
    import fcntl

    with lock.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = file.read(20).strip()
            return f" (pid {pid.decode()})" if pid.isdigit() else ""
    return None
