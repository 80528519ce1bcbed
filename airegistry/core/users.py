"""Users as they are kept: in the store, and in memory for whoever asks at every request."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import quote, unquote

import anyio
from pydantic import Field

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from airegistry.core.provisioned import Provisioned

LOCAL = "local"
"""The provider of users who have their password here."""

LOCAL_ID = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,127}")
MAX_NAME, MAX_EMAIL, MAX_GROUPS, MAX_GROUP = 256, 320, 500, 256


class BadCredentials(Unauthenticated):
    """Nobody is proven. `why` is for the trail alone: whoever tries is told one and the same."""

    def __init__(self, why: str) -> None:
        super().__init__("the name, the password or the code is wrong")
        self.why = why


class SecondFactorNeeded(Unauthenticated):
    """The password is right, and this user has a second factor: ask for a code, then try with both."""

    def __init__(self) -> None:
        super().__init__("a code of the second factor is needed")


class User(Model):
    """A person. `id` is a local name, or `PROVIDER:SUB` for users of an identity provider.

    `groups` were given here, `provider_groups` are those of the last login through the provider. `totp` is the sealed
    secret of the second factor in force, `totp_pending` that of one not yet confirmed, `totp_step` the last time step
    whose code was taken, `recovery` the hashes of recovery codes not yet used. Sessions and tokens from before
    `ended_at` are over. `enabled` is what administrators say of whether the user may sign in, `scim` what the identity
    provider said beforehand, where it provisions its people; `active` is both together.
    """

    id: str
    name: str = ""
    email: str = ""
    provider: str = LOCAL
    external_id: str = ""
    groups: list[str] = Field(default_factory=list)
    provider_groups: list[str] = Field(default_factory=list)
    password_hash: str | None = None
    totp: str | None = None
    totp_pending: str | None = None
    totp_step: int | None = None
    recovery: list[str] = Field(default_factory=list)
    enabled: bool = Field(default=True, alias="active")
    scim: Provisioned | None = None
    created_at: datetime
    login_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def subject(self) -> str:
        """As in `Principal`."""
        return f"user:{self.id}"

    @property
    def active(self) -> bool:
        """Whether the user may sign in, and what they have holds."""
        return self.enabled and (self.scim is None or self.scim.let_in)

    @property
    def second_factor(self) -> bool:
        """Whether a code is asked for beside the password."""
        return self.totp is not None

    def login(self, now: datetime) -> datetime:
        """When a login of now takes place: never before the end of what was, should the clock have gone back."""
        return max(now, self.ended_at or now)

    def end_of_sessions(self, now: datetime) -> datetime:
        """The `ended_at` of now: after every login there was."""
        last = self.login_at + timedelta(microseconds=1) if self.login_at is not None else now
        return max(now, last, self.ended_at or now)


Callback = Callable[[str], Awaitable[None]]
"""Told the id of a user whose sessions and tokens are over."""
Watch = Callable[["User | None", "User | None"], None]
"""Told of a user as it was and as it is in memory by now; None is none."""


class Meeting(Protocol):
    """Where users of a provider may be known from before they first sign in (`core/provisioning.py`)."""

    async def meet(self, user: User, known_as: Sequence[str], email: str) -> User:
        """The user with what was said of them; `known_as` are their ids there, `email` is theirs beyond doubt."""
        ...

    async def settled(self, user: User) -> bool:
        """Whether what was said is theirs alone by now; if not it has just been changed."""
        ...


class Users:
    """The collection of users. Every change is in memory too when it returns, and grows `revision`."""

    def __init__(self, store: DocumentStore) -> None:
        self._users = Repository(store, "users", User)
        self._known: dict[str, User] = {}
        self._watches: list[Watch] = []
        self._lock = anyio.Lock()
        self.revision = 0

    async def reload(self) -> None:
        """Read the stored users."""
        async with self._lock:
            stored = {user.id: user async for _, user in self._users.find()}
            for id_ in [*self._known.keys() - stored.keys(), *stored]:
                self._know(id_, stored.get(id_))
            self.revision += 1

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote under some keys. `revision` grows if it changes what somebody may."""
        async with self._lock:
            for key in keys:
                found = await self._users.find_one(key)
                id_ = unquote(key) if found is None else found[0].id
                before = self._know(id_, None if found is None else found[0])
                if before is None or found is None or _rights(before) != _rights(found[0]):
                    self.revision += 1

    def known(self, id_: str) -> User | None:
        """A user from memory, active or not."""
        return self._known.get(id_)

    def all(self) -> list[User]:
        """All users in order of id."""
        return sorted(self._known.values(), key=lambda user: user.id)

    async def find_one(self, id_: str) -> tuple[User, int] | None:
        """The stored user and its version, or None."""
        return await self._users.find_one(_key(id_))

    async def get(self, id_: str) -> tuple[User, int]:
        """The stored user and its version.

        Raises:
            NotFound: there is none.
        """
        found = await self.find_one(id_)
        if found is None:
            raise NotFound(f"no user named {id_[:128]!r}")
        return found

    async def save(self, user: User, *, expect: int) -> User:
        """Store a user over the version that was read; 0 creates one.

        Raises:
            Conflict: somebody else wrote meanwhile.
        """
        # Store and memory change together: neither a slower writer nor a caller who goes away may part them.
        with anyio.CancelScope(shield=True):
            async with self._lock:
                await self._users.save(_key(user.id), user, expect=expect)
                self._know(user.id, user)
                self.revision += 1
        return user

    async def delete(self, id_: str, *, expect: int) -> None:
        """Remove a user.

        Raises:
            Conflict: somebody else wrote meanwhile.
        """
        with anyio.CancelScope(shield=True):
            async with self._lock:
                await self._users.delete(_key(id_), expect=expect)
                self._know(id_, None)
                self.revision += 1

    def watch(self, watch: Watch) -> None:
        """Have somebody told of every user there is, and of each change from now on."""
        self._watches.append(watch)
        for user in self._known.values():
            watch(None, user)

    async def where(self, field: str, value: str) -> list[User]:
        """The stored users with a value in a field, whatever is in memory: another process may have just written."""
        return [user async for _, user in self._users.find(where={field: value})]

    def _know(self, id_: str, user: User | None) -> User | None:
        """Have a user in memory, or none; returns the one before."""
        before = self._known.pop(id_, None)
        if user is not None:
            self._known[id_] = user
        for watch in self._watches:
            watch(before, user)
        return before


def _rights(user: User) -> object:
    return user.active, user.groups, user.provider_groups, user.created_at, user.ended_at, user.scim and user.scim.id


def _key(id_: str) -> str:
    """An id as a document's key: what a provider calls its users may hold any character, keys are plain ASCII."""
    return quote(id_, safe=":@+", errors="replace")


def check_fields(name: str, email: str, groups: list[str]) -> None:
    """Refuse what is not kept of a user.

    Raises:
        Invalid: a text is too long or cannot be printed, or there are too many groups.
    """
    if len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"a name has at most {MAX_NAME} characters, all of them printable", field="name")
    if len(email) > MAX_EMAIL or not email.isprintable():
        raise Invalid(f"an e-mail has at most {MAX_EMAIL} characters, all of them printable", field="email")
    if len(groups) > MAX_GROUPS or any(not 1 <= len(group) <= MAX_GROUP or not group.isprintable() for group in groups):
        raise Invalid(f"at most {MAX_GROUPS} groups, each of 1 to {MAX_GROUP} printable characters", field="groups")


def plain(text: str, longest: int) -> str:
    """What a provider says, without what cannot be printed, cut to what is kept."""
    return "".join(char for char in text if char.isprintable()).strip()[:longest]


def bounded(groups: Iterable[str], known: Callable[[str], bool]) -> list[str]:
    """At most 500 groups. Those that are defined here come first: what they deny must not fall off the end.

    A name of more than 256 characters is no group's here, so leaving it out takes nothing away.
    """
    names = {group: None for group in groups if 1 <= len(group) <= MAX_GROUP and group.isprintable()}
    return sorted(names, key=lambda group: not known(group))[:MAX_GROUPS]


def switched(user: User, on: object) -> Mapping[str, object]:
    """What an administrator's word changes. Whom the identity provider removed it brings back, and nobody else whom
    that one keeps out.

    Raises:
        Conflict: it is the identity provider that does.
    """
    if on and user.scim is not None and not user.scim.let_in:
        if not user.scim.removed:
            raise Conflict("the identity provider that provisions this user switched it off, and has to switch it on")
        return {"enabled": True, "scim": None}
    return {"enabled": on}
