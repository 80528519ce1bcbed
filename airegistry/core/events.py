"""Domain events, `subject:action`, and who listens."""

import logging
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import anyio

from airegistry.core.errors import Internal
from airegistry.core.ports import AnyAsset
from airegistry.core.shelf import ref

AGAIN = 2.0
"""Seconds until a listener is told again, and until one looks what has become of an act that failed."""
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
Look = Callable[[AnyAsset], Awaitable[None]]


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
    """Tells listeners in the order they subscribed, before the act is acknowledged.

    A listener that the store fails is told again when that is back, and of what else happens to the asset after it.
    An act that fails may have been done in part: `look` reads what is there then, and tells of it.
    """

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self.ledger: Ledger | None = None
        self._owed: dict[tuple[int, str], deque[Event]] = {}
        """What a listener, by its number, is still to be told of an asset, in order."""
        self.look: Look | None = None
        self._doubted: dict[str, AnyAsset] = {}
        """What acts were about that failed, by `kind/path` and version."""
        self._owes = anyio.Event()

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
        with self._doubting(*events):
            if self.ledger is None:
                yield
            else:
                async with self.ledger.around(events):
                    yield
            for event in events:
                await self._tell(event)

    async def emit(self, event: Event) -> None:
        """Tell of an act that is done; a listener that fails is logged and does not undo what has happened."""
        with self._doubting(event):
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

    async def run(self) -> None:
        """Tell again what the store kept listeners from following, and of acts that were done in part, until
        cancelled."""
        while True:
            await self._owes.wait()
            self._owes = anyio.Event()
            await anyio.sleep(AGAIN)
            await self._tell_again()
            await self._look_again()
            if self._owed or self._doubted:
                self._owes.set()

    @contextmanager
    def _doubting(self, *events: Event) -> Iterator[None]:
        """When this is left by an error, what the events are about is looked at later."""
        try:
            yield
        except BaseException:
            if self.look is not None:
                self._doubted |= {f"{ref(event.asset)}@{event.asset.version}": event.asset for event in events}
                self._owes.set()
            raise

    async def _look_again(self) -> None:
        doubted, self._doubted = self._doubted, {}
        for name, asset in doubted.items():
            assert self.look is not None
            try:
                await self.look(asset)
            except (Internal, OSError) as error:
                log.warning("what became of an act on %s cannot be seen yet: %s", name, error)
                self._doubted.setdefault(name, asset)
            except Exception:  # one that nobody can read must not keep the others from being looked at
                log.exception("what became of an act on %s cannot be told", name)

    async def _tell_again(self) -> None:
        for (number, about), events in list(self._owed.items()):
            while events and await self._follows(number, events[0]):
                events.popleft()
            if not events:
                del self._owed[number, about]

    async def _tell(self, event: Event) -> None:
        about = ref(event.asset)
        for number in range(len(self._listeners)):
            owed = self._owed.get((number, about))
            if owed is not None:
                owed.append(event)
            elif not await self._follows(number, event):
                self._owed.setdefault((number, about), deque()).append(event)
                self._owes.set()

    async def _follows(self, number: int, event: Event) -> bool:
        """Whether there is nothing left to tell a listener of an event: only a store that is lost may be back."""
        try:
            await self._listeners[number](event)
        except (Internal, OSError) as error:
            log.warning("listener failed on %s of %s, and is told again: %s", event.name, event.asset.path, error)
            return False
        except Exception:  # the act is committed: a broken listener must not make it look failed
            log.exception("listener failed on %s of %s", event.name, event.asset.path)
        return True
