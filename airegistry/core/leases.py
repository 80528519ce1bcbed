"""Leases: what one process does for all that share a store, and others take over when it stops.

A lease is a document that its holder writes anew again and again. Nobody's wall clock is asked: whoever wants the
lease takes it over after it has itself watched the document stay the same for the whole duration, and the holder stops
before that by its own monotonic clock. A holder that was paused in between cannot know: so each take-over grows the
`token` of the lease, and what is written by `Lease.put` is refused to smaller ones.
"""

import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Protocol, TypeVar
from weakref import WeakValueDictionary

import anyio

from airegistry.core.assets import Model
from airegistry.core.documents import Document, DocumentStore, Json, Repository
from airegistry.core.errors import AirError, Conflict
from airegistry.core.ports import Clock

COLLECTION = "leases"
SECONDS = 10.0
"""How long a lease lasts that nobody renews."""
RENEWALS = 4
"""Renewals, and looks of those who wait, in that time."""
SAFE = 2 / 3
"""The share of that time after which a holder that could not renew stops: the rest is for clocks that run unevenly."""
FIRST_PAUSE = 0.02
"""Seconds between the first two looks of who waits for a turn: most are short."""
FENCE = "fence"
"""The member of a document that holds the token of the lease it was last written under."""

T = TypeVar("T")
log = logging.getLogger(__name__)


class LeaseLost(Conflict):
    """Somebody else holds the lease by now, or may."""


class Held(Model):
    """A lease as it is stored; `holder` is empty while nobody has it, `token` grows with each take-over."""

    holder: str = ""
    token: int
    seconds: float


class Lease:
    """A lease that this process has. `token` is greater than that of every holder before."""

    def __init__(self, name: str, token: int, clock: Clock, until: float) -> None:
        self.name = name
        self.token = token
        self._clock = clock
        self.until = until
        """The monotonic second up to which it holds, unless it is renewed."""

    def check(self) -> None:
        """Return while it holds.

        Raises:
            LeaseLost: its time is over.
        """
        if self._clock.monotonic() >= self.until:
            raise LeaseLost(f"the lease {self.name!r} is over")

    async def put(self, store: DocumentStore, collection: str, key: str, body: Json) -> Document:
        """Write a document that is written under this lease alone, its token in the member `fence`.

        Raises:
            LeaseLost: the lease is over, or a later holder has written the document.
        """
        while True:
            self.check()
            found = await store.get(collection, key)
            fence = 0 if found is None else found.body.get(FENCE, 0)
            if isinstance(fence, int) and fence > self.token:
                raise LeaseLost(f"{collection}/{key} was written by a later holder of the lease {self.name!r}")
            with suppress(Conflict):  # another holder wrote meanwhile: an earlier one is written over
                return await store.put(
                    collection, key, {**body, FENCE: self.token}, expect=0 if found is None else found.version
                )


Work = Callable[[Lease], Awaitable[None]]


class Leading(Protocol):
    """What one process does for all of them."""

    async def lead(self, name: str, work: Work) -> None:
        """Do some work while this process has the lease of that name: it is begun when the lease is won, cancelled
        when it is lost, and begun again; until cancelled. Work that ends, or fails, gives the lease back."""
        ...

    def turn(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Held by one at a time, whichever process it is in; waits for its turn. Nothing is left of it in the store, so
        what is written in it is fenced by compare-and-set on what was read in it, and not by `Lease.put`.

        Raises:
            LeaseLost: the turn ended meanwhile, and what was done in it was cancelled.
        """
        ...

    async def exclusively(self, name: str, act: Callable[[Lease], Awaitable[T]]) -> T:
        """Do something in a turn of that name: see `turn`."""
        ...


class Alone:
    """For a process that shares its store with none: it has every lease, and writes none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turns: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    async def lead(self, name: str, work: Work) -> None:
        """Do the work; see `Leading`."""
        await work(Lease(name, 1, self._clock, float("inf")))

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Lease]:
        """See `Leading`."""
        turn = self._turns.get(name)
        if turn is None:
            turn = self._turns[name] = anyio.Lock()
        async with turn:
            yield Lease(name, 1, self._clock, float("inf"))

    async def exclusively(self, name: str, act: Callable[[Lease], Awaitable[T]]) -> T:
        """See `Leading`."""
        async with self.turn(name) as lease:
            outcome = await act(lease)
        return outcome  # noqa: RET504  # a return inside the turn looks to mypy as if it might be skipped


class Leases:
    """The leases of a shared store, as one process sees them. `holder` names the process."""

    def __init__(
        self, store: DocumentStore, clock: Clock, *, holder: str | None = None, seconds: float = SECONDS
    ) -> None:
        self._documents = Repository(store, COLLECTION, Held)
        self._clock = clock
        self._here = Alone(clock)
        self.holder = holder or secrets.token_hex(8)
        self._seconds = seconds

    async def lead(self, name: str, work: Work) -> None:
        """See `Leading`."""

        async def guarded(lease: Lease) -> None:
            try:
                await work(lease)
            except LeaseLost:
                log.warning("the lease %r was lost", name)
            except Exception:  # whatever breaks the work: it is begun anew, here or elsewhere
                log.exception("what is done under the lease %r failed", name)

        while True:
            await self._during(await self._won(name), guarded)
            await anyio.sleep(self._seconds / RENEWALS)  # another process may be luckier

    @asynccontextmanager
    async def turn(self, name: str) -> AsyncIterator[Lease]:
        """See `Leading`."""
        failures: list[Exception] = []
        done = False
        async with self._here.turn(name):  # those of this process need not ask the store whose turn it is
            lease = await self._won(name, turn=True)
            try:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._keep, lease, tasks.cancel_scope)
                    try:
                        yield lease
                        done = True
                    except Exception as failure:  # noqa: BLE001  # it is raised again, from outside the task group
                        failures.append(failure)
                    tasks.cancel_scope.cancel()
            finally:
                with anyio.CancelScope(shield=True):
                    await self._give_back(lease, forget=True)
        if failures:
            raise failures[0]
        if not done:
            raise LeaseLost(f"the lease {name!r} was lost before its work was done")

    async def exclusively(self, name: str, act: Callable[[Lease], Awaitable[T]]) -> T:
        """See `Leading`."""
        async with self.turn(name) as lease:
            outcome = await act(lease)
        return outcome  # noqa: RET504  # a return inside the turn looks to mypy as if it might be skipped

    async def _during(self, lease: Lease, work: Work) -> None:
        """Do some work, cancelled when the lease is lost; then give it back."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep, lease, tasks.cancel_scope)
                await work(lease)
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await self._give_back(lease)

    async def _keep(self, lease: Lease, scope: anyio.CancelScope) -> None:
        """Renew a lease again and again; when that is not possible any more, cancel what is done under it."""
        while True:
            left = lease.until - self._clock.monotonic()
            renewed: bool | None = False
            with anyio.move_on_after(max(left, 0)):
                await anyio.sleep(self._seconds / RENEWALS)
                renewed = await self._renewed(lease)
            if self._clock.monotonic() >= lease.until or renewed is None:
                scope.cancel()
                return

    async def _renewed(self, lease: Lease) -> bool | None:
        """Whether the lease lasts anew; None when it is another's."""
        began = self._clock.monotonic()
        try:
            found = await self._documents.find_one(lease.name)
            if found is None or found[0].holder != self.holder or found[0].token != lease.token:
                return None
            await self._documents.save(lease.name, found[0], expect=found[1])
        except Conflict:
            return None
        except (OSError, AirError):
            log.warning("the lease %r could not be renewed", lease.name, exc_info=True)
            return False
        lease.until = began + SAFE * self._seconds
        return True

    async def _won(self, name: str, *, turn: bool = False) -> Lease:
        """The lease, when it is free, or its holder was silent for its whole duration as seen from here."""
        pause, longest = FIRST_PAUSE if turn else self._seconds / RENEWALS, self._seconds / RENEWALS
        seen: tuple[int, int] | None = None
        since = 0.0
        while True:
            try:
                found = await self._documents.find_one(name)
                known = None if found is None else (found[1], found[0].token)
                now = self._clock.monotonic()
                if known != seen:
                    seen, since = known, now
                if found is None or not found[0].holder or now - since >= found[0].seconds:
                    return await self._taken(name, found, turn=turn)
            except Conflict:
                seen = None
            except (OSError, AirError):
                log.warning("the lease %r cannot be looked at", name, exc_info=True)
            await anyio.sleep(pause)
            pause = min(2 * pause, longest)

    async def _taken(self, name: str, found: tuple[Held, int] | None, *, turn: bool) -> Lease:
        """The lease, over what was found.

        Raises:
            Conflict: somebody else was faster.
        """
        began = self._clock.monotonic()
        # Of turns nothing is left: by another first token whoever waits tells a new one from the one it saw before.
        first = secrets.randbelow(1 << 48) if turn else 1
        token, version = (first, 0) if found is None else (found[0].token + 1, found[1])
        held = Held(holder=self.holder, token=token, seconds=self._seconds)
        await self._documents.save(name, held, expect=version)
        level = logging.DEBUG if turn else logging.INFO
        log.log(level, "this process (%s) has the lease %r, token %d", self.holder, name, token)
        return Lease(name, token, self._clock, began + SAFE * self._seconds)

    async def _give_back(self, lease: Lease, *, forget: bool = False) -> None:
        """Let others have it at once, and leave nothing of it where that is to be forgotten; a store that does not
        answer keeps nobody."""
        with anyio.move_on_after(self._seconds / RENEWALS):
            try:
                found = await self._documents.find_one(lease.name)
                if found is None or found[0].holder != self.holder or found[0].token != lease.token:
                    return
                if forget:
                    await self._documents.delete(lease.name, expect=found[1])
                else:
                    free = found[0].model_copy(update={"holder": ""})
                    await self._documents.save(lease.name, free, expect=found[1])
            except (OSError, AirError):
                log.debug("the lease %r was not given back: it will end", lease.name, exc_info=True)
