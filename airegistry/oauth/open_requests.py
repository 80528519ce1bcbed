"""Requests that are still being answered, so that one is ended whose token has ended, or whose caller is cut off."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

import anyio

from airegistry.core.principals import Principal
from airegistry.oauth.sending import Sending

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
        self._streams: dict[Callable[[], object], Sending] = {}
        self.closing = False
        """Whether all were ended, as the registry stops."""

    @contextmanager
    def watched(self, *used: *Used, stream: Sending | None = None) -> Iterator[anyio.CancelScope]:
        """Answer a request inside; it breaks off when the token ends, and the scope knows.

        `stream` is the answer to a request that may have no end of its own.
        """
        with anyio.CancelScope() as scope:
            self._open[scope.cancel] = used
            if stream is not None:
                self._streams[scope.cancel] = stream
            try:
                yield scope
            finally:
                del self._open[scope.cancel]
                self._streams.pop(scope.cancel, None)

    def on_data_path(self, *used: *Used) -> "Watched":
        """As `watched`, at a tenth of its cost; what runs inside must not rely on anyio's shields."""
        return Watched(self._open, used)

    def end_streams(self) -> None:
        """End the streams that have no end of their own."""
        for end, sending in list(self._streams.items()):
            if sending.streams:
                end()

    def close(self) -> None:
        """End all."""
        self.closing = True
        for end in list(self._open):
            end()

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

    __slots__ = ("_open", "_task", "_used", "ended")

    def __init__(self, open_: dict[Callable[[], object], Used], used: Used) -> None:
        self._open = open_
        self._used = used
        self.ended = False
        self._task: asyncio.Task[object] | None = None

    def __enter__(self) -> "Watched":
        self._task = asyncio.current_task()
        self._open[self._end] = self._used
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        del self._open[self._end]
        if not self.ended or self._task is None:
            return False
        return self._task.uncancel() == 0 and isinstance(error, asyncio.CancelledError)

    def _end(self) -> None:
        if self._task is not None and not self.ended:
            self.ended = True
            self._task.cancel()
