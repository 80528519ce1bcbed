"""The token endpoint as a client sees it: proving who the client is, asking, and reading what comes back."""

import base64
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.dpop import ProofKey
from airegistry.egress.json_http import Answer, JsonHttp
from airegistry.egress.messages import printable
from airegistry.egress.oauth_discovery import METADATA_LIMIT, AuthorizationServer, checked_scope

ClientAuth = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
TokenType = Literal["Bearer", "DPoP"]
Sign = Callable[[str, str], str]
"""Makes a client assertion (RFC 7523) of a client's id and the issuer that it is for."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_MAX_LIFE = 366 * 86_400


class OAuthRefused(UpstreamFailed):
    """An authorization server said no; `error` is its word for it (RFC 6749 section 5.2)."""

    def __init__(self, message: str, error: str) -> None:
        super().__init__(message)
        self.error = error


class ClientCredentials(BaseModel):
    """Who a client is at one authorization server, `issuer`, and at no other."""

    model_config = ConfigDict(frozen=True)

    issuer: str
    client_id: str
    client_secret: str | None = Field(None, repr=False)
    method: ClientAuth = "none"
    redirect_uri: str | None = None
    expires_at: float | None = None


class Tokens(BaseModel):
    """What a token endpoint gave. `scope` as granted, None when it did not say; `expires_at` in seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    access_token: str = Field(repr=False)
    token_type: TokenType = "Bearer"  # noqa: S105  # a name
    refresh_token: str | None = Field(None, repr=False)
    scope: str | None = None
    issued_at: float
    expires_at: float | None = None

    def ended(self, now: float) -> bool:
        """Whether the access token has ended, or will before a request that is sent now has arrived."""
        if self.expires_at is None:
            return False
        return now >= self.expires_at - min(30.0, (self.expires_at - self.issued_at) / 10)


def signer(private_key: str, algorithm: str = "ES256") -> Sign:
    """Signs client assertions with a private key in PEM; the algorithm says of which kind it is.

    Raises:
        ValueError: it is none.
    """
    kinds: dict[str, type[ECKey | OKPKey | RSAKey]] = {"ES": ECKey, "Ed": OKPKey, "RS": RSAKey, "PS": RSAKey}
    key = kinds[algorithm[:2]].import_key(private_key)

    def sign(client_id: str, issuer: str) -> str:
        now = int(time.time())
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": issuer,
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        return jwt.encode({"alg": algorithm}, claims, key, algorithms=[algorithm])

    return sign


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """The token endpoint of one authorization server. With `key` it gives tokens that are bound to that key (DPoP)."""

    http: JsonHttp
    at: AuthorizationServer
    key: ProofKey | None = None

    async def ask(self, client: ClientCredentials, form: dict[str, str], sign: Sign | None = None) -> Tokens:
        """Ask with a grant; `resource`, where there is one, and what shows who the client is are added to the form.

        Raises:
            OAuthRefused: it says no.
            UpstreamFailed: it does not answer, or not with a token that can be used.
        """
        answer, nonce = await self._post(client, form, sign)
        if nonce and answer.status in {400, 401}:  # RFC 9449 section 8: it wants a nonce in the proof, and told it
            answer, _ = await self._post(client, form, sign)
        return read_tokens(answer, self.at.issuer, bound=self.key is not None)

    async def _post(self, client: ClientCredentials, form: dict[str, str], sign: Sign | None) -> tuple[Answer, bool]:
        """The answer, and whether it tells a new nonce."""
        url = self.at.token_endpoint
        resource = {"resource": self.at.resource} if self.at.resource else {}
        fields, headers = authenticated(self.at, client, {**form, **resource}, sign)
        if self.key is not None:
            headers = {**headers, "dpop": self.key.proof("POST", url)}
        answer = await self.http.post(url, fields, headers=headers, limit=METADATA_LIMIT)
        return answer, self.key is not None and self.key.learn(url, answer.headers.get("dpop-nonce"))


def authenticated(
    at: AuthorizationServer, client: ClientCredentials, form: dict[str, str], sign: Sign | None
) -> tuple[dict[str, str], dict[str, str]]:
    """A form and headers that show who the client is.

    Raises:
        UpstreamFailed: the client is one of another authorization server, or cannot prove itself as it has to.
    """
    if client.issuer != at.issuer:
        raise UpstreamFailed(f"the client is registered with {client.issuer}, not with {printable(at.issuer)}")
    if client.method == "none":
        return {**form, "client_id": client.client_id}, {}
    if client.method == "private_key_jwt":
        if sign is None:
            raise UpstreamFailed(f"the client has no key to prove itself to {printable(at.issuer)}")
        proof = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": sign(client.client_id, at.issuer)}
        return {**form, "client_id": client.client_id, **proof}, {}
    if client.client_secret is None:
        raise UpstreamFailed(f"the client has no secret to prove itself to {printable(at.issuer)}")
    if client.method == "client_secret_post":
        return {**form, "client_id": client.client_id, "client_secret": client.client_secret}, {}
    # RFC 6749 section 2.3.1: both parts are form-encoded first.
    pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
    return form, {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def read_tokens(answer: Answer, issuer: str, *, bound: bool = False) -> Tokens:
    """The tokens in an answer of a token endpoint; `bound`: they may be bound to a key.

    Raises:
        OAuthRefused: the answer is an error.
        UpstreamFailed: it is neither.
    """
    if answer.status != 200:
        raise refusal(answer, issuer)
    said = answer.object()
    token, kind, refresh = said.get("access_token"), said.get("token_type"), said.get("refresh_token")
    if not _is_token(token) or not isinstance(token, str):
        raise UpstreamFailed(f"{printable(issuer)} answered without an access token")
    kinds: dict[str, TokenType] = {"bearer": "Bearer", **({"dpop": "DPoP"} if bound else {})}
    if not isinstance(kind, str) or kind.lower() not in kinds:
        raise UpstreamFailed(
            f"{printable(issuer)} gave a token of the type {printable(str(kind))}, which it was not asked for"
        )
    now = time.time()
    life = _seconds(said.get("expires_in"))
    return Tokens(
        access_token=token,
        token_type=kinds[kind.lower()],
        refresh_token=refresh if isinstance(refresh, str) and refresh else None,
        scope=checked_scope(said.get("scope")),
        issued_at=now,
        expires_at=None if life is None else now + life,
    )


def refusal(answer: Answer, issuer: str) -> UpstreamFailed:
    """What an answer that is an error says, in words that may be repeated; `OAuthRefused` if it will say so again."""
    if answer.status < 400 or answer.status == 429 or answer.status >= 500:
        return UpstreamFailed(f"{printable(issuer)} answered HTTP {answer.status}")
    said: JsonValue
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    fields = said if isinstance(said, dict) else {}
    error = fields.get("error")
    word = printable(error) if isinstance(error, str) else ""
    about = fields.get("error_description")
    described = f" ({printable(about)})" if isinstance(about, str) and about else ""
    return OAuthRefused(f"{printable(issuer)} refused: {word or f'HTTP {answer.status}'}{described}", word)


def _is_token(value: JsonValue) -> bool:
    return isinstance(value, str) and value != "" and all("!" <= char <= "~" for char in value)


def _seconds(value: JsonValue) -> float | None:
    """`expires_in`, which some servers write as a string; None when it says nothing that can be used."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        return None
    return float(min(value, _MAX_LIFE))
