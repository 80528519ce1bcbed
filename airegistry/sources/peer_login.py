"""How the registry proves to a peer who it is: a static token, or one that its own client gets there."""

import time
from collections.abc import Mapping

from airegistry.core.errors import CredentialRefused, UpstreamFailed
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import AuthorizationServer, locate, same_origin
from airegistry.egress.oauth_tokens import ClientAuth, ClientCredentials, OAuthRefused, TokenEndpoint, Tokens


class StaticToken:
    """A token that an administrator of the peer gave out."""

    def __init__(self, token: str) -> None:
        self._headers = {"authorization": f"Bearer {token}"}

    async def headers(self) -> Mapping[str, str]:
        """The token."""
        return self._headers

    def forget(self) -> bool:
        """There is no other one."""
        return False


class ByClientCredentials:
    """A client of the peer's own authorization server, or of the `issuer` that an administrator named.

    The secret goes to that origin and to no other, whatever the peer's metadata says. One login is kept for a source.
    """

    def __init__(self, base: str, client_id: str, client_secret: str, issuer: str | None, scope: str | None) -> None:
        self._base = base
        self._client_id = client_id
        self._client_secret = client_secret
        self._issuer = issuer
        self._scope = scope
        self._tokens: Tokens | None = None
        self.http: JsonHttp | None = None

    async def headers(self) -> Mapping[str, str]:
        """An access token for the peer's API.

        Raises:
            CredentialRefused: the authorization server does not know the client, or not this secret.
            UpstreamFailed: it does not answer, or is none that the secret may go to.
        """
        if self._tokens is None or self._tokens.ended(time.time()):
            self._tokens = await self._obtained()
        return {"authorization": f"Bearer {self._tokens.access_token}"}

    def forget(self) -> bool:
        """Another token can be had."""
        self._tokens = None
        return True

    async def _obtained(self) -> Tokens:
        assert self.http is not None  # whoever opens the source lends its client
        at = await self._located(self.http)
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        only_post = "client_secret_post" in at.auth_methods and "client_secret_basic" not in at.auth_methods
        method: ClientAuth = "client_secret_post" if only_post else "client_secret_basic"
        client = ClientCredentials(
            issuer=at.issuer, client_id=self._client_id, client_secret=self._client_secret, method=method
        )
        try:
            return await TokenEndpoint(self.http, at).ask(client, form)
        except OAuthRefused as error:
            raise CredentialRefused(error.message.replace(self._client_secret, "***")) from None

    async def _located(self, http: JsonHttp) -> AuthorizationServer:
        home = self._issuer or self._base
        at = await locate(http, f"{self._base}/api", home)
        if not same_origin(at.token_endpoint, home):
            raise UpstreamFailed(f"the token endpoint of {home} is at another origin, where its secret does not go")
        return at
