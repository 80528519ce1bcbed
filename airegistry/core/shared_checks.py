"""Backends are checked by one process for all that share a store: what the others want of it, and what they are told.

Any of them may see that a server has other tools: it asks for a check soon by a document, which whoever checks removes.
The last checks are told by documents too, a few hundred however many backends there are; without them the others knew
the last change alone, and whoever takes over did not know what had failed before.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from typing import Final
from zlib import crc32

import anyio
from pydantic import TypeAdapter

from airegistry.core.assets import Json, Kind, Server
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AirError
from airegistry.core.health import LOOKS_APART, HealthChecks
from airegistry.core.leases import Lease, LeaseLost
from airegistry.core.ports import Clock
from airegistry.core.vitals import Vital, Vitals

LOOKS: Final = "looks"
VITALS: Final = "vitals"
BUCKETS: Final = 256
TELLS: Final = 10.0
"""Seconds between two words on the checks since."""
_CHECKS: Final = TypeAdapter(dict[str, Vital])
log = logging.getLogger(__name__)


class SharedChecks:
    """The checks of whichever process makes them, as one process has a part in them."""

    def __init__(self, health: HealthChecks, vitals: Vitals, store: DocumentStore, clock: Clock) -> None:
        self._health = health
        self._vitals = vitals
        self._store = store
        self._clock = clock
        self._lease: Lease | None = None
        self._asked: dict[str, float] = {}
        """When a check was asked for, by key."""
        self._wanted: dict[str, None] = {}
        self._come = anyio.Event()
        health.elsewhere = self.want

    def under(self, lease: Lease | None) -> None:
        """Make the checks as long as the lease holds; None when it does no more."""
        self._lease = lease
        self._health.under(lease)
        self._vitals.news = None if lease is None else set()

    async def run(self) -> None:
        """Say what is wanted here, and what was checked here, until cancelled."""
        await self.reload()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._ask)
            while True:
                await anyio.sleep(TELLS)
                await self.tell()

    # What is wanted

    def want(self, server: Server) -> None:
        """Have a server checked soon, by whoever does that; not asked for again within ten seconds."""
        key, now = f"{server.kind}/{server.path}", self._clock.monotonic()
        if now - self._asked.get(key, float("-inf")) >= LOOKS_APART:
            self._asked = {each: at for each, at in self._asked.items() if now - at < LOOKS_APART} | {key: now}
            self._wanted[key] = None
            self._come.set()

    async def _ask(self) -> None:
        while True:
            await self._come.wait()
            self._come = anyio.Event()
            wanted, self._wanted = self._wanted, {}
            for key in wanted:
                try:
                    await self._store.put(LOOKS, key, {})
                except AirError:  # it is checked on schedule, then
                    log.warning("nobody is told that %s has other tools", key, exc_info=True)

    async def follow_looks(self, keys: Iterable[str]) -> None:
        """Check soon what other processes want checked, where that is done."""
        for key in keys if self._lease is not None else ():
            kind: Kind = "server"
            self._health.hurry((kind, key.partition("/")[2]))
            await self._store.delete(LOOKS, key)

    async def reload_looks(self) -> None:
        """Check soon whatever is wanted still."""
        await self.follow_looks([document.key async for document in self._store.find(LOOKS)])

    # What was checked

    async def tell(self) -> None:
        """Write the buckets of what was checked here since."""
        lease, news = self._lease, self._vitals.news
        if lease is None or not news:
            return
        self._vitals.news = set()
        changed, buckets = {_bucket(name) for name in news}, defaultdict[str, dict[str, Vital]](dict)
        for name, vital in self._vitals.all().items():
            if (bucket := _bucket(name)) in changed:
                buckets[bucket][name] = vital
        try:
            for bucket in changed:
                checks: Json = _CHECKS.dump_python(buckets[bucket], mode="json")
                # Fenced: a process that was paused, and checks nothing any more, tells of no older checks.
                await lease.put(self._store, VITALS, bucket, {"checks": checks})
        except LeaseLost:
            return
        except AirError:
            log.warning("the last checks are not told to other processes", exc_info=True)
            if self._vitals.news is not None:
                self._vitals.news |= news

    async def follow(self, keys: Iterable[str]) -> None:
        """Know the last checks of some buckets, where others made them."""
        for key in keys if self._lease is None else ():
            found = await self._store.get(VITALS, key)
            if found is not None:
                self._vitals.take(_CHECKS.validate_python(found.body["checks"]))

    async def reload(self) -> None:
        """Know all last checks."""
        await self.follow([document.key async for document in self._store.find(VITALS)])


def _bucket(name: str) -> str:
    return f"{crc32(name.encode()) % BUCKETS:02x}"
