"""What other issuers publish: their metadata (OIDC Discovery 1.0, RFC 8414) and their public keys (RFC 7517)."""

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Generic, TypeVar

import anyio
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet
from joserfc.util import base64_to_int

from airegistry.core.documents import Json
from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.core.ports import Clock
from airegistry.egress.guard import parse_url
from airegistry.egress.json_http import JsonHttp

METADATA_LIMIT, KEYS_LIMIT = 131_072, 262_144
FRESH = 3600.0
"""Seconds for which an answer is believed without asking again."""
STALE = 86_400.0
"""Seconds for which an old answer still serves while no new one can be had."""
FAILURE = 10.0
"""Seconds for which a failure is remembered: nobody waits for the same time-out again and again."""
UNKNOWN_KEY = 30.0
"""Seconds between two requests for keys because of a `kid` that is not among them."""
MAX_ENTRIES, MAX_KEYS = 512, 100

T = TypeVar("T")


@dataclass
class _Entry(Generic[T]):
    """One remembered answer. Times are monotonic; `asked_at` is that of the last request, whatever came of it."""

    value: T | None = None
    error: AirError | None = None
    got_at: float = 0.0
    asked_at: float = 0.0
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class _Cache(Generic[T]):
    """The last answers, by URL; at most `MAX_ENTRIES`. Callers who want the same one wait for one request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: OrderedDict[str, _Entry[T]] = OrderedDict()

    async def get(self, name: str, ask: Callable[[], Awaitable[T]], missing: Callable[[T], bool]) -> T:
        """The answer, from memory or asked for; one that is `missing` something is asked for again, but not often.

        Raises:
            Invalid: it may not be asked for.
            UpstreamFailed: it cannot be had.
        """
        entry = self._entries.setdefault(name, _Entry())
        self._entries.move_to_end(name)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)
        async with entry.lock:
            if self._due(entry, missing):
                await self._ask(entry, ask)
            if entry.value is not None and self._clock.monotonic() < entry.got_at + FRESH + STALE:
                return entry.value
            raise (entry.error or UpstreamFailed("no answer")).with_traceback(None)

    def _due(self, entry: _Entry[T], missing: Callable[[T], bool]) -> bool:
        now = self._clock.monotonic()
        if entry.error is not None and now < entry.asked_at + FAILURE:
            return False
        if entry.value is None or now >= entry.got_at + FRESH:
            return True
        return missing(entry.value) and now >= entry.asked_at + UNKNOWN_KEY

    async def _ask(self, entry: _Entry[T], ask: Callable[[], Awaitable[T]]) -> None:
        try:
            entry.value, entry.error = await ask(), None
            entry.got_at = self._clock.monotonic()
        except (Invalid, UpstreamFailed) as error:
            entry.error = error
        entry.asked_at = self._clock.monotonic()


class RemoteKeys:
    """Fetches lazily and remembers: an issuer that is down harms its own users alone, and only once it is asked for."""

    def __init__(self, http: JsonHttp, clock: Clock) -> None:
        self._http = http
        self._metadata: _Cache[Json] = _Cache(clock)
        self._keys: _Cache[KeySet] = _Cache(clock)

    async def metadata(self, issuer: str, *, named: str | None = None) -> Json:
        """An issuer's metadata. It must name `issuer` (or `named`, where an issuer is known to say otherwise) exactly.

        Raises:
            Invalid: the issuer, or an endpoint it names, is no URL that may be asked.
            UpstreamFailed: there is no metadata, or it is another's.
        """
        says = issuer if named is None else named

        async def ask() -> Json:
            return await self._discover(issuer, says)

        return await self._metadata.get(f"{issuer} {says}", ask, lambda _: False)

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        """The public keys at a URL, asked for anew when `kid` is not among them (at most every 30 s).

        The set may still lack `kid`. Symmetric, weak and unknown keys are left out.

        Raises:
            Invalid: the URL may not be asked.
            UpstreamFailed: there are no keys.
        """

        async def ask() -> KeySet:
            answer = await self._http.get(jwks_uri, limit=KEYS_LIMIT)
            if answer.status != 200:
                raise UpstreamFailed(f"{parse_url(jwks_uri)} answered {answer.status} instead of keys")
            return public_keys(answer.object())

        def missing(known: KeySet) -> bool:
            return kid is not None and all(key.kid != kid for key in known)

        return await self._keys.get(jwks_uri, ask, missing)

    async def _discover(self, issuer: str, says: str) -> Json:
        target = parse_url(issuer)
        origin, path = _split(issuer)
        for url in (
            f"{issuer.rstrip('/')}/.well-known/openid-configuration",
            f"{origin}/.well-known/oauth-authorization-server{path}",
        ):
            answer = await self._http.get(url, limit=METADATA_LIMIT)
            if answer.status == 200:
                return checked(answer.object(), issuer, says)
        raise UpstreamFailed(f"{target} answered {answer.status} instead of its metadata")


def checked(metadata: Json, issuer: str, says: str) -> Json:
    """Metadata that was fetched for an issuer, if it names it and its endpoints are such that may be used.

    Raises:
        Invalid: an endpoint is no plain http(s) URL, or http though the issuer is not on loopback.
        UpstreamFailed: it is another issuer's.
    """
    if metadata.get("issuer") != says:
        raise UpstreamFailed(f"the metadata at {issuer} is another issuer's: it does not name {says}")
    check_transport(issuer)
    for name, value in metadata.items():
        if name.endswith("_endpoint") or name == "jwks_uri":
            check_endpoint(name, value, issuer)
    return metadata


def check_endpoint(name: str, value: object, issuer: str) -> None:
    """Whether a URL that an issuer names is one to be used, or to be sent to a browser (CVE-2025-6514).

    Raises:
        Invalid: it is not.
    """
    if not isinstance(value, str):
        raise Invalid(f"{name} in the metadata of {issuer} is no URL", field=name)
    try:
        target = parse_url(value)
    except Invalid as error:
        raise Invalid(f"{name} in the metadata of {issuer}: {error.message}", field=name) from None
    if target.scheme != "https" and not (parse_url(issuer).scheme == "http" and is_loopback(target.host)):
        raise Invalid(f"{name} in the metadata of {issuer} is not https", field=name)


def check_transport(url: str) -> None:
    """Whether a URL is https, or http on loopback.

    Raises:
        Invalid: it is neither.
    """
    target = parse_url(url)
    if target.scheme != "https" and not is_loopback(target.host):
        raise Invalid(f"{target}: https is required beyond loopback", field="url")


def is_loopback(host: str) -> bool:
    """Whether a host, as `Target` has it, is this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def public_keys(jwks: Json) -> KeySet:
    """The keys of a JWK set that signatures of others may be checked with; whatever else is in it is passed over.

    Raises:
        UpstreamFailed: it is none, or too long.
    """
    listed = jwks.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise UpstreamFailed(f"the key set is no list of at most {MAX_KEYS} keys")
    return KeySet([key for entry in listed if isinstance(entry, dict) and (key := _public_key(entry)) is not None])


def _public_key(entry: Json) -> Key | None:
    if entry.get("use", "sig") != "sig" or entry.get("kty") not in {"RSA", "EC", "OKP"}:
        return None
    public: dict[str, str | list[str]] = {
        name: value for name, value in entry.items() if name in _PUBLIC_MEMBERS and isinstance(value, str)
    }
    try:
        if public["kty"] == "RSA" and base64_to_int(str(public["n"])).bit_length() not in _RSA_BITS:
            return None
        return JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):  # whatever cryptography makes of nonsense
        return None


_PUBLIC_MEMBERS = frozenset({"kty", "kid", "use", "alg", "n", "e", "crv", "x", "y"})
_RSA_BITS = range(2048, 8193)


def _split(issuer: str) -> tuple[str, str]:
    """Origin and path of an issuer, the path without a slash at the end (RFC 8414 section 3.1)."""
    scheme, _, rest = issuer.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}", f"{slash}{path}".rstrip("/")
