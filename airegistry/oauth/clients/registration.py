"""`POST /register`: clients register themselves (RFC 7591)."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.assets import Json
from airegistry.core.errors import RateLimited
from airegistry.oauth.clients.client_metadata import parse_object, wrong
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.forms import NO_STORE, OAuthError, read_body
from airegistry.oauth.model import Client
from airegistry.oauth.source import source_of, too_many

MAX_METADATA = 8192
"""Bytes of a registration, as of a client document: anybody may have some thousands of them kept for a day."""
_ECHOED = (
    "client_id client_name redirect_uris grant_types response_types token_endpoint_auth_method application_type jwks "
    "jwks_uri client_uri logo_uri"
).split()


class Registration:
    """Open to everybody, or off: then clients are registered by administrators or described by documents."""

    def __init__(self, clients: Clients, *, registration: Literal["open", "off"] = "open") -> None:
        self._clients = clients
        self.open = registration == "open"
        """Whether metadata names the endpoint."""

    def routes(self) -> list[Route]:
        """The route, also when it only refuses."""
        return [Route("/register", self.register, methods=["POST"])]

    async def register(self, request: Request) -> Response:
        """Register the client a request describes; the answer has what was registered and, this once, its secret."""
        try:
            if not self.open:
                raise OAuthError("access_denied", "this registry's administrators register clients", status=403)
            metadata = await _metadata(request)
            scope = _scope(metadata)
            client, secret = await self._clients.register(metadata, source=source_of(request))
        except OAuthError as error:
            return error.response()
        except RateLimited as error:
            return too_many(error).response()
        return JSONResponse(_registered(client, secret, scope), 201, NO_STORE)


async def _metadata(request: Request) -> Json:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise wrong("the body must be application/json")
    return parse_object(await read_body(request, MAX_METADATA))


def _scope(metadata: Json) -> str | None:
    """The scopes a client thinks it will want. They limit nothing: what it may ask for is decided when it asks, or a
    step-up to more would fail (trap 7)."""
    scope = metadata.get("scope")
    if scope is None:
        return None
    if not isinstance(scope, str) or not (scope.isascii() and scope.isprintable()) or {*'"\\'} & {*scope}:
        raise wrong("scope is a text of words in printable ASCII")
    return scope


def _registered(client: Client, secret: str | None, scope: str | None) -> Json:
    known = client.model_dump(mode="json", exclude_none=True)
    answer: Json = {name: known[name] for name in _ECHOED if known.get(name) not in (None, "")}
    answer["client_id_issued_at"] = int(client.created_at.timestamp())
    if secret is not None:
        answer |= {"client_secret": secret, "client_secret_expires_at": 0}
    if scope is not None:
        answer["scope"] = scope
    return answer
