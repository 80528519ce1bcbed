"""What other processes over the same store do, followed here: one reader of its change feed for all who keep something
of it in memory.

A subscriber is told which documents changed, several at once when they come faster than it follows, and reads what they
are by now. When changes were lost it reads everything anew. The feed is known to be alive by a document of its own that
every process writes now and then: from a beat to its return on the feed is the lag.
"""

import logging
import math
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

import anyio

from airegistry.core.documents import Change, ChangesLost, DocumentStore
from airegistry.core.errors import AirError, Internal
from airegistry.core.ports import Clock

COLLECTION = "feed"
"""Here each process writes a document of its own now and then."""
BEATS, FIRST_BEATS = 0.4, 0.2
"""Seconds between two beats: as a rule, and until the first change is heard."""
PATIENCE = 10.0
"""Seconds without a sign of the feed after which what is known here counts as old."""
OPENING, LEAVING = 30.0, 1.0
"""Seconds that the feed has to begin, and a process to say that it ends."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
MOST = 10_000
"""Changes that wait for a subscriber: of more it is told no single one, but to read everything anew."""

Place = tuple[str, str]
"""Collection and key of a document."""
OnChange = Callable[[Sequence[Place]], Awaitable[object]]
Reload = Callable[[], Awaitable[object]]
log = logging.getLogger(__name__)


class _Subscriber:
    """One who follows: what it has to look at, and whether at everything."""

    def __init__(self, name: str, on_change: OnChange | None, reload: Reload) -> None:
        self.name = name
        self._on_change = on_change
        self._reload = reload
        self._pending: dict[Place, None] = {}
        self._wake = anyio.Event()
        self._losses = self._made_good = 0
        self.current = True
        """Whether it has followed everything that it was told of."""

    @property
    def stale(self) -> bool:
        """Whether it missed something, and has not read everything since."""
        return self._losses != self._made_good

    def note(self, place: Place) -> None:
        """Have it look at a document."""
        self._pending[place] = None
        if len(self._pending) > MOST:
            self.lose()
        else:
            self._wake_up()

    def lose(self) -> None:
        """Have it read everything."""
        self._losses += 1
        self._pending = {}
        self._wake_up()

    async def serve(self) -> None:
        """Follow, one thing at a time; what fails is made good by reading everything anew."""
        pause = FIRST_PAUSE
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            try:
                await self._follow()
            except Exception:  # whatever breaks one of them: it must not stop following, nor the others
                log.exception("%s could not follow a change of another process", self.name)
                self.lose()
                await anyio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            self.current = not self._wake.is_set()

    async def _follow(self) -> None:
        losses, places, self._pending = self._losses, list(self._pending), {}
        if self._on_change is None or self.stale:
            await self._reload()
            self._made_good = losses
        else:
            await self._on_change(places)

    def _wake_up(self) -> None:
        self.current = False
        self._wake.set()


class Following:
    """The feed of a shared store. `own` says whether this process made a change, whoever follows having done so then;
    `lost` is called when changes were lost."""

    def __init__(
        self, store: DocumentStore, clock: Clock, *, own: Callable[[Change], bool] = lambda change: False,
        lost: Callable[[], object] = lambda: None, beats: float = BEATS, patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._store = store
        self._clock = clock
        self._own = own
        self._lost = lost
        self._beats = beats
        self._patience = patience
        self._id = secrets.token_hex(8)
        self._subscribers: dict[str, list[_Subscriber]] = defaultdict(list)
        self._all: list[_Subscriber] = []
        self._early: dict[Place, None] = {}
        """What changed before `run`."""
        self._running = False
        self._missed = False
        """Whether something was lost before `run`."""
        self._revision: int | None = None
        self._heard = anyio.Event()
        """There is a feed: whatever is written from now on comes."""
        self._heard_at = -math.inf
        self._out: dict[int, float] = {}
        """Own beats that have not come back: by version, when they were sent."""
        self._back = 0
        """The version of the last own beat that was heard."""
        self._peers: dict[str, float] = {}
        """Other processes, and when their last beat was heard."""
        self._known = -math.inf
        """When the last beat was sent that has come back."""
        self._over = False

    def subscribe(
        self, name: str, collections: Iterable[str], reload: Reload, on_change: OnChange | None = None
    ) -> None:
        """Have somebody follow some collections: by `on_change` what changed, else, and when that is not known, by
        `reload` everything. Before `run`: it is told of all that changed since the feed was opened."""
        subscriber = _Subscriber(name, on_change, reload)
        self._all.append(subscriber)
        for collection in collections:
            self._subscribers[collection].append(subscriber)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Following"]:
        """The feed, heard from here on: what is read inside and followed afterwards misses nothing.

        Raises:
            Internal: it cannot be opened.
        """
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._read)
            tasks.start_soon(self._beat)
            with anyio.move_on_after(OPENING):
                await self._heard.wait()
            try:
                if not self._heard.is_set():
                    raise Internal("the change feed of the store cannot be opened")
                yield self
            except Exception as error:  # noqa: BLE001  # raised again as it is: a task group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def run(self) -> None:
        """Have the subscribers follow, until cancelled."""
        self._running = True
        early, self._early = self._early, {}
        if self._missed:
            self._lose()
        for place in early:
            self._tell(place)
        async with anyio.create_task_group() as tasks:
            for subscriber in self._all:
                tasks.start_soon(subscriber.serve)

    @property
    def lag(self) -> float:
        """How many seconds ago others may have written what is not known here; infinite while there is no feed."""
        return self._clock.monotonic() - self._known if self._heard.is_set() else math.inf

    def replicas(self) -> int:
        """How many processes share the store, this one among them, when it was heard of last."""
        return 1 + sum(self._heard_at - heard < self._patience for heard in self._peers.values())

    @property
    def ready(self) -> bool:
        """Whether what is known here is what the store has, but for what changed just now."""
        behind = any(subscriber.stale for subscriber in self._all)
        return self._heard.is_set() and not behind and self._clock.monotonic() - self._heard_at < self._patience

    @property
    def current(self) -> bool:
        """Whether everything that was heard of has been followed."""
        return all(subscriber.current for subscriber in self._all)

    async def _read(self) -> None:
        """Read the feed until the store closes; after an interruption from where it broke off, if that is known."""
        pause = FIRST_PAUSE
        while not self._over:
            try:
                async for change in self._store.watch(since=self._revision):
                    pause = FIRST_PAUSE
                    self._hear(change)
                self._over = True
            except ChangesLost as loss:
                log.warning("changes of other processes were lost: everything is read anew (%s)", loss.message)
                self._revision = None
                self._heard = anyio.Event()
            except Exception:  # whatever a driver raises when its connection is gone: the feed is opened again
                log.warning("the change feed is interrupted", exc_info=True)
                await anyio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def _hear(self, change: Change) -> None:
        now = self._clock.monotonic()
        anew = self._revision is None and self._heard_at > -math.inf
        self._revision, self._heard_at = change.revision, now
        if not self._heard.is_set():
            self._heard.set()
        if anew:  # only now: what is read from here on, together with the feed, is everything
            self._lost()
            self._lose()
        if change.collection == COLLECTION:
            self._hear_beat(change, now)
        elif not self._own(change):
            self._tell((change.collection, change.key))

    def _hear_beat(self, change: Change, now: float) -> None:
        if change.key != self._id:
            self._peers = {peer: heard for peer, heard in self._peers.items() if now - heard < self._patience}
            self._peers[change.key] = now if change.body is not None else -math.inf
            return
        self._back = max(self._back, change.version)
        for version in [version for version in self._out if version <= change.version]:
            self._known = max(self._known, self._out.pop(version))

    def _tell(self, place: Place) -> None:
        if self._running:
            for subscriber in self._subscribers.get(place[0], ()):
                subscriber.note(place)
            return
        self._early[place] = None
        if len(self._early) > MOST:
            self._lose()

    def _lose(self) -> None:
        self._early, self._missed = {}, not self._running
        for subscriber in self._all if self._running else ():
            subscriber.lose()

    async def _beat(self) -> None:
        """Be heard of, until cancelled; then have others know at once that there is one less."""
        try:
            await self._keep_beating()
        finally:
            with anyio.move_on_after(LEAVING, shield=True):
                try:
                    await self._store.delete(COLLECTION, self._id)
                except (OSError, AirError):
                    log.debug("others will miss this process by themselves", exc_info=True)

    async def _keep_beating(self) -> None:
        while not self._over:
            sent = self._clock.monotonic()
            try:
                document = await self._store.put(COLLECTION, self._id, {})
            except (OSError, AirError):
                log.warning("the store cannot be written", exc_info=True)
            else:
                if document.version <= self._back:
                    self._known = max(self._known, sent)
                elif len(self._out) < MOST:
                    self._out[document.version] = sent
            await anyio.sleep(self._beats if self._heard.is_set() else min(FIRST_BEATS, self._beats))
