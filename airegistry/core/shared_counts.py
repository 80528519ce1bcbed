"""What replicas count together: tokens of limits, calls and streams under way, told to one another by documents.

No call waits for that. A replica writes what was taken at it in the last quarter of a second, if anything was, and
takes off its own buckets what the others write: each bucket becomes the one that all share. What was let in before that
was known is owed, so that it lacks later. What is under way is written as it is by then, in place of what was before,
and what a replica says of it counts for ten seconds.
"""

import logging
import secrets
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Final, TypeVar

import anyio

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.following import Place
from airegistry.core.ports import Clock
from airegistry.core.protection import SAVED_EVERY, Guards
from airegistry.core.quotas import NONE, Counted, Kept, Limit, UnderWay

TAKES, UNDER_WAY = "quota_uses", "calls_under_way"
EVERY = 0.25
"""Seconds between two looks at what there is to tell."""
SLOTS = 40
"""Documents that a replica writes in turn what was taken: who is behind by more of them misses some."""
MOST = 10_000
"""Counts that are told at once; the rest waits for the next time."""
BEATS, PATIENCE = 3.0, 10.0
"""Seconds after which what is under way is told again, and for which it counts."""
SWEEPS = 600.0
"""Seconds between two looks for what replicas left that are gone."""

K = TypeVar("K")
Standing = tuple[Mapping[str, UnderWay], Mapping[Counted, UnderWay]]
_IDLE: Final[Standing] = ({}, {})
log = logging.getLogger(__name__)


class Taken(Model):
    """Tokens that one replica took, by limit and count; `n` grows with each such document of a replica."""

    by: str
    n: int
    tokens: dict[str, dict[str, int]]


class Running(Model):
    """Calls and streams under way at one replica, by caller, and by limit and count."""

    callers: dict[str, UnderWay]
    counts: dict[str, dict[str, UnderWay]]

    @property
    def standing(self) -> Standing:
        """The same as it is counted."""
        return self.callers, {(name, key): each for name, of in self.counts.items() for key, each in of.items()}


class SharedCounts:
    """The counts of `guards`, together with those of other replicas over the store."""

    def __init__(
        self, guards: Guards, store: DocumentStore, clock: Clock, *, every: float = EVERY, patience: float = PATIENCE
    ) -> None:
        self._guards = guards
        self._store = store
        self._takes = Repository(store, TAKES, Taken)
        self._running = Repository(store, UNDER_WAY, Running)
        self._kept = Repository(store, "quotas", Kept)
        self._clock = clock
        self._every = every
        self._patience = patience
        self._id = secrets.token_hex(8)
        self._n = 0
        self._untold: Counter[Counted] = Counter()
        self._unsaved: dict[str, Counter[str]] = defaultdict(Counter)
        self._told: Standing = _IDLE
        self._told_at = 0.0
        self._seen: dict[str, int] = {}
        self._others: dict[str, tuple[float, Standing]] = {}
        """What others said is under way, and when that was heard."""
        self._swept: dict[Place, int] = {}
        guards.taken = Counter()

    async def run(self) -> None:
        """Tell others, and write what survives a restart; until cancelled, and then once more."""
        try:
            async for key, taken in self._takes.find():  # of before: what of it still counts was restored
                self._seen[key] = max(taken.n, self._seen.get(key, 0))
            async for key, running in self._running.find():
                self._hear(key, running)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._tell_often)
                tasks.start_soon(self._save_often)
                tasks.start_soon(self._sweep_often)
        finally:
            with anyio.CancelScope(shield=True):
                await self.tell(stops=True)
                await self.save()

    async def follow(self, places: Sequence[Place]) -> None:
        """Count what other replicas wrote."""
        for collection, key in places:
            if collection == TAKES:
                await self._follow_takes(key)
            elif key != self._id:
                found = await self._running.find_one(key)
                self._hear(key, None if found is None else found[0])

    async def reload(self) -> None:
        """Count all that other replicas wrote and was not counted here."""
        for collection in (TAKES, UNDER_WAY):
            await self.follow([(collection, document.key) async for document in self._store.find(collection)])

    async def tell(self, *, stops: bool = False) -> None:
        """Tell others what was taken here, and what is under way by now; what cannot be written is told later."""
        taken, self._guards.taken = self._guards.taken or Counter(), Counter()
        for applied, times in taken.items():
            for name, key in applied.counted:
                self._untold[name, key] += times
                self._unsaved[name][key] += times
        try:
            if self._untold:
                await self._tell_takes()
            await self._tell_running(_IDLE if stops else self._guards.under_way())
        except (OSError, AirError):
            log.warning("other replicas cannot be told what was counted here", exc_info=True)

    async def save(self) -> None:
        """Add what was taken here to the counts that survive a restart; what cannot be written is added later."""
        unsaved, self._unsaved = self._unsaved, defaultdict(Counter)
        try:
            while unsaved:
                name = next(iter(unsaved))
                limit = self._guards.in_force.get(name)
                if limit is not None and limit.counts_long:
                    await self._add(limit, unsaved[name])
                del unsaved[name]
        except (OSError, AirError):
            log.warning("the counts of limits could not be written", exc_info=True)
            for name, taken in unsaved.items():
                self._unsaved[name].update(taken)

    async def sweep(self) -> None:
        """Remove what did not change between two sweeps: its replica is gone, or has nothing under way."""
        found = {
            (collection, document.key): document.version
            for collection in (TAKES, UNDER_WAY)
            async for document in self._store.find(collection)
        }
        for place, version in found.items():
            if self._swept.get(place) == version:
                with suppress(Conflict):
                    await self._store.delete(*place, expect=version)
        self._swept = found

    async def _tell_often(self) -> None:
        while True:
            await anyio.sleep(self._every)
            await self.tell()
            self._forget_silent()

    async def _save_often(self) -> None:
        while True:
            await anyio.sleep(SAVED_EVERY)
            await self.save()

    async def _sweep_often(self) -> None:
        while True:
            await anyio.sleep(SWEEPS)
            try:
                await self.sweep()
            except (OSError, AirError):
                log.warning("what replicas left that are gone was not removed", exc_info=True)

    async def _tell_takes(self) -> None:
        told = self._untold.most_common(MOST)
        tokens: dict[str, dict[str, int]] = defaultdict(dict)
        for (name, key), times in told:
            tokens[name][key] = times
        self._n += 1  # also when it fails: it may have been written all the same, and then counts twice
        await self._takes.save(f"{self._id}.{self._n % SLOTS}", Taken(by=self._id, n=self._n, tokens=tokens))
        for counted, _ in told:
            del self._untold[counted]

    async def _tell_running(self, standing: Standing) -> None:
        now, idle = self._clock.monotonic(), standing == _IDLE
        if standing == self._told and (idle or now - self._told_at < BEATS):
            return
        if idle:
            await self._running.delete(self._id)
        else:
            counts: dict[str, dict[str, UnderWay]] = defaultdict(dict)
            for (name, key), each in standing[1].items():
                counts[name][key] = each
            await self._running.save(self._id, Running(callers=dict(standing[0]), counts=counts))
        self._told, self._told_at = standing, now

    async def _follow_takes(self, key: str) -> None:
        found = await self._takes.find_one(key)
        if found is None:
            self._seen.pop(key, None)
            return
        taken = found[0]
        if taken.by == self._id or taken.n <= self._seen.get(key, 0):
            return
        self._seen[key] = taken.n
        for name, tokens in taken.tokens.items():
            for count, times in tokens.items():
                self._guards.take_off((name, count), times)

    def _hear(self, replica: str, running: Running | None) -> None:
        if running is None:
            self._others.pop(replica, None)
        else:
            self._others[replica] = self._clock.monotonic(), running.standing
        self._add_up()

    def _forget_silent(self) -> None:
        """Count no longer what a replica said that says nothing any more: it may have been killed."""
        oldest = self._clock.monotonic() - self._patience
        silent = [replica for replica, (heard, _) in self._others.items() if heard < oldest]
        for replica in silent:
            del self._others[replica]
        if silent:
            self._add_up()

    def _add_up(self) -> None:
        standing = [each for _, each in self._others.values()]
        self._guards.add_elsewhere(_sum(callers for callers, _ in standing), _sum(counts for _, counts in standing))

    async def _add(self, limit: Limit, taken: Mapping[str, int]) -> None:
        """Add to what is stored of a limit, which all replicas do."""
        while True:
            found = await self._kept.find_one(limit.name)
            now = self._clock.now()
            kept, version = found or (Kept(at=now, used={}), 0)
            with suppress(Conflict):  # another replica added meanwhile
                await self._kept.save(limit.name, kept.later(limit, now, taken), expect=version)
                return


def _sum(each: Iterable[Mapping[K, UnderWay]]) -> dict[K, UnderWay]:
    found: dict[K, UnderWay] = {}
    for under_way in each:
        for key, (calls, streams) in under_way.items():
            before = found.get(key, NONE)
            found[key] = before[0] + calls, before[1] + streams
    return found
