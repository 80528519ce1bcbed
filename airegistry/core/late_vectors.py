"""Vectors that are made after the answer: what is registered is found by its words at once, and by its meaning soon."""

import logging
from collections.abc import Awaitable, Callable

import anyio

from airegistry.core.errors import AirError

log = logging.getLogger(__name__)
QUIET = 0.1
"""Seconds without another asset after which vectors are made: whoever registers many is answered first."""
LATEST = 30.0
"""Seconds for which an asset gives way to others."""
FEW = 32
"""Assets for whose vectors somebody who searches waits."""
PATIENCE = 1.0
"""Seconds that such a one waits at most."""
AGAIN = 1.0
"""Seconds until what the store failed is tried again."""


class LateVectors:
    """Makes vectors of one asset after the other, by `make`, while it runs; see `run`."""

    def __init__(self, make: Callable[[str], Awaitable[None]]) -> None:
        self.runs = False
        """Whether somebody makes what is owed."""
        self._make = make
        self._due: dict[str, float] = {}
        """By asset, the monotonic second from which on it gives way no more."""
        self._at_work = False
        self._made = 0
        self._waiting = 0
        self._turn = anyio.Event()
        """Set, and another one put in its place, whenever something changes of what is above."""

    @property
    def waiting(self) -> int:
        """Assets whose vectors are still to be made."""
        return len(self._due) + self._at_work

    def owe(self, name: str) -> None:
        """Have the vectors of an asset, `kind/path`, made."""
        self._due.setdefault(name, anyio.current_time() + LATEST)
        self._tell()

    async def settled(self) -> None:
        """Wait a little for what is owed by now, if it is not too much: who registers and then searches finds it."""
        owed = self.waiting
        if not self.runs or not 0 < owed <= FEW:
            return
        target = self._made + owed
        self._waiting += 1
        self._tell()
        try:
            with anyio.move_on_after(PATIENCE):
                while self._made < target:
                    await self._turn.wait()
        finally:
            self._waiting -= 1

    async def run(self) -> None:
        """Make what is owed, until cancelled."""
        self.runs = True
        try:
            while True:
                while not self._due:
                    await self._turn.wait()
                await self._give_way(next(iter(self._due.values())))
                name = next(iter(self._due))
                del self._due[name]  # before it is made: what changes meanwhile is owed anew
                self._at_work = True
                try:
                    await self._make(name)
                except AirError as error:  # the store is lost
                    log.warning("no vectors for %s yet: %s", name, error.message)
                    self._due.setdefault(name, anyio.current_time() + LATEST)  # behind the others
                    await anyio.sleep(AGAIN)
                self._at_work = False
                self._made += 1
                self._tell()
        finally:
            self.runs = self._at_work = False

    async def _give_way(self, latest: float) -> None:
        """Return when nobody registers just now, somebody waits, or the time is up."""
        while not self._waiting and (left := latest - anyio.current_time()) > 0:
            with anyio.move_on_after(min(QUIET, left)):
                await self._turn.wait()
                continue
            return

    def _tell(self) -> None:
        self._turn.set()
        self._turn = anyio.Event()
