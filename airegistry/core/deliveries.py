"""Deliveries to all subscribers: how they come to be, their log, and how they are sent once more.

One document an event and subscriber: waiting, delivered or dead. Those that arrived stay until newer ones take their
place; dead ones stay until they are sent again, or their subscriber is removed.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from datetime import datetime

import anyio
from pydantic import Field

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, NotFound
from airegistry.core.lane import DELIVERIES, Delivery, Lane, Patience, Post, State, delivery_key
from airegistry.core.outbox import OUTBOX, Announced
from airegistry.core.ports import Clock
from airegistry.core.webhook_messages import payload

SEQUENCES = "webhook_sequences"
Write = Callable[[], Coroutine[None, None, object]]


class Told(Model):
    """How many events of an asset were told so far."""

    count: int = Field(ge=0)


class Dispatch:
    """The lanes of all subscribers, by their ids, over one store."""

    def __init__(self, store: DocumentStore, post: Post, clock: Clock, patience: Patience) -> None:
        self.lanes: dict[str, Lane] = {}
        self._store = store
        self._kept = Repository(store, DELIVERIES, Delivery)
        self._told = Repository(store, SEQUENCES, Told)
        self._post = post
        self._clock = clock
        self._patience = patience
        self._counts: dict[str, int] = {}
        self._last = 0

    def open_lane(self, id_: str, name: str) -> Lane:
        """A lane for a subscriber, empty yet."""
        lane = self.lanes[id_] = Lane(id_, name, self._store, self._post, self._clock, self._patience)
        return lane

    async def load(self) -> None:
        """Put everything in the store into the lanes, and forget what is of subscribers that are gone."""
        self._counts = {about: told.count async for about, told in self._told.find()}
        gone = []
        async for key, delivery in self._kept.find():
            self._last = max(self._last, delivery.number)
            counted = delivery.message.get("sequence")
            if isinstance(counted, int):
                self._counts[delivery.about] = max(self._counts.get(delivery.about, 0), counted)
            if (lane := self.lanes.get(delivery.webhook)) is None:
                gone.append(key)
            else:
                lane.put(delivery)
        for key in gone:
            await self._kept.delete(key)
        async for document in self._store.find(OUTBOX):
            self._last = max(self._last, int(document.key))

    def number(self) -> int:
        """Microseconds since the epoch, or one more than the last: the greatest so far, also across starts."""
        self._last = max(self._last + 1, int(self._clock.now().timestamp() * 1e6))
        return self._last

    async def add(self, announced: Announced) -> None:
        """See `Deliveries` of the outbox."""
        sequence = self._counts.get(announced.about, 0) + 1
        fresh = []
        for id_ in announced.to:
            found = await self._kept.find_one(delivery_key(id_, announced.number))
            if found is not None:  # the process ended between this write and the next
                counted = found[0].message["sequence"]
                assert isinstance(counted, int)  # as it was written
                sequence = counted
            elif id_ in self.lanes:
                fresh.append(id_)
        message = payload(
            announced.id, announced.name, announced.time, sequence, announced.subject, announced.facts
        )  # fmt: skip
        deliveries = [
            Delivery(webhook=id_, number=announced.number, about=announced.about, event=announced.name, message=message)
            for id_ in fresh
        ]
        await _together([
            *(_saving(self._kept, delivery) for delivery in deliveries),
            lambda: self._told.save(announced.about, Told(count=sequence)),
            lambda: self._store.delete(OUTBOX, announced.key),  # last: it must not be gone before the others are there
        ])  # fmt: skip
        self._counts[announced.about] = sequence
        for delivery in deliveries:
            if (lane := self.lanes.get(delivery.webhook)) is not None:
                lane.put(delivery)

    async def find(
        self, webhook: str, *, state: State | None = None, since: datetime | None = None,
        until: datetime | None = None, limit: int | None = None,
    ) -> list[Delivery]:  # fmt: skip
        """Deliveries to a subscriber of events in a span of time, newest first, at most `limit`."""
        found: deque[Delivery] = deque(maxlen=limit)
        async for delivery in self._of(webhook):
            if (state is None or delivery.state == state) and _within(delivery, since, until):
                found.append(delivery)
        return list(reversed(found))

    async def replay(self, webhook: str, delivery_id: str) -> Delivery:
        """Send an event once more, whether it arrived or not.

        Raises:
            NotFound: it is not in the log of this subscriber.
        """
        async for delivery in self._of(webhook):
            if delivery.id == delivery_id:
                return await self.again(delivery)
        raise NotFound(f"no event {delivery_id[:80]!r} among the deliveries of this webhook")

    async def again(self, delivery: Delivery) -> Delivery:
        """Have a delivery wait anew, with all its attempts before it."""
        if delivery.state != "waiting":
            replays = delivery.replays + 1
            anew: dict[str, object] = {"state": "waiting", "attempts": 0, "due": None, "replays": replays}
            delivery = delivery.model_copy(update=anew)
            await self._kept.save(delivery.key, delivery)
            if (lane := self.lanes.get(delivery.webhook)) is not None:
                lane.put(delivery)
        return delivery

    async def remove(self, webhook: str) -> None:
        """Forget a subscriber and all that was for it."""
        self.lanes.pop(webhook, None)
        for delivery in [delivery async for delivery in self._of(webhook)]:
            await self._kept.delete(delivery.key)

    async def _of(self, webhook: str) -> AsyncIterator[Delivery]:
        async for document in self._store.find(DELIVERIES, after=f"{webhook}/"):
            if not document.key.startswith(f"{webhook}/"):
                break
            yield Delivery.model_validate(document.body)


def _saving(kept: Repository[Delivery], delivery: Delivery) -> Write:
    return lambda: kept.save(delivery.key, delivery)


def _within(delivery: Delivery, since: datetime | None, until: datetime | None) -> bool:
    moment = datetime.fromisoformat(str(delivery.message["timestamp"]))
    return (since is None or moment >= since) and (until is None or moment <= until)


async def _together(writes: Sequence[Write]) -> None:
    """Make writes in this order and in one turn: a store that joins writes syncs them to disk as one.

    Raises:
        AirError: one of them failed.
    """
    failures: list[AirError] = []

    async def make(write: Write) -> None:
        try:
            await write()
        except AirError as failure:
            failures.append(failure)

    async with anyio.create_task_group() as tasks:
        for write in writes:
            tasks.start_soon(make, write)
    if failures:
        raise failures[0]
