"""The stream on which a backend of the older era says what belongs to no answer: opened when somebody needs it."""

import logging
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup

from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.gateway.channels.listeners import Listeners
from airegistry.gateway.errors import BadAnswer, SessionLost

_LOG = logging.getLogger(__name__)

HEAD_SECONDS: Final = 1.0
"""How long a request waits for the stream to be open: some backends answer only with the first event."""

_MAX_REOPENED: Final = 5
_REOPEN_SECONDS: Final = 0.2
_STEADY_SECONDS: Final = 10.0


class Followed(Protocol):
    """What keeping a stream open needs of its channel."""

    listeners: Listeners

    @property
    def tasks(self) -> TaskGroup:
        """Where streams are read."""
        ...

    @property
    def heeded(self) -> bool:
        """Whether there is anybody whom the stream may concern."""
        ...

    async def ready(self) -> int:
        """Make the handshake if there is none; gives the number of the session."""
        ...

    async def follow(self) -> bool:
        """Deliver what the backend sends of its own accord, until the stream ends; whether there is one.

        Raises:
            SessionLost, UpstreamFailed: there is no answer, or a refusal.
        """
        ...

    def lost(self, session: int) -> None:
        """Make a new handshake before the next request, unless there was one since that of a session."""
        ...


class Standing:
    """One stream, for all listeners and requests of a channel.

    It lasts as long as somebody listens, and from the first request on that needs it as long as its channel. One that
    ends is opened again, at most a few times in a row; while nobody needs it, only with the next request.
    """

    def __init__(self, channel: Followed) -> None:
        self._channel = channel
        self._scope: anyio.CancelScope | None = None
        self._begun = anyio.Event()
        self._lasts = False
        self._heard = False
        self._failures = 0
        self._session = 0
        self._missing = 0

    def start(self) -> None:
        """Open it, if it is not."""
        if self._scope is None:
            self._scope, self._begun = anyio.CancelScope(), anyio.Event()
            self._channel.tasks.start_soon(self._keep, self._scope)

    def stop(self) -> None:
        """Close it."""
        if self._scope is not None:
            self._scope.cancel()
            self._scope = None
            self._begun.set()

    def leave(self) -> None:
        """The last listener has gone."""
        if not self._lasts:
            self.stop()

    def missing(self, session: int) -> bool:
        """Whether a session is known to have no such stream, or none that stays open."""
        return session == self._missing

    async def open(self, session: int) -> None:
        """Open it for a request in a session, if it is not, and wait for its head: not for long, and not twice."""
        if self.missing(session):
            return
        self._lasts = True
        if session != self._session:
            self.stop()  # it is of a session that is over
            self._session = session
        self.start()
        begun = self._begun
        with anyio.move_on_after(HEAD_SECONDS):
            await begun.wait()
        begun.set()

    def begins(self) -> None:
        """Its head has come."""
        self._begun.set()

    def heard(self) -> None:
        """A message has come."""
        self._heard = True

    async def _keep(self, scope: anyio.CancelScope) -> None:
        with scope:
            try:
                await self._followed()
            except AirError as error:
                self._give_up(error.message)
            except Exception:  # noqa: BLE001  # the streams of other channels are read beside this one, and must go on
                _LOG.exception("reading an event stream failed")
                self._give_up("internal error")
            finally:
                if self._scope is scope:
                    self._scope = None
                    self._begun.set()

    def _give_up(self, why: str) -> None:
        self._missing, self._failures = self._session, 0
        self._channel.listeners.fail(UpstreamFailed(why))

    async def _followed(self) -> None:
        while self._failures <= _MAX_REOPENED:
            since, self._heard = anyio.current_time(), False
            try:
                self._session = await self._channel.ready()
                if not await self._channel.follow():
                    self._missing = self._session
                    return
            except SessionLost:
                self._channel.lost(self._session)
            except BadAnswer:
                raise
            except UpstreamFailed:
                pass  # broken off: as if it had ended
            steady = self._heard or anyio.current_time() - since > _STEADY_SECONDS
            self._failures = 0 if steady else self._failures + 1
            if not self._channel.heeded:
                return
            self._begun.set()
            if steady:
                self._begun = anyio.Event()
            await anyio.sleep(_REOPEN_SECONDS * 2**self._failures)
        raise UpstreamFailed("the backend's event stream cannot be kept open")
