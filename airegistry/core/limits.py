"""How often somebody may try something: token buckets, kept in memory."""

import math
from collections import OrderedDict

from airegistry.core.errors import RateLimited
from airegistry.core.ports import Clock

MAX_KEYS = 50_000


class Limiter:
    """Lets each key do `burst` things at once and `burst` more in every `seconds`, evenly.

    At most 50,000 keys are remembered, the ones used last: who is forgotten starts afresh.
    """

    def __init__(self, clock: Clock, *, burst: int, seconds: float, what: str) -> None:
        self._clock = clock
        self._burst = float(burst)
        self._per_second = burst / seconds
        self._what = what
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> None:
        """Count one attempt.

        Raises:
            RateLimited: there were too many; `retry_after` says how many seconds to wait.
        """
        level, now = self._level(key)
        if level < 1:
            raise RateLimited(f"too many {self._what}", retry_after=math.ceil((1 - level) / self._per_second))
        self._levels[key] = (level - 1, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)

    def give_back(self, key: str) -> None:
        """Take one attempt back: it was a good one."""
        level, now = self._level(key)
        self._levels[key] = (min(self._burst, level + 1), now)

    def _level(self, key: str) -> tuple[float, float]:
        now = self._clock.monotonic()
        level, then = self._levels.get(key, (self._burst, now))
        return min(self._burst, level + (now - then) * self._per_second), now
