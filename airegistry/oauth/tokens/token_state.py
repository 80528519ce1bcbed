"""POST /revoke (RFC 7009) and POST /introspect (RFC 7662)."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.access import Access
from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.errors import AirError
from airegistry.core.limits import Limiter
from airegistry.core.principals import Principal
from airegistry.oauth.callers import Callers
from airegistry.oauth.forms import NO_STORE, OAuthError, read_form
from airegistry.oauth.model import ADMIN_SCOPE, MCP_SCOPE, Authorization, Client
from airegistry.oauth.tokens.access_tokens import AccessTokens, Issued
from airegistry.oauth.tokens.authorizations import Authorizations, Refusal
from airegistry.oauth.tokens.token_endpoint import ClientAuthenticator, authenticated, refused

INACTIVE: Json = {"active": False}


class TokenState:
    """Lets clients end tokens and ask about them."""

    def __init__(
        self, authenticator: ClientAuthenticator, authorizations: Authorizations, tokens: AccessTokens,
        callers: Callers, access: Access, limiter: Limiter, audit: Audit, issuer: str,
    ) -> None:  # fmt: skip
        self._authenticator = authenticator
        self._authorizations = authorizations
        self._tokens = tokens
        self._callers = callers
        self._access = access
        self._limiter = limiter
        self._audit = audit
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """POST /revoke and POST /introspect."""
        return [
            Route("/revoke", self._revoke, methods=["POST"]),
            Route("/introspect", self._introspect, methods=["POST"]),
        ]

    async def _revoke(self, request: Request) -> Response:
        try:
            client, token = await self._asked(request)
            authorization = await self._authorizations.of_refresh(token)
            issued = self._tokens.read(token, None)
            if authorization is not None:
                await self._end_family(client, authorization)
            elif issued is not None:
                await self._end_token(client, issued)
        except AirError as error:
            return refused(error, request)
        return Response(headers=NO_STORE)  # also for a token that is unknown (section 2.2): it does not hold

    async def _end_family(self, client: Client, authorization: Authorization) -> None:
        if authorization.client_id != client.client_id:
            await self._refuse(client)
        await self._authorizations.revoke(authorization.id, "revoked by the client")

    async def _end_token(self, client: Client, issued: Issued) -> None:
        if issued.client_id != client.client_id:
            await self._refuse(client)
        who = self._callers.of(issued) or Principal(subject=issued.subject, client=issued.client_id)
        async with self._audit.attempt(who, "token:revoke", f"client/{client.client_id}") as attempt:
            attempt.reason = "access token revoked by the client"
            await self._tokens.revoke_jti(issued)

    async def _refuse(self, client: Client) -> None:
        who = Principal(subject=f"client:{client.client_id}", client=client.client_id)
        async with self._audit.attempt(who, "token:revoke", f"client/{client.client_id}"):
            raise Refusal("unauthorized_client", "the token was issued to another client")

    async def _introspect(self, request: Request) -> Response:
        try:
            client, token = await self._asked(request)
            if not client.confidential:
                raise OAuthError("invalid_client", "only clients that prove themselves may ask", status=401)
            answer = await self._state(client, token)
        except AirError as error:
            return refused(error, request)
        return JSONResponse(answer, headers=NO_STORE)

    async def _state(self, client: Client, token: str) -> Json:
        issued = self._tokens.read(token, None)
        if issued is not None:
            known = self._callers.of(issued) is not None and self._may_know(client, issued.client_id)
            return self._of_access(issued) if known else INACTIVE
        authorization = await self._authorizations.of_refresh(token)
        if authorization is None or not self._authorizations.in_force(authorization, token):
            return INACTIVE
        known = self._authorizations.held(authorization) and self._may_know(client, authorization.client_id)
        return self._of_refresh(authorization) if known else INACTIVE

    def _may_know(self, client: Client, owner: str) -> bool:
        """Clients know of their own tokens; those that policy trusts with `token`, of all."""
        if client.client_id == owner:
            return True
        machine = self._callers.machine(client.client_id, scopes=(MCP_SCOPE, ADMIN_SCOPE))
        return machine is not None and self._access.decide(machine, "token").allowed

    def _of_access(self, issued: Issued) -> Json:
        act: Json = {"act": {"sub": issued.actor}} if issued.actor else {}
        return {
            "active": True, "token_type": "Bearer", "scope": " ".join(sorted(issued.scopes)), "iss": self._issuer,
            "client_id": issued.client_id, "sub": issued.subject, "aud": issued.resource, "jti": issued.jti,
            "iat": int(issued.issued_at), "exp": int(issued.expires_at), **_username(issued.subject), **act,
        }  # fmt: skip

    def _of_refresh(self, authorization: Authorization) -> Json:
        return {
            "active": True, "scope": " ".join(authorization.scopes), "iss": self._issuer,
            "client_id": authorization.client_id, "sub": authorization.subject, "aud": authorization.resource,
            "iat": int((authorization.used_at or authorization.created_at).timestamp()),
            "exp": int(self._authorizations.ends_at(authorization).timestamp()), **_username(authorization.subject),
        }  # fmt: skip

    async def _asked(self, request: Request) -> tuple[Client, str]:
        form = await read_form(request)
        client = await authenticated(self._authenticator, self._limiter, self._audit, request, form)
        return client, form.need("token")


def _username(subject: str) -> Json:
    kind, _, name = subject.partition(":")
    return {"username": name} if kind == "user" else {}
