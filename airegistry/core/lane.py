"""All that goes to one subscriber: asset by asset in order, several assets at a time, each with its own retries."""

import logging
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heappop, heappush
from random import uniform
from typing import Literal, Protocol

import anyio

from airegistry.core.assets import Json, Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.ports import Clock
from airegistry.core.schedule import Schedule
from airegistry.core.webhook_messages import body_of, headers

DELIVERIES = "webhook_deliveries"
LONGEST_QUIET = 3600.0
State = Literal["waiting", "delivered", "dead"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a subscriber is tried.

    `waits` are the seconds between the attempts at one delivery, each varied by up to a fifth; after the last it is
    dead. A subscriber that has taken nothing for `pause_after` seconds, and `pause_failures` times in a row, is
    paused. Of what arrived, the last `kept` stay in the log.
    """

    waits: Sequence[float] = (5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 36_000)
    pause_after: float = 86_400.0
    pause_failures: int = 10
    at_once: int = 4
    kept: int = 1000


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of one request: its status, else why there is none; `quiet` are seconds that were asked for."""

    status: int | None
    error: str = ""
    quiet: float = 0.0


class Post(Protocol):
    """Carries messages out, through the guarded client."""

    def check_url(self, url: str) -> None:
        """Whether messages may be sent there.

        Raises:
            Invalid: they may not.
        """
        ...

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        """POST a message. Whatever goes wrong is an answer."""
        ...


class Addressee(Protocol):
    """What is known of a subscriber at the time of an attempt."""

    @property
    def url(self) -> str:
        """Where messages go."""
        ...

    def keys(self, now: datetime) -> Sequence[str]:
        """The secrets that are valid, the newest first."""
        ...


class Receipt(Model):
    """What became of one attempt: the HTTP status, or why there was none; `quiet` are seconds that were asked for."""

    at: datetime
    status: int | None = None
    error: str = ""
    seconds: float = 0.0
    quiet: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the subscriber has it."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the subscriber says that it wants nothing any more."""
        return self.status == 410


class Delivery(Model):
    """One event for one subscriber. `about` is the asset: deliveries about the same one keep their order.

    The next attempt is `wait` seconds after the last one, which was then `due` by the clock of who made it.
    """

    webhook: str
    number: int
    about: str
    event: str
    message: Json
    state: State = "waiting"
    attempts: int = 0
    replays: int = 0
    due: datetime | None = None
    wait: float | None = None
    last: Receipt | None = None

    @property
    def key(self) -> str:
        """Where it lies."""
        return delivery_key(self.webhook, self.number)

    @property
    def id(self) -> str:
        """The event's id: the same at every attempt, and for every subscriber."""
        return str(self.message["id"])


def delivery_key(webhook: str, number: int) -> str:
    """The key of a delivery: in order of number by subscriber."""
    return f"{webhook}/{number:020d}"


@dataclass(slots=True)
class _Line:
    """What has not arrived about one asset, by number; the first goes first, at `due` (monotonic seconds)."""

    numbers: list[int] = field(default_factory=list)
    due: float = 0.0
    under_way: bool = False
    known: tuple[int, int, int] | None = None
    """The delivery, its attempts and replays that `due` was last worked out for."""


class Lane:
    """What waits for one subscriber, and how it fares. `name` is for the log; `shared` says that other processes may
    have made the attempts before."""

    def __init__(
        self, id_: str, name: str, store: DocumentStore, post: Post, clock: Clock, patience: Patience, *,
        shared: bool = False,
    ) -> None:  # fmt: skip
        self.failures = 0
        self._id = id_
        self._name = name
        self._kept = Repository(store, DELIVERIES, Delivery)
        self._post = post
        self._clock = clock
        self._patience = patience
        self._shared = shared
        self._lines: dict[str, _Line] = {}
        self._schedule = Schedule[str](clock)
        self._arrived: list[int] = []
        self._probing = anyio.Semaphore(1)

    @property
    def waiting(self) -> int:
        """How many deliveries have neither arrived nor died."""
        return sum(len(line.numbers) for line in self._lines.values())

    def put(self, delivery: Delivery) -> None:
        """Take in a delivery that is in the store."""
        if delivery.state == "delivered":
            heappush(self._arrived, delivery.number)
        if delivery.state != "waiting":
            return
        line = self._lines.setdefault(delivery.about, _Line())
        if delivery.number not in line.numbers:
            insort(line.numbers, delivery.number)
        if line.numbers[0] == delivery.number and line.known != _stand(delivery):
            self._wait(line, delivery)
            if not line.under_way:
                self._schedule.put(delivery.about, line.due)

    def follow(self, number: int, delivery: Delivery | None) -> None:
        """Take in what another process made of a delivery; None when it is gone."""
        if delivery is not None and delivery.state == "waiting":
            self.put(delivery)
            return
        for about, line in list(self._lines.items()):
            if number in line.numbers and not (line.under_way and line.numbers[0] == number):
                first = line.numbers[0] == number
                line.numbers.remove(number)
                if not line.numbers and not line.under_way:
                    self._schedule.remove(about)
                    del self._lines[about]
                elif first and not line.under_way:  # the next one need not wait for what that one waited for
                    line.due = self._clock.monotonic()
                    self._schedule.put(about, line.due)
        if delivery is not None and number not in self._arrived:
            self.put(delivery)

    def hurry(self) -> None:
        """Try at once whatever waits for its next attempt."""
        now = self._clock.monotonic()
        for about in self._lines:
            self._schedule.hurry(about, now)

    async def work(self, addressee: Addressee) -> Receipt | None:
        """Make the next attempt, when it is due; None when it turned out that there is nothing to send."""
        about = await self._schedule.next()
        line = self._lines[about]
        line.under_way = True
        try:
            return await self._attempt(about, line, addressee)
        finally:
            line.under_way = False
            if line.numbers:
                self._schedule.put(about, line.due)
            else:
                del self._lines[about]

    async def send(self, message: Json, addressee: Addressee) -> Receipt:
        """One attempt, signed for this moment."""
        started, now = self._clock.monotonic(), self._clock.now()
        body = body_of(message)
        signed = headers(str(message["id"]), now, body, addressee.keys(now))
        answered = await self._post.send(addressee.url, dict(signed), body)
        seconds = round(self._clock.monotonic() - started, 3)
        return Receipt(
            at=self._clock.now(), status=answered.status, error=answered.error, seconds=seconds, quiet=answered.quiet
        )

    def hopeless(self, failing_since: datetime | None) -> bool:
        """Whether it failed for so long that it is paused."""
        if failing_since is None or self.failures < self._patience.pause_failures:
            return False
        return (self._clock.now() - failing_since).total_seconds() >= self._patience.pause_after

    async def _attempt(self, about: str, line: _Line, addressee: Addressee) -> Receipt | None:
        number = line.numbers[0]
        found = await self._kept.find_one(delivery_key(self._id, number))
        if found is None or found[0].state != "waiting":
            line.numbers.remove(number)
            return None
        if self.failures >= self._patience.at_once:  # it may be down: one asks, the others wait
            async with self._probing:
                receipt = await self.send(found[0].message, addressee)
        else:
            receipt = await self.send(found[0].message, addressee)
        self.failures = 0 if receipt.ok else self.failures + 1
        await self._settle(line, self._after(found[0], receipt), found[1])
        return receipt

    async def _settle(self, line: _Line, tried: Delivery, version: int) -> None:
        # Over the version that was read before it was sent: a process that was paused since, and does not send any
        # more, writes nothing over what the one that does made of it. What both sent is one event, of the same id.
        try:
            with anyio.CancelScope(shield=True):  # it was sent: that must not be forgotten for being stopped now
                await self._kept.save(tried.key, tried, expect=version)
        except Conflict:  # another process removed it, or sends it once more: what it made of it counts
            line.due = self._clock.monotonic()
            return
        except AirError:
            log.exception("webhook %s: what became of %s is forgotten at the next start", self._name, tried.id)
        if tried.state == "waiting":
            if line.numbers[0] == tried.number:  # else an older one is being replayed, and goes first
                self._wait(line, tried)
            return
        line.numbers.remove(tried.number)
        line.due = self._clock.monotonic()
        if tried.state == "dead":
            log.error("webhook %s: gave up on %s of %s, %s", self._name, tried.event, tried.about, tried.id)
            return
        heappush(self._arrived, tried.number)
        await self._forget_old()

    async def _forget_old(self) -> None:
        while len(self._arrived) > self._patience.kept:
            key = delivery_key(self._id, heappop(self._arrived))
            found = await self._kept.find_one(key)
            if found is None or found[0].state != "delivered":  # it is being replayed
                continue
            try:
                await self._kept.delete(key, expect=found[1])
            except AirError:
                log.exception("webhook %s: the log of deliveries grows", self._name)

    def _after(self, delivery: Delivery, receipt: Receipt) -> Delivery:
        attempts = delivery.attempts + 1
        tried = delivery.model_copy(update={"attempts": attempts, "last": receipt, "due": None, "wait": None})
        if receipt.ok:
            return tried.model_copy(update={"state": "delivered"})
        if receipt.gone:
            return delivery.model_copy(update={"last": receipt})
        if attempts > len(self._patience.waits):
            return tried.model_copy(update={"state": "dead"})
        wait = self._patience.waits[attempts - 1] * uniform(0.8, 1.2)  # noqa: S311  # spreads load
        wait = max(wait, min(receipt.quiet, LONGEST_QUIET))
        return tried.model_copy(update={"due": receipt.at + timedelta(seconds=wait), "wait": round(wait, 3)})

    def _wait(self, line: _Line, delivery: Delivery) -> None:
        line.known = _stand(delivery)
        line.due = self._clock.monotonic() + self._left(delivery)

    def _left(self, delivery: Delivery) -> float:
        """Seconds until the next attempt. Where the last one may have been another process's, whose clock may be wrong,
        they count from when it is heard of."""
        if delivery.due is None:
            return 0.0
        by_clock = max((delivery.due - self._clock.now()).total_seconds(), 0.0)
        if delivery.wait is None:  # it was tried by an earlier version
            return by_clock
        return delivery.wait if self._shared else min(delivery.wait, by_clock)


def _stand(delivery: Delivery) -> tuple[int, int, int]:
    return delivery.number, delivery.attempts, delivery.replays
