"""Notices when a client hangs up, or is to be cut off, and cancels the work that is done for it."""

import asyncio
from collections.abc import Callable
from types import TracebackType

from starlette.types import Receive

from airegistry.egress.timers import Patience, Waiting

PATIENCE = 0.02
"""Seconds after which a request is worth a task that watches its client; most are answered by then."""


class Presence:
    """Around the answer to one request whose body was read: leaves quietly when the client is gone or cut off.

    `patience` is that of the application, of PATIENCE seconds. `gone`, where it is set, is called when the client
    hangs up, in place of `cut`.
    """

    __slots__ = ("_patience", "_receive", "_task", "_waiting", "_watcher", "gone", "over")

    def __init__(self, receive: Receive, patience: Patience) -> None:
        self._receive = receive
        self._patience = patience
        self._task: asyncio.Task[object] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._waiting: Waiting | None = None
        self.gone: Callable[[], None] | None = None
        self.over = False
        """Whether the work was cancelled from here."""

    def cut(self) -> None:
        """Cancel the work."""
        if not self.over and self._task is not None:
            self.over = True
            self._task.cancel()

    def __enter__(self) -> "Presence":
        self._task = asyncio.current_task()
        self._waiting = self._patience.then(self._begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._waiting is not None:
            self._waiting.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        task, self._task = self._task, None
        if not self.over or task is None:
            return False
        return task.uncancel() == 0 and isinstance(error, asyncio.CancelledError)

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        (self.gone or self.cut)()
