"""Fetches the definitions of servers that came from a source, so that they can be called: soon after they come in, when
their source changes them, and once a day; not while a pass over their source is under way, whose work it would slow.
What is fetched is scanned, and served as `core/pins.py` lets it.
"""

import logging
import random
from collections.abc import Callable

import anyio

from airegistry.core.assets import Server
from airegistry.core.catalog import Catalog
from airegistry.core.errors import AirError
from airegistry.core.events import Event
from airegistry.core.ports import Clock
from airegistry.core.principals import SYSTEM
from airegistry.core.schedule import Schedule
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sketches import Sketch
from airegistry.core.source_records import LOCAL

log = logging.getLogger(__name__)
AT_ONCE = 4
SOON, DAY = 1.0, 86_400.0
AFTER_A_PASS = 5.0
"""Seconds until a server is looked at again whose source is being passed over."""
FIRST_WAIT = 300.0
"""Seconds after the first fetch that fails; each further one doubles them, up to a day."""
TOLD = (":register", ":update", ":set_default", ":change")
"""The acts after which a server may have to be fetched."""


class SourceFetches:
    """Keeps the definitions of servers from sources; of default versions."""

    def __init__(
        self, catalog: Catalog, shelf: Shelf, clock: Clock, busy: Callable[[str], bool], *, at_once: int = AT_ONCE,
        chance: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        """`busy` says of a source whether a pass over it is under way; `chance` is evenly spread over [0, 1)."""
        self._catalog = catalog
        self._shelf = shelf
        self._clock = clock
        self._busy = busy
        self._at_once = at_once
        self._chance = chance
        self._schedule: Schedule[str] = Schedule(clock)
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        """Fetch what is due, until cancelled."""
        async for sketch in self._shelf.sketches():
            self._expect(sketch)
        async with anyio.create_task_group() as tasks:
            for _ in range(self._at_once):
                tasks.start_soon(self._work)

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        asset = event.asset
        if not isinstance(asset, Server) or asset.provenance.source == LOCAL:
            return
        sketch = Sketch.of(asset)
        if event.deletes or not _is_fetched(sketch):
            self._schedule.remove(asset.path)
            self._failures.pop(asset.path, None)
        elif event.name.endswith(TOLD):
            self._expect(sketch)

    def _expect(self, asset: Sketch) -> None:
        """Have a server fetched soon, if it never was, or some time today."""
        if _is_fetched(asset):
            wait = DAY * self._chance() if asset.fetched else SOON
            due = self._clock.monotonic() + wait
            if asset.path not in self._schedule:
                self._schedule.put(asset.path, due)
            elif not self._failures.get(asset.path):
                self._schedule.hurry(asset.path, due)

    async def _work(self) -> None:
        while True:
            path = await self._schedule.next()
            try:
                await self._turn(path)
            except Exception:  # a defect in one fetch must not end those of all others
                log.exception("server/%s could not be fetched", path)
                self._schedule.put(path, self._clock.monotonic() + DAY)

    async def _turn(self, path: str) -> None:
        found = await self._shelf.get("server", path)
        if found is None or not _is_fetched(Sketch.of(found[0])):
            self._failures.pop(path, None)
            return
        if self._busy(found[0].provenance.source):
            self._schedule.put(path, self._clock.monotonic() + AFTER_A_PASS * (0.9 + 0.2 * self._chance()))
            return
        wait = DAY
        try:
            await self._catalog.refresh(SYSTEM, path, foreign=True)
            self._failures.pop(path, None)
        except AirError as error:
            log.info("%s could not be fetched: %s", ref(found[0]), error.message)
            failures = self._failures[path] = self._failures.get(path, 0) + 1
            wait = min(FIRST_WAIT * 2 ** min(failures - 1, 10), DAY)
        self._schedule.put(path, self._clock.monotonic() + wait * (0.9 + 0.2 * self._chance()))


def _is_fetched(asset: Sketch) -> bool:
    """Whether an asset is a server whose definitions are fetched."""
    remote = asset.kind == "server" and asset.has_endpoint and asset.source != LOCAL
    return remote and asset.enabled and asset.stage != "retired"
