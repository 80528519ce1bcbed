"""Access tokens: signed statements (RFC 9068) that hold for one resource and a few minutes, and their revocation."""

import math
import uuid
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field, ValidationError

from airegistry.core.assets import Json, Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.ports import Clock
from airegistry.oauth.tokens.keys import InvalidJwt, SigningKeys

TYPE = "at+jwt"
COLLECTION = "revocations"
SKEW = 60
"""Seconds by which the clocks of two replicas may differ."""
MAX_TTL = 86_400
"""No access token lives longer, in seconds."""
STREAM_TTL = 86_400
"""How long a stream that is open outlives its token's expiry, in seconds."""
MAX_CACHED = 20_000


@dataclass(frozen=True, slots=True)
class Issued:
    """What a valid access token says. Times are seconds since the epoch.

    `subject` and `actor` read as in `Principal`; `authorization` is the family the token belongs to, None when no
    person allowed it at /authorize. `earlier_actors` are those the actor acts for in turn, the latest first (RFC 8693
    section 4.1). `groups` are those of a subject that only its own issuer knows (`issuer:NAME:SUB`).
    """

    subject: str
    client_id: str
    scopes: frozenset[str]
    resource: str
    authorization: str | None
    jti: str
    issued_at: float
    expires_at: float
    actor: str = ""
    earlier_actors: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()


class Revocation(Model):
    """That one token (by `jti`) or a family (by its authorization) has ended, until none of them would be left."""

    what: Literal["jti", "authorization"]
    id: str
    until: datetime


class _Actor(Model):
    sub: str
    act: "_Actor | None" = None

    def chain(self) -> tuple[str, ...]:
        return (self.sub, *(() if self.act is None else self.act.chain()))


class _Claims(Model):
    """The claims of an access token, as strictly as this registry writes them."""

    iss: str
    sub: str
    aud: str
    client_id: str
    iat: int
    exp: int
    jti: str
    scope: str
    nbf: int | None = None
    grant_id: str | None = None
    act: _Actor | None = None
    auth_time: int | None = None
    amr: list[str] = Field(default_factory=list)
    groups: list[str] = Field(default_factory=list)


class AccessTokens:
    """Mints access tokens and reads them again.

    A token is verified once and remembered, so that the next reading of it costs microseconds. Revocations are kept
    in memory for reading and in the store for the other processes and the next start.
    """

    def __init__(
        self, keys: SigningKeys, store: DocumentStore, clock: Clock, issuer: str, *, ttl: int = 600,
        max_cached: int = MAX_CACHED,
    ) -> None:  # fmt: skip
        self._keys = keys
        self._records = Repository(store, COLLECTION, Revocation)
        self._clock = clock
        self._issuer = issuer
        self.ttl = ttl
        """Seconds a token lives when nothing else is said."""
        self._max_cached = max_cached
        self._revoked: dict[str, float] = {}
        self._cache: OrderedDict[str, Issued] = OrderedDict()
        self._revision = keys.revision

    async def open(self) -> None:
        """Read the revocations that are stored; those known stay in force."""
        async for key, record in self._records.find():
            self._revoked[key] = record.until.timestamp()

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process revoked, by the keys of the revocations."""
        for key in keys:
            found = await self._records.find_one(key)
            if found is not None:  # else the tokens that it ended would have ended by now
                self._revoked[key] = found[0].until.timestamp()

    def mint(
        self, *, subject: str, client_id: str, scopes: Collection[str], resource: str, authorization: str | None = None,
        actor: str = "", earlier_actors: Sequence[str] = (), groups: Collection[str] = (), ttl: int | None = None,
        auth_time: datetime | None = None, amr: Sequence[str] = (),
    ) -> tuple[str, Issued]:  # fmt: skip
        """A new token and what it says. `ttl` is in seconds, at most a day."""
        now = math.floor(self._clock.now().timestamp())
        issued = Issued(
            subject=subject, client_id=client_id, scopes=frozenset(scopes), resource=resource,
            authorization=authorization, jti=uuid.uuid4().hex, issued_at=now,
            expires_at=now + min(self.ttl if ttl is None else ttl, MAX_TTL), actor=actor,
            earlier_actors=tuple(earlier_actors), groups=frozenset(groups),
        )  # fmt: skip
        claims: Json = {
            "iss": self._issuer, "sub": subject, "aud": resource, "client_id": client_id, "iat": now,
            "exp": int(issued.expires_at), "jti": issued.jti, "scope": " ".join(sorted(issued.scopes)),
        }  # fmt: skip
        if authorization is not None:
            claims["grant_id"] = authorization
        if actor:
            claims["act"] = _nested((actor, *earlier_actors))
        if groups:
            claims["groups"] = [*sorted(groups)]  # RFC 9068 section 2.2.3.1
        if auth_time is not None:
            claims["auth_time"] = math.floor(auth_time.timestamp())
        if amr:
            claims["amr"] = list(amr)
        return self._keys.sign(claims, TYPE), issued

    def read(self, token: str, resource: str | None) -> Issued | None:
        """What a token says; None when it does not hold here and now. A `resource` of None is not compared."""
        issued = self._verified(token)
        if issued is None or self._clock.now().timestamp() >= issued.expires_at:
            return None
        if resource is not None and issued.resource != resource:
            return None
        return None if self._is_revoked(issued) else issued

    def opened(self, token: str) -> Issued | None:
        """What a token says that a stream was opened with: the stream outlives its expiry by a day, no revocation."""
        issued = self._verified(token)
        if issued is None or self._clock.now().timestamp() >= issued.expires_at + STREAM_TTL:
            return None
        return None if self._is_revoked(issued) else issued

    async def revoke_jti(self, issued: Issued) -> None:
        """End one token at once."""
        await self._revoke("jti", issued.jti, issued.expires_at + STREAM_TTL)

    async def revoke_authorization(self, id_: str) -> None:
        """End all tokens of a family at once."""
        until = self._clock.now().timestamp() + MAX_TTL + STREAM_TTL + SKEW
        await self._revoke("authorization", id_, until)

    def ended(self, authorization: str) -> bool:
        """Whether a family was revoked."""
        return f"authorization:{authorization}" in self._revoked

    async def sweep(self) -> None:
        """Forget revocations of tokens that would have ended by now."""
        now = self._clock.now().timestamp()
        for key in [key for key, until in self._revoked.items() if until < now]:
            await self._records.delete(key)
            del self._revoked[key]

    async def _revoke(self, what: Literal["jti", "authorization"], id_: str, until: float) -> None:
        key = f"{what}:{id_}"
        self._revoked[key] = until  # it holds here before the disk has it
        await self._records.save(key, Revocation(what=what, id=id_, until=datetime.fromtimestamp(until, UTC)))

    def _is_revoked(self, issued: Issued) -> bool:
        if f"jti:{issued.jti}" in self._revoked:
            return True
        return issued.authorization is not None and self.ended(issued.authorization)

    def _verified(self, token: str) -> Issued | None:
        """What a token that this issuer signed says, whether it has expired or not."""
        if self._revision != self._keys.revision:  # a key may have gone
            self._cache.clear()
            self._revision = self._keys.revision
        issued = self._cache.get(token)
        if issued is not None:
            self._cache.move_to_end(token)
            return issued
        try:
            issued = self._stated(token)
        except (InvalidJwt, ValidationError):
            return None
        self._cache[token] = issued
        if len(self._cache) > self._max_cached:
            self._cache.popitem(last=False)
        return issued

    def _stated(self, token: str) -> Issued:
        claims = _Claims.model_validate(self._keys.verify(token, TYPE), strict=True)
        if claims.iss != self._issuer:
            raise InvalidJwt("another issuer's token")
        if max(claims.iat, claims.nbf or 0) > self._clock.now().timestamp() + SKEW:
            raise InvalidJwt("the token is not valid yet")
        actor, *earlier = ("",) if claims.act is None else claims.act.chain()
        return Issued(
            subject=claims.sub, client_id=claims.client_id, scopes=frozenset(claims.scope.split()),
            resource=claims.aud, authorization=claims.grant_id, jti=claims.jti, issued_at=claims.iat,
            expires_at=claims.exp, actor=actor, earlier_actors=tuple(earlier), groups=frozenset(claims.groups),
        )  # fmt: skip


def _nested(actors: Sequence[str]) -> Json:
    """The `act` claim of a chain of actors, the latest first."""
    latest, *earlier = actors
    return {"sub": latest, "act": _nested(earlier)} if earlier else {"sub": latest}
