"""Tokens that authorization servers give for backends: got once, used by all, renewed before they end."""

import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import anyio

from airegistry.core.credential_kinds import Granted
from airegistry.core.errors import UpstreamFailed
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

MAX_KEPT = 20_000
MARGIN, SHARE = 30.0, 0.1
"""A token is renewed this many seconds before its end, or at this share of its life if that is shorter."""
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
"""Seconds for which an authorization server that failed is left alone; they double with each failure."""
RENEWED_FOR = 30.0
"""Seconds within which a renewed token that is refused again is not renewed again: the token is not what is wrong."""


@dataclass(frozen=True, slots=True)
class Token:
    """What requests carry, and for how many seconds from now; None when nobody said."""

    headers: Mapping[str, str] = field(repr=False)
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """For whom, for which backend (`kind/path` and URL) and by which credential a token is wanted.

    `id` is the credential's: another one set in its place has another.
    """

    who: Principal
    ref: str
    url: str
    credential: Granted = field(repr=False)
    id: str


class TokenSource(Protocol):
    """Gets tokens for some kinds of credentials; it is asked for no others."""

    async def prepared(self, url: str, credential: Granted) -> Granted:
        """The credential for the backend at a URL, checked, with its issuer where a secret must not go to another.

        Raises:
            Invalid: it names what cannot be used.
            UpstreamFailed: the authorization server cannot be found.
        """
        ...

    async def token(self, want: Want, refused: Mapping[str, str] | None = None) -> Token:
        """A token; another one than `refused`, which the backend did not take.

        Raises:
            ConsentRequired: the caller has to connect an account first.
            AccessDenied: there is none for such callers.
            UpstreamFailed: the authorization server does not answer, or refuses.
        """
        ...

    async def forget(self, ref: str) -> None:
        """End what persons connected for a backend (`kind/path`), whose credential is gone."""
        ...


class Key(NamedTuple):
    """What a token is good for. `subject` is empty where it is one for everybody."""

    id: str
    ref: str
    url: str
    subject: str


Obtain = Callable[[Mapping[str, str] | None], Awaitable[Token]]


class _Slot:
    """One token, or why there is none. Times are monotonic."""

    def __init__(self) -> None:
        self.lock = anyio.Lock()
        self.headers: Mapping[str, str] | None = None
        self.fresh_until = self.ends = self.renewed_at = -math.inf
        self.failure = ""
        self.failing_until, self.pause = -math.inf, FIRST_PAUSE


class TokenCache:
    """Keeps tokens in memory. For each key one is got at a time, however many wait for it."""

    def __init__(self, clock: Clock, *, most: int = MAX_KEPT) -> None:
        self._clock = clock
        self._most = most
        self._slots: OrderedDict[Key, _Slot] = OrderedDict()

    async def get(self, key: Key, obtain: Obtain) -> Mapping[str, str]:
        """The token of a key, got if need be. One that still holds serves while its successor is got, or cannot be.

        Raises:
            AirError: what `obtain` raises; a failure of the authorization server is repeated for a while from memory.
        """
        slot, now = self._slot(key), self._clock.monotonic()
        if slot.headers is not None and (now < slot.fresh_until or (now < slot.ends and slot.lock.locked())):
            return slot.headers
        async with slot.lock:
            now = self._clock.monotonic()
            if slot.headers is not None and now < slot.fresh_until:
                return slot.headers
            try:
                return await self._obtained(slot, obtain, None)
            except UpstreamFailed:
                if slot.headers is not None and now < slot.ends:
                    return slot.headers
                raise

    async def renewed(self, key: Key, used: Mapping[str, str], obtain: Obtain) -> Mapping[str, str] | None:
        """Another token than `used`, which was refused; None when the one before was refused just now, too.

        Raises:
            AirError: as `get`.
        """
        slot = self._slot(key)
        async with slot.lock:
            now = self._clock.monotonic()
            if slot.headers is not None and slot.headers != used and now < slot.ends:
                return slot.headers  # somebody else was faster
            if now - slot.renewed_at < RENEWED_FOR:
                return None
            slot.headers, slot.renewed_at = None, now
            return await self._obtained(slot, obtain, used)

    def forget(self, *, ref: str | None = None, subject: str | None = None) -> None:
        """Drop the tokens for a backend, of a caller, or of the caller for the backend."""
        gone = [key for key in self._slots if ref in {None, key.ref} and subject in {None, key.subject}]
        for key in gone:
            del self._slots[key]

    def forget_where(self, fits: Callable[[Key], bool]) -> None:
        """Drop the tokens whose keys fit."""
        for key in [key for key in self._slots if fits(key)]:
            del self._slots[key]

    def _slot(self, key: Key) -> _Slot:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot()
            if len(self._slots) > self._most:
                self._slots.popitem(last=False)
        else:
            self._slots.move_to_end(key)
        return slot

    async def _obtained(self, slot: _Slot, obtain: Obtain, refused: Mapping[str, str] | None) -> Mapping[str, str]:
        if self._clock.monotonic() < slot.failing_until:
            raise UpstreamFailed(slot.failure)
        try:
            token = await obtain(refused)
        except UpstreamFailed as error:
            slot.failure, slot.failing_until = error.message, self._clock.monotonic() + slot.pause
            slot.pause = min(slot.pause * 2, LONGEST_PAUSE)
            raise
        now, life = self._clock.monotonic(), math.inf if token.seconds is None else token.seconds
        slot.headers, slot.ends, slot.fresh_until = token.headers, now + life, now + life - min(MARGIN, life * SHARE)
        slot.pause = FIRST_PAUSE
        return token.headers
