"""Registries as they are run, one or several over one store, and the stores they are run over."""

import http.client
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from secrets import token_hex
from shutil import copytree, rmtree
from typing import Any

import anyio
from cryptography.fernet import Fernet

from airegistry.core.documents import Document
from airegistry.core.shelf import ASSETS
from airegistry.discovery import FOLDER
from airegistry.index.snapshot import IMAGE
from airegistry.stores.memory import MemoryStore
from airegistry.stores.open import open_stores
from airegistry.stores.shared import SharedStore
from benchmarks.rig.messages import Address
from benchmarks.rig.registry import Profiled, policy
from benchmarks.rig.system import cpu, resident
from benchmarks.scaling.population import CREW, fill
from tests.contract.acts import Desk
from tests.stores.mongo.engine import ENGINE, running
from tests.support.registry import Registry

OPERATOR = "operator-token-of-the-benchmark-of-scale"
READY, WARM = 600.0, 3600.0
"""Seconds until a registry must be ready, and have all of its vectors."""
MEBIBYTE = 1.048576
LAST = 2000
"""Characters that are shown of what a registry said before a run failed."""
TINYDB, MONGODB = "TinyDB", "MongoDB"
CACHE = ("--cache-size", "1G") if ENGINE == "secantusdb" else ()
INSERTED = 500
"""Rows that are inserted at once."""


class Site:
    """Registries that are started and stopped together, each with a folder of its own."""

    def __init__(self, folder: Path, processes: int, env: Mapping[str, str], profile: Path | None = None) -> None:
        self.registries = []
        for number in range(processes):
            own = folder / f"registry-{number}"
            own.mkdir(parents=True, exist_ok=True)
            given = {**env, "AIREGISTRY_ADMIN_TOKEN": OPERATOR}
            registry = Registry(own, given) if profile is None else Profiled(own, profile, given)
            registry.token = OPERATOR
            self.registries.append(registry)

    def start(self) -> float:
        """Start all at once; seconds until the last of them is ready."""
        began = time.perf_counter()
        for registry in self.registries:
            registry.spawn()
        for registry in self.registries:
            registry.process.wait_until(partial(_is_ready, registry.port), READY)
        return time.perf_counter() - began

    def profile(self) -> None:
        """Profile from now on, where it was asked for."""
        for registry in self.registries:
            if isinstance(registry, Profiled):
                registry.begin()

    def stop(self) -> None:
        """Stop all, as a service manager does."""
        for registry in self.registries:
            registry.close()

    def said(self) -> str:
        """Of each whether it runs still, and what it said last."""
        return "\n".join(
            f"status {registry.process.status}: {registry.process.output()[-LAST:]}" for registry in self.registries
        )

    def memory(self) -> float:
        """Megabytes of the largest."""
        return max(resident(registry.process.pid) for registry in self.registries) * MEBIBYTE

    def spent(self, engine: int | None) -> tuple[float, float]:
        """Seconds of CPU so far: of all of them, and of the process of a database."""
        return sum(cpu(registry.process.pid) for registry in self.registries), 0 if engine is None else cpu(engine)

    def addresses(self, token: str = OPERATOR) -> list[Address]:
        """Where a caller may ask."""
        return [Address(registry.port, "/mcp", token) for registry in self.registries]

    async def warmed(self) -> None:
        """Wait until all have their vectors, and have saved what a next start reads."""
        with anyio.fail_after(WARM):
            for registry in self.registries:
                while not await _is_warm(registry):  # noqa: ASYNC110  # nothing tells
                    await anyio.sleep(0.5)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False


async def _is_warm(registry: Registry) -> bool:
    status = await Desk(registry).ask("index_status")
    return bool(status["ready"]) and not status["missing"] and (registry.data / FOLDER / IMAGE).exists()


async def furnish(site: Site) -> str:
    """Put the policy, wait for what a first start does besides; the token of a restricted caller."""
    desk = Desk(site.registries[0])
    token = await policy(desk, ["server-0"], [CREW])
    with anyio.fail_after(READY):
        while (await desk.ask("scan_status"))["ended"] is None:  # noqa: ASYNC110  # the same
            await anyio.sleep(0.1)
    return token


@dataclass
class Ground:
    """A store that registries have been started over once, and how much of the catalog it holds.

    `engine` is the process that serves it, if it is one of ours.
    """

    folder: Path
    env: Mapping[str, str]
    shared: SharedStore | None = None
    engine: int | None = None
    token: str = ""
    filled: int = 0
    _sites: int = field(default=0, init=False)

    @property
    def store(self) -> str:
        """What it is called."""
        return MONGODB if self.shared else TINYDB

    def found(self) -> None:
        """The first start, over nothing."""
        site = Site(self.folder / "first", 1, self.env)
        try:
            site.start()
            self.token = anyio.run(furnish, site)
        finally:
            site.stop()

    def fill(self, size: int) -> float:
        """Seconds it takes to write as many assets straight into the store, where no registry runs."""
        began = time.perf_counter()
        if self.shared is None:  # a folder for each size, so that they may come in any order
            data = self.folder / "filled" / "data"
            copytree(self.folder / "first" / "registry-0" / "data", data)
            rmtree(data / FOLDER, ignore_errors=True)
            anyio.run(_fill, data, size)
        else:
            anyio.run(insert, self.shared, self.filled, size)
        self.filled = size
        return time.perf_counter() - began

    def site(self, processes: int, profile: Path | None = None) -> Site:
        """Registries that have not been started over what is filled in; of an embedded store there is one."""
        self._sites += 1
        site = Site(self.folder / f"site-{self._sites}", processes, self.env, profile)
        if self.shared is None:
            (self.folder / "filled" / "data").rename(site.registries[0].data)
        return site


async def _fill(data: Path, last: int) -> None:
    async with open_stores(data) as stores:
        await fill(stores.documents, 0, last)


async def insert(shared: SharedStore, first: int, last: int) -> None:
    """Put assets into a database as rows that are those of the store's own writes, many at once: one after the other,
    100,000 would take the engine ten minutes."""
    from pymongo import AsyncMongoClient  # an extra, and a run over TinyDB needs none

    from airegistry.stores.mongo.schema import DOCUMENTS

    async with AsyncMongoClient[dict[str, Any]](shared.url, w="majority", journal=True) as client:
        rows = client.get_default_database().get_collection(DOCUMENTS)
        for start in range(first, last, INSERTED):
            store = MemoryStore()
            await fill(store, start, min(start + INSERTED, last))
            made = [_row(document) async for document in store.find(ASSETS)]
            await rows.insert_many(made, ordered=False)


def _row(document: Document) -> dict[str, Any]:
    from bson import ObjectId, Timestamp  # of the same extra

    from airegistry.stores.mongo.rows import id_of, written

    moment, write = datetime.now(UTC), ObjectId()
    values = written(document.collection, document.key, document.body, write)["$set"]
    stamps = {"t": Timestamp(int(moment.timestamp()), 1), "at": moment}
    return {"_id": id_of(document.collection, document.key), **values, "v": 1, "w": [write], **stamps}


@contextmanager
def ground(store: str, folder: Path, url: str | None = None) -> Iterator[Ground]:
    """An empty store. MongoDB's is served by a process of its own, unless the URL of another server is given: then it
    is a database of that, which is dropped at the end."""
    folder.mkdir()
    if store == TINYDB:
        yield Ground(folder, {})
    elif url is None:
        with running(folder / "engine", *CACHE) as engine:
            yield _over(folder, engine.url, engine.pid)
    else:
        over = _over(folder, url, None)
        shared = over.shared
        assert shared is not None
        try:
            yield over
        finally:
            anyio.run(_drop, shared)


def _over(folder: Path, url: str, engine: int | None) -> Ground:
    url, key = f"{url.rstrip('/')}/scale_{token_hex(4)}?retryWrites=false", Fernet.generate_key().decode()
    env = {"AIREGISTRY_STORE_URL": url, "AIREGISTRY_SECRET_KEY": key}
    return Ground(folder, env, SharedStore(url, [key]), engine)


async def _drop(shared: SharedStore) -> None:
    from pymongo import AsyncMongoClient  # an extra, as above

    async with AsyncMongoClient[dict[str, Any]](shared.url) as client:
        await client.drop_database(client.get_default_database())
