"""Requests whose progress and questions may come on the event stream instead of in their answers.

Servers on the Python SDK before 2.0 send there what a tool asks and reports through its session.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from airegistry.core.assets import Json
from airegistry.gateway.channels.listeners import Box
from airegistry.gateway.channels.running import Running, unfinished

ASKING: Final = frozenset(("tools/call", "prompts/get", "resources/read"))
"""The requests in the course of which a server may ask its client something, as of 2026-07-28."""

Delivered = Callable[[Running], AbstractAsyncContextManager[AsyncIterator[Json]]]
"""Sends a request and gives the messages of its answer."""


class _Overheard(Box):
    __slots__ = ("running",)

    def __init__(self, running: Running) -> None:
        super().__init__()
        self.running = running


class Overhearing:
    """Such requests of one channel that are under way, the oldest first."""

    def __init__(self) -> None:
        self._all: dict[int, _Overheard] = {}

    def __len__(self) -> int:
        return len(self._all)

    @asynccontextmanager
    async def read(
        self, running: Running, delivered: Delivered, tasks: TaskGroup
    ) -> AsyncIterator[AsyncIterator[Json]]:
        """Send a request, and give its messages from both streams; reading raises what sending does.

        The answer is read in a task, for a backend may ask before the answer begins; it is read one message ahead of
        whoever iterates, so that a backend waits for its reader.
        """
        box, scope, over = _Overheard(running), anyio.CancelScope(), anyio.Event()
        tasks.start_soon(_carry, box, delivered, scope, over)
        self._all[running.id] = box
        try:
            yield box
        finally:
            del self._all[running.id]
            if not running.answered:
                scope.cancel()
            with anyio.CancelScope(shield=True):
                await over.wait()

    def report(self, message: Json, size: int) -> None:
        """Give a progress notification to the request that it is about; it is no more if that is over."""
        params = message.get("params")
        token = params.get("progressToken") if isinstance(params, dict) else None
        box = self._all.get(token) if isinstance(token, int) else None
        if box is not None:
            box.put(message, size)

    def deliver(self, message: Json, size: int) -> bool:
        """Give a question to the one request that it can be from, a log message to the newest; whether there is one."""
        id = message.get("id")
        if isinstance(id, str | int):
            box = self._asking()
            if box is not None:
                box.running.asked.add(id)
        else:
            logs = message["method"] == "notifications/message"
            box = next(reversed(self._all.values()), None) if logs else None
        if box is None:
            return False
        box.put(message, size)
        return True

    def _asking(self) -> _Overheard | None:
        able = [box for box in self._all.values() if box.running.method in ASKING]
        # One that waits for an answer is hardly the one that asks: its client may never come back to it.
        able = [box for box in able if not box.running.asked] or able
        return able[0] if len(able) == 1 else None


async def _carry(box: _Overheard, delivered: Delivered, scope: anyio.CancelScope, over: anyio.Event) -> None:
    try:
        with scope:
            async with delivered(box.running) as messages:
                async for message in messages:
                    if "method" not in message:
                        await checkpoint()  # what came before the answer, on the other stream, goes before it
                    box.put(message, 0)
                    await box.emptied()
                    if box.running.answered:
                        break
    except Exception as error:  # noqa: BLE001  # raised again where the request was made
        box.fail(error)
    finally:
        box.fail(unfinished())
        over.set()
