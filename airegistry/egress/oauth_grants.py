"""The ways to a first token: a person and a browser, a client on its own account, an assertion of somebody trusted."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode, urlsplit

from mcp.client.auth import PKCEParameters
from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.oauth_discovery import METADATA_LIMIT, AuthorizationServer, checked_url
from airegistry.egress.oauth_tokens import (
    ClientAuth,
    ClientCredentials,
    OAuthRefused,
    Sign,
    TokenEndpoint,
    Tokens,
    refusal,
)

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105  # a name

Assert = Callable[[str, str], Awaitable[str]]
"""Gets an assertion for an issuer and a resource."""
_METHODS: tuple[ClientAuth, ...] = ("client_secret_basic", "client_secret_post", "none")


class Grant(Protocol):
    """A way to a first token. `issuer` is the only authorization server it may be used at, None for any.

    `offline`: it gets refresh tokens. `sign` proves the client where that takes a key.
    """

    @property
    def issuer(self) -> str | None: ...

    @property
    def offline(self) -> bool: ...

    @property
    def sign(self) -> Sign | None: ...

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        """Tokens, and the client they are for. `known` is the client of last time at this very issuer.

        Raises:
            UpstreamFailed: there are none to be had; OAuthRefused when the authorization server says so.
        """
        ...


class Browser(Protocol):
    """Shows a person a page and waits for the redirect that ends it, on `redirect_uri`."""

    @property
    def redirect_uri(self) -> str: ...

    async def visit(self, url: str) -> Mapping[str, str]:
        """Open the page; the query of the redirect that came back."""
        ...


@dataclass(slots=True)
class Pending:
    """An authorization request that a person is answering: where they are sent, and what the answer must fit."""

    at: AuthorizationServer
    client: ClientCredentials
    redirect_uri: str
    url: str = field(repr=False)
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    _answered: bool = field(default=False, repr=False)

    def code(self, answer: Mapping[str, str]) -> str:
        """The authorization code in the answer, once.

        Raises:
            OAuthRefused: the person or the server said no.
            UpstreamFailed: it is no answer to this request, comes from another server, or is the second one.
        """
        if self._answered or not secrets.compare_digest(answer.get("state", "").encode(), self.state.encode()):
            raise UpstreamFailed("the answer does not belong to this login: its state is another one, or used")
        self._answered = True
        issuer = answer.get("iss")
        # RFC 9207 section 2.4: compared as strings, before anything else of the answer is believed (mix-up).
        if issuer != self.at.issuer and (issuer is not None or self.at.sends_issuer):
            named = "nobody" if issuer is None else printable(issuer)
            raise UpstreamFailed(f"the answer to the login comes from {named}, not from {printable(self.at.issuer)}")
        if error := answer.get("error"):
            raise OAuthRefused(f"{printable(self.at.issuer)} refused: {printable(error)}", printable(error))
        if not (code := answer.get("code")):
            raise UpstreamFailed(f"{printable(self.at.issuer)} answered the login without a code")
        return code


def begin(
    at: AuthorizationServer, client: ClientCredentials, redirect_uri: str, scope: str | None, state: str | None = None
) -> Pending:
    """Prepare the request that a person takes to the authorization endpoint; a `state` given is one nobody guesses.

    Raises:
        UpstreamFailed: the server has no such endpoint, or does not announce PKCE with S256.
    """
    if not at.pkce:
        raise UpstreamFailed(f"{printable(at.issuer)} does not announce PKCE with S256")
    endpoint = checked_url(at.authorization_endpoint, f"the authorization_endpoint of {printable(at.issuer)}")
    pkce, state = PKCEParameters.generate(), state or secrets.token_urlsafe(32)
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "code_challenge": pkce.code_challenge,
        "code_challenge_method": "S256",
        "resource": at.resource,
        **({"scope": scope} if scope else {}),
        # OpenID Connect Core section 11: a server ignores offline_access without it.
        **({"prompt": "consent"} if scope and "offline_access" in scope.split() else {}),
    }
    url = f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"
    return Pending(at, client, redirect_uri, url, state, pkce.code_verifier)


async def finish(
    endpoint: TokenEndpoint, pending: Pending, answer: Mapping[str, str], sign: Sign | None = None
) -> Tokens:
    """Exchange the code that a person brought back.

    Raises:
        UpstreamFailed: see `Pending.code` and `TokenEndpoint.ask`.
    """
    form = {
        "grant_type": "authorization_code",
        "code": pending.code(answer),
        "redirect_uri": pending.redirect_uri,
        "code_verifier": pending.verifier,
    }
    return await endpoint.ask(pending.client, form, sign)


@dataclass(slots=True)
class ByPerson:
    """Authorization code with PKCE: somebody logs in and agrees.

    The client is, in this order: `registered` before, the one of last time, described at `document` (CIMD), or
    registered now with `metadata` (RFC 7591).
    """

    browser: Browser
    metadata: Json
    registered: ClientCredentials | None = None
    document: str | None = None
    sign: Sign | None = None
    offline: bool = True

    @property
    def issuer(self) -> str | None:
        return self.registered.issuer if self.registered else None

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        client = await client_at(
            endpoint.http, endpoint.at, self.browser.redirect_uri, self.metadata, registered=self.registered,
            document=self.document, known=known,
        )  # fmt: skip
        pending = begin(endpoint.at, client, self.browser.redirect_uri, scope)
        return client, await finish(endpoint, pending, await self.browser.visit(pending.url), self.sign)


async def client_at(
    http: JsonHttp, at: AuthorizationServer, redirect_uri: str, metadata: Json, *, registered: ClientCredentials | None,
    document: str | None, known: ClientCredentials | None,
) -> ClientCredentials:  # fmt: skip
    """The client that asks a person: see `ByPerson` for which one it is.

    Raises:
        OAuthRefused: the server does not register it.
        UpstreamFailed: the server does not register clients, or gave one that cannot be used.
    """
    if registered is not None:
        return registered
    if document is not None and at.documents and document.startswith("https://"):
        return ClientCredentials(issuer=at.issuer, client_id=document, redirect_uri=redirect_uri)
    if known is not None and known.redirect_uri == redirect_uri:
        return known
    return await register(http, at, {**metadata, "redirect_uris": [redirect_uri]})


@dataclass(slots=True)
class ByClient:
    """Client credentials: the client acts on its own account."""

    client: ClientCredentials
    sign: Sign | None = None
    offline: bool = False

    @property
    def issuer(self) -> str:
        return self.client.issuer

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        return self.client, await endpoint.ask(self.client, form, self.sign)


@dataclass(slots=True)
class ByAssertion:
    """JWT bearer (RFC 7523): somebody whom the server trusts vouches, by an ID-JAG (SEP-990) or a workload's JWT."""

    client: ClientCredentials
    assertion: Assert
    sign: Sign | None = None
    offline: bool = False

    @property
    def issuer(self) -> str:
        return self.client.issuer

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        assertion = await self.assertion(endpoint.at.issuer, endpoint.at.resource)
        form = {"grant_type": JWT_BEARER, "assertion": assertion, **({"scope": scope} if scope else {})}
        return self.client, await endpoint.ask(self.client, form, self.sign)


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """Where a person's id token becomes an ID-JAG for one authorization server and resource (RFC 8693, SEP-990)."""

    http: JsonHttp
    token_endpoint: str
    client_id: str
    id_token: Callable[[], Awaitable[str]]

    async def assertion(self, issuer: str, resource: str) -> str:
        """The ID-JAG.

        Raises:
            OAuthRefused: the provider says no.
            UpstreamFailed: it does not answer, or with something else.
        """
        endpoint = checked_url(self.token_endpoint, "the token endpoint of the identity provider")
        form = {
            "grant_type": EXCHANGE,
            "requested_token_type": ID_JAG,
            "subject_token": await self.id_token(),
            "subject_token_type": ID_TOKEN,
            "audience": issuer,
            "resource": resource,
            "client_id": self.client_id,
        }
        answer = await self.http.post(endpoint, form, limit=METADATA_LIMIT)
        if answer.status != 200:
            raise refusal(answer, endpoint)
        said = answer.object()
        token = said.get("access_token")
        if said.get("issued_token_type") != ID_JAG or not isinstance(token, str) or not token:
            raise UpstreamFailed(f"{endpoint} did not give an identity assertion")
        return token


async def register(http: JsonHttp, at: AuthorizationServer, metadata: Json) -> ClientCredentials:
    """Register a client (RFC 7591): a native one as a public one, a web one with a secret, where the server offers it.

    Raises:
        OAuthRefused: the server says no.
        UpstreamFailed: it does not register clients, or gave one that cannot be used.
    """
    if at.registration_endpoint is None:
        raise UpstreamFailed(f"{printable(at.issuer)} registers no clients by itself: register one there first")
    # Of what is on many machines nothing is secret (RFC 8252 section 8.5).
    liked = sorted(_METHODS, key="none".__eq__, reverse=metadata.get("application_type") != "web")
    method = next((method for method in liked if method in at.auth_methods), "none")
    wanted: Json = {**metadata, "token_endpoint_auth_method": method}
    answer = await http.post_json(at.registration_endpoint, wanted, limit=METADATA_LIMIT)
    if answer.status not in {200, 201}:
        raise refusal(answer, at.issuer)
    said = answer.object()
    client_id, secret = said.get("client_id"), said.get("client_secret")
    if not isinstance(client_id, str) or not client_id:
        raise UpstreamFailed(f"{printable(at.issuer)} registered a client without an id")
    redirects = metadata.get("redirect_uris")
    return ClientCredentials(
        issuer=at.issuer,
        client_id=client_id,
        client_secret=secret if isinstance(secret, str) and secret else None,
        method=_assigned(at, said.get("token_endpoint_auth_method") or method, secret),
        redirect_uri=str(redirects[0]) if isinstance(redirects, list) and redirects else None,
        expires_at=_expiry(said.get("client_secret_expires_at")),
    )


def _assigned(at: AuthorizationServer, method: JsonValue, secret: JsonValue) -> ClientAuth:
    """The method a registration assigned; a server may put its own in place of the one asked for."""
    for known in _METHODS:
        if method == known and (known == "none" or secret):
            return known
    raise UpstreamFailed(f"{printable(at.issuer)} registered a client that has to prove itself in a way it cannot")


def _expiry(value: JsonValue) -> float | None:
    return float(value) if isinstance(value, (int, float)) and value > 0 else None
