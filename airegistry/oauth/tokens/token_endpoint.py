"""POST /token (RFC 6749 section 3.2): who asks, for what kind of grant, and the handler of that kind."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.assets import Json
from airegistry.core.audit import Audit
from airegistry.core.errors import AccessDenied, AirError, Internal, RateLimited
from airegistry.core.limits import Limiter
from airegistry.core.principals import Principal
from airegistry.core.tokens import digest
from airegistry.oauth.forms import NO_STORE, Form, OAuthError, read_form
from airegistry.oauth.model import Client
from airegistry.oauth.source import source_of, too_many

GrantHandler = Callable[[Client, Form], Awaitable[Json]]
"""Answers a token request of a client that proved itself and may use this kind of grant."""

MAX_CLAIMED = 200
"""Characters kept of a client id that proved nothing."""


class ClientAuthenticator(Protocol):
    """Finds out which client makes a request."""

    async def authenticate(self, request: Request, form: Form) -> Client:
        """The client, proven as it registered to prove itself.

        Raises:
            OAuthError: `invalid_client`.
        """
        ...


class TokenEndpoint:
    """Hands requests to the handler of their `grant_type`."""

    def __init__(
        self, authenticator: ClientAuthenticator, handlers: Mapping[str, GrantHandler], limiter: Limiter, audit: Audit
    ) -> None:
        self._authenticator = authenticator
        self._handlers = handlers
        self._limiter = limiter
        self._audit = audit

    def routes(self) -> list[Route]:
        """POST /token."""
        return [Route("/token", self._token, methods=["POST"])]

    async def _token(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            client = await authenticated(self._authenticator, self._limiter, self._audit, request, form)
            answer = await (await self._handler(client, form))(client, form)
        except AirError as error:
            return refused(error, request)
        return JSONResponse(answer, headers=NO_STORE)

    async def _handler(self, client: Client, form: Form) -> GrantHandler:
        kind = form.need("grant_type")
        handler = self._handlers.get(kind)
        if handler is None:
            raise OAuthError("unsupported_grant_type", "this grant_type is not offered")
        if kind in client.grant_types:
            return handler
        who = Principal(subject=f"client:{client.client_id}", client=client.client_id)
        try:
            async with self._audit.attempt(who, "token:mint", f"client/{client.client_id}"):
                raise AccessDenied(f"the client is not registered for the grant_type {kind}")
        except AccessDenied as refusal:
            raise OAuthError("unauthorized_client", refusal.message) from None


async def authenticated(
    authenticator: ClientAuthenticator, limiter: Limiter, audit: Audit, request: Request, form: Form
) -> Client:
    """The client that makes a request, counted: each client at each address has its own measure, since one
    `client_id` may stand for a program on many machines. Who proves to be none is recorded, as often as the limit lets
    them try.

    Raises:
        OAuthError: it is none.
        RateLimited: it asks too often, or failed too often from there.
    """
    source = source_of(request)
    try:
        client = await authenticator.authenticate(request, form)
    except OAuthError as refusal:
        limiter.take(f"refused {source}")
        claimed, who = (form.get("client_id") or "")[:MAX_CLAIMED], Principal(subject="anonymous")
        reason = f"{refusal.error}: {refusal.message} (as {claimed!r}, from {source})"
        audit.note(
            audit.event(who, "client:authenticate", None, None, decision="deny", outcome="refused", reason=reason)
        )
        raise
    limiter.take(f"{digest(client.client_id)} {source}")  # ids of documents have 2,000 characters
    return client


def refused(error: AirError, request: Request) -> Response:
    """The answer to a request that fails, in OAuth's words (RFC 6749 section 5.2)."""
    if isinstance(error, OAuthError):
        if error.error == "invalid_client" and "authorization" in request.headers:
            challenge = {"www-authenticate": 'Basic realm="airegistry", charset="UTF-8"', **error.headers}
            error = OAuthError(error.error, error.message, status=401, headers=challenge)
        return error.response()
    if isinstance(error, RateLimited):
        return too_many(error).response()
    if isinstance(error, Internal):
        return OAuthError("server_error", error.message, status=500).response()
    return OAuthError("invalid_request", error.message).response()
