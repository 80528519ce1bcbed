"""When sources are asked: one task for each, in the one process that does it for all.

Whoever asks for a pass writes so to the state of the source, and this process follows it (`sync now` from any replica).
What a pass under way ends by itself when its source is changed, disabled or removed: see `core/source_syncs.py`.
"""

import logging

import anyio
from anyio.abc import TaskGroup

from airegistry.core.ports import Clock
from airegistry.core.source_schedule import wait_of
from airegistry.core.source_store import SourceStore
from airegistry.core.source_syncs import Syncs

log = logging.getLogger(__name__)
LOOKS = 60.0
"""Seconds at most between two looks at the clock."""
PAUSE = 30.0
"""Seconds after a defect of the registry ended a pass."""


class SourceTasks:
    """Has passes made when they are due, or asked for."""

    def __init__(self, sources: SourceStore, syncs: Syncs, clock: Clock) -> None:
        self._sources = sources
        self._syncs = syncs
        self._clock = clock
        self._tasks: TaskGroup | None = None
        self._served: set[str] = set()
        sources.subscribe(self._follow)

    async def run(self) -> None:
        """Serve all sources, until cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                for record in self._sources.records():
                    self._follow(record.name)
                await anyio.sleep_forever()
        finally:
            self._tasks = None
            self._served.clear()

    def _follow(self, name: str) -> None:
        """Serve a source that came, as long as it is there."""
        if self._tasks is not None and name not in self._served and self._sources.find(name) is not None:
            self._served.add(name)
            self._tasks.start_soon(self._serve, name)

    async def _serve(self, name: str) -> None:
        while self._sources.find(name) is not None:
            try:
                await self._turn(name)
            except Exception:  # a defect in one pass must end neither later ones nor those of other sources
                log.exception("source %s", name)
                await anyio.sleep(PAUSE)
        self._served.discard(name)

    async def _turn(self, name: str) -> None:
        """Do what is due for a source, or wait for it."""
        record, changed = self._sources.record(name), self._sources.changed(name)
        if record.removing:
            await self._syncs.clear(name)
            return
        wait = wait_of(record, self._sources.state(record), self._clock.now()) if record.enabled else LOOKS
        if wait <= 0:
            await self._syncs.sync(name)
            return
        with anyio.move_on_after(min(wait, LOOKS)):
            await changed.wait()
