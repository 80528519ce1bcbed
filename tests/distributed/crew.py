"""Several workers over one database, and what befalls them."""

import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path

import anyio
import orjson
from anyio.to_thread import run_sync

from tests.distributed.records import Json, lines
from tests.stores.mongo.engine import Engine
from tests.support.processes import Process, python_env

LEASE = 1.5
SKEWS = (-86_400.0, 0.0, 86_400.0)
RATES = (0.85, 1.0, 1.15)
PATIENCE = (0.5, 10.0, 2.0)
"""Seconds after which each worker gives up an operation that is not answered."""


class Crew:
    """Three workers in one folder; each that is killed comes back under another name."""

    def __init__(self, engine: Engine, url: str, folder: Path, seed: int) -> None:
        self._engine = engine
        self._url = url
        self._folder = folder
        self._dice = random.Random(seed)
        self._workers: dict[int, tuple[str, Process]] = {}
        self._started = 0
        for place in range(3):
            self._start(place)

    def told(self) -> list[Json]:
        """All that was recorded so far."""
        return lines(self._folder.glob("*.jsonl"))

    def names(self) -> Sequence[str]:
        """Those that live now."""
        return [name for name, _ in self._workers.values()]

    def close(self) -> None:
        """End them."""
        for _, process in self._workers.values():
            process.kill()

    async def until(self, condition: Callable[[list[Json]], object], seconds: float = 30.0) -> None:
        """Wait for something to be recorded."""
        with anyio.fail_after(seconds):
            while not condition(self.told()):  # noqa: ASYNC110  # it comes in files
                await anyio.sleep(0.1)

    async def until_all(self, note: str) -> None:
        """Wait until all that live have noted something."""
        await self.until(lambda told: {line["who"] for line in told if line.get("note") == note} >= set(self.names()))

    async def suffer(self, faults: int) -> None:
        """A number of random faults, all of which pass."""
        for _ in range(faults):
            await self._dice.choice(self._faults())()
            await anyio.sleep(self._dice.uniform(0.1, 1.5))

    async def suffer_each(self) -> None:
        """Every fault once."""
        for fault in self._faults():
            await fault()
            await anyio.sleep(0.5)

    def _faults(self) -> Sequence[Callable[[], Awaitable[None]]]:
        return [
            partial(self.pause, leader=True), self.kill, self.kill_database, self.hang_database,
            partial(self.pause, leader=False),
        ]  # fmt: skip

    async def pause(self, *, leader: bool) -> None:
        """Stop a worker for longer than its leases last, the one that leads or any, while the others go on."""
        _, process = self._leader() if leader else self._dice.choice([*self._workers.values()])
        seconds = self._dice.uniform(1.5, 2.5) * LEASE if leader else self._dice.uniform(0.1, 0.5)
        os.kill(process.pid, signal.SIGSTOP)
        try:
            await anyio.sleep(seconds)
        finally:
            os.kill(process.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """kill -9 of the worker that leads; another one comes in its place."""
        leader = self._leader()
        place = next(place for place, worker in self._workers.items() if worker == leader)
        await run_sync(leader[1].kill)
        await anyio.sleep(self._dice.uniform(0, 0.5))
        self._start(place)
        await self.until_all("started")

    async def kill_database(self) -> None:
        """kill -9 of the database, which is back after a while."""
        await run_sync(self._engine.kill)
        await anyio.sleep(self._dice.uniform(0, 1))
        await run_sync(self._engine.start)

    async def hang_database(self) -> None:
        """Stop the database for a while."""
        self._engine.signal(signal.SIGSTOP)
        try:
            await anyio.sleep(self._dice.uniform(0.2, 2))
        finally:
            self._engine.signal(signal.SIGCONT)

    def _leader(self) -> tuple[str, Process]:
        """Who wrote last under the lease, as far as it lives."""
        led = [line["who"] for line in self.told() if line.get("act") == "lead" and line["key"] == "log"]
        living = {name: (name, process) for name, process in self._workers.values()}
        return next((living[name] for name in reversed(led) if name in living), *[*living.values()][:1])

    def _start(self, place: int) -> None:
        self._started += 1
        name = f"w{self._started}"
        given = {
            "url": self._url, "name": name, "file": str(self._folder / f"{name}.jsonl"), "lease": LEASE,
            "seed": self._dice.randrange(1 << 30), "skew": SKEWS[place], "rate": RATES[place],
            "streams": place != 0, "patience": PATIENCE[place],
        }  # fmt: skip
        command = [sys.executable, "-m", "tests.distributed.worker", orjson.dumps(given).decode()]
        self._workers[place] = name, Process(command, self._folder / f"{name}.log", python_env({}))
