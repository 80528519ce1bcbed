"""A process to be stopped, paused and killed: many clients of one shared store, a follower of its changes, and leaders.

python -m tests.distributed.worker '{"url": …, "name": …, "file": …, "seed": …, "skew": …, "rate": …, "lease": …}'

Its wall clock is `skew` seconds wrong and its monotonic clock runs `rate` times as fast. It ends its random acts when
there is a file beside its own that is called `quiet`, and goes on to follow and to lead until it is ended.
"""

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

import anyio
import orjson

from airegistry.core.documents import Document, DocumentStore, Json, Unavailable
from airegistry.core.errors import Conflict
from airegistry.core.following import Following, Place
from airegistry.core.leases import Lease, Leases
from tests.distributed.records import Recorder

DOCS, LED = "docs", "led"
KEYS = ("a", "b", "c", "d")
CLIENTS = 3
ACTS = {"get": 5, "list": 1, "put": 3, "create": 3, "replace": 5, "delete": 2, "remove": 1}
"""How often each act is done, relative to the others."""


@dataclass(frozen=True)
class Wrong:
    """The core's `Clock`, wrong."""

    skew: float
    rate: float

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.skew)

    def monotonic(self) -> float:
        return time.monotonic() * self.rate


@dataclass
class Client:
    """Does one random act after another. `known` are the versions it saw last."""

    store: DocumentStore
    record: Recorder
    dice: random.Random
    name: str
    quiet: Path
    known: dict[str, int]

    async def run(self) -> None:
        """Act until it is to be quiet."""
        count = 0
        while not self.quiet.exists():
            count += 1
            act = self.dice.choices([*ACTS], [*ACTS.values()])[0]
            await self._one(act, self.dice.choice(KEYS), f"{self.name}-{count}")

    async def _one(self, act: str, key: str, value: str) -> None:
        expect = {"create": 0, "replace": self.known.get(key, 1), "remove": self.known.get(key, 1)}.get(act)
        record, body = self.record, Json(value=value)
        asked = {"replace": "put", "create": "put", "remove": "delete"}.get(act, act)
        number = record.call(asked, key, expect=expect, value=value if asked == "put" else None, keys=KEYS)
        try:
            if asked == "get":
                self._told(number, await self.store.get(DOCS, key))
            elif asked == "list":
                record.done(number, "ok", found={each.key: _seen(each) async for each in self.store.find(DOCS)})
            elif asked == "put":
                self._told(number, await self.store.put(DOCS, key, body, expect=expect))
            else:
                record.done(number, "ok" if await self.store.delete(DOCS, key, expect=expect) else "absent")
        except Conflict:
            record.done(number, "conflict")
        except Unavailable:
            record.done(number, "unknown")
            await anyio.sleep(0.5)

    def _told(self, number: int, document: Document | None) -> None:
        if document is None:
            self.record.done(number, "ok", value=None)
        else:
            self.known[document.key] = document.version
            self.record.done(number, "ok", **_seen(document))


@dataclass
class Mirror:
    """Keeps in memory what the store holds, as the product's own caches do, and tells whenever that changes."""

    store: DocumentStore
    record: Recorder
    kept: dict[str, object]

    async def reload(self) -> None:
        """Read everything."""
        self.kept = {each.key: each.body["value"] async for each in self.store.find(DOCS)}
        self.record.note("mirror", kept=self.kept)

    async def follow(self, places: Sequence[Place]) -> None:
        """Read what changed."""
        for _, key in places:
            found = await self.store.get(DOCS, key)
            self.kept.pop(key, None)
            if found is not None:
                self.kept[key] = found.body["value"]
        self.record.note("mirror", kept=self.kept)


async def watch(store: DocumentStore, record: Recorder) -> None:
    """Tell of every change as it comes."""
    async for change in store.watch():
        if change.collection in (DOCS, LED):
            record.note("change", place=f"{change.collection}/{change.key}", version=change.version, body=change.body)


async def lead(store: DocumentStore, record: Recorder, name: str, lease: Lease) -> None:
    """Write one document again and again, as the holder of a lease."""
    while True:
        number = record.call("lead", "log", token=lease.token)
        document = await lease.put(store, LED, "log", {"by": name})
        record.done(number, "ok", version=document.version, token=lease.token)
        await anyio.sleep(0.02)


async def in_turn(store: DocumentStore, record: Recorder, name: str, lease: Lease) -> None:
    """Write one document three times in a turn, of which nothing is left: so over what was read in it alone."""
    found = await store.get(LED, "turns")
    version = 0 if found is None else found.version
    for _ in range(3):
        lease.check()
        number = record.call("lead", "turns", token=lease.token)
        version = (await store.put(LED, "turns", {"by": name, "fence": lease.token}, expect=version)).version
        record.done(number, "ok", version=version, token=lease.token)
        await anyio.sleep(0.02)


async def take_turns(leases: Leases, store: DocumentStore, record: Recorder, name: str) -> None:
    """Do something again and again that only one may do at a time."""
    while True:
        try:
            await leases.exclusively("turns", partial(in_turn, store, record, name))
        except (Conflict, Unavailable):
            record.note("turn lost")
        await anyio.sleep(0.05)


async def main(
    url: str, name: str, file: str, seed: int, skew: float, rate: float, lease: float, streams: bool, patience: float
) -> None:
    """See above."""
    from airegistry.stores.mongo.calls import Calls
    from airegistry.stores.mongo.open import open_mongo

    record, clock, dice = Recorder(Path(file), name), Wrong(skew, rate), random.Random(seed)
    quiet = Path(file).parent / "quiet"
    async with open_mongo(url, streams=streams, calls=Calls(patience=patience)) as stores:
        store: DocumentStore = stores.documents
        leases = Leases(store, clock, holder=name, seconds=lease)
        following = Following(store, clock)
        async with following.opened(), anyio.create_task_group() as tasks:
            mirror = Mirror(store, record, {})
            following.subscribe("mirror", [DOCS], mirror.reload, mirror.follow)
            await mirror.reload()
            tasks.start_soon(following.run)
            tasks.start_soon(watch, store, record)
            tasks.start_soon(leases.lead, "log", partial(lead, store, record, name))
            tasks.start_soon(take_turns, leases, store, record, name)
            record.note("started")
            async with anyio.create_task_group() as clients:
                for number in range(CLIENTS):
                    client = Client(store, record, random.Random(dice.random()), f"{name}.{number}", quiet, {})
                    clients.start_soon(client.run)
            record.note("quiet")


def _seen(document: Document) -> dict[str, object]:
    return {"value": document.body["value"], "version": document.version}


if __name__ == "__main__":
    given = orjson.loads(sys.argv[1])
    right = time.time
    with patch("time.time", lambda: right() + given["skew"]):
        anyio.run(partial(main, **given))
