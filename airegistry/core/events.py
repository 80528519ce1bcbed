"""Domain events, `subject:action`, and who listens."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from airegistry.core.ports import AnyAsset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: `name` as in `server:register`, the asset it happened to, and who did it.

    `asset` is the state after the act; for a deletion the last one. With `elsewhere` another process did it, or several
    things by now: the name is `KIND:change`, `KIND:change_version` or `KIND:delete`, and what is to be written for its
    sake has been written there.
    """

    name: str
    asset: AnyAsset
    subject: str
    elsewhere: bool = False

    @property
    def deletes(self) -> bool:
        """Whether the asset is gone."""
        return self.name.endswith(":delete")

    @property
    def switches(self) -> bool:
        """Whether the asset may be another version, by default, than the one before."""
        return self.name.endswith((":set_default", ":change"))


Listener = Callable[[Event], Awaitable[None]]


class Ledger(Protocol):
    """Keeps events for those outside who have to hear of them, come what may."""

    def around(self, events: Sequence[Event]) -> AbstractAsyncContextManager[None]:
        """Around the write that makes the act: the events are durable before it, and settled after it.

        Raises:
            Internal: they cannot be kept; the act is not begun.
        """
        ...

    async def keep(self, event: Event) -> None:
        """Keep an event of an act that is done."""
        ...


class Events:
    """Tells listeners in the order they subscribed, before the act is acknowledged."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self.ledger: Ledger | None = None

    def subscribe(self, listener: Listener) -> None:
        """Have a listener told of each event from now on."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def telling(self, *events: Event) -> AsyncIterator[None]:
        """Around the write that makes an act, and nothing else: whatever happens in between, either both the act and
        its events are there, or neither. Listeners are told after it.

        Raises:
            Internal: the events cannot be kept; the act is not begun.
        """
        if self.ledger is None:
            yield
        else:
            async with self.ledger.around(events):
                yield
        for event in events:
            await self._tell(event)

    async def emit(self, event: Event) -> None:
        """Tell of an act that is done; a listener that fails is logged and does not undo what has happened."""
        if self.ledger is not None:
            await self.ledger.keep(event)
        await self._tell(event)

    async def announce(self, event: Event) -> None:
        """Tell those outside alone of what happened to no asset; the one in the event stands for it."""
        if self.ledger is not None:
            await self.ledger.keep(event)

    async def follow(self, event: Event) -> None:
        """Tell listeners of an act of another process, which has kept it for those outside."""
        await self._tell(event)

    async def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                await listener(event)
            except Exception:  # the act is committed: a broken listener must not make it look failed
                log.exception("listener failed on %s of %s", event.name, event.asset.path)
