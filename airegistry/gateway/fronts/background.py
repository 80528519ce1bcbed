"""The task group for what outlives a request: exchanges that may be parked, listeners, farewells."""

from collections.abc import Callable, Coroutine
from typing import TypeVarTuple

import anyio
from anyio.abc import TaskGroup

from airegistry.core.errors import Internal

Ts = TypeVarTuple("Ts")


class Background:
    """Tasks of the gateway's own, held by `run` until cancelled or closed. What is started here must not raise."""

    def __init__(self) -> None:
        self._group: TaskGroup | None = None

    async def run(self, every: float, sweep: Callable[[], None]) -> None:
        """Hold the tasks, and sweep every so many seconds."""
        async with anyio.create_task_group() as group:
            self._group = group
            try:
                while True:
                    await anyio.sleep(every)
                    sweep()
            finally:
                self._group = None

    def close(self) -> None:
        """Cancel all tasks; `run` returns."""
        if self._group is not None:
            self._group.cancel_scope.cancel()

    def spawn(self, task: Callable[[*Ts], Coroutine[object, object, object]], *args: *Ts) -> None:
        """Start a task."""
        self._running().start_soon(task, *args)

    async def start(self, task: Callable[..., Coroutine[object, object, object]], *args: object) -> object:
        """Start a task and wait for what it says when it is under way; raises what it raises before."""
        return await self._running().start(task, *args)

    def _running(self) -> TaskGroup:
        if self._group is None:
            raise Internal("the gateway is not running")
        return self._group
