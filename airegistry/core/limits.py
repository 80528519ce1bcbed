"""How often somebody may try something: token buckets, kept in memory."""

import math
from collections import OrderedDict

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


class Limiter:
    """Lets each key do `burst` things at once and `burst` more in every `seconds`, evenly.

    At most 50,000 keys are remembered, the ones used last: who is forgotten starts afresh.
    """

    def __init__(self, clock: Clock, *, burst: int, seconds: float, what: str) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._per_second = burst / seconds
        self._what = what
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one attempt.

        Raises:
            RateLimited: there were too many; `retry_after` says how many seconds to wait.
        """
        now = self._clock.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(self._burst, self._per_second, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        if wait := bucket.wait(now):
            raise RateLimited(f"too many {self._what}", retry_after=whole_seconds(wait))
        bucket.take()
        self._buckets.move_to_end(key)

    def give_back(self, key: str) -> None:
        """Take one attempt back: it was a good one."""
        if (bucket := self._buckets.get(key)) is not None:
            bucket.give_back(self._clock.monotonic())
