"""Tokens that the registry gets for backends by itself: client credentials, and token exchange (RFC 8693)."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from airegistry.core.credential_kinds import ClientGrant, ExchangeGrant, Granted, PersonGrant, hide
from airegistry.core.credential_tokens import Token, Want
from airegistry.core.errors import AccessDenied, Invalid, UpstreamFailed
from airegistry.core.principals import SYSTEM, Principal
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import AuthorizationServer, checked_url, locate, same_origin
from airegistry.egress.oauth_grants import EXCHANGE
from airegistry.egress.oauth_tokens import ClientAuth, ClientCredentials, TokenEndpoint, Tokens

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  # a name
Mint = Callable[[Principal, str], str]
"""Makes a short-lived JWT that names a caller, for one audience and nobody else."""


class BackendTokens:
    """The source of tokens that the registry gets by itself. `mint` says who is calling, for token exchange.

    The caller's own token never leaves: what is exchanged is made for the authorization server alone.
    """

    def __init__(self, http: JsonHttp, mint: Mint) -> None:
        self._http = http
        self._mint = mint

    async def prepared(self, url: str, credential: Granted) -> Granted:
        """See `TokenSource`. A secret is for one authorization server: which one is settled when it is set."""
        assert isinstance(credential, ClientGrant | ExchangeGrant)
        check_endpoints(credential)
        if credential.issuer is None and credential.token_endpoint is None:
            at = await self._located(url, credential)
            return credential.model_copy(update={"issuer": at.issuer})
        return credential

    async def token(self, want: Want, refused: Mapping[str, str] | None = None) -> Token:
        """See `TokenSource`: a new one each time."""
        credential = want.credential
        assert isinstance(credential, ClientGrant | ExchangeGrant)
        at = await self._located(want.url, credential)
        subject = ""
        if isinstance(credential, ExchangeGrant):
            if want.who.subject == SYSTEM.subject:
                raise AccessDenied(f"{want.ref} is called on behalf of its callers: the registry is none of them")
            # RFC 8693: for the issuer as it names itself, or for the endpoint where nothing else is known of it.
            subject = self._mint(want.who, at.issuer)
            form = {
                "grant_type": EXCHANGE,
                "subject_token": subject,
                "subject_token_type": credential.subject_token_type,
                "requested_token_type": ACCESS_TOKEN,
            }
            scope = credential.scope
        else:
            form, scope = {"grant_type": "client_credentials"}, credential.scope or at.resource_scopes
        form |= {"scope": scope} if scope else {}
        form |= {"audience": credential.audience} if credential.audience else {}
        with told_upstream(), _hidden(subject):
            tokens = await TokenEndpoint(self._http, at).ask(_client(at, credential), form)
        return bearer(tokens)

    async def forget(self, ref: str) -> None:
        """Nothing is kept here."""

    async def _located(self, url: str, credential: ClientGrant | ExchangeGrant) -> AuthorizationServer:
        if credential.token_endpoint is None:
            with told_upstream():
                found = await locate(self._http, url, credential.issuer)
            return found.model_copy(update={"resource": credential.resource}) if credential.resource else found
        return AuthorizationServer(
            resource=credential.resource or "",
            issuer=credential.issuer or credential.token_endpoint,
            authorization_endpoint="",
            token_endpoint=credential.token_endpoint,
        )


def check_endpoints(credential: Granted) -> None:
    """Refuse addresses that a secret must not go to.

    Raises:
        Invalid: issuer or token endpoint are not https, nor on this machine; or who is calling would be said to another
            origin than the issuer's in a form that the issuer believes.
    """
    endpoint = None if isinstance(credential, PersonGrant) else credential.token_endpoint
    for url, what in ((credential.issuer, "the issuer"), (endpoint, "the token_endpoint")):
        try:
            if url is not None:
                checked_url(url, what)
        except UpstreamFailed as error:
            raise Invalid(error.message, field="credential") from None
    apart = credential.issuer is not None and endpoint is not None and not same_origin(credential.issuer, endpoint)
    if isinstance(credential, ExchangeGrant) and apart:
        raise Invalid(
            "the token_endpoint is at another origin than the issuer: leave it out to go by the issuer's metadata",
            field="credential",
        )


def bearer(tokens: Tokens) -> Token:
    """The header that carries an access token, and how long it holds."""
    life = None if tokens.expires_at is None else tokens.expires_at - tokens.issued_at
    return Token({"authorization": f"Bearer {tokens.access_token}"}, life)


@contextmanager
def told_upstream() -> Iterator[None]:
    """An address that the guard forbids is the fault of who named it, and never the caller's."""
    try:
        yield
    except Invalid as error:
        raise UpstreamFailed(f"the authorization server cannot be asked: {error.message}") from None


@contextmanager
def _hidden(secret: str) -> Iterator[None]:
    try:
        yield
    except UpstreamFailed as error:
        hide(error, [secret])
        raise


def _client(at: AuthorizationServer, credential: ClientGrant | ExchangeGrant) -> ClientCredentials:
    secret = credential.client_secret
    method: ClientAuth = "none"
    if secret is not None:
        only_post = "client_secret_post" in at.auth_methods and "client_secret_basic" not in at.auth_methods
        method = credential.auth_method or ("client_secret_post" if only_post else "client_secret_basic")
    return ClientCredentials(
        issuer=at.issuer,
        client_id=credential.client_id,
        client_secret=None if secret is None else secret.get_secret_value(),
        method=method,
    )
