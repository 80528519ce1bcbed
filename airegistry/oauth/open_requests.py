"""Requests that are still being answered, so that one is ended whose token has ended, or whose caller is cut off."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import anyio

from airegistry.core.principals import Principal

EVERY = 1.0
"""Seconds between two looks: a stream outlives its token by no more than that."""


Used = tuple[str, str, Principal]
"""What opened a request: the token, the resource it was for, and who came by it."""


class OpenRequests:
    """Ends what is open longer than its token is valid and its caller welcome."""

    def __init__(self, alive: Callable[[str, str], bool], cut_off: Callable[[Principal], bool]) -> None:
        self._alive = alive
        self._cut_off = cut_off
        self._open: dict[Callable[[], object], Used] = {}

    @contextmanager
    def watched(self, *used: *Used) -> Iterator[None]:
        """Answer a request inside; it breaks off when the token ends."""
        with anyio.CancelScope() as scope:
            self._open[scope.cancel] = used
            try:
                yield
            finally:
                del self._open[scope.cancel]

    def on_data_path(self, *used: *Used) -> "Watched":
        """As `watched`, at a tenth of its cost; what runs inside must not rely on anyio's shields."""
        return Watched(self._open, used)

    async def run(self) -> None:
        """Look at all of them again and again, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            alive: dict[tuple[str, str], bool] = {}
            for end, (token, resource, who) in list(self._open.items()):
                used = token, resource
                if used not in alive:
                    alive[used] = self._alive(*used) and not self._cut_off(who)
                if not alive[used]:
                    end()


class Watched:
    """One request, cancelled as a task of asyncio's when its token ends."""

    __slots__ = ("_ended", "_open", "_task", "_used")

    def __init__(self, open_: dict[Callable[[], object], Used], used: Used) -> None:
        self._open = open_
        self._used = used
        self._ended = False
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        self._open[self._end] = self._used

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        del self._open[self._end]
        if not self._ended or self._task is None:
            return False
        return self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError)

    def _end(self) -> None:
        if self._task is not None and not self._ended:
            self._ended = True
            self._task.cancel()
