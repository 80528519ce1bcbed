"""The directory: administration of users, their logins, and what they change of themselves."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.lockout import ROUNDS
from airegistry.core.memberships import Memberships
from airegistry.core.passwords import check_password, new_password
from airegistry.core.ports import Cipher, Clock, PasswordHasher, SecondFactors
from airegistry.core.principals import Principal
from airegistry.core.proofs import LOGIN, Changes, Proofs
from airegistry.core.users import (
    LOCAL,
    LOCAL_ID,
    MAX_EMAIL,
    MAX_NAME,
    BadCredentials,
    Callback,
    Meeting,
    User,
    Users,
    bounded,
    check_fields,
    plain,
    switched,
)

log = logging.getLogger(__name__)

PUT, DELETE, CHANGE_PASSWORD, LOGOUT, FACTOR = (
    "user:put",
    "user:delete",
    "user:password",
    "user:logout",
    "user:second_factor",
)
NO_FACTOR: Changes = {"totp": None, "totp_pending": None, "totp_step": None, "recovery": []}
MAX_SUB = 255

_PROVIDER = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Directory:
    """Keeps users: local ones with their passwords and second factors, and those of identity providers."""

    def __init__(
        self,
        store: DocumentStore,
        access: Access,
        audit: Audit,
        clock: Clock,
        hasher: PasswordHasher,
        cipher: Cipher,
        factors: SecondFactors,
        *,
        among: Among = alone,
        counting: Sequence[str] = (),
    ) -> None:
        """`counting` are globs of the provisioned groups that count: see `Memberships`."""
        self._access = access
        self._audit = audit
        self._clock = clock
        self._cipher = cipher
        self._factors = factors
        self._users = Users(store)
        self.memberships = Memberships(store, counting)
        self.meeting: Meeting | None = None
        self._proofs = Proofs(store, self._users, audit, clock, hasher, cipher, factors, among=among)
        self._confirmations = Limiter(clock, burst=10, seconds=600, what="codes", among=among)
        self._callbacks: list[Callback] = []

    @property
    def revision(self) -> int:
        """Grows with every change of a user or of who is in a provisioned group."""
        return self._users.revision + self.memberships.revision

    @property
    def kept(self) -> Users:
        """The users themselves, for whoever provisions them."""
        return self._users

    async def reload(self) -> None:
        """Read the stored users and provisioned groups."""
        await self._users.reload()
        await self.memberships.reload()

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote of some users, by their documents' keys."""
        await self._users.follow(keys)

    async def sweep(self) -> int:
        """Forget failed attempts that are too old to count; returns how many names they were on."""
        return await self._proofs.lockout.sweep()

    def known(self, id_: str) -> User | None:
        """A user from memory, active or not."""
        return self._users.known(id_)

    def provisioned_groups(self, id_: str) -> list[str]:
        """The groups that count for access of those that a user is in by provisioning."""
        user = self._users.known(id_)
        return self.memberships.held(user.scim.id) if user is not None and user.scim is not None else []

    def subscribe(self, callback: Callback) -> None:
        """Have somebody told the id of each user whose sessions and tokens are over from now on."""
        self._callbacks.append(callback)

    async def users(self, who: Principal, *, after: str = "", limit: int | None = None) -> list[User]:
        """Users in order of id, those after `after` only.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [user for user in self._users.all() if user.id > after][:limit]

    async def put(
        self,
        who: Principal,
        id_: str,
        *,
        name: str | None = None,
        email: str | None = None,
        groups: list[str] | None = None,
        password: str | None = None,
        active: bool | None = None,
    ) -> User:
        """Create a local user, or change of any user what is given.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Invalid: the id, a field or the password will not do.
            Conflict: somebody else changed the user meanwhile.
        """
        fields = {"name": name, "email": email, "groups": groups, "password": password, "active": active}
        given = {field: value for field, value in fields.items() if value is not None}
        async with self._audit.attempt(who, PUT, f"user/{id_}") as attempt:
            attempt.reason = f"{self._access.require(who, 'policy').reason}; sets {', '.join(given) or 'nothing'}"
            user, version = await self._users.find_one(id_) or (self._new(id_), 0)
            check_fields(name or "", email or "", groups or [])
            update: dict[str, object] = {field: value for field, value in given.items() if field != "password"}
            if active is not None:
                update |= switched(user, update.pop("active"))
            ends = version > 0 and (password is not None or (active is False and user.active))
            if password is not None:
                update["password_hash"] = await self._hashed(user.model_copy(update=update), password)
            if ends:
                update["ended_at"] = user.end_of_sessions(self._clock.now())
            user = await self._users.save(user.model_copy(update=update), expect=version)
            if password is not None:
                await self._proofs.lockout.clear(id_)
        if ends:
            await self.ended(id_)
        return user

    async def set_password(self, who: Principal, id_: str, password: str | None = None) -> tuple[User, str]:
        """Give a local user a password, a random one by default, and return it. Sessions and tokens end, and so does
        the wait after failed attempts.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such user.
            Invalid: the password will not do, or the user signs in elsewhere.
            Conflict: somebody else changed the user meanwhile.
        """
        password = new_password() if password is None else password
        async with self._audit.attempt(who, CHANGE_PASSWORD, f"user/{id_}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            user, version = await self._users.get(id_)
            kept = await self._hashed(user, password)
            ended = user.end_of_sessions(self._clock.now())
            user = user.model_copy(update={"password_hash": kept, "ended_at": ended})
            await self._users.save(user, expect=version)
            await self._proofs.lockout.clear(id_)
        await self.ended(id_)
        return user, password

    async def remove(self, who: Principal, id_: str) -> None:
        """Remove a user. A later one of the same id has nothing of this one's.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such user.
            Conflict: somebody else changed the user meanwhile.
        """
        async with self._audit.attempt(who, DELETE, f"user/{id_}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            _, version = await self._users.get(id_)
            await self._users.delete(id_, expect=version)
        await self.ended(id_)

    async def log_out(self, who: Principal, id_: str) -> User:
        """End all sessions and tokens of a user.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such user.
            Conflict: somebody else changed the user meanwhile.
        """
        user = await self._change(who, LOGOUT, id_, lambda user: {"ended_at": user.end_of_sessions(self._clock.now())})
        await self.ended(id_)
        return user

    async def reset_second_factor(self, who: Principal, id_: str) -> User:
        """Let a user in without a second factor, who has lost it.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            NotFound: there is no such user.
            Conflict: somebody else changed the user meanwhile.
        """
        return await self._change(who, FACTOR, id_, lambda user: NO_FACTOR)

    async def authenticate(
        self, id_: str, password: str, code: str | None = None, *, source: str
    ) -> tuple[User, list[str]]:
        """The local user whose password this is, and how it was proven (RFC 8176 `amr`). `source` is the address of
        whoever tries.

        Raises:
            BadCredentials: nobody is proven.
            SecondFactorNeeded: the password is right, and a code is needed too.
            RateLimited: too many attempts on this name, or from this source.
        """
        return await self._proofs.prove(id_, password, code, self._signs_in, source=source)

    async def provision(
        self, provider: str, sub: str, *, name: str = "", email: str = "", groups: Iterable[str] = (), source: str = "",
        known_as: Sequence[str] = (), verified: bool = False,
    ) -> User:  # fmt: skip
        """The user of an identity provider who has just signed in there, created or brought up to date.

        The groups replace those of the last login. No local user is ever taken for this one, whatever the e-mail.
        `known_as` are further ids the provider has for them; `verified` says that the e-mail is theirs.

        Raises:
            AccessDenied: the user is switched off here.
            Invalid: `provider` or `sub` is none.
            Conflict: the user is being changed all the time.
        """
        if not _PROVIDER.fullmatch(provider) or provider == LOCAL:
            raise Invalid(f"{provider[:64]!r} names no identity provider", field="provider")
        if not 1 <= len(sub) <= MAX_SUB or not sub.isprintable():
            raise Invalid(f"a sub has 1 to {MAX_SUB} characters, all of them printable", field="sub")
        self._audit.check_writable()
        claims = {"name": plain(name, MAX_NAME), "email": plain(email, MAX_EMAIL)}
        changes: Changes = {**{field: text for field, text in claims.items() if text},
                            "provider_groups": bounded(groups, self._access.has_group)}  # fmt: skip
        user = await self._provisioned(provider, sub, changes, [sub, *known_as], email if verified else "")
        reason = f"signed in at {provider}" if user.active else "switched off"
        decision, outcome = ("allow", "ok") if user.active else ("deny", "refused")
        who, reason = Principal(subject=user.subject, kind="person"), f"{reason}, from {source}" if source else reason
        await self._audit.record(
            self._audit.event(who, LOGIN, f"user/{user.id}", None, decision=decision, outcome=outcome, reason=reason)
        )
        if not user.active:
            raise AccessDenied("this account is switched off")
        return user

    async def change_password(self, id_: str, old: str, new: str, *, source: str = "") -> User:
        """Replace one's own password. All sessions and tokens end: whoever did it is given a new session.

        Raises:
            BadCredentials: the old one is wrong.
            RateLimited: too many attempts on this name, or from this source.
            Invalid: the new one will not do.
        """
        user = self._users.known(id_)
        check_password(new, id_, *((user.name, user.email) if user else ()))
        kept = await self._proofs.hash(new)

        def changes(user: User) -> Changes:
            moment = user.end_of_sessions(self._clock.now())
            return {"password_hash": kept, "ended_at": moment, "login_at": moment}

        user, _ = await self._proofs.prove(
            id_, old, None, changes, source=source, action=CHANGE_PASSWORD, done="changed", factor=False
        )
        await self.ended(user.id)
        return user

    async def enrol_second_factor(self, id_: str, password: str, code: str | None = None, *, source: str = "") -> str:
        """A new secret in base32, of no effect until a code confirms it. `code` is that of a second factor in force.

        Raises:
            BadCredentials: the password or the code is wrong.
            SecondFactorNeeded: there is one in force, and no code of it.
            RateLimited: too many attempts on this name, or from this source.
        """
        secret = self._factors.secret()
        pending: Changes = {"totp_pending": self._cipher.encrypt(secret)}
        await self._proofs.prove(
            id_, password, code, lambda user: pending, source=source, action=FACTOR, done="enrolment begun"
        )
        return secret

    async def confirm_second_factor(self, id_: str, code: str) -> list[str]:
        """Put the new secret in force with a code of it; returns the recovery codes, which are shown this once.

        Raises:
            BadCredentials: the code is wrong.
            RateLimited: too many codes were.
            NotFound: no second factor is being set up.
            Conflict: somebody else changed the user meanwhile.
        """
        user, version = await self._users.get(id_)
        who = Principal(subject=user.subject, kind="person")
        async with self._audit.attempt(who, FACTOR, f"user/{user.id}") as attempt:
            attempt.reason = "enrolment confirmed"
            if user.totp_pending is None:
                raise NotFound("no second factor is being set up")
            self._confirmations.take(user.id)
            step = self._factors.step(self._cipher.decrypt(user.totp_pending), code, self._clock.now())
            if step is None:
                raise BadCredentials("wrong code")
            codes = self._factors.recovery_codes()
            hashes = [self._factors.recovery_hash(each) for each in codes]
            update = {"totp": user.totp_pending, "totp_pending": None, "totp_step": step, "recovery": hashes}
            await self._users.save(user.model_copy(update=update), expect=version)
        return codes

    async def disable_second_factor(self, id_: str, password: str, code: str, *, source: str = "") -> User:
        """Go without a second factor.

        Raises:
            BadCredentials: the password or the code is wrong.
            SecondFactorNeeded: the code is empty.
            RateLimited: too many attempts on this name, or from this source.
        """
        user, _ = await self._proofs.prove(
            id_, password, code, lambda user: NO_FACTOR, source=source, action=FACTOR, done="switched off"
        )
        return user

    def _new(self, id_: str) -> User:
        """A local user. What an earlier one of this id left open ends where this one begins."""
        if not LOCAL_ID.fullmatch(id_):
            raise Invalid(
                "a local user's id has 1 to 128 of a-z 0-9 . _ @ + -, and begins with a letter or digit", field="id"
            )
        now = self._clock.now()
        return User(id=id_, created_at=now, ended_at=now)

    async def _hashed(self, user: User, password: str) -> str:
        if user.provider != LOCAL:
            raise Invalid(f"{user.id!r} signs in at {user.provider} and has no password here", field="password")
        check_password(password, user.id, user.name, user.email)
        return await self._proofs.hash(password)

    def _signs_in(self, user: User) -> Changes:
        return {"login_at": user.login(self._clock.now())}

    async def _provisioned(
        self, provider: str, sub: str, changes: Changes, known_as: Sequence[str], email: str
    ) -> User:
        id_ = f"{provider}:{sub}"
        for _ in range(ROUNDS):
            now = self._clock.now()
            fresh = User(id=id_, provider=provider, external_id=sub, created_at=now, ended_at=now)
            user, version = await self._users.find_one(id_) or (fresh, 0)
            if self.meeting is not None:
                user = await self.meeting.meet(user, known_as, email)
            login = self._signs_in(user) if user.active else {}
            try:
                user = await self._users.save(user.model_copy(update={**changes, **login}), expect=version)
            except Conflict:
                continue  # the same person signs in twice at once
            if self.meeting is None or await self.meeting.settled(user):
                return user
        raise Conflict(f"the user {id_!r} is being changed; try again")

    async def _change(self, who: Principal, action: str, id_: str, changes: Callable[[User], Changes]) -> User:
        async with self._audit.attempt(who, action, f"user/{id_}") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            user, version = await self._users.get(id_)
            return await self._users.save(user.model_copy(update=changes(user)), expect=version)

    async def ended(self, id_: str) -> None:
        """Tell all who want to know that a user's sessions and tokens are over."""
        for callback in self._callbacks:
            try:
                await callback(id_)
            except Exception:  # the change is committed, and `ended_at` holds whoever fails to follow
                log.exception("a listener failed on the end of a user's sessions")
