"""Approved calls whose backend asked something first: each goes on once, with the `requestState` that it was given.

A process alone with its store keeps them in memory. Else a call may go on in another process: then each is a document,
and who deletes it is the one that goes on.
"""

from collections import OrderedDict
from datetime import datetime
from typing import Final

import anyio

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.ports import Clock

MOST: Final = 10_000
_COLLECTION: Final = "approval_states"


class _Until(Model):
    until: datetime


class ApprovedStates:
    """The states of calls that may go on, each by a key that names the call as well."""

    def __init__(self, store: DocumentStore, clock: Clock, *, alone: bool) -> None:
        self._kept = Repository(store, _COLLECTION, _Until)
        self._clock = clock
        self._alone = alone
        self._held: OrderedDict[str, datetime] = OrderedDict()
        """Where this process is alone, all of them; else those that are not written yet."""
        self._come = anyio.Event()

    def put(self, key: str, until: datetime) -> None:
        """Let a call go on, once, until a moment."""
        self._held[key] = until
        if len(self._held) > MOST:
            self._held.popitem(last=False)
        self._come.set()

    async def knows(self, key: str) -> bool:
        """Whether a call may go on."""
        return key in self._held or (not self._alone and await self._kept.find_one(key) is not None)

    async def take(self, key: str) -> bool:
        """Have a call go on, which it does not a second time; False when it may not."""
        until = self._held.pop(key, None)
        if until is None and not self._alone:
            found = await self._kept.find_one(key)
            if found is None or not await self._kept.delete(key):
                return False
            until = found[0].until
        return until is not None and until > self._clock.now()

    async def run(self) -> None:
        """Write down what comes, where other processes have to know it, until cancelled."""
        while not self._alone:
            await self._come.wait()
            self._come = anyio.Event()
            while self._held:
                key, until = self._held.popitem(last=False)
                try:
                    await self._kept.create(key, _Until(until=until))
                except Conflict:
                    continue  # it is there
                except AirError:  # the call asks for approval again: that is safe
                    self._held.setdefault(key, until)
                    break

    async def sweep(self) -> None:
        """Forget what is over."""
        now = self._clock.now()
        for key in [key for key, until in self._held.items() if until <= now]:
            del self._held[key]
        if not self._alone:
            for key in [key async for key, kept in self._kept.find() if kept.until <= now]:
                await self._kept.delete(key)
