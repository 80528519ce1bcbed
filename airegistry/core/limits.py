"""How often somebody may try something: token buckets, kept in memory."""

import math
from collections import OrderedDict
from collections.abc import Callable

from airegistry.core.errors import RateLimited
from airegistry.core.ports import Clock

MAX_KEYS = 50_000
NEARLY = 1 - 1e-6
"""A token that lacks no more than rounding is a whole one: who waited as told is let in."""


def whole_seconds(wait: float) -> int:
    """A wait as callers are told it: whole seconds, at least one, after which a token is there."""
    return max(1, math.ceil(round(wait, 6)))


class Bucket:
    """A token bucket: holds `burst` tokens, and gains `per_second` of them. Times are monotonic seconds."""

    __slots__ = ("burst", "level", "per_second", "then")

    def __init__(self, burst: float, per_second: float, now: float) -> None:
        self.burst = self.level = burst
        self.per_second = per_second
        self.then = now

    def wait(self, now: float) -> float:
        """Seconds until there is a token to take; 0.0 when there is one now."""
        level = self.level + (now - self.then) * self.per_second
        self.level = level = level if level < self.burst else self.burst
        self.then = now
        return 0.0 if level >= NEARLY else (1 - level) / self.per_second

    def take(self) -> None:
        """Take a token; `wait` said that there is one."""
        self.level -= 1

    def give_back(self, now: float) -> None:
        """Take it back that a token was taken."""
        self.wait(now)
        self.level = min(self.burst, self.level + 1)


Among = Callable[[], int]
"""How many processes share what is limited."""


def alone() -> int:
    """One."""
    return 1


class Limiter:
    """Lets each key do `burst` things at once and `burst` more in every `seconds`, evenly.

    `among` says how many processes share that: each lets its part through, which is one thing at least.

    At most 50,000 keys are remembered, the ones used last: who is forgotten starts afresh.
    """

    def __init__(self, clock: Clock, *, burst: int, seconds: float, what: str, among: Among = alone) -> None:
        self._clock = clock
        self._burst = burst
        self._seconds = seconds
        self._what = what
        self._among = among
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one attempt.

        Raises:
            RateLimited: there were too many; `retry_after` says how many seconds to wait.
        """
        now = self._clock.monotonic()
        burst = max(1.0, self._burst / self._among())
        per_second = burst / self._seconds
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(burst, per_second, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        bucket.burst, bucket.per_second = burst, per_second
        if wait := bucket.wait(now):
            raise RateLimited(f"too many {self._what}", retry_after=whole_seconds(wait))
        bucket.take()
        self._buckets.move_to_end(key)

    def give_back(self, key: str) -> None:
        """Take one attempt back: it was a good one."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.give_back(self._clock.monotonic())
