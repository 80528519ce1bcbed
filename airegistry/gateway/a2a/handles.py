"""Whose task is whose: the ids that backends give out are good for the caller who got them, at that backend.

A task id is not a credential. Backends see the registry and cannot tell its callers apart, so the registry does. What
is known of an id is kept in the store, as a hash: tasks last for days, over restarts, and answer at every replica.
"""

import hashlib
import logging
from collections import Counter, OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import anyio
from pydantic import Field

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock

COLLECTION = "a2a_handles"
OF_SERVERS = "mcp_handles"
"""Those of MCP servers, where several replicas share a store."""
IDLE_DAYS = 30
CACHED = 20_000
EVERY = 3600.0
"""Seconds between two sweeps."""

_TOUCHED = 86_400
Sort = Literal["task", "context", "state"]
_LOG = logging.getLogger(__name__)


class Holder(Model):
    """Who an id belongs to. `skill` is the skill, or tool, it was got under, None for all of the agent's; `used` is a
    time in seconds since the epoch, a day old at most."""

    subject: str
    skill: str | None = None
    used: int = Field(ge=0)


@dataclass(frozen=True, slots=True)
class Held:
    """The ids that one caller has got, as they are kept."""

    keys: frozenset[str]

    def has(self, agent: str, sort: Sort, id: str) -> bool:
        """Whether an id is one of them."""
        return _key(agent, sort, id) in self.keys


class Handles:
    """Ids of tasks, contexts and states, about `limit` of them: those of whoever has most give way, unused ones first.

    `collection` is where they are kept: agents and servers may have the same path.
    """

    def __init__(
        self, store: DocumentStore, clock: Clock, *, limit: int = 100_000, collection: str = COLLECTION
    ) -> None:
        self._kept = Repository(store, collection, Holder)
        self._collection = collection
        self._clock = clock
        self._limit = limit
        self._cache: OrderedDict[str, Holder] = OrderedDict()
        self._claimed = 0
        self._many = anyio.Event()

    async def holder(self, agent: str, sort: Sort, id: str) -> Holder | None:
        """Who got an id; None when nobody did, or it was not used for 30 days."""
        key = _key(agent, sort, id)
        holder = self._cache.get(key)
        if holder is None:
            found = await self._kept.find_one(key)
            holder = None if found is None else found[0]
        now = self._now()
        if holder is None or now - holder.used > IDLE_DAYS * 86_400:
            return None
        if now - holder.used > _TOUCHED:
            holder = holder.model_copy(update={"used": now})
            await self._kept.save(key, holder)
        return self._remember(key, holder)

    async def claim(self, agent: str, sort: Sort, id: str, subject: str, skill: str | None) -> Holder:
        """Give an id to a caller, unless it is somebody's: whose it is now. Of many at once one gets it."""
        key = _key(agent, sort, id)
        while (holder := await self.holder(agent, sort, id)) is None:
            mine = Holder(subject=subject, skill=skill, used=self._now())
            found = await self._kept.find_one(key)
            with suppress(Conflict):  # somebody was quicker
                await self._kept.save(key, mine, expect=0 if found is None else found[1])
            self._claimed += 1
            if self._claimed >= max(1, self._limit // 10):
                self._many.set()
        return holder

    async def of(self, subject: str) -> "Held":
        """All that a caller has got."""
        return Held(frozenset([key async for key, _ in self._kept.find(where={"subject": subject})]))

    def _remember(self, key: str, holder: Holder) -> Holder:
        self._cache[key] = holder
        self._cache.move_to_end(key)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return holder

    async def run(self) -> None:
        """Sweep every hour, and when many ids have come since, until cancelled."""
        while True:
            self._claimed, self._many = 0, anyio.Event()
            try:
                await self.sweep()
            except Exception:  # noqa: BLE001  # the loop outlives a store that fails for a while
                _LOG.exception("the sweep of %s failed", self._collection)
            with anyio.move_on_after(EVERY):
                await self._many.wait()

    async def sweep(self) -> int:
        """Forget ids that were not used for 30 days, and what is over the limit; how many that were."""
        oldest = self._now() - IDLE_DAYS * 86_400
        kept: list[tuple[int, str, str]] = []
        over: list[str] = []
        async for key, holder in self._kept.find():
            if holder.used < oldest:
                over.append(key)
            else:
                kept.append((holder.used, key, holder.subject))
        over += _excess(sorted(kept), self._limit)
        for key in over:
            await self._kept.delete(key)
            self._cache.pop(key, None)
        return len(over)

    def _now(self) -> int:
        return int(self._clock.now().timestamp())


def _excess(kept: list[tuple[int, str, str]], limit: int) -> list[str]:
    """The keys that have to go, of (used, key, subject) in order of use: a flood costs its author first."""
    if len(kept) <= limit:
        return []
    counts = Counter(subject for _, _, subject in kept)
    sizes, left = sorted(counts.values()), limit
    while sizes[0] <= left // len(sizes):  # whoever has less than an equal share leaves the rest to the others
        left -= sizes.pop(0)
    share = left // len(sizes)
    gone = {subject: max(0, count - share) for subject, count in counts.items()}
    keys: list[str] = []
    for _, key, subject in kept:
        if gone[subject] > 0:
            gone[subject] -= 1
            keys.append(key)
    return keys


def _key(agent: str, sort: Sort, id: str) -> str:
    """A key of fixed length, whatever agents and callers take for an id."""
    return hashlib.sha256(f"{agent}/{sort}/{id}".encode("utf-8", "surrogatepass")).hexdigest()
