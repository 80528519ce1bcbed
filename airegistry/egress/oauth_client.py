"""The registry as an OAuth client of MCP servers: one `httpx2.Auth` for every grant, and its public description.

Models of metadata, well-known URLs, resource matching and PKCE are the MCP SDK's. The flow is our own, for the SDK's
sends a refresh token to the resource server's origin after a restart, never refreshes on a 401, does not ask whether
PKCE is supported, takes http endpoints anywhere, reads answers without a limit, compares issuers after normalising
them, lets one request at a time through, and asks a person again with every request that is refused.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Literal, Protocol

import anyio
import httpx2
from mcp.client.auth.utils import union_scopes
from mcp.shared.auth_utils import check_resource_allowed
from pydantic import BaseModel, ConfigDict, Field

from airegistry.core.assets import Json
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.dpop import ProofKey
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_discovery import AuthorizationServer, Challenge, challenge_of, discover, same_origin
from airegistry.egress.oauth_grants import Grant
from airegistry.egress.oauth_tokens import (
    ClientCredentials,
    OAuthRefused,
    Sign,
    TokenEndpoint,
    Tokens,
    authenticated,
    refusal,
)

DOCUMENT_PATH = "/.well-known/airegistry-client.json"
MAX_FRUITLESS = 3
"""Grants in a row that led to no accepted request, after which no further one is tried."""
_TRIES = 2
"""Times one request is sent again: after a refresh or a grant, and once more after another grant."""


def client_document(url: str) -> Json:
    """The client ID metadata document of the registry at `url`, to be served at `DOCUMENT_PATH`.

    The client is public: one document speaks to every authorization server, and `none` with PKCE and an exact https
    redirect is what each of them takes. Its `client_id` is the URL it is served at, as the draft demands.
    """
    return {
        "client_id": f"{url}{DOCUMENT_PATH}",
        "client_uri": url,
        "redirect_uris": [f"{url}/oauth/callback"],
        **client_metadata("airegistry", "web"),
        "token_endpoint_auth_method": "none",
    }


def client_metadata(name: str, application_type: Literal["native", "web"] = "native") -> Json:
    """What a client of ours says of itself when it registers, redirect URIs and way of authentication aside."""
    return {
        "client_name": name,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "application_type": application_type,
    }


class Held(BaseModel):
    """What a client holds for one MCP server: never used for another. `asked` are all scopes it ever asked for.

    `key` is the private one that DPoP tokens are bound to.
    """

    model_config = ConfigDict(frozen=True)

    server: str
    at: AuthorizationServer
    client: ClientCredentials
    tokens: Tokens
    asked: str | None = None
    key: dict[str, str] | None = Field(None, repr=False)


class Keep(Protocol):
    """Where what is held outlives the process. Between processes `exclusive` is held by one at a time."""

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        """Held while tokens are replaced: of two who use one refresh token, servers cut both off."""
        ...

    async def load(self) -> Held | None:
        """What was saved last."""
        ...

    async def save(self, held: Held | None) -> None:
        """Keep this instead; None forgets."""
        ...


class InMemory:
    """Keeps nothing beyond the process."""

    def __init__(self) -> None:
        self._held: Held | None = None

    def exclusive(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def load(self) -> Held | None:
        return self._held

    async def save(self, held: Held | None) -> None:
        self._held = held


class OAuthClient(httpx2.Auth):
    """Puts a bearer token on every request to one MCP server, and gets it: at a refusal, or when it has ended.

    Its own requests go over `http`, bounded and guarded, never over the client that it is the `auth` of. Requests run
    at the same time wait for one another only while a token is being got.
    """

    def __init__(self, server: str, grant: Grant, http: JsonHttp, keep: Keep | None = None) -> None:
        self._server = server
        self._grant = grant
        self._http = http
        self._keep = keep or InMemory()
        self._lock = anyio.Lock()
        self._held: Held | None = None
        self._granted: Held | None = None
        self._key: ProofKey | None = None
        self._loaded = False
        self._fruitless = 0

    async def async_auth_flow(self, request: httpx2.Request) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        held = await self._ready()
        for attempt in range(_TRIES + 1):
            response = yield self._signed(request, held)
            if held is not None and self._tells_nonce(response, held):
                response = yield self._signed(request, held)
            challenge = challenge_of(response)
            if challenge is None and held is not None and response.is_success:
                self._fruitless = 0
            if challenge is None or attempt == _TRIES:
                return
            better = await self._answer(challenge, held, again=attempt > 0)
            if better is None:
                return
            held = better

    async def headers(self, method: str, url: str) -> dict[str, str]:
        """What one request has to carry, the token refreshed if need be; nothing when that takes a new grant.

        For transports that take no `httpx2.Auth`.

        Raises:
            Invalid: the URL is not of this server.
            UpstreamFailed: the authorization server does not answer.
        """
        return self._headers(method, url, await self._ready())

    async def renewed(self, method: str, url: str, used: Mapping[str, str]) -> dict[str, str]:
        """What to send in place of `used`, which the server refused; nothing when that takes a new grant.

        Raises:
            Invalid: the URL is not of this server.
            UpstreamFailed: the authorization server does not answer.
        """
        async with self._lock, self._keep.exclusive():
            held = await self._reload()
            same = held is not None and self._headers(method, url, held) == used
            if held is not None and same and not await self._refresh(held) and self._held is not None:
                await self._save(spent(self._held))
            return self._headers(method, url, self._held)

    async def login(self, scope: str | None = None) -> Held:
        """Get tokens now, whatever is held. `scope` is what to ask for, else what the server says it knows.

        Raises:
            UpstreamFailed: there are none to be had; OAuthRefused when the authorization server says so.
        """
        async with self._lock:
            held = await self._obtain(Challenge(401, scope), None)
            async with self._keep.exclusive():
                await self._save(held)
            return held

    async def logout(self) -> bool:
        """Forget what is held and have it revoked (RFC 7009); whether there was anything.

        Raises:
            UpstreamFailed: it is forgotten, but the authorization server did not answer.
        """
        async with self._lock, self._keep.exclusive():
            held = await self._reload()
            await self._save(None)
        if held is not None:
            await revoke(self._http, held, self._grant.sign)
        return held is not None

    async def _ready(self) -> Held | None:
        """What is held, with an access token that has not ended where a refresh could get one."""
        if self._loaded and (self._held is None or not self._held.tokens.ended(time.time())):
            return self._held
        async with self._lock, self._keep.exclusive():
            held = await self._reload()
            if held is not None and held.tokens.ended(time.time()):
                await self._refresh(held)
            return self._held

    async def _answer(self, challenge: Challenge, used: Held | None, *, again: bool) -> Held | None:
        """Something better than what was used, None when nothing would be. `again`: the request was refused before."""
        async with self._lock, self._keep.exclusive():
            held = await self._reload()
            if held is not None and (used is None or held.tokens.access_token != used.tokens.access_token):
                return held  # somebody else was faster
            if challenge.status == 401 and not again and held is not None and await self._refresh(held):
                return self._held
            if challenge.status == 401 and again and used is self._granted:
                return None
            if challenge.status == 403 and not _asks_for_more(challenge, held):
                return None
            if self._fruitless >= MAX_FRUITLESS:
                raise UpstreamFailed(f"{self._server} was asked for {MAX_FRUITLESS} tokens in a row, to no avail")
            self._fruitless += 1
            self._granted = await self._obtain(challenge, self._held)
            return await self._save(self._granted)

    async def _obtain(self, challenge: Challenge, held: Held | None) -> Held:
        at = await discover(
            self._http, self._server, resource_metadata=challenge.resource_metadata, issuer=self._grant.issuer
        )
        scope = challenge.scope or at.resource_scopes
        if challenge.status == 403 and held is not None:
            # SEP-2350: a token with more rights does not lose those it had.
            scope = union_scopes(union_scopes(held.asked, held.tokens.scope), scope)
        if scope is not None and self._grant.offline and at.offline_access:
            scope = union_scopes(scope, "offline_access")
        # SEP-2352: a client is known to the server that registered it, and to no other.
        known = held.client if held is not None and held.client.issuer == at.issuer else None
        if known is not None and known.expires_at is not None and known.expires_at <= time.time():
            known = None
        key = ProofKey() if at.dpop else None
        client, tokens = await self._grant.obtain(TokenEndpoint(self._http, at, key), scope, known)
        granted = tokens if tokens.scope is not None else tokens.model_copy(update={"scope": scope})
        self._key = key
        private = key.private if key is not None else None
        return Held(server=self._server, at=at, client=client, tokens=granted, asked=scope, key=private)

    async def _refresh(self, held: Held) -> bool:
        """Whether a refresh brought new tokens. A refresh token that is refused is not tried again.

        A caller who goes away meanwhile does not stop it: the old token is spent by then, and what replaces it would be
        lost. It takes no longer than two requests may.
        """
        with anyio.CancelScope(shield=True):
            renewed = await self._refreshed(held)
        return renewed  # noqa: RET504  # a return inside the scope looks to mypy as if it might be skipped

    async def _refreshed(self, held: Held) -> bool:
        if held.tokens.refresh_token is None:
            return False
        form = {"grant_type": "refresh_token", "refresh_token": held.tokens.refresh_token}
        try:
            new = await TokenEndpoint(self._http, held.at, self._key_of(held)).ask(held.client, form, self._grant.sign)
        except OAuthRefused as error:
            if error.error == "invalid_client":  # it has forgotten the client: the next grant registers anew
                await self._save(None)
            else:
                await self._save(spent(held))
            return False
        same = {
            "refresh_token": new.refresh_token or held.tokens.refresh_token,
            "scope": new.scope or held.tokens.scope,
        }
        await self._save(held.model_copy(update={"tokens": new.model_copy(update=same)}))
        return True

    async def _reload(self) -> Held | None:
        held = await self._keep.load()
        self._held = held if held is not None and held.server == self._server else None
        self._loaded = True
        return self._held

    async def _save(self, held: Held | None) -> Held | None:
        await self._keep.save(held)
        self._held, self._loaded = held, True
        return held

    def _signed(self, request: httpx2.Request, held: Held | None) -> httpx2.Request:
        request.headers.pop("authorization", None)
        request.headers.update(self._headers(request.method, str(request.url.copy_with(fragment=None)), held))
        return request

    def _headers(self, method: str, url: str, held: Held | None) -> dict[str, str]:
        """The token as headers, for the server and resource it was made for and nowhere else."""
        if not same_origin(url, self._server):
            raise Invalid("a token is sent to the server that it was made for, and to no other", field="url")
        if held is None or held.tokens.ended(time.time()):
            return {}
        if not check_resource_allowed(requested_resource=url, configured_resource=held.at.resource):
            raise Invalid("a token is sent to the resource that it was made for, and to no other", field="url")
        token, key = held.tokens.access_token, self._key_of(held)
        if held.tokens.token_type == "Bearer" or key is None:  # noqa: S105  # a name
            return {"authorization": f"Bearer {token}"}
        return {"authorization": f"DPoP {token}", "dpop": key.proof(method, url, token)}

    def _tells_nonce(self, response: httpx2.Response, held: Held) -> bool:
        """Whether an answer refuses a proof for want of a nonce, and tells it (RFC 9449 section 9)."""
        key = self._key_of(held)
        told = key is not None and key.learn(str(response.request.url), response.headers.get("dpop-nonce"))
        return told and response.status_code == 401

    def _key_of(self, held: Held) -> ProofKey | None:
        if held.key is not None and (self._key is None or self._key.private != held.key):
            self._key = ProofKey(held.key)
        return self._key if held.key is not None else None


async def revoke(http: JsonHttp, held: Held, sign: Sign | None = None) -> None:
    """Have tokens end at their authorization server (RFC 7009), if it offers that.

    Raises:
        UpstreamFailed: it does not answer, or refuses.
    """
    if held.at.revocation_endpoint is None:
        return
    # The refresh token first where there is one: with it all that followed from the login ends.
    token = held.tokens.refresh_token or held.tokens.access_token
    form, headers = authenticated(held.at, held.client, {"token": token}, sign)
    answer = await http.post(held.at.revocation_endpoint, form, headers=headers)
    if answer.status != 200:
        raise refusal(answer, held.at.issuer)


def spent(held: Held) -> Held:
    """What is held, without anything in it that could be used again."""
    tokens = held.tokens.model_copy(update={"refresh_token": None, "expires_at": held.tokens.issued_at})
    return held.model_copy(update={"tokens": tokens})


def _asks_for_more(challenge: Challenge, held: Held | None) -> bool:
    """Whether a step-up names a scope that was not asked for before: asking twice for the same leads nowhere."""
    if held is None:
        return True
    return challenge.scope is not None and not set(challenge.scope.split()) <= set((held.asked or "").split())
