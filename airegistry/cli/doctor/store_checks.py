"""Checks of what the registry keeps: whether it opens, has room, and how the audit trail ends."""

import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from anyio.to_thread import run_sync

from airegistry.cli.doctor.findings import Check, Finding, fail, ok, skip, warn
from airegistry.cli.doctor.patient import Patient, holder_of
from airegistry.clock import SystemClock
from airegistry.core.audit_verify import verify_trail
from airegistry.core.audit_writers import Writers, is_trail
from airegistry.stores.framing import HEADER_SIZE, VERSION, read_base
from airegistry.stores.open import JOURNAL_NAME
from airegistry.stores.signatures import Ed25519
from airegistry.stores.tables import KIND

LEAST_FREE, LITTLE_FREE = 256 * 2**20, 2 * 2**30
"""Bytes below which writes will soon fail, and below which it is time to look."""
SLOW_MS = 100.0


def _nearest(folder: Path) -> Path:
    """The folder, or the one that it would be made in."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


async def _folder(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.store_url is not None:
        return skip("it is in a database")
    there = _nearest(settings.data)
    if not os.access(there, os.W_OK | os.X_OK):
        return fail(
            f"{there} cannot be written by this user",
            "give it to the user that runs the registry (`chown`), or choose another with AIREGISTRY_DATA",
        )
    made = settings.data.is_dir()
    return ok(f"{settings.data} can be written{'' if made else ', and is made at the first start'}")


async def _disk(patient: Patient) -> Finding:
    if patient.settings.store_url is not None:
        return skip("it is in a database")
    free = shutil.disk_usage(_nearest(patient.settings.data)).free
    saw = f"{free / 2**30:.1f} GiB free"
    do = "make room, or move it with `airegistry data migrate`; AIREGISTRY_AUDIT_DAYS bounds the audit trail"
    if free < LEAST_FREE:
        return fail(saw, do)
    return warn(saw, do) if free < LITTLE_FREE else ok(saw)


async def _lease(patient: Patient) -> Finding:
    if patient.settings.store_url is not None:
        return skip("replicas share a database: a running one tells who leads")
    holder = holder_of(patient.settings.data) if patient.settings.data.is_dir() else None
    return ok("nobody works on it" if holder is None else f"a registry works on it{holder}")


async def _opens(patient: Patient) -> Finding:
    if patient.settings.shared_store is not None:
        return await _database(patient)
    if patient.broken:
        return fail(patient.why, "restore a back-up with `airegistry data import`, or run the version that wrote it")
    if patient.stores is None:
        return skip(patient.why)
    if patient.stores.damage:
        return fail(
            "; ".join(patient.stores.damage),
            "keep a copy of the folder; the next start sets what is damaged aside and goes on with the rest",
        )
    return ok(f"{len(await patient.stores.documents.collections())} collections, nothing damaged")


async def _database(patient: Patient) -> Finding:
    shared = patient.settings.shared_store
    assert shared is not None
    try:
        from airegistry.stores.mongo.looking import look  # the driver is an extra
    except ImportError:
        return fail("the driver is not installed", "run `pip install 'airegistry[mongo]'`")
    found = await look(shared.url, shared.username, shared.password)
    if found.reads > found.known:
        return fail(f"laid out as version {found.version}; this program knows {found.known}", "update airegistry")
    saw = f"answers in {found.latency_ms:.0f} ms, laid out as version {found.version} of {found.known}"
    if found.latency_ms > SLOW_MS:
        return warn(saw, "bring database and registry nearer to each other, or look at the load of the database")
    return ok(saw)


async def _schema(patient: Patient) -> Finding:
    if patient.settings.store_url is not None:
        return skip("it is in a database: see store.opens")
    journal = patient.settings.data / JOURNAL_NAME
    if not journal.exists():
        return skip("there is no store yet")
    with journal.open("rb") as file:
        if read_base(file.read(HEADER_SIZE), KIND) is None:
            return fail("the head of the journal is damaged", "restore a back-up with `airegistry data import`")
    return ok(f"version {VERSION}, which this program writes")


async def _latency(patient: Patient) -> Finding:
    settings = patient.settings
    if settings.store_url is not None:
        return skip("it is in a database: see store.opens")
    if not settings.data.is_dir() or not hasattr(os, "O_TMPFILE"):
        return skip("there is no data folder yet")
    try:
        took = await run_sync(_sync_ms, settings.data)
    except OSError:
        return skip("this file system has no nameless files to try it with")
    saw = f"{took:.1f} ms until a write is on disk"
    if took > SLOW_MS:
        return warn(saw, "put AIREGISTRY_DATA on a local disk: every change waits for that")
    return ok(saw)


def _sync_ms(folder: Path) -> float:
    """Milliseconds of a synced write to a file that has no name and is gone with its descriptor."""
    descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY, 0o600)
    try:
        begun = time.perf_counter()
        os.write(descriptor, b"\0" * 4096)
        os.fsync(descriptor)
        return (time.perf_counter() - begun) * 1000
    finally:
        os.close(descriptor)


async def _audit_head(patient: Patient) -> Finding:
    if (stores := patient.stores) is None:
        return skip(patient.why)
    writers = Writers(stores.documents, stores.cipher, Ed25519(), SystemClock())
    await writers.open(create=False)
    found = await verify_trail(stores.log, writers)
    if found.error is not None:
        return fail(
            found.error, "keep the folder as it is, and see docs/audit.md: `airegistry audit verify` tells more"
        )
    return ok(f"{found.records} records, the chain holds to its head")


async def _clock(patient: Patient) -> Finding:
    now = datetime.now(UTC)
    if patient.stores is None:
        return skip(patient.why)
    for stream in await patient.stores.log.streams():
        last = await patient.stores.log.last(stream) if is_trail(stream) else None
        told = None if last is None else last.body.get("time")
        if isinstance(told, str) and (ahead := (datetime.fromisoformat(told) - now).total_seconds()) > 1:
            return fail(
                f"the newest record is {ahead:.0f} s in the future: this clock was put back",
                "set the clock by NTP (`timedatectl set-ntp true`): tokens and the trail rest on it",
            )
    return ok(f"{now:%Y-%m-%dT%H:%M:%SZ}, not before the newest record")


CHECKS: list[Check[Patient]] = [
    Check("store.folder", "whether the data folder can be written", _folder, "choose another with AIREGISTRY_DATA"),
    Check("store.disk", "free room on its disk", _disk, "look at the disk"),
    Check("store.lease", "who works on it now", _lease, "see that one registry works on a folder"),
    Check("store.opens", "whether a copy of it opens whole, or the database answers", _opens,
          "see that AIREGISTRY_STORE_URL is right and the database runs"),
    Check("store.schema", "the version of its layout", _schema, "run the version of airegistry that wrote it"),
    Check("store.latency", "how long a write takes", _latency, "look at the disk"),
    Check("audit.head", "whether the audit trail holds to its head", _audit_head, "run `airegistry audit verify`"),
    Check("clock", "this machine's clock beside the newest record", _clock, "set the clock by NTP"),
]  # fmt: skip
