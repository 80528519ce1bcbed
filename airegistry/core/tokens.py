"""Static tokens: shown once, kept as a hash, scoped, expiring, revocable.

Those with a name of their own are made by whoever has the right `token`. Those that are vended stand for the caller who
made them, with less: some of its scopes, no administration, for a shorter time.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

import anyio

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, RateLimited
from airegistry.core.grants import RESERVED
from airegistry.core.handing_out import handed_on
from airegistry.core.policy import Policy
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.core.token_records import TokenRecord, Uses, Vended, check_name

PREFIX = "air_"
MAX_VENDED = 100
"""Vended tokens of one subject that are in force at a time."""
MAX_VENDED_SECONDS = 86_400
MAX_MAKERS = 5
"""Vended tokens may vend in turn, but not for ever."""
HOLDERS = 10_000
"""Callers whose rights are kept as they were worked out, until the policy changes."""

_OPERATOR = Principal(subject="operator", client="operator-token", operator=True)


class Subjects(Protocol):
    """Subjects that are known elsewhere: `user:ID`, `client:ID`, `issuer:NAME:SUB` (`oauth/callers.py`)."""

    def by_subject(
        self, subject: str, *, client: str = "", scopes: Iterable[str] = (), actor: str = "",
        groups: Iterable[str] = (), since: float | None = None,
    ) -> Principal | None:  # fmt: skip
        """The subject as it is entitled now, narrowed to these scopes; None when it is no more, or when its logins
        ended after `since`, in seconds since the epoch."""
        ...


def digest(token: str) -> str:
    """The hash a token is kept by. Tokens carry 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


class Tokens:
    """Mints, resolves and revokes static tokens.

    A token reads `air_{id}_{secret}`. Records are kept in memory too, so that a request costs one hash.
    """

    def __init__(
        self,
        store: DocumentStore,
        access: Access,
        policy: Policy,
        audit: Audit,
        clock: Clock,
        *,
        operator_hash: str | None,
        subjects: Subjects | None = None,
        ended: Callable[[str], bool] = lambda authorization: True,
    ) -> None:
        self._records = Repository(store, "tokens", TokenRecord)
        self._access = access
        self._policy = policy
        self._audit = audit
        self._clock = clock
        self._operator_hash = operator_hash
        self._subjects = subjects
        self._ended = ended
        self._known: dict[str, TokenRecord] = {}
        self._holders: dict[str, tuple[tuple[TokenRecord, int], Principal]] = {}
        self.uses = Uses(self._records, clock)
        self._vending = anyio.Lock()

    async def reload(self) -> None:
        """Read the stored tokens. What was made or revoked here meanwhile stays so."""
        before = dict(self._known)
        stored = {key: record async for key, record in self._records.find()}
        for key, record in self._known.items():
            if record is not before.get(key) or (record.revoked_at is not None and key in stored):
                stored[key] = record
        self._known = stored

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote of some tokens, by their ids."""
        for key in keys:
            while True:
                before = self._known.get(key)
                found = await self._records.find_one(key)
                if self._known.get(key) is before:
                    break
            if found is None:
                self._known.pop(key, None)
                self._holders.pop(key, None)
                self.uses.forget(key)
            elif before is None or before.revoked_at is None:  # what is revoked here is being written just now
                self._known[key] = found[0]

    def resolve(self, token: str) -> Principal | None:
        """Whose token this is; None when it is unknown, expired or revoked."""
        hashed = digest(token)
        if self._operator_hash is not None and hmac.compare_digest(hashed, self._operator_hash):
            return _OPERATOR
        parts = token.split("_", 2)
        record = self._known.get(parts[1]) if len(parts) == 3 and token.startswith(PREFIX) else None
        if record is None or not hmac.compare_digest(hashed, record.hash):
            return None
        principal = self._principal(record) if self._lives(record) else None
        if principal is not None:
            self.uses.note(record.id)
        return principal

    def knows(self, name: str) -> bool:
        """Whether a token of this name or id was ever made."""
        return any(record.is_named(name) for record in self._known.values())

    def principal_named(self, name: str) -> Principal:
        """Who holds the newest live token of a name or id.

        Raises:
            NotFound: no token of that name is in force.
        """
        live = [record for record in self._known.values() if record.is_named(name) and self._lives(record)]
        for record in sorted(live, key=lambda record: record.created_at, reverse=True):
            if principal := self._principal(record):
                return principal
        raise NotFound(f"no token named {name!r} is in force")

    def _lives(self, record: TokenRecord) -> bool:
        return record.revoked_at is None and record.expires_at > self._clock.now() and self._minter_stays(record)

    def _minter_stays(self, record: TokenRecord) -> bool:
        """Whether the person whom a token comes from may still come in: nobody leaves tokens behind."""
        if self._subjects is None or not (minter := record.minter):
            return True
        return self._subjects.by_subject(minter) is not None

    def _principal(self, record: TokenRecord) -> Principal | None:
        """Who holds a live token; nobody when it is vended and its subject is no more."""
        if record.vended is not None:
            return self._holder(record, record.vended)
        made_of = record, self._access.revision
        before, found = self._holders.get(record.id, (None, None))
        if found is None or before != made_of:
            found = Principal(
                subject=record.subject, client=record.id, groups=frozenset(record.groups),
                scopes=self._access.scopes_of(record.groups, record.scopes), restraints=frozenset(record.restraints),
                expires_at=record.expires_at.timestamp(),
            )  # fmt: skip
            if len(self._holders) >= HOLDERS:
                self._holders.clear()
            self._holders[record.id] = made_of, found
        return found

    def _holder(self, record: TokenRecord, vended: Vended) -> Principal | None:
        """What a vended token was given, as far as its subject holds it still. Denials of the subject stay."""
        makers = [self._known.get(key) for key in vended.makers]
        if not all(maker is not None and self._lives(maker) for maker in makers):
            return None
        if vended.authorization is not None and self._ended(vended.authorization):
            return None
        carried, first = frozenset(record.scopes), makers[0] if makers else None
        if vended.operator is not None:
            if self._operator_hash is None or not hmac.compare_digest(vended.operator, digest(self._operator_hash)):
                return None
            groups, narrowed = frozenset[str](), self._access.narrowed((), record.scopes, carried)
        elif first is not None and first.vended is None:
            groups = frozenset(first.groups)
            narrowed = self._access.narrowed(first.groups, first.scopes, carried)
        else:
            return self._elsewhere(record, vended)
        kept = [] if first is None else first.restraints
        return Principal(
            subject=vended.subject, client=record.id, groups=groups, scopes=narrowed.scopes, withheld=narrowed.withheld,
            restraints=narrowed.restraints.union(kept), administers=False, actor=vended.actor,
            expires_at=record.expires_at.timestamp(), authorization=vended.authorization,
        )  # fmt: skip

    def _elsewhere(self, record: TokenRecord, vended: Vended) -> Principal | None:
        if self._subjects is None:
            return None
        found = self._subjects.by_subject(
            vended.subject, client=record.id, scopes=record.scopes, actor=vended.actor, groups=vended.groups,
            since=record.created_at.timestamp() if vended.authorization is None else None,
        )  # fmt: skip
        if found is None:
            return None
        return replace(
            found, administers=False, expires_at=record.expires_at.timestamp(), authorization=vended.authorization
        )

    async def create(
        self, who: Principal, name: str, *, groups: list[str], scopes: list[str], expires_in: int
    ) -> tuple[TokenRecord, str]:
        """A new token and its record. `expires_in` is in seconds, at most ten years.

        What the caller is denied by scopes that its own token does not carry, the new one is denied too.

        Raises:
            AccessDenied: the caller may not mint tokens.
            Invalid: a scope that does not exist, or an expiry out of range.
        """
        async with self._audit.attempt(who, "token:create", f"token/{name}") as attempt:
            attempt.reason = self._access.require(who, "token").reason
            check_name(name)
            if not 1 <= expires_in <= 315_360_000:
                raise Invalid("expires_in is seconds, from 1 to 315360000", field="expires_in")
            await self._policy.check_scopes(scopes)
            self._check_name(who, name)
            kept = handed_on(self._access, who, groups, scopes, what="a token")
            expires_at = self._clock.now() + timedelta(seconds=expires_in)
            self._check_lifetime(who, expires_at)
            return await self._keep(who, name, groups=groups, scopes=scopes, expires_at=expires_at, restraints=kept)

    async def vend(
        self, who: Principal, name: str, *, scopes: list[str] | None, expires_in: int
    ) -> tuple[TokenRecord, str]:
        """A narrower token for the caller itself, or a job of theirs, and its record. It takes no right.

        It carries `scopes`, which the caller's token carries, or all of those, and never administration. It ends after
        `expires_in` seconds, at most a day, with the caller's token at the latest, and at once when what that rests on
        ends: the subject, a static token, an authorization.

        Raises:
            AccessDenied: a scope the caller's token does not carry, or the caller is none who may have such a token.
            Invalid: a name or expiry out of range, or a scope that does not exist.
            RateLimited: the subject has too many.
        """
        async with self._audit.attempt(who, "token:vend", f"token/{name}") as attempt:
            check_name(name)
            if not 1 <= expires_in <= MAX_VENDED_SECONDS:
                raise Invalid(f"expires_in is seconds, from 1 to {MAX_VENDED_SECONDS}", field="expires_in")
            given, vended = await self._given(who, scopes), self._rests_on(who)
            expires_at = self._clock.now() + timedelta(seconds=expires_in)
            if who.expires_at is not None:
                expires_at = min(expires_at, datetime.fromtimestamp(who.expires_at, UTC))
            if expires_at <= self._clock.now():
                raise AccessDenied("the caller's own token has ended")
            async with self._vending:
                await self._make_room(who.subject)
                made = await self._keep(who, name, groups=[], scopes=given, expires_at=expires_at, vended=vended)
            attempt.reason = f"{made[0].id} until {expires_at:%Y-%m-%dT%H:%M:%SZ}: {' '.join(given) or 'no scope'}"
        return made

    async def revoke(self, who: Principal, key: str) -> None:
        """End a token at once. What was vended the caller may end without the right `token`, if it made it.

        Raises:
            AccessDenied: the caller may not.
            NotFound: there is no such token.
        """
        async with self._audit.attempt(who, "token:revoke", f"token/{key}") as attempt:
            own = self._vended_by(who, key)
            attempt.reason = "vended by the caller" if own else self._access.require(who, "token").reason
            while True:
                found = await self._records.find_one(key)
                if found is None:
                    raise NotFound(f"no token with id {key!r}")
                if not own and found[0].created_by != who.subject and not self._access.administrates(who):
                    raise AccessDenied("only an administrator revokes the tokens of others")
                record = found[0].model_copy(update={"revoked_at": self._clock.now()})
                self._known[key] = record
                try:
                    await self._records.save(key, record, expect=found[1])
                except Conflict:
                    continue  # its last use was written just now
                return

    async def records(self, who: Principal) -> list[TokenRecord]:
        """All tokens' records, revoked and expired ones too.

        Raises:
            AccessDenied: the caller may not.
        """
        self._access.require(who, "token")
        known = [self.uses.told(record) for record in self._known.values()]
        return sorted(known, key=lambda record: record.created_at)

    async def _keep(
        self, who: Principal, name: str, *, groups: list[str], scopes: list[str], expires_at: datetime,
        restraints: Iterable[str] = (), vended: Vended | None = None,
    ) -> tuple[TokenRecord, str]:  # fmt: skip
        key, maker = secrets.token_hex(8), self._known.get(who.client)
        minter = maker.minter if maker is not None and maker.subject == who.subject else None
        token = f"{PREFIX}{key}_{secrets.token_urlsafe(32)}"
        record = TokenRecord(
            id=key, name=name, hash=digest(token), groups=groups, scopes=scopes, restraints=[*restraints],
            created_at=self._clock.now(), created_by=who.subject,
            minted_by=minter, expires_at=expires_at, vended=vended,
        )  # fmt: skip
        await self._records.create(key, record)
        self._known[key] = record
        return record, token

    async def _given(self, who: Principal, scopes: list[str] | None) -> list[str]:
        """What a vended token is to carry, by name: what the caller gains later it does not.

        An operator holds no scopes but every right: all scopes there are, but those that deny something.
        """
        if who.operator:
            await self._policy.check_scopes(scopes or [])
            every = [] if scopes is not None else await self._policy.scopes(who)
            return scopes or [each.name for each in every if all(grant.effect == "allow" for grant in each.grants)]
        if missing := sorted(scope for scope in {*(scopes or ())} if not self._access.carries(who, scope)):
            raise AccessDenied("a vended token cannot carry more than its maker's", missing=missing)
        return sorted((who.scopes if scopes is None else {*scopes}) - RESERVED)

    def _rests_on(self, who: Principal) -> Vended:
        maker = self._known.get(who.client)
        if who.operator:
            if who.subject != "operator" or self._operator_hash is None:
                raise AccessDenied("only callers with a token vend tokens")
            return Vended(subject=who.subject, operator=digest(self._operator_hash))
        if maker is not None and maker.subject == who.subject:
            before = maker.vended or Vended(subject=who.subject)
            if len(before.makers) >= MAX_MAKERS:
                raise AccessDenied(f"no more than {MAX_MAKERS} tokens are vended one from another")
            return before.model_copy(update={"makers": [*before.makers, maker.id]})
        if who.subject.partition(":")[0] not in {"user", "client", "issuer"}:
            raise AccessDenied("only callers with a token vend tokens")
        return Vended(
            subject=who.subject, actor=who.actor, authorization=who.authorization,
            groups=sorted(who.groups) if who.subject.startswith("issuer:") else [],
        )  # fmt: skip

    async def _make_room(self, subject: str) -> None:
        """Forget vended tokens that have ended, and count those the subject has."""
        now = self._clock.now()
        for record in [record for record in self._known.values() if record.vended and record.expires_at <= now]:
            await self._records.delete(record.id)
            del self._known[record.id]
            self.uses.forget(record.id)
        live = [
            record.expires_at
            for record in self._known.values()
            if record.vended and record.subject == subject and record.revoked_at is None
        ]
        if len(live) >= MAX_VENDED:
            wait = (min(live) - now).total_seconds()
            raise RateLimited(f"{MAX_VENDED} vended tokens of {subject} are in force", retry_after=wait)

    def _vended_by(self, who: Principal, key: str) -> bool:
        """Whether the caller made a vended token; to a vended token only those count that it made itself."""
        record, caller = self._known.get(key), self._known.get(who.client)
        if record is None or record.vended is None or record.subject != who.subject:
            return False
        narrow = caller is not None and caller.vended is not None
        return not narrow or who.client in {key, *record.vended.makers}

    def _check_lifetime(self, who: Principal, expires_at: datetime) -> None:
        maker = self._known.get(who.client)
        if maker is not None and expires_at > maker.expires_at and not self._access.administrates(who):
            raise Invalid(f"a token does not outlive its maker, which ends at {maker.expires_at}", field="expires_in")

    def _check_name(self, who: Principal, name: str) -> None:
        """Nobody takes the name, and with it the private assets, of another's token; administrators aside."""
        named = [record for record in self._known.values() if record.name == name and record.vended is None]
        if any(record.created_by != who.subject for record in named) and not self._access.administrates(who):
            raise AccessDenied(f"the token name {name!r} is another's")
