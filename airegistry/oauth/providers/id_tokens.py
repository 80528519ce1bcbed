"""Tokens that identity providers sign: id tokens (OpenID Connect Core 1.0) and logout tokens (Back-Channel Logout)."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from joserfc import jwt
from joserfc._rfc7515.model import JWSAlgModel  # exported nowhere
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet
from joserfc.jws import JWSRegistry, extract_compact
from joserfc.jwt import ClaimsOption, JWTClaimsRegistry

from airegistry.core.documents import Json
from airegistry.core.errors import AccessDenied, Unauthenticated, UpstreamFailed
from airegistry.core.ports import Clock
from airegistry.oauth.providers.profiles import is_template, tenant_issuer
from airegistry.oauth.providers.providers import IdentityProvider
from airegistry.oauth.providers.remote_keys import RemoteKeys

ALGORITHMS = frozenset("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split())
"""Signatures by a key that only the provider has. Never `none`, and nothing keyed with what others know (HS256)."""
LEEWAY = 60
MAX_TOKEN = 131_072
MAX_SUB = 255
MAX_LOGOUT = 86_400
"""Seconds for which a logout token may hold at most: for as long its `jti` must be remembered."""
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class _Signatures(JWSRegistry):
    """joserfc's algorithms, those that count here.

    Headers that are unknown are passed over, as RFC 7515 section 4 wants it, and may hold a certificate chain (`x5c`);
    joserfc itself would refuse them. It warns of `EdDSA`, the name that RFC 9864 replaces, and that providers use.
    """

    max_header_length = 16_384

    def __init__(self) -> None:
        super().__init__(strict_check_header=False)
        self._accepted = {name: self.algorithms[name] for name in ALGORITHMS}

    def get_alg(self, name: str) -> JWSAlgModel:
        return self._accepted[name]


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """Whose session is over, or which one (`sid`); both narrow. `ends` is in seconds since the epoch."""

    sub: str | None
    sid: str | None
    jti: str
    ends: float


class IdTokens:
    """Checks tokens against the keys that a provider publishes."""

    def __init__(self, remote: RemoteKeys, clock: Clock) -> None:
        self._remote = remote
        self._clock = clock
        self._registry = _Signatures()

    async def identity(
        self, token: str, provider: IdentityProvider, metadata: Json, *, nonce: str, access_token: str
    ) -> Json:
        """The claims of an id token that answers to this nonce.

        Raises:
            AccessDenied: it is of a tenant that is not let in.
            Unauthenticated: it is not the provider's, not for this registry, or not for this login.
            Invalid, UpstreamFailed: the provider's keys cannot be had.
        """
        algorithm, claims = await self._signed(token, metadata)
        essential: ClaimsOption = {"essential": True}
        self._validate(claims, provider, sub=essential, nonce={"essential": True, "value": nonce})
        sub = claims["sub"]
        if not isinstance(sub, str) or not 0 < len(sub) <= MAX_SUB or not sub.isprintable():
            raise Unauthenticated("the id token names nobody: `sub` is no text of up to 255 characters")
        stated = claims.get("at_hash")
        if stated is not None and not (isinstance(stated, str) and _same(stated, half_hash(access_token, algorithm))):
            raise Unauthenticated("the id token belongs to another access token (at_hash)")
        if provider.max_age is not None:
            self._check_age(claims.get("auth_time"), provider.max_age)
        if provider.profile == "cognito" and claims.get("token_use") != "id":
            raise Unauthenticated("the token is no id token (token_use)")
        return claims

    async def logout(self, token: str, provider: IdentityProvider, metadata: Json) -> LogoutToken:
        """What a logout token says; that it comes for the first time is for the caller to check, by `jti`.

        Raises:
            AccessDenied, Unauthenticated: it is none, not the provider's, or not for this registry.
            Invalid, UpstreamFailed: the provider's keys cannot be had.
        """
        _, claims = await self._signed(token, metadata, types=("logout+jwt", "jwt"))
        self._validate(claims, provider, jti={"essential": True})
        events, ends = claims.get("events"), claims["exp"]
        if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
            raise Unauthenticated("the logout token is for another event")
        if "nonce" in claims:
            raise Unauthenticated("a logout token has no nonce: this is an id token")
        if not isinstance(ends, int | float) or ends > self._clock.now().timestamp() + MAX_LOGOUT:
            raise Unauthenticated("the logout token holds for longer than a day")
        sub, sid = _named(claims, "sub"), _named(claims, "sid")
        if sub is None and sid is None:
            raise Unauthenticated("the logout token names neither a person nor a session")
        return LogoutToken(subject_of(provider, claims) if sub else None, sid, str(claims["jti"]), ends + LEEWAY)

    async def _signed(self, token: str, metadata: Json, types: tuple[str, ...] = ()) -> tuple[str, Json]:
        """Algorithm and claims, if a key of the provider made the signature."""
        algorithm, kid, kind = self._header(token)
        if algorithm not in algorithms_of(metadata):
            raise Unauthenticated(f"the token is signed with {algorithm[:20]!r}, which is not accepted here")
        if types and kind is not None and kind.lower().removeprefix("application/") not in types:
            raise Unauthenticated(f"a token of type {kind[:40]!r} is not accepted here")
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str):
            raise UpstreamFailed("the provider's metadata names no keys (jwks_uri)")
        keys = await self._remote.keys(jwks_uri, kid)
        for key in _candidates(keys, kid, algorithm):
            try:
                claims: Json = jwt.decode(token, key, registry=self._registry).claims
            except (JoseError, ValueError, TypeError):  # the wrong sort of key for the algorithm raises any of them
                continue
            return algorithm, claims
        raise Unauthenticated("no key of the provider fits the signature")

    def _header(self, token: str) -> tuple[str, str | None, str | None]:
        """Algorithm, key id and type as a token states them."""
        if not token.isascii() or len(token) > MAX_TOKEN:
            raise Unauthenticated("the token is none")
        try:
            header = extract_compact(token.encode("ascii"), registry=self._registry).headers()
        except (JoseError, ValueError):
            raise Unauthenticated("the token is none") from None
        algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ")
        if not isinstance(algorithm, str) or not isinstance(kid, str | None) or not isinstance(kind, str | None):
            raise Unauthenticated("the token has no proper header")
        return algorithm, kid, kind

    def _validate(self, claims: Json, provider: IdentityProvider, **more: ClaimsOption) -> None:
        """Issuer, audience and times."""
        registry = JWTClaimsRegistry(
            now=int(self._clock.now().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": _issuer(claims, provider)},
            aud={"essential": True, "value": provider.client_id},
            exp={"essential": True},
            iat={"essential": True},
            **more,
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            raise Unauthenticated(f"the token does not hold: {error.description or error.error}") from None
        audience, party = claims["aud"], claims.get("azp")
        if party is None and isinstance(audience, list) and len(audience) > 1:
            raise Unauthenticated("the token is for several clients and does not say which one it was issued to (azp)")
        if party is not None and party != provider.client_id:
            raise Unauthenticated("the token was issued to another client (azp)")

    def _check_age(self, auth_time: object, max_age: int) -> None:
        if not isinstance(auth_time, int | float) or isinstance(auth_time, bool):
            raise Unauthenticated("the provider does not say when the person signed in (auth_time)")
        if self._clock.now().timestamp() > auth_time + max_age + LEEWAY:
            raise Unauthenticated(f"the person signed in more than {max_age} s ago (max_age)")


def subject_of(provider: IdentityProvider, claims: Json) -> str:
    """The person's name at this provider: `sub`, which is unique within one issuer, and so within one tenant."""
    return f"{claims['tid']}.{claims['sub']}" if is_template(provider.issuer) else str(claims["sub"])


def half_hash(access_token: str, algorithm: str) -> str:
    """`at_hash`: half of the hash that belongs to the algorithm; SHA-512 for EdDSA, as Ed25519 uses it."""
    size = algorithm[-3:] if algorithm[-3:] in {"256", "384"} else "512"
    digest = hashlib.new(f"sha{size}", access_token.encode()).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode("ascii")


def _issuer(claims: Json, provider: IdentityProvider) -> str:
    """The one issuer that a token of this provider may have."""
    tenant = claims.get("tid")
    if provider.tenants and not (isinstance(tenant, str) and tenant.lower() in provider.tenants):
        raise AccessDenied("people of this tenant are not let in here")
    return tenant_issuer(provider.issuer, str(tenant)) if is_template(provider.issuer) else provider.issuer


def algorithms_of(metadata: Json) -> frozenset[str]:
    """What a provider signs with, as far as it counts here; who names nothing uses RS256, which all have to offer."""
    listed = metadata.get("id_token_signing_alg_values_supported")
    offered = [each for each in listed if isinstance(each, str)] if isinstance(listed, list) else ["RS256"]
    return ALGORITHMS.intersection(offered)


def _candidates(keys: KeySet, kid: str | None, algorithm: str) -> Iterable[Key]:
    """The keys that may have signed: those of this id, and all where no id is stated; not those for other uses."""
    return [key for key in keys if kid in {None, key.kid} and key.get("alg", algorithm) == algorithm]


def _named(claims: Json, name: str) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and value else None


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
