"""The trusted issuers, and who holds a JWT of one of them.

The issuer that a token names is looked up before anything is fetched, so nobody makes this registry ask for keys by
making up tokens. Keys come from where the administrator or the issuer's metadata says, whatever the token says.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import anyio
from joserfc.jwk import KeySet
from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Json, Repository
from airegistry.core.errors import Conflict, Invalid, NotFound, UpstreamFailed
from airegistry.core.ports import Clock
from airegistry.core.principals import Principal
from airegistry.oauth.issuers.foreign_jwt import (
    Refused,
    Unverified,
    audiences,
    check_times,
    claim,
    peek,
    texts,
    verified,
)
from airegistry.oauth.issuers.trust import Identity, TrustedIssuer, Use
from airegistry.oauth.model import ADMIN_SCOPE
from airegistry.oauth.providers.remote_keys import check_transport

log = logging.getLogger(__name__)

Sort = Literal["access_token", "id_token", "jwt", "id_jag"]
ID_JAG_TYPE = "oauth-id-jag+jwt"
MAX_CACHED = 10_000
BELIEVED = 60.0
"""Seconds for which a verified token is not verified again: so long it outlives its key."""
MAX_SUBJECT = 255
MAX_ACTORS = 4
COMPLAIN_EVERY = 60.0
_ACCESS_TYPES, _ID_TYPES = frozenset({None, "jwt", "at+jwt", "application/at+jwt"}), frozenset({None, "jwt"})
_TYPES: dict[Sort, tuple[frozenset[str | None], frozenset[str | None]]] = {
    "access_token": (_ACCESS_TYPES, frozenset({None, "Bearer"})),
    "id_token": (_ID_TYPES, frozenset({None, "ID"})),
    "jwt": (_ACCESS_TYPES, frozenset({None, "Bearer", "ID"})),
}
"""By what a JWT is given as: what its header may call it, and what Keycloak's claim `typ` may."""
_ID_TOKEN_ONLY = ("at_hash", "c_hash", "s_hash")
_NOT_UNDERSTOOD = {
    "cnf": "it is bound to a key, and no proof of that key is checked here",
    "events": "it tells of events, and is no credential",
    "authorization_details": "it carries authorization_details, which are not understood here",
}
"""Claims that narrow what a JWT is good for in a way this registry does not enforce."""


class KeySource(Protocol):
    """What issuers publish (`oauth/providers/remote_keys.py`)."""

    async def metadata(self, issuer: str) -> Json:
        """Its metadata."""
        ...

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        """Its public keys."""
        ...


@dataclass(slots=True)
class _Kept:
    """A verified access token, and its holder under the policy of some revision."""

    identity: Identity
    principal: Principal
    revision: int
    verified_at: float


class Issuers:
    """Keeps trusted issuers, in memory too; `fixed` are those of the settings, which tools do not change."""

    def __init__(
        self, store: DocumentStore, access: Access, audit: Audit, clock: Clock, keys: KeySource, *, url: str,
        fixed: Sequence[TrustedIssuer] = (),
    ) -> None:  # fmt: skip
        self._records = Repository(store, "trusted_issuers", TrustedIssuer)
        self._access = access
        self._audit = audit
        self._clock = clock
        self._keys = keys
        self._url = url
        self._fixed = {issuer.name: issuer for issuer in fixed}
        self._named = dict(self._fixed)
        self._by_issuer: dict[str, TrustedIssuer] = {}
        self._kept: OrderedDict[tuple[bytes, str], _Kept] = OrderedDict()
        self._lock = anyio.Lock()
        self._complained = -COMPLAIN_EVERY
        self.revision = 0
        if len(self._fixed) < len(fixed):
            raise Invalid("two trusted issuers of the settings have one name", field="trusted_issuers")
        for issuer in fixed:
            self._check(issuer)
            self._by_issuer[issuer.issuer] = issuer

    async def reload(self) -> None:
        """Take over what is stored; what was remembered of tokens is forgotten."""
        stored = {key: issuer async for key, issuer in self._records.find()}
        self._named = {**stored, **self._fixed}
        self._by_issuer = {issuer.issuer: issuer for issuer in self._named.values()}
        self._by_issuer |= {issuer.issuer: issuer for issuer in self._fixed.values()}
        self._kept.clear()
        self.revision += 1

    async def follow(self) -> None:
        """Take over what another process wrote."""
        async with self._lock:  # a slow reader must not put what it read over what was written meanwhile
            await self.reload()

    async def put(self, who: Principal, issuer: TrustedIssuer) -> TrustedIssuer:
        """Trust an issuer, or change what it is trusted with; it holds from the next request on.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: it is one of the settings', or another name has that issuer already.
            Invalid: its URL may not be used.
        """
        async with self._audit.attempt(who, "issuer:put", f"issuer/{issuer.name}") as attempt, self._lock:
            attempt.reason = self._access.require(who, "policy").reason
            self._check_changeable(issuer.name)
            self._check(issuer)
            await self._records.save(issuer.name, issuer)
            await self.reload()
        return issuer

    async def remove(self, who: Principal, name: str) -> None:
        """Trust an issuer no longer: its tokens, and those made here for its subjects, hold no more.

        Raises:
            AccessDenied: the caller is no administrator of policy.
            Conflict: it is one of the settings'.
            NotFound: there is none of that name.
        """
        async with self._audit.attempt(who, "issuer:delete", f"issuer/{name}") as attempt, self._lock:
            attempt.reason = self._access.require(who, "policy").reason
            self._check_changeable(name)
            if not await self._records.delete(name):
                raise NotFound(f"no trusted issuer named {name!r}")
            await self.reload()

    async def issuers(self, who: Principal) -> list[tuple[TrustedIssuer, bool]]:
        """All trusted issuers by name, each with whether the settings have it.

        Raises:
            AccessDenied: the caller is no administrator of policy.
        """
        self._access.require(who, "policy")
        return [(self._named[name], name in self._fixed) for name in sorted(self._named)]

    def entitled(self, subject: str, groups: frozenset[str]) -> Sequence[str] | None:
        """Of the groups a token has for a subject of an issuer those the issuer may give now; None when it is trusted
        no more."""
        issuer = self._named.get(subject.split(":", 2)[1])
        if issuer is None or not issuer.active:
            return None
        return [group for group in sorted(groups) if issuer.gives(group)]

    def trusts(self, token: str, use: Use) -> bool:
        """Whether a token says that it is from an issuer that is trusted for a use."""
        jwt = peek(token)
        return jwt is not None and self._trusted(jwt, use) is not None

    def known(self, token: str, resource: str) -> Principal | None:
        """Who holds an access token that was verified for this resource before, and has not ended."""
        key = _key(token, resource)
        kept = self._kept.get(key)
        now = self._clock.now().timestamp()
        if kept is None or kept.identity.expires_at <= now or kept.verified_at + BELIEVED < now:
            return None
        self._kept.move_to_end(key)
        if kept.revision != self._access.revision:
            kept.principal, kept.revision = self._principal(kept.identity), self._access.revision
        return kept.principal

    async def verify(self, token: str, resource: str) -> Principal | None:
        """Who holds an access token of a trusted issuer for this resource; None for every other token."""
        revision = self.revision
        if not self.trusts(token, "access_token"):
            return None
        try:
            identity = await self.identify(token, "access_token", "access_token", [resource])
        except Refused as refusal:
            self._complain(peek(token), str(refusal))
            return None
        if revision != self.revision:  # an administrator changed the issuers while keys were fetched
            return await self.verify(token, resource)
        principal = self._principal(identity)
        now = self._clock.now().timestamp()
        self._kept[_key(token, resource)] = _Kept(identity, principal, self._access.revision, now)
        if len(self._kept) > MAX_CACHED:
            self._kept.popitem(last=False)
        return principal

    async def identify(self, token: str, use: Use, sort: Sort, wanted: Collection[str]) -> Identity:
        """Whom a JWT of a trusted issuer speaks of. `wanted` are the audiences it may have where the issuer has none
        of its own; those of an ID-JAG are compared as they are.

        Raises:
            Refused: it is of no issuer that is trusted for this use, or does not hold.
        """
        jwt = peek(token)
        issuer = None if jwt is None else self._trusted(jwt, use)
        if jwt is None or issuer is None:
            raise Refused("it is no JWT of an issuer that is trusted for this")
        _check_type(jwt, sort)
        claims = verified(jwt, await self._keys_for(issuer, jwt), issuer.algorithms)
        if claims.get("iss") != issuer.issuer:  # believed so far of what was not verified
            raise Refused("it is of another issuer")
        expires_at = check_times(claims, self._clock.now().timestamp(), issuer.leeway)
        _check_audience(claims, sort, wanted if sort == "id_jag" else issuer.audiences or wanted)
        _check_claims(claims, sort, issuer.required_claims)
        return _identity(issuer, claims, expires_at)

    def _trusted(self, jwt: Unverified, use: Use) -> TrustedIssuer | None:
        issuer = self._by_issuer.get(jwt.issuer)
        return issuer if issuer is not None and issuer.active and use in issuer.accepts else None

    async def _keys_for(self, issuer: TrustedIssuer, jwt: Unverified) -> KeySet:
        kid = jwt.header.get("kid")
        try:
            uri = issuer.jwks_uri or (await self._keys.metadata(issuer.issuer)).get("jwks_uri")
            if not isinstance(uri, str):
                raise Refused("its issuer publishes no keys")
            return await self._keys.keys(uri, kid if isinstance(kid, str) else None)
        except (Invalid, UpstreamFailed) as error:
            self._complain(jwt, error.message)
            raise Refused("the keys of its issuer cannot be had") from None

    def _complain(self, jwt: Unverified | None, why: str) -> None:
        """Tell the operator, not more than once a minute: whoever knows an issuer's name can make tokens up."""
        now = self._clock.monotonic()
        if jwt is not None and now >= self._complained + COMPLAIN_EVERY:
            self._complained = now
            log.warning("a token of trusted issuer %s is refused: %s", jwt.issuer, why)

    def _principal(self, identity: Identity) -> Principal:
        narrowed = self._access.narrowed(identity.groups, (), identity.carried)
        return Principal(
            subject=identity.subject, client=identity.client, groups=frozenset(identity.groups), scopes=narrowed.scopes,
            withheld=narrowed.withheld, restraints=narrowed.restraints, administers=ADMIN_SCOPE in identity.carried,
            actor=identity.actors[0] if identity.actors else "", expires_at=identity.expires_at,
        )  # fmt: skip

    def _check_changeable(self, name: str) -> None:
        if name in self._fixed:
            raise Conflict(f"trusted issuer {name!r} is one of the settings', and is changed there")

    def _check(self, issuer: TrustedIssuer) -> None:
        check_transport(issuer.issuer)
        if issuer.jwks_uri is not None:
            check_transport(issuer.jwks_uri)
        if issuer.issuer.rstrip("/") == self._url:
            raise Invalid("that is this registry itself", field="issuer")
        other = self._by_issuer.get(issuer.issuer)
        if other is not None and other.name != issuer.name:
            raise Conflict(f"{issuer.issuer} is trusted already, as {other.name!r}")


def _key(token: str, resource: str) -> tuple[bytes, str]:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), resource


def _check_type(jwt: Unverified, sort: Sort) -> None:
    """RFC 8725 section 3.11: what was made for one purpose does not serve another."""
    if sort == "id_jag":
        fits = jwt.typ == ID_JAG_TYPE
    else:
        headers, inner = _TYPES[sort]
        said = jwt.claims.get("typ")
        fits = (jwt.typ and jwt.typ.lower()) in headers and (said if isinstance(said, str) else None) in inner
    if not fits:
        raise Refused(f"a token of type {jwt.typ!r} is none that is accepted for this")


def _check_audience(claims: Json, sort: Sort, wanted: Collection[str]) -> None:
    fits = not set(audiences(claims)).isdisjoint(wanted)
    if sort == "id_jag":  # one audience alone, or else somebody else could use it too
        said = claims.get("aud")
        fits = any(said in (one, [one]) for one in wanted)
    if not fits:
        raise Refused("it is for another audience")


def _check_claims(claims: Json, sort: Sort, required: dict[str, JsonValue]) -> None:
    for name, reason in _NOT_UNDERSTOOD.items():
        if name in claims:
            raise Refused(reason)
    if sort == "access_token" and any(name in claims for name in _ID_TOKEN_ONLY):
        raise Refused("an ID token is no access token")
    for path, wanted in required.items():
        value = claim(claims, path)
        has, allowed = (each if isinstance(each, list) else [each] for each in (value, wanted))
        if not any(type(one) is type(other) and one == other for one in has for other in allowed):
            raise Refused(f"its claim {path} is not what is required")


def _identity(issuer: TrustedIssuer, claims: Json, expires_at: float) -> Identity:
    sub = claim(claims, issuer.subject_claim)
    if not isinstance(sub, str) or not 1 <= len(sub) <= MAX_SUBJECT or not sub.isprintable():
        raise Refused(f"its claim {issuer.subject_claim} names no subject")
    client = next((texts(claims[name])[0] for name in ("azp", "client_id", "appid") if texts(claims.get(name))), "")
    return Identity(
        subject=f"issuer:{issuer.name}:{sub}", issuer=issuer, sub=sub, groups=issuer.groups_of(claims),
        carried=issuer.carried(claims), client=f"{issuer.name}:{client}"[:MAX_SUBJECT] if client else "",
        actors=_actors(issuer, claims), expires_at=expires_at, claims=claims,
    )  # fmt: skip


def _actors(issuer: TrustedIssuer, claims: Json) -> tuple[str, ...]:
    """Who acts for the subject by the issuer's own word, the latest first."""
    found: list[str] = []
    act = claims.get("act")
    while act is not None:
        sub = act.get("sub") if isinstance(act, dict) else None
        if not isinstance(act, dict) or not isinstance(sub, str) or not sub.isprintable() or len(found) >= MAX_ACTORS:
            raise Refused("its claim act names no actor, or too many")
        found.append(f"issuer:{issuer.name}:{sub[:MAX_SUBJECT]}")
        act = act.get("act")
    return tuple(found)
