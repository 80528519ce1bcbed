"""What ends the work for one request early, and why."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Literal, Self

from airegistry.core.calls import Permit
from airegistry.gateway.presence import Presence

Why = Literal["gone", "cancelled", "cut", "closing"]
"""The client hung up, took its request back, was quarantined (or what it called), or the gateway shuts down."""


class Leash:
    """Around the work: leaves it quietly when it is pulled, and remembers why. What follows it can still answer.

    When the client that `presence` watches hangs up, `on_gone` is called, or the leash is pulled.
    """

    __slots__ = ("_on_gone", "_presence", "_task", "_waiting", "why")

    def __init__(self, presence: Presence | None = None, on_gone: Callable[[], None] | None = None) -> None:
        self._presence = presence
        self._on_gone = on_gone
        self._task: asyncio.Task[object] | None = None
        self._waiting: Callable[[], None] | None = None
        self.why: Why | None = None

    def pull(self, why: Why) -> None:
        """End the work; the first reason counts."""
        if self.why is None:
            self.why = why
            if self._task is not None:
                self._task.cancel()
            elif self._waiting is not None:
                self._waiting()

    def waits(self, cancel: Callable[[], None]) -> None:
        """Before the work: have what it waits for cancelled when the leash is pulled, at once if it was already."""
        self._waiting = cancel
        if self.why is not None:
            cancel()

    def hold(self, permit: Permit | None) -> None:
        """Have the work end when its permit is cut."""
        if permit is not None:
            permit.on_cut(lambda: self.pull("cut"))

    def __enter__(self) -> Self:
        self._task = asyncio.current_task()
        if self.why is not None and self._task is not None:
            self._task.cancel()  # pulled while the work was only being admitted
        if self._presence is not None:
            self._presence.gone = self._on_gone or self._gone
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._presence is not None:
            self._presence.gone = None
        task, self._task = self._task, None
        if self.why is None or task is None:
            return False
        return task.uncancel() == 0 and isinstance(error, asyncio.CancelledError)

    def _gone(self) -> None:
        self.pull("gone")
