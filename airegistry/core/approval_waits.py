"""In which process a call waits for approval, and whether that process still lives.

A process says that it lives by renewing a document while calls wait in it. Whoever looks twice, a while apart, and
finds the document unchanged takes the process for gone: no clock is compared with another's.
"""

import secrets
from collections.abc import Iterable
from typing import Final

import anyio

from airegistry.core.assets import Json
from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Clock

BEAT: Final = 3.0
"""Seconds between two signs of life."""
LEASE: Final = 12.0
"""Seconds after which a process without one is taken for gone."""
_COLLECTION: Final = "approval_waits"


class Waits:
    """The calls that wait in this process, by request. With `alone` no other process works on the store."""

    def __init__(self, store: DocumentStore, clock: Clock, *, alone: bool) -> None:
        self.here: Final = secrets.token_hex(8)
        self.events: dict[str, anyio.Event] = {}
        """What is set when a request is written: see `wake`."""
        self._store = store
        self._clock = clock
        self._alone = alone
        self._beaten = float("-inf")
        self._seen: dict[str, tuple[str, float]] = {}
        self._gone: set[str] = set()

    def wake(self, id: str) -> None:
        """Have the call that waits for a request, if it does so here, look at it."""
        if (event := self.events.get(id)) is not None:
            self.events[id] = anyio.Event()
            event.set()

    def is_gone(self, waiter: str) -> bool:
        """Whether a process ended, as far as was seen."""
        return bool(waiter) and waiter != self.here and (self._alone or waiter in self._gone)

    def is_left(self, id: str, waiter: str) -> bool:
        """Whether no call waits any more for a request that names this process."""
        if waiter == self.here:
            return id not in self.events
        return not waiter or self.is_gone(waiter)

    async def beat(self) -> None:
        """Show that this process lives, if it did not lately."""
        if not self._alone and self._clock.monotonic() - self._beaten >= BEAT:
            self._beaten = self._clock.monotonic()
            body: Json = {"beat": secrets.token_hex(8)}  # a version alone starts anew when the document was cleared
            await self._store.put(_COLLECTION, self.here, body)

    async def look(self, waiters: Iterable[str]) -> None:
        """See which of these processes show no life any more, and clear the signs of those that nothing names."""
        now, named = self._clock.monotonic(), set(waiters) - {"", self.here}
        beats = dict.fromkeys(named, "")
        async for document in self._store.find(_COLLECTION):
            beats[document.key] = str(document.body.get("beat"))
        known = self._seen
        self._seen = {
            waiter: known[waiter] if waiter in known and known[waiter][0] == beat else (beat, now)
            for waiter, beat in beats.items()
        }
        self._gone = {waiter for waiter, (_, since) in self._seen.items() if now - since >= LEASE}
        for waiter in self._gone - named:
            await self._store.delete(_COLLECTION, waiter)
