"""Deliveries to all subscribers: how they come to be, their log, and how they are sent once more.

One document an event and subscriber: waiting, delivered or dead. Those that arrived stay until newer ones take their
place; dead ones stay until they are sent again, or their subscriber is removed.
"""

import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial

import anyio
from pydantic import Field

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict, NotFound
from airegistry.core.lane import DELIVERIES, Delivery, Lane, Patience, Post, State, delivery_key
from airegistry.core.outbox import OUTBOX, Announced
from airegistry.core.ports import Clock
from airegistry.core.webhook_messages import payload

SEQUENCES = "webhook_sequences"
SLOTS = 1000
"""What numbers are multiplied by where several processes make them: the last digits tell whose they are."""
Write = Callable[[], Coroutine[None, None, object]]


class Told(Model):
    """How many events of an asset were told so far. `under_way` are those that were counted and may not be delivered
    yet, by the keys of their announcements; only where several processes count."""

    count: int = Field(ge=0)
    under_way: dict[str, int] | None = None


class Dispatch:
    """The lanes of all subscribers, by their ids, over one store."""

    def __init__(
        self, store: DocumentStore, post: Post, clock: Clock, patience: Patience, *, shared: bool = False
    ) -> None:
        """With `shared` other processes keep deliveries in the store as well."""
        self._shared = shared
        self._slot = secrets.randbelow(SLOTS) if shared else 0
        self.lanes: dict[str, Lane] = {}
        self._store = store
        self._kept = Repository(store, DELIVERIES, Delivery)
        self._told = Repository(store, SEQUENCES, Told)
        self._post = post
        self._clock = clock
        self._patience = patience
        self._counts: dict[str, int] = {}
        self._last = 0

    @property
    def waiting(self) -> int:
        """How many deliveries have neither arrived nor died."""
        return sum(lane.waiting for lane in self.lanes.values())

    def open_lane(self, id_: str, name: str) -> Lane:
        """A lane for a subscriber, empty yet."""
        lane = self.lanes[id_] = Lane(
            id_, name, self._store, self._post, self._clock, self._patience, shared=self._shared
        )
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
        for key in () if self._shared else gone:  # of a subscriber that another process has just made, perhaps
            await self._kept.delete(key)
        async for document in self._store.find(OUTBOX):
            self._last = max(self._last, int(document.key))

    def number(self) -> int:
        """Microseconds since the epoch, or one more than the last: the greatest so far, also across starts. Where
        others make numbers too, each process ends its own with digits of its own."""
        moment = int(self._clock.now().timestamp() * 1e6)
        if self._shared:
            self._last = max(self._last // SLOTS + 1, moment) * SLOTS + self._slot
        else:
            self._last = max(self._last + 1, moment)
        return self._last

    async def follow(self, keys: Sequence[str], *, anew: bool = True) -> None:
        """Take over what another process wrote of some deliveries; not `anew`, they are this one's own."""
        for key in keys:
            webhook, _, number = key.partition("/")
            self._last = max(self._last, int(number))
            if anew and self._shared and int(number) % SLOTS == self._slot:
                self._slot = secrets.randbelow(SLOTS)  # another process drew the same
            if (lane := self.lanes.get(webhook)) is not None:
                found = await self._kept.find_one(key)
                lane.follow(int(number), None if found is None else found[0])

    async def reload(self, webhook: str | None = None) -> None:
        """Take over what other processes wrote, of one subscriber or of all."""
        found = self._kept.find() if webhook is None else self._kept.find(after=f"{webhook}/")
        keys = [key async for key, _ in found]
        await self.follow([key for key in keys if webhook is None or key.startswith(f"{webhook}/")])

    async def _counted(self, announced: Announced) -> int:
        """The sequence of an event of an asset, counted in the store: other processes count there too. One that was
        counted before its process ended, or was paused, keeps its number, whoever delivers it: no number is missing."""
        while True:
            told, version = await self._told.find_one(announced.about) or (Told(count=0), 0)
            before = told.under_way or {}
            if announced.key in before:
                return before[announced.key]
            standing = {key: count for key, count in before.items() if await self._store.get(OUTBOX, key) is not None}
            count = told.count + 1
            with suppress(Conflict):
                counted = Told(count=count, under_way={**standing, announced.key: count})
                await self._told.save(announced.about, counted, expect=version)
                return count

    async def add(self, announced: Announced) -> None:
        """See `Deliveries` of the outbox."""
        sequence = self._counts.get(announced.about, 0) + 1
        fresh, counted_before = [], False
        for id_ in announced.to:
            found = await self._kept.find_one(delivery_key(id_, announced.number))
            if found is not None:  # the process ended between this write and the next
                counted = found[0].message["sequence"]
                assert isinstance(counted, int)  # as it was written
                sequence, counted_before = counted, True
            elif id_ in self.lanes:
                fresh.append(id_)
        if self._shared and not counted_before:
            sequence = await self._counted(announced)
        message = payload(
            announced.id, announced.name, announced.time, sequence, announced.subject, announced.facts
        )  # fmt: skip
        deliveries = [
            Delivery(webhook=id_, number=announced.number, about=announced.about, event=announced.name, message=message)
            for id_ in fresh
        ]
        counting: list[Write] = []
        if not self._shared:
            counting.append(lambda: self._told.save(announced.about, Told(count=sequence)))
        await _together([
            *(partial(self._keep, delivery) for delivery in deliveries),
            *counting,
            lambda: self._store.delete(OUTBOX, announced.key),  # last: it must not be gone before the others are there
        ])  # fmt: skip
        self._counts[announced.about] = sequence
        for delivery in deliveries:
            if (lane := self.lanes.get(delivery.webhook)) is not None:
                lane.put(delivery)
        if self._shared:  # what became of them where they are sent may have been heard here before this
            await self.follow([delivery.key for delivery in deliveries], anew=False)

    async def _keep(self, delivery: Delivery) -> None:
        """Keep a new delivery, unless whoever adopted its announcement has, and may have sent it by now."""
        with suppress(Conflict):
            await self._kept.create(delivery.key, delivery)

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
            anew: dict[str, object] = {"state": "waiting", "attempts": 0, "due": None, "wait": None, "replays": replays}
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
