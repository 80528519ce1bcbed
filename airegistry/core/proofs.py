"""Who proves to be a user: password, second factor, and what stands in the way of guessing them."""

from collections.abc import Callable, Mapping

import anyio
import anyio.to_thread

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict, RateLimited
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.lockout import ATTEMPTS, ROUNDS, Lockout
from airegistry.core.passwords import LONGEST
from airegistry.core.ports import Cipher, Clock, PasswordHasher, SecondFactors
from airegistry.core.principals import Principal
from airegistry.core.users import LOCAL_ID, BadCredentials, SecondFactorNeeded, User, Users

Changes = Mapping[str, object]
HASHES_AT_ONCE = 2
NOBODY = Principal(subject="anonymous", kind="person")
PASSWORD, CODE, BOTH = "pwd", "otp", "mfa"  # authentication methods of RFC 8176
LOGIN = "user:login"


class Proofs:
    """Proves local users, and changes them in the same step: what was proven still holds when the change is written.

    Whoever is not proven learns nothing from it: names of nobody, of users switched off and of users of a provider
    take the same time, count the same way and get the same answer as a wrong password.
    """

    def __init__(
        self,
        store: DocumentStore,
        users: Users,
        audit: Audit,
        clock: Clock,
        hasher: PasswordHasher,
        cipher: Cipher,
        factors: SecondFactors,
        *,
        among: Among = alone,
    ) -> None:
        self._users = users
        self._audit = audit
        self._clock = clock
        self._hasher = hasher
        self._cipher = cipher
        self._factors = factors
        self.lockout = Lockout(store, clock)
        self._sources = Limiter(clock, burst=20, seconds=300, what=ATTEMPTS, among=among)
        self._threads = anyio.CapacityLimiter(HASHES_AT_ONCE)
        self._under_way = anyio.CapacityLimiter(HASHES_AT_ONCE)

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return await anyio.to_thread.run_sync(self._hasher.hash, password, limiter=self._threads)

    async def prove(
        self, id_: str, password: str, code: str | None, changes: Callable[[User], Changes], *, source: str,
        action: str = LOGIN, done: str = "signed in", factor: bool = True,
    ) -> tuple[User, list[str]]:  # fmt: skip
        """The user with the changes, and how it was proven (RFC 8176 `amr`). `factor` False asks for no code.

        `source` is where the attempt comes from; attempts of one source are limited over all names. `action` and
        `done` are what the trail says.

        Raises:
            BadCredentials: nobody is proven.
            SecondFactorNeeded: the password is right, and a code is needed too.
            RateLimited: too many attempts on this name, or from this source.
            Conflict: the user is being changed all the time.
        """
        self._audit.check_writable()  # what cannot be recorded is not done
        name = id_.strip().lower()
        # An attempt counts as failed while it is under way. Few are at once, so that many good ones that come together
        # do not look like guessing.
        async with self._under_way:
            if source:
                self._sources.take(source)
            try:
                proven = await self._counted(name, password, code, changes, factor)
            except (BadCredentials, SecondFactorNeeded, RateLimited) as refusal:
                why = refusal.why if isinstance(refusal, BadCredentials) else refusal.message
                await self._record(action, name, "deny", why, source)
                if source and isinstance(refusal, SecondFactorNeeded):
                    self._sources.give_back(source)
                raise
            await self._record(action, name, "allow", done, source)
            await self.lockout.clear(name)
            if source:
                self._sources.give_back(source)
        return proven

    async def _counted(
        self, name: str, password: str, code: str | None, changes: Callable[[User], Changes], factor: bool
    ) -> tuple[User, list[str]]:
        try:
            attempt = await self.lockout.enter(name)
        except RateLimited:
            await self._verify(None, password)  # a name that waits takes as long as one that does not
            raise
        try:
            return await self._proven(name, password, code, changes, factor)
        except SecondFactorNeeded:
            await self.lockout.forgive(attempt)
            raise

    async def _proven(
        self, name: str, password: str, code: str | None, changes: Callable[[User], Changes], factor: bool
    ) -> tuple[User, list[str]]:
        for _ in range(ROUNDS):
            found = await self._users.find_one(name) if LOCAL_ID.fullmatch(name) else None
            user, version = found or (None, 0)
            kept = user.password_hash if user is not None and user.active else None
            right = await self._verify(kept, password)
            if user is None or kept is None or not right:
                raise BadCredentials(_why(user))
            update, amr = dict(changes(user)), [PASSWORD]
            if user.totp is not None and factor:
                update, amr = {**self._taken(user, user.totp, code), **update}, [PASSWORD, CODE, BOTH]
            if "password_hash" not in update and self._hasher.outdated(kept):
                update["password_hash"] = await self.hash(password)
            try:
                return await self._users.save(user.model_copy(update=update), expect=version), amr
            except Conflict:
                continue  # the user changed meanwhile, or the same code was used at once: prove it anew
        raise Conflict(f"the user {name!r} is being changed; try again")

    async def _verify(self, kept: str | None, password: str) -> bool:
        if len(password) > LONGEST:
            kept, password = None, ""
        return await anyio.to_thread.run_sync(self._hasher.verify, kept, password, limiter=self._threads)

    def _taken(self, user: User, totp: str, code: str | None) -> Changes:
        """What using up a code changes.

        Raises:
            SecondFactorNeeded: there is no code.
            BadCredentials: it is none of this user's, or was used before.
        """
        if not code or not code.strip():
            raise SecondFactorNeeded
        if (hashed := self._factors.recovery_hash(code)) in user.recovery:
            return {"recovery": [each for each in user.recovery if each != hashed]}
        step = self._factors.step(self._cipher.decrypt(totp), code, self._clock.now())
        if step is None:
            raise BadCredentials("wrong code")
        if user.totp_step is not None and step <= user.totp_step:
            raise BadCredentials("code used before")
        return {"totp_step": step}

    async def _record(self, action: str, name: str, decision: str, reason: str, source: str) -> None:
        """Into the trail. What somebody typed who is no user is not kept: it may be a password in the wrong field."""
        known = self._users.known(name)
        mine = known is not None and (decision == "allow" or action != LOGIN)
        who = Principal(subject=known.subject, kind="person") if known is not None and mine else NOBODY
        outcome = "ok" if decision == "allow" else "refused"
        reason = f"{reason}, from {source}" if source else reason
        asset = None if known is None else f"user/{known.id}"
        await self._audit.record(
            self._audit.event(who, action, asset, None, decision=decision, outcome=outcome, reason=reason)
        )


def _why(user: User | None) -> str:
    if user is None:
        return "no such user"
    if not user.active:
        return "switched off"
    return "wrong password" if user.password_hash is not None else "has no password here"
