"""When a list that is answered from the catalog has changed for who follows it.

Whoever follows is woken by each event of a server, and within a second when the policy changed; told is only what
differs in the lists that it is shown, so that of what is hidden not even the time of a change shows.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

import anyio

from airegistry.core.changes import EVERY
from airegistry.core.events import Event
from airegistry.core.principals import Principal

Again = Callable[[], Principal | None]
"""Who a caller is by now: rights change while it follows. None when its token has ended."""

Lists = Mapping[str, object]
"""What a caller is shown, by list method; of equal lists nothing is told."""


class ListChanges:
    """Wakes all who follow. `on_event` must hear of the catalog's events, and `run` must run.

    `revision` differs when the policy has changed.
    """

    def __init__(self, revision: Callable[[], object]) -> None:
        self._revision = revision
        self._stirred = anyio.Event()

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.asset.kind in {"server", "virtual_server"}:
            self._stir()

    async def run(self) -> None:
        """Look whether the policy has changed, for all who follow together, until cancelled."""
        seen = self._revision()
        while True:
            await anyio.sleep(EVERY)
            before, seen = seen, self._revision()
            if seen != before:
                self._stir()

    async def follow(self, lists: Callable[[], Awaitable[Lists]], before: Lists) -> AsyncGenerator[frozenset[str]]:
        """The methods whose lists are others than `before`, and than last time, each time that some are."""
        while True:
            stirred = self._stirred
            now = await lists()
            changed = frozenset(name for name in {*now, *before} if now.get(name) != before.get(name))
            before = now
            if changed:
                yield changed
            await stirred.wait()

    def _stir(self) -> None:
        stirred, self._stirred = self._stirred, anyio.Event()
        stirred.set()
