"""Logins under way at identity providers: what must be remembered until the browser comes back."""

import secrets
from datetime import timedelta

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Cipher, Clock
from airegistry.core.tokens import digest
from airegistry.oauth.short_lived import Expiring, ShortLived

LIFETIME = timedelta(minutes=10)
MAX_STORED = 10_000
_TIME = 12


class LoginState(Expiring):
    """One login under way. `browser` is the hash of the browser's cookie, `sealed` holds nonce and PKCE verifier."""

    provider: str
    browser: str
    request: str
    redirect_uri: str
    sealed: str


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
        self._states = ShortLived(store, "login_states", LoginState, clock, most=most)
        self._cipher = cipher
        self._clock = clock

    async def add(self, provider: str, *, browser: str, request: str, redirect_uri: str) -> tuple[str, Started]:
        """A new `state`, and the login it stands for."""
        now = self._clock.now()
        state = f"{int(now.timestamp() * 1000):012x}{secrets.token_urlsafe(32)}"
        started = Started(
            provider=provider, browser=digest(browser), request=request, redirect_uri=redirect_uri,
            nonce=secrets.token_urlsafe(32), verifier=secrets.token_urlsafe(48),
        )  # fmt: skip
        kept = LoginState(
            provider=provider, browser=started.browser, request=request, redirect_uri=redirect_uri,
            sealed=self._cipher.encrypt(f"{started.nonce} {started.verifier}"), expires_at=now + LIFETIME,
        )  # fmt: skip
        await self._states.add(_key(state), kept)
        return state, started

    async def take(self, state: str) -> Started | None:
        """The login of a `state`, once; None when it is unknown, over or taken."""
        kept = await self._states.find(_key(state))
        if kept is None or not await self._states.take(_key(state)):
            return None
        if kept.expires_at <= self._clock.now():
            return None
        nonce, verifier = self._cipher.decrypt(kept.sealed).split(" ")
        return Started(
            provider=kept.provider, browser=kept.browser, request=kept.request, redirect_uri=kept.redirect_uri,
            nonce=nonce, verifier=verifier,
        )  # fmt: skip

    async def sweep(self) -> int:
        """Remove those whose time is over; says how many they were."""
        return await self._states.sweep()


def _key(state: str) -> str:
    time = state[:_TIME]
    return f"{time if time.isalnum() and time.isascii() else ''}-{digest(state)}"
