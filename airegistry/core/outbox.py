"""Events that subscribers have to hear of, durable before the act they tell of is begun.

An act and its events are two writes, and a process may end between any two. So an event is announced in the store
first, with what lay at the asset's place then; after the act's write it becomes one delivery for each subscriber, and
the announcement goes in the same write. What is still announced at start belongs to an act that nobody was told of: if
the asset's place has changed since, the act was done and its event is told; else it was not, and there is none.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Protocol
from weakref import WeakValueDictionary

import anyio
from pydantic import ValidationError

from airegistry.core.assets import Json, Kind, Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.events import Event
from airegistry.core.ports import Clock
from airegistry.core.shelf import Shelf, key_of
from airegistry.core.webhook_messages import facts, new_event_id

OUTBOX = "outbox"
STANDS = 60.0
"""Seconds after which an announcement of another process is settled for it."""
log = logging.getLogger(__name__)


class Place(Model):
    """What lay at an asset's place: its revision, and since when it is there."""

    revision: int
    since: datetime


class Announced(Model):
    """An event whose act may or may not have been done, and the ids of the subscribers it is for."""

    number: int
    id: str
    name: str
    time: datetime
    subject: str
    kind: Kind
    path: str
    version: str
    facts: Json
    to: list[str]
    before: Place | None = None

    @property
    def key(self) -> str:
        """Where it lies; keys are in the order of announcement."""
        return f"{self.number:020d}"

    @property
    def about(self) -> str:
        """The asset, as events are ordered by: all its versions are one."""
        return key_of(self.kind, self.path)


class Deliveries(Protocol):
    """Where told events go."""

    def takers(self, event: Event) -> Sequence[str]:
        """The ids of the subscribers that an event is for."""
        ...

    def number(self) -> int:
        """The number of the next event: greater than any before, also across starts."""
        ...

    async def add(self, announced: Announced) -> None:
        """Have an event delivered, and remove its announcement; durable when this returns. May be repeated.

        Raises:
            Internal: nothing can be written; the announcement stays.
        """
        ...


class Outbox:
    """The `Ledger` of events."""

    def __init__(self, store: DocumentStore, shelf: Shelf, deliveries: Deliveries, clock: Clock) -> None:
        self._announced = Repository(store, OUTBOX, Announced)
        self._shelf = shelf
        self._deliveries = deliveries
        self._clock = clock
        self._turns: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()
        self._unsettled: dict[str, list[Announced]] = {}
        """By asset, told events that could not be written as deliveries: their announcements stand."""
        self._wake = anyio.Event()

    async def open(self) -> None:
        """Settle what a process left announced."""
        left = []
        async for key, announced in self._announced.find():
            left.append((key, announced))
        for key, announced in left:
            if await self._happened(announced):
                log.info("%s of %s is told, which was done before the last stop", announced.name, announced.about)
                await self._deliveries.add(announced)
            else:
                await self._announced.delete(key)

    async def adopt(self) -> None:
        """Settle what other processes left announced, until cancelled: what this one has seen stand for a minute. An
        act is announced around one write, so nobody is at it any more."""
        since: dict[str, float] = {}
        while True:
            now = self._clock.monotonic()
            standing = {key: announced async for key, announced in self._announced.find()}
            since = {key: since.get(key, now) for key in standing}
            for key, announced in standing.items():
                if now - since[key] >= STANDS:
                    await self._adopted(key, announced)
            await anyio.sleep(STANDS / 6)

    async def _adopted(self, key: str, announced: Announced) -> None:
        async with self._turn(announced.about):
            if any(each.key == key for each in self._unsettled.get(announced.about, ())):
                return  # it is this process's own, and waits for the store
            try:
                if await self._happened(announced):
                    await self._deliveries.add(announced)
                else:
                    await self._announced.delete(key)
            except AirError:
                log.exception("%s of %s cannot be settled yet", announced.name, announced.about)

    async def run(self) -> None:
        """Settle, as soon as the store can be written again, what it could not be written for."""
        while True:
            await self._wake.wait()
            await anyio.sleep(1.0)
            self._wake = anyio.Event()
            for about in list(self._unsettled):
                async with self._turn(about):
                    await self._settle_waiting(about)

    @asynccontextmanager
    async def around(self, events: Sequence[Event]) -> AsyncIterator[None]:
        """See `Ledger`. Acts on one asset take turns here, so that its events are in the order of its writes."""
        wanted = [(event, to) for event in events if (to := self._deliveries.takers(event))]
        if not wanted:
            yield
            return
        async with self._turn(_about(wanted[0][0])):
            announced = [await self._announce(event, to) for event, to in wanted]
            try:
                yield
            except Conflict:  # nothing was written, by this act
                await self._withdraw(announced)
                raise
            except BaseException:  # cancelled or broken in the middle: what lies there says what became of it
                with anyio.CancelScope(shield=True):
                    await self._judge(announced)
                raise
            with anyio.CancelScope(shield=True):
                await self._settle(announced)

    async def keep(self, event: Event) -> None:
        """See `Ledger`. What cannot be written waits in memory, and is written when it can."""
        if to := self._deliveries.takers(event):
            async with self._turn(_about(event)):
                with anyio.CancelScope(shield=True):
                    await self._settle([self._made(event, to, None)])

    async def _announce(self, event: Event, to: Sequence[str]) -> Announced:
        asset = event.asset
        found = await self._shelf.get(asset.kind, asset.path, asset.version)
        before = None if found is None else Place(revision=found[1], since=found[0].created_at)
        while True:
            announced = self._made(event, to, before)
            with suppress(Conflict):  # another process made the same number
                await self._announced.create(announced.key, announced)
                return announced

    def _made(self, event: Event, to: Sequence[str], before: Place | None) -> Announced:
        asset = event.asset
        return Announced(
            number=self._deliveries.number(), id=new_event_id(), name=event.name, time=self._clock.now(),
            subject=event.subject, kind=asset.kind, path=asset.path, version=asset.version, facts=facts(asset),
            to=list(to), before=before,
        )  # fmt: skip

    async def _judge(self, announced: Sequence[Announced]) -> None:
        """Settle or withdraw, by what lies at the asset's place after whatever was under way has been written."""
        for each in announced:
            try:
                await self._announced.save(each.key, each)  # writes keep their order: the act's own is behind us
            except AirError:
                log.exception("%s of %s cannot be settled before the next start", each.name, each.about)
                continue
            await (self._settle if await self._happened(each) else self._withdraw)([each])

    async def _happened(self, announced: Announced) -> bool:
        try:
            found = await self._shelf.get(announced.kind, announced.path, announced.version)
        except ValidationError:  # it was written by another version of the registry; in doubt it is told
            return True
        now = None if found is None else Place(revision=found[1], since=found[0].created_at)
        return now != announced.before

    async def _withdraw(self, announced: Sequence[Announced]) -> None:
        for each in announced:
            try:
                await self._announced.delete(each.key)
            except AirError:
                log.exception("the announcement of what was not done stays until the next start: %s", each.name)

    async def _settle(self, announced: Sequence[Announced]) -> None:
        about = announced[0].about
        self._unsettled.setdefault(about, []).extend(announced)
        await self._settle_waiting(about)

    async def _settle_waiting(self, about: str) -> None:
        """Settle the events of an asset in their order, as far as the store can be written."""
        waiting = self._unsettled.get(about, [])
        while waiting:
            try:
                await self._deliveries.add(waiting[0])
            except AirError:
                log.exception("%s of %s is done and waits to be told", waiting[0].name, about)
                self._wake.set()
                return
            del waiting[0]
        self._unsettled.pop(about, None)

    @asynccontextmanager
    async def _turn(self, about: str) -> AsyncIterator[None]:
        turn = self._turns.get(about)
        if turn is None:
            turn = self._turns[about] = anyio.Lock()
        async with turn:
            yield


def _about(event: Event) -> str:
    return key_of(event.asset.kind, event.asset.path)
