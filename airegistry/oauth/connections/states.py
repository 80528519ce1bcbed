"""Connections under way: what must be remembered until the browser comes back from the authorization server."""

import hmac
import secrets
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from airegistry.core.documents import DocumentStore
from airegistry.core.ports import Cipher, Clock
from airegistry.core.tokens import digest
from airegistry.egress.oauth_discovery import AuthorizationServer
from airegistry.egress.oauth_grants import Pending
from airegistry.egress.oauth_tokens import ClientCredentials
from airegistry.oauth.login.visitors import Refused
from airegistry.oauth.short_lived import Expiring, ShortLived

COLLECTION = "connection_states"
LIFETIME = timedelta(minutes=10)
MAX_STORED = 10_000
ENDED = (
    "This connection has ended",
    "It was finished already, or it took longer than ten minutes. Go back to your connected accounts and start again.",
)
ELSEWHERE = (
    "This connection was begun by somebody else",
    "Nothing was connected. It was begun in another browser, or by another person: start again in this one.",
)


class Asked(BaseModel):
    """What an authorization server was asked, and what its answer must fit."""

    model_config = ConfigDict(frozen=True)

    at: AuthorizationServer
    client: ClientCredentials
    redirect_uri: str
    scope: str | None
    state: str = Field(repr=False)
    verifier: str = Field(repr=False)

    def pending(self) -> Pending:
        """The request as `egress` finishes it."""
        return Pending(self.at, self.client, self.redirect_uri, "", self.state, self.verifier)


class ConnectionState(Expiring):
    """One connection under way. `browser` is the hash of the browser's cookie, `sealed` holds what was asked.

    `ref`, `url` and `credential` (its id) name the backend as it was when it began.
    """

    user: str
    browser: str
    ref: str
    url: str
    credential: str
    sealed: str


class ConnectionStates:
    """Keeps each for ten minutes, and at most 10,000 of them: the oldest give way. Each is taken once."""

    def __init__(self, store: DocumentStore, cipher: Cipher, clock: Clock, *, most: int = MAX_STORED) -> None:
        self._states = ShortLived(store, COLLECTION, ConnectionState, clock, most=most)
        self._cipher = cipher
        self._clock = clock

    def state(self) -> str:
        """A new `state`. It begins with the time, so that the order of the kept ones is that of their age."""
        return f"{int(self._clock.now().timestamp() * 1000):012x}{secrets.token_urlsafe(32)}"

    async def add(self, asked: Asked, *, user: str, browser: str, ref: str, url: str, credential: str) -> None:
        """Keep what was asked for a user in a browser, given by its cookie."""
        kept = ConnectionState(
            user=user, browser=digest(browser), ref=ref, url=url, credential=credential,
            sealed=self._cipher.encrypt(asked.model_dump_json()), expires_at=self._clock.now() + LIFETIME,
        )  # fmt: skip
        await self._states.add(_key(asked.state), kept)

    async def take(self, state: str, *, user: str | None, browser: str | None) -> tuple[ConnectionState, Asked]:
        """What a `state` stands for, once, for who began it. For anybody else nothing changes.

        Raises:
            Refused: it is unknown, over or taken; or somebody else's, or another browser's.
        """
        kept = await self._states.find(_key(state))
        if kept is None or kept.expires_at <= self._clock.now():
            raise Refused(*ENDED)
        if browser is None or not hmac.compare_digest(kept.browser, digest(browser)) or kept.user != user:
            raise Refused(*ELSEWHERE, status=403)
        if not await self._states.take(_key(state)):
            raise Refused(*ENDED)
        return kept, Asked.model_validate_json(self._cipher.decrypt(kept.sealed))

    async def sweep(self) -> int:
        """Remove those whose time is over; says how many they were."""
        return await self._states.sweep()


def _key(state: str) -> str:
    time = state[:12]
    return f"{time if time.isalnum() and time.isascii() else ''}-{digest(state)}"
