"""Domain events, `subject:action`, and who listens."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from airegistry.core.ports import AnyAsset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `name` as in `server:register`, the asset it happened to, and who did it.

    `asset` is the state after the act; for a deletion the last one.
    """

    name: str
    asset: AnyAsset
    subject: str

    @property
    def deletes(self) -> bool:
        """Whether the asset is gone."""
        return self.name.endswith(":delete")


Listener = Callable[[Event], Awaitable[None]]


class Events:
    """Tells listeners in the order they subscribed, before the act is acknowledged."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> None:
        """Have a listener told of each event from now on."""
        self._listeners.append(listener)

    async def emit(self, event: Event) -> None:
        """Tell every listener; one that fails is logged and does not undo what has happened."""
        for listener in self._listeners:
            try:
                await listener(event)
            except Exception:  # the act is committed: a broken listener must not make it look failed
                log.exception("listener failed on %s of %s", event.name, event.asset.path)
