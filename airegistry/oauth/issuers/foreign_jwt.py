"""JWTs that others signed: what they claim before anybody is asked, whether that holds, and what is in it."""

import base64
import warnings
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import orjson
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import Key, KeySet
from pydantic import JsonValue

from airegistry.core.documents import Json

MAX_TOKEN = 16_384
YEAR_10000 = 253_402_300_800
MAX_TRIED = 10
"""Keys that are tried for a token that names none."""
ALGORITHMS = frozenset(
    "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 Ed25519 EdDSA".split()
)  # fmt: skip
"""What a foreign JWT may be signed with: public keys alone. `none` and HS* (RFC 8725 section 2.1) are not offered."""


class Refused(ValueError):
    """A JWT that does not hold. The message tells its holder why, and nothing of this registry."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """A JWT as it came: nothing in it may be believed."""

    token: str
    header: Json
    claims: Json

    @property
    def issuer(self) -> str:
        """Who it says it is from; empty when it says nothing."""
        issuer = self.claims.get("iss")
        return issuer if isinstance(issuer, str) else ""

    @property
    def typ(self) -> str | None:
        """What it says it is."""
        typ = self.header.get("typ")
        return typ if isinstance(typ, str) else None


def peek(token: str) -> Unverified | None:
    """What a token says of itself, None when it is no JWT. It costs no key, no request and no signature."""
    parts = token.split(".")
    if len(token) > MAX_TOKEN or len(parts) != 3:
        return None
    header, claims = (_object(part) for part in parts[:2])
    return None if header is None or claims is None else Unverified(token, header, claims)


def verified(jwt: Unverified, keys: KeySet, algorithms: Collection[str]) -> Json:
    """The claims of a JWT that one of these keys signed with one of these algorithms.

    Keys and addresses of keys in the header (`jwk`, `jku`, `x5u`, `x5c`) are not looked at.

    Raises:
        Refused: none did.
    """
    algorithm, kid = jwt.header.get("alg"), jwt.header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS.intersection(algorithms):
        raise Refused(f"it is not signed with one of {', '.join(sorted(algorithms))}")
    fitting = [key for key in keys if key.get("alg") in {None, algorithm} and (kid is None or key.kid == kid)]
    for key in fitting[:MAX_TRIED]:
        if (claims := _opened(jwt.token, key, algorithm)) is not None:
            return claims
    raise Refused("its signature is not valid")


def check_times(claims: Json, now: float, leeway: float) -> float:
    """When a JWT ends, if that is not over and it has begun.

    Raises:
        Refused: it has no end, has ended, or is not valid yet.
    """
    expires = number(claims, "exp")
    if expires is None:
        raise Refused("it has no exp")
    if expires <= now - leeway:
        raise Refused("it has expired")
    for name in ("nbf", "iat"):
        begins = number(claims, name)
        if begins is not None and begins > now + leeway:
            raise Refused("it is not valid yet")
    return expires


def number(claims: Json, name: str) -> float | None:
    """A NumericDate (RFC 7519 section 2); None when there is none.

    Raises:
        Refused: it is no number, or beyond the year 9999.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < YEAR_10000:
        raise Refused(f"its {name} is no time")
    return float(value)


def audiences(claims: Json) -> list[str]:
    """Whom a JWT is for."""
    return texts(claims.get("aud"))


def texts(value: JsonValue) -> list[str]:
    """The strings of a claim that is one or a list of them."""
    listed: Sequence[JsonValue] = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, str) and each]


def claim(claims: Json, path: str) -> JsonValue:
    """A claim by its name, or else by its path with dots, as in `realm_access.roles`; None when it is not there."""
    if path in claims:
        return claims[path]
    value: JsonValue = claims
    for part in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


class _Registry(jws.JWSRegistry):
    """Takes headers as long as certificates make them, and members it does not know."""

    max_header_length = MAX_TOKEN


def _opened(token: str, key: Key, algorithm: str) -> Json | None:
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        with warnings.catch_warnings():
            # `EdDSA` is a name of the past (RFC 9864), and yet what most issuers call Ed25519.
            warnings.simplefilter("ignore", SecurityWarning)
            claims = orjson.loads(jws.deserialize_compact(token, key, registry=registry).payload)
    except (JoseError, ValueError, TypeError):  # whatever cryptography makes of nonsense
        return None
    return claims if isinstance(claims, dict) else None


def _object(part: str) -> Json | None:
    try:
        value = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
