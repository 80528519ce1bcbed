"""Logins under way at identity providers: what must be remembered until the browser comes back."""

import secrets
from datetime import datetime, timedelta

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.ports import Cipher, Clock
from airegistry.oauth.login.cookies import keyed

LIFETIME = timedelta(minutes=10)
MAX_STORED = 10_000
_TIME = 12


class LoginState(Model):
    """One login under way. `browser` is the hash of the browser's cookie, `sealed` holds nonce and PKCE verifier."""

    provider: str
    browser: str
    request: str
    redirect_uri: str
    sealed: str
    expires_at: datetime


class Started(Model):
    """A login under way, opened."""

    provider: str
    browser: str
    request: str
    redirect_uri: str
    nonce: str
    verifier: str


class LoginStates:
    """Keeps each for ten minutes, and at most 10,000 of them: the oldest give way. Each is taken once.

    Keys begin with the time, so that their order in the store is that of their age; of `state` only a hash is kept.
    """

    def __init__(self, store: DocumentStore, cipher: Cipher, clock: Clock, *, most: int = MAX_STORED) -> None:
        self._states = Repository(store, "login_states", LoginState)
        self._cipher = cipher
        self._clock = clock
        self._most = most
        self._stored: int | None = None

    async def add(self, provider: str, *, browser: str, request: str, redirect_uri: str) -> tuple[str, Started]:
        """A new `state`, and the login it stands for."""
        now = self._clock.now()
        state = f"{int(now.timestamp() * 1000):012x}{secrets.token_urlsafe(32)}"
        started = Started(
            provider=provider, browser=keyed(browser), request=request, redirect_uri=redirect_uri,
            nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48),
        )  # fmt: skip
        await self._make_room()
        kept = LoginState(
            provider=provider, browser=started.browser, request=request, redirect_uri=redirect_uri,
            sealed=self._cipher.encrypt(f"{started.nonce} {started.verifier}"), expires_at=now + LIFETIME,
        )  # fmt: skip
        await self._states.create(_key(state), kept)
        return state, started

    async def take(self, state: str) -> Started | None:
        """The login of a `state`, once; None when it is unknown, over or taken."""
        found = await self._states.find_one(_key(state))
        if found is None or not await self._states.delete(_key(state)):
            return None
        if self._stored is not None:
            self._stored -= 1
        kept = found[0]
        if kept.expires_at <= self._clock.now():
            return None
        nonce, verifier = self._cipher.decrypt(kept.sealed).split(" ")
        return Started(
            provider=kept.provider, browser=kept.browser, request=kept.request, redirect_uri=kept.redirect_uri,
            nonce=nonce, verifier=verifier,
        )  # fmt: skip

    async def sweep(self) -> int:
        """Remove those whose time is over; says how many they were."""
        now = self._clock.now()
        over = [key async for key, kept in self._states.find() if kept.expires_at <= now]
        for key in over:
            await self._states.delete(key)
        self._stored = await self._count()
        return len(over)

    async def _make_room(self) -> None:
        if self._stored is None:
            self._stored = await self._count()
        self._stored += 1
        while self._stored > self._most and await self._drop_oldest():
            self._stored -= 1

    async def _count(self) -> int:
        return len([key async for key, _ in self._states.find()])

    async def _drop_oldest(self) -> bool:
        async for key, _ in self._states.find(limit=1):
            return await self._states.delete(key)
        return False


def _key(state: str) -> str:
    time = state[:_TIME]
    return f"{time if time.isalnum() and time.isascii() else ''}-{keyed(state)}"
