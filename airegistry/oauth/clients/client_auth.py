"""Which client makes a request: RFC 6749 section 2.3 and RFC 7523 section 2.2, as the client registered."""

import base64
import hmac
from typing import Protocol
from urllib.parse import unquote_plus

from joserfc.jwk import KeySet
from starlette.requests import Request

from airegistry.core.errors import Invalid, RateLimited, UpstreamFailed
from airegistry.core.limits import Among, Limiter, alone
from airegistry.core.ports import Clock
from airegistry.core.tokens import digest
from airegistry.oauth.clients.client_metadata import SECRET_METHODS
from airegistry.oauth.forms import Form, OAuthError
from airegistry.oauth.issuers.foreign_jwt import Refused, Unverified, check_times, peek, verified
from airegistry.oauth.model import Client
from airegistry.oauth.providers.remote_keys import public_keys
from airegistry.oauth.replay import Replay
from airegistry.oauth.source import source_of, too_many

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = frozenset("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512".split())
LIFETIME, LEEWAY = 300.0, 30.0
"""Seconds that an assertion may be valid for, and that clocks may differ by."""
MAX_ID, MAX_JTI = 2048, 512


class Keys(Protocol):
    """Where the keys at a `jwks_uri` come from (`oauth/providers/remote_keys.py`)."""

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        """The keys at a URL, asked for anew when `kid` is not among them.

        Raises:
            Invalid: the URL may not be asked.
            UpstreamFailed: there are no keys.
        """
        ...


class Finds(Protocol):
    """Where clients come from (`oauth/clients/clients.py`)."""

    async def find(self, client_id: str, *, source: str = "") -> Client | None:
        """A client that may be used now. `source` is the address of whoever asks.

        Raises:
            OAuthError: it is described by a document, and that is refused.
        """
        ...


class ClientAuthenticator:
    """Establishes the client of a request at the token, revocation and introspection endpoints.

    Both ways to send a secret are one method, as libraries choose between them by themselves. Where a client that no
    administrator registered has its keys is for itself to say, so they are asked for through `strangers`, whose guard
    exempts nothing.
    """

    def __init__(
        self, clients: Finds, issuer: str, token_url: str, keys: Keys, replay: Replay, clock: Clock, *,
        strangers: Keys | None = None, among: Among = alone,
    ) -> None:  # fmt: skip
        self._clients = clients
        self._audiences = (issuer, token_url, [issuer], [token_url])
        self._keys = keys
        self._strangers = strangers or keys
        self._replay = replay
        self._clock = clock
        self._limiter = Limiter(clock, burst=30, seconds=60, what="failed authentications of this client", among=among)

    async def authenticate(self, request: Request, form: Form) -> Client:
        """The client, proven as it registered to prove itself.

        Raises:
            OAuthError: `invalid_client`, alike for unknown clients and wrong proofs; `invalid_request` where two
                proofs are sent; `temporarily_unavailable` after too many failures.
        """
        basic = _basic(request)
        secret, assertion = form.get("client_secret"), _assertion(form)
        if sum(proof is not None for proof in (basic, secret, assertion)) > 1:
            raise OAuthError("invalid_request", "a client authenticates in one way at a time")
        named = form.get("client_id")
        if basic is not None:
            client_id, secret = basic
        elif assertion is not None:
            client_id = _subject(assertion)
        else:
            client_id = named or ""
        if named is not None and named != client_id:
            raise _failed(basic=basic is not None)
        if secret is None and assertion is None:  # nothing can be guessed: one public id may be many persons' program
            client = await self._find(client_id, source_of(request))
            if client is None or client.confidential:
                raise _failed(basic=False)
            return client
        key = f"{digest(client_id)} {source_of(request)}"  # of one length, whatever strangers make up
        try:
            self._limiter.take(key)
        except RateLimited as error:
            raise too_many(error) from None
        client = await self._find(client_id, source_of(request))
        if client is None or not await self._proven(client, secret, assertion):
            raise _failed(basic=basic is not None)
        self._limiter.give_back(key)
        return client

    async def _find(self, client_id: str, source: str) -> Client | None:
        if not 0 < len(client_id) <= MAX_ID:
            return None
        try:
            return await self._clients.find(client_id, source=source)
        except OAuthError as error:
            if error.error != "invalid_client":
                raise
            raise OAuthError(error.error, error.message, status=401) from None

    async def _proven(self, client: Client, secret: str | None, assertion: Unverified | None) -> bool:
        if assertion is not None:
            return client.token_endpoint_auth_method == "private_key_jwt" and await self._signed(client, assertion)
        return client.token_endpoint_auth_method in SECRET_METHODS and _knows(client, secret or "")

    async def _signed(self, client: Client, assertion: Unverified) -> bool:
        """Whether an assertion is the client's own, for us, of now, and used for the first time."""
        try:
            claims = verified(assertion, await self._keys_of(client, assertion), ALGORITHMS)
            now = self._clock.now().timestamp()
            expires = check_times(claims, now, LEEWAY)
        except (Refused, Invalid, UpstreamFailed):  # the latter two: its keys cannot be had
            return False
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            return False
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= MAX_JTI:
            return False
        if claims.get("aud") not in self._audiences or expires > now + LIFETIME + LEEWAY:
            return False
        return await self._replay.once(f"client-assertion {client.client_id}", jti, expires + LEEWAY)

    async def _keys_of(self, client: Client, assertion: Unverified) -> KeySet:
        kid = assertion.header.get("kid")
        if client.jwks_uri is not None:
            keys = self._keys if client.origin == "registered" else self._strangers
            return await keys.keys(client.jwks_uri, kid if isinstance(kid, str) else None)
        return public_keys(client.jwks or {})


def _basic(request: Request) -> tuple[str, str] | None:
    """Name and secret of HTTP Basic, each form-encoded (RFC 6749 section 2.3.1); None when there is none.

    Those of ours hold nothing that the encoding changes: whoever leaves it out, as most do, is understood too.
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        return None
    scheme, _, credentials = headers[0].partition(" ")
    try:
        if len(headers) > 1 or scheme.lower() != "basic":
            raise ValueError("another scheme")
        name, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode("utf-8").partition(":")
        decoded = unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except ValueError:
        raise _failed(basic=True) from None
    if not colon or "\0" in name + secret:
        raise _failed(basic=True)
    return decoded


def _assertion(form: Form) -> Unverified | None:
    assertion, kind = form.get("client_assertion"), form.get("client_assertion_type")
    if assertion is None and kind is None:
        return None
    jwt = peek(assertion) if assertion is not None and kind == ASSERTION_TYPE else None
    if jwt is None:
        raise _failed(basic=False)
    return jwt


def _subject(assertion: Unverified) -> str:
    subject = assertion.claims.get("sub")
    return subject if isinstance(subject, str) and "\0" not in subject else ""


def _knows(client: Client, secret: str) -> bool:
    return client.secret_hash is not None and hmac.compare_digest(digest(secret), client.secret_hash)


def _failed(*, basic: bool) -> OAuthError:
    challenge = {"www-authenticate": 'Basic realm="airegistry", charset="UTF-8"'} if basic else {}
    return OAuthError("invalid_client", "client authentication failed", status=401, headers=challenge)
