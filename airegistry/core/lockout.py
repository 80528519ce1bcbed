"""How long an account waits after failed attempts: kept in the store, so that a restart does not forget."""

import contextlib
import hashlib
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, RateLimited
from airegistry.core.ports import Clock

FREE = 5
"""Failures in a row before an account waits."""

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(minutes=15)
FORGOTTEN = timedelta(days=1)
ROUNDS = 50
ATTEMPTS = "attempts"


class Failures(Model):
    """Attempts on one name that failed, or that are under way: how many in a row, and when the last one was."""

    count: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One counted attempt: where, what stood there before, and which version it made."""

    key: str
    before: Failures | None
    version: int


class Lockout:
    """Counts attempts by name. Names of nobody count like those of users, so that waiting tells nothing.

    An attempt is counted as failed before it is known to be: so no number of them at once gets past the limit.
    """

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._failures = Repository(store, "login_failures", Failures)
        self._clock = clock

    async def enter(self, name: str) -> Attempt:
        """Count an attempt on a name.

        Raises:
            RateLimited: there were too many; `retry_after` says how many seconds to wait.
        """
        key = _key(name)
        for _ in range(ROUNDS):
            before, version = await self._failures.find_one(key) or (None, 0)
            now = self._clock.now()
            wait = self._wait(before, now)
            if wait > 0:
                raise RateLimited(f"too many {ATTEMPTS}", retry_after=wait)
            fresh = before is None or now - before.last >= FORGOTTEN
            count = 1 if before is None or fresh else before.count + 1
            try:
                written = await self._failures.save(key, Failures(count=count, last=now), expect=version)
            except Conflict:
                continue
            return Attempt(key, before, written)
        raise RateLimited(f"too many {ATTEMPTS}", retry_after=1)

    async def forgive(self, attempt: Attempt) -> None:
        """Uncount an attempt that was neither good nor bad; those counted since stay."""
        try:
            if attempt.before is None:
                await self._failures.delete(attempt.key, expect=attempt.version)
            else:
                await self._failures.save(attempt.key, attempt.before, expect=attempt.version)
        except Conflict:
            return  # another attempt was counted since: one too many is the safe side

    async def clear(self, name: str) -> None:
        """Begin anew: the name was proven, or an administrator vouches for it."""
        await self._failures.delete(_key(name))

    async def sweep(self) -> int:
        """Remove what is too old to count; returns how much it was."""
        now, gone = self._clock.now(), 0
        async for key, listed in self._failures.find():
            found = await self._failures.find_one(key) if now - listed.last >= FORGOTTEN else None
            if found is not None and now - found[0].last >= FORGOTTEN:
                with contextlib.suppress(Conflict):  # an attempt was counted since the list was made: it stays
                    gone += await self._failures.delete(key, expect=found[1])
        return gone

    @staticmethod
    def _wait(failures: Failures | None, now: datetime) -> int:
        """Whole seconds until the next attempt is let in."""
        if failures is None or failures.count < FREE:
            return 0
        # The exponent is bounded before it is raised: counts only grow.
        delay = min(FIRST_WAIT * (1 << min(failures.count - FREE, 10)), LONGEST_WAIT)
        if failures.last > now + LONGEST_WAIT:
            return 0  # the clock was set back since: nobody waits until it is there again
        return math.ceil(min(delay, failures.last + delay - now).total_seconds())


def _key(name: str) -> str:
    """Names are kept hashed: persons type a password where the name belongs."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
