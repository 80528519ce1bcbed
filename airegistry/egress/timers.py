"""Limits of time that hardly ever run out, at next to no cost: the loop's own timers are set and given up with care.

A timer of the loop costs several microseconds to set and cancel, and a turn of the loop to be rid of it; a call of the
gateway would need five.
"""

import asyncio
from collections import deque
from collections.abc import Callable

_ROUNDING = 0.001
"""Seconds by which loops round."""


class Deadline:
    """A limit that is set anew again and again: the timer under it is left alone until it fires.

    `expired` is called once the limit is reached.
    """

    __slots__ = ("_at", "_due", "_expired", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], object]) -> None:
        self._loop = loop
        self._expired = expired
        self._at: float | None = None
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Expire in so many seconds, whatever was set before."""
        at = self._at = self._loop.time() + seconds
        if self._timer is None:
            self._start(at)
        elif self._due > at:
            self._timer.cancel()
            self._start(at)

    def clear(self) -> None:
        """Do not expire."""
        self._at = None

    def close(self) -> None:
        """Do not expire, and be forgotten by the loop."""
        self._at = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, at: float) -> None:
        self._due = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._at is None:
            return
        if self._loop.time() < self._at - _ROUNDING:
            self._start(self._at)
            return
        self._at = None
        self._expired()


class Waiting:
    """Something that `Patience` will do unless it is told not to."""

    __slots__ = ("at", "do")

    def __init__(self, at: float, do: Callable[[], object]) -> None:
        self.at = at
        self.do: Callable[[], object] | None = do

    def cancel(self) -> None:
        """Not any more."""
        self.do = None


class Patience:
    """Many waits of one length, in seconds, that mostly end early: one timer of the loop serves them all."""

    __slots__ = ("_loop", "_seconds", "_timer", "_waiting")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._waiting: deque[Waiting] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def then(self, do: Callable[[], object]) -> Waiting:
        """Call `do` when the wait is over."""
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        waiting = Waiting(loop.time() + self._seconds, do)
        self._waiting.append(waiting)
        if self._timer is None:
            self._timer = loop.call_at(waiting.at, self._look)
        return waiting

    def _look(self) -> None:
        assert self._loop is not None
        self._timer = None
        now = self._loop.time() + _ROUNDING
        while self._waiting and (self._waiting[0].do is None or self._waiting[0].at <= now):
            do = self._waiting.popleft().do
            if do is not None:
                do()
        if self._waiting:
            self._timer = self._loop.call_at(self._waiting[0].at, self._look)
