"""When what is due next: one queue for thousands of recurring things, without a task for each."""

import heapq
from collections.abc import Hashable
from typing import Generic, TypeVar

import anyio

from airegistry.core.ports import Clock

K = TypeVar("K", bound=Hashable)
LONGEST_SLEEP = 60.0


class Schedule(Generic[K]):
    """Keys, each with the time at which it is due, in monotonic seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[K, float] = {}
        self._queue: list[tuple[float, int, K]] = []
        self._count = 0
        self._turn = anyio.Lock()
        self._sooner = anyio.Event()

    def __len__(self) -> int:
        return len(self._due)

    def __contains__(self, key: object) -> bool:
        return key in self._due

    def put(self, key: K, due: float) -> None:
        """Have a key be due at a time, in place of the one before."""
        self._due[key] = due
        self._count += 1  # breaks ties: keys need no order
        heapq.heappush(self._queue, (due, self._count, key))
        if self._queue[0][2] is key:
            self._sooner.set()
        if len(self._queue) > 64 + 4 * len(self._due):
            self._queue = [(due, number, key) for number, (key, due) in enumerate(self._due.items())]
            heapq.heapify(self._queue)

    def hurry(self, key: K, due: float) -> None:
        """Have a known key be due at a time, if that is sooner."""
        if due < self._due.get(key, due):
            self.put(key, due)

    def remove(self, key: K) -> None:
        """Forget a key."""
        self._due.pop(key, None)

    async def next(self) -> K:
        """The next key that is due, when it is; whoever gets it puts it in anew. For any number of waiters."""
        async with self._turn:
            while True:
                wait = self._wait()
                if wait <= 0:
                    key = heapq.heappop(self._queue)[2]
                    del self._due[key]
                    return key
                self._sooner = anyio.Event()
                with anyio.move_on_after(min(wait, LONGEST_SLEEP)):
                    await self._sooner.wait()

    def _wait(self) -> float:
        """Seconds until the first key is due, without those that were moved or removed."""
        while self._queue and self._due.get(self._queue[0][2]) != self._queue[0][0]:
            heapq.heappop(self._queue)
        return self._queue[0][0] - self._clock.monotonic() if self._queue else LONGEST_SLEEP
