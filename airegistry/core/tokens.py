"""Named static tokens for machines: shown once, kept as a hash, scoped, expiring, revocable."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from pydantic import Field

from airegistry.core.access import Access
from airegistry.core.assets import Model
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.policy import Policy
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal

PREFIX = "air_"
MAX_NAME = 128


class TokenRecord(Model):
    """What is kept of a token: everything but the token."""

    id: str
    name: str = Field(min_length=1, max_length=MAX_NAME)
    hash: str
    groups: list[str] = Field(default_factory=list)
    scopes: list[str] = Field(default_factory=list)
    created_at: datetime
    created_by: str
    expires_at: datetime
    revoked_at: datetime | None = None


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
    ) -> None:
        self._records = Repository(store, "tokens", TokenRecord)
        self._access = access
        self._policy = policy
        self._audit = audit
        self._clock = clock
        self._operator_hash = operator_hash
        self._known: dict[str, TokenRecord] = {}

    async def reload(self) -> None:
        """Read the stored tokens."""
        self._known = {key: record async for key, record in self._records.find()}

    def resolve(self, token: str) -> Principal | None:
        """Whose token this is; None when it is unknown, expired or revoked."""
        if self._operator_hash is not None and hmac.compare_digest(digest(token), self._operator_hash):
            return Principal(subject="operator", client="operator-token", operator=True)
        parts = token.split("_", 2)
        record = self._known.get(parts[1]) if len(parts) == 3 and token.startswith(PREFIX) else None
        if record is None or not hmac.compare_digest(digest(token), record.hash):
            return None
        if record.revoked_at is not None or record.expires_at <= self._clock.now():
            return None
        return self._principal(record)

    def knows(self, name: str) -> bool:
        """Whether a token of this name or id was ever made."""
        return any(name in {record.name, record.id} for record in self._known.values())

    def principal_named(self, name: str) -> Principal:
        """Who holds the newest live token of a name or id.

        Raises:
            NotFound: no token of that name is in force.
        """
        now = self._clock.now()
        named = [record for record in self._known.values() if name in {record.name, record.id}]
        live = [record for record in named if record.revoked_at is None and record.expires_at > now]
        if not live:
            raise NotFound(f"no token named {name!r} is in force")
        return self._principal(max(live, key=lambda record: record.created_at))

    def _principal(self, record: TokenRecord) -> Principal:
        scopes = self._access.scopes_of(record.groups, record.scopes)
        return Principal(
            subject=f"token:{record.name}", client=record.id, groups=frozenset(record.groups), scopes=scopes
        )

    async def create(
        self, who: Principal, name: str, *, groups: list[str], scopes: list[str], expires_in: int
    ) -> tuple[TokenRecord, str]:
        """A new token and its record. `expires_in` is in seconds, at most ten years.

        Raises:
            AccessDenied: the caller may not mint tokens.
            Invalid: a scope that does not exist, or an expiry out of range.
        """
        async with self._audit.attempt(who, "token:create", f"token/{name}") as attempt:
            attempt.reason = self._access.require(who, "token").reason
            if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
                raise Invalid(f"a token's name has 1 to {MAX_NAME} characters, all of them visible", field="name")
            if not 1 <= expires_in <= 315_360_000:
                raise Invalid("expires_in is seconds, from 1 to 315360000", field="expires_in")
            await self._policy.check_scopes(scopes)
            self._check_grantable(who, name, groups, scopes)
            key, now = secrets.token_hex(8), self._clock.now()
            self._check_lifetime(who, now + timedelta(seconds=expires_in))
            token = f"{PREFIX}{key}_{secrets.token_urlsafe(32)}"
            record = TokenRecord(
                id=key, name=name, hash=digest(token), groups=groups, scopes=scopes, created_at=now,
                created_by=who.subject, expires_at=now + timedelta(seconds=expires_in),
            )  # fmt: skip
            await self._records.create(key, record)
            self._known[key] = record
        return record, token

    async def revoke(self, who: Principal, key: str) -> None:
        """End a token at once.

        Raises:
            AccessDenied: the caller may not.
            NotFound: there is no such token.
        """
        async with self._audit.attempt(who, "token:revoke", f"token/{key}") as attempt:
            attempt.reason = self._access.require(who, "token").reason
            found = await self._records.find_one(key)
            if found is None:
                raise NotFound(f"no token with id {key!r}")
            if found[0].created_by != who.subject and not self._access.administrates(who):
                raise AccessDenied("only an administrator revokes the tokens of others")
            record = found[0].model_copy(update={"revoked_at": self._clock.now()})
            self._known[key] = record
            await self._records.save(key, record, expect=found[1])

    async def records(self, who: Principal) -> list[TokenRecord]:
        """All tokens' records, revoked and expired ones too.

        Raises:
            AccessDenied: the caller may not.
        """
        self._access.require(who, "token")
        return sorted(self._known.values(), key=lambda record: record.created_at)

    def _check_lifetime(self, who: Principal, expires_at: datetime) -> None:
        maker = self._known.get(who.client)
        if maker is not None and expires_at > maker.expires_at and not self._access.administrates(who):
            raise Invalid(f"a token does not outlive its maker, which ends at {maker.expires_at}", field="expires_in")

    def _check_grantable(self, who: Principal, name: str, groups: list[str], scopes: list[str]) -> None:
        """Nobody hands out what they do not hold, administrators aside: neither rights, nor the freedom from a
        denial, nor the name (and with it the private assets) of another's token."""
        if self._access.administrates(who):
            return
        missing = sorted({*scopes} - who.scopes) + sorted({*groups} - who.groups)
        if missing:
            raise AccessDenied("a token cannot hold more than its maker", missing=missing)
        if shed := sorted(self._access.restraints(who) - self._access.scopes_of(groups, scopes)):
            raise AccessDenied(f"a token cannot shed what its maker is denied by {', '.join(shed)}")
        if any(record.name == name and record.created_by != who.subject for record in self._known.values()):
            raise AccessDenied(f"the token name {name!r} is another's")
