"""Web sessions: kept by the hash of their cookie, ended by time, by the person, an administrator or the provider."""

import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Protocol

import anyio
from anyio.lowlevel import checkpoint

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository, Where
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.users import User
from airegistry.oauth.model import Session

log = logging.getLogger(__name__)

SEEN_EVERY = timedelta(minutes=1)
"""How exact `seen_at` is kept: a session is not written at every request."""


class Users(Protocol):
    """The directory."""

    def known(self, id_: str, /) -> User | None: ...


Ended = Callable[[Session], Awaitable[None]]
"""Told of a session that somebody ended."""


class Sessions:
    """Opens, finds and ends sessions. `idle` and `absolute` are seconds without a request, and since the login."""

    def __init__(
        self,
        store: DocumentStore,
        clock: Clock,
        users: Users,
        audit: Audit,
        *,
        idle: float = 8 * 3600,
        absolute: float = 7 * 86_400,
    ) -> None:
        self._sessions = Repository(store, "sessions", Session)
        self._clock = clock
        self._users = users
        self._audit = audit
        self._idle = timedelta(seconds=idle)
        self._absolute = timedelta(seconds=absolute)
        self._callbacks: list[Ended] = []

    def subscribe(self, callback: Ended) -> None:
        """Have somebody told of each session that a provider or an administrator ends. One that runs out, or that its
        person ends, is not told of: what they allowed in it goes on."""
        self._callbacks.append(callback)

    async def open(
        self,
        user: User,
        amr: Sequence[str],
        *,
        provider: str = "",
        provider_sub: str = "",
        sid: str = "",
        id_token: str = "",
    ) -> tuple[str, Session]:
        """A new session and its cookie, for a user as the login returned it: `auth_time` is the time of that login.

        `provider_sub` and `sid` are the provider's names of the person and of its own session.
        """
        cookie, now = secrets.token_urlsafe(32), self._clock.now()
        session = Session(
            id=_hash(cookie), user=user.id, amr=list(amr), auth_time=user.login_at or now, seen_at=now,
            expires_at=now + self._absolute, provider=provider, provider_sub=provider_sub, sid=sid, id_token=id_token,
        )  # fmt: skip
        await self._sessions.create(session.id, session)
        return cookie, session

    async def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None when there is none, it ran out, or its user may not have it any more."""
        found = await self._sessions.find_one(_hash(cookie))
        if found is None:
            return None
        session, version = found
        if self.is_over(session):
            await self._sessions.delete(session.id)
            return None
        now = self._clock.now()
        if now - session.seen_at < SEEN_EVERY:
            return session
        seen = session.model_copy(update={"seen_at": now})
        try:
            await self._sessions.save(session.id, seen, expect=version)
        except Conflict:  # seen by another request meanwhile, or ended: then it must not come back
            return seen if await self._sessions.find_one(session.id) else None
        return seen

    async def holds(self, id_: str) -> bool:
        """Whether a session is still there, given its id; to ask is no sign that its person is."""
        found = await self._sessions.find_one(id_)
        return found is not None and not self.is_over(found[0])

    async def end(self, session: Session | str, *, reason: str = "signed out") -> bool:
        """End a session, given itself or its cookie; False when there is none, or another request was first."""
        id_ = _hash(session) if isinstance(session, str) else session.id
        found = await self._sessions.find_one(id_)
        if found is None or not await self._sessions.delete(id_):
            return False
        ended = found[0]
        who = Principal(subject=f"user:{ended.user}", kind="person")
        asset = f"user/{ended.user}"
        self._audit.note(
            self._audit.event(who, "user:logout", asset, None, decision="allow", outcome="ok", reason=reason)
        )
        return True

    async def end_user(self, user: str, *, reason: str = "all sessions ended") -> list[Session]:
        """End all sessions of a user, given the id."""
        return await self._end_all({"user": user}, reason)

    async def end_provider(self, provider: str, *, sub: str | None = None, sid: str | None = None) -> list[Session]:
        """End the sessions that a provider's logout token names by `sub`, `sid` or both (OIDC back-channel logout).

        Without either it names none. With both, the person's sessions that the provider gave no `sid` end too.
        """
        named: Where = {"provider_sub": sub, "sid": [sid, ""] if sub and sid else sid}
        given = {field: value for field, value in named.items() if value}
        return await self._end_all({"provider": provider, **given}, f"signed out at {provider}") if given else []

    async def end_all_of(self, provider: str) -> list[Session]:
        """End all sessions of a provider that nobody may log in at any more."""
        return await self._end_all({"provider": provider}, f"{provider} is no longer in use")

    async def of_user(self, user: str) -> list[Session]:
        """The sessions of a user that still hold, newest first."""
        kept = [session async for _, session in self._sessions.find(where={"user": user})]
        live = [session for session in kept if not self.is_over(session)]
        return sorted(live, key=lambda session: session.auth_time, reverse=True)

    async def sweep(self) -> int:
        """Remove what has run out; returns how many there were."""
        over = [session.id async for _, session in self._sessions.find() if self.is_over(session)]
        for id_ in over:
            await self._sessions.delete(id_)
        return len(over)

    async def _end_all(self, where: Where, reason: str) -> list[Session]:
        sessions = [session async for _, session in self._sessions.find(where=where)]
        for session in sessions:
            with anyio.CancelScope(shield=True):  # once it is gone, nobody could find out later whom to tell
                if await self.end(session, reason=reason):
                    await self._tell(session)
            await checkpoint()
        return sessions

    async def _tell(self, ended: Session) -> None:
        for callback in self._callbacks:
            try:
                await callback(ended)
            except Exception:  # the session is over: whoever fails to follow must not make that look undone
                log.exception("a listener failed on the end of a session")

    def is_over(self, session: Session) -> bool:
        """Whether a session ran out, or its user may not have it any more."""
        user, now = self._users.known(session.user), self._clock.now()
        if user is None or not user.active or (user.ended_at is not None and session.auth_time < user.ended_at):
            return True
        return now >= session.expires_at or now - session.seen_at >= self._idle


def _hash(cookie: str) -> str:
    """Cookies carry 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
