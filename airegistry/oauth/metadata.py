"""What clients read before they log in: metadata of the authorization server, of resources, and its public keys."""

from collections.abc import Callable, Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from airegistry.core.documents import Json
from airegistry.oauth.clients.client_auth import ALGORITHMS
from airegistry.oauth.model import MCP_SCOPE
from airegistry.oauth.resources import Resources

JWKS = "/.well-known/jwks.json"
_AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
_CACHED = {"cache-control": "public, max-age=60"}


def server_metadata(url: str, *, grants: list[str], profiles: list[str], registration: bool, documents: bool) -> Json:
    """Authorization server metadata (RFC 8414). `grants` are grant types, `profiles` authorization grant profiles.

    Every URL is built from the issuer as it is written in the settings: clients compare strings.
    """
    return {
        "issuer": url,
        "authorization_endpoint": f"{url}/authorize",
        "token_endpoint": f"{url}/token",
        "device_authorization_endpoint": f"{url}/device_authorization",
        **_authentication("token", _AUTH_METHODS),
        **({"registration_endpoint": f"{url}/register"} if registration else {}),
        "revocation_endpoint": f"{url}/revoke",
        **_authentication("revocation", _AUTH_METHODS),
        "introspection_endpoint": f"{url}/introspect",
        **_authentication("introspection", _AUTH_METHODS[1:]),
        "jwks_uri": f"{url}{JWKS}",
        "scopes_supported": [MCP_SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [*grants],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": documents,
        "authorization_grant_profiles_supported": [*profiles],
    }


def _authentication(endpoint: str, methods: Sequence[str]) -> Json:
    """How clients authenticate at an endpoint."""
    return {
        f"{endpoint}_endpoint_auth_methods_supported": [*methods],
        f"{endpoint}_endpoint_auth_signing_alg_values_supported": [*sorted(ALGORITHMS)],
    }


def resource_metadata(resource: str, issuer: str) -> Json:
    """Protected resource metadata (RFC 9728)."""
    return {
        "resource": resource,
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "scopes_supported": [MCP_SCOPE],
        "resource_name": "airegistry",
    }


def routes(
    resources: Resources, server: Json, jwks: Callable[[], Json], documents: Mapping[str, Json]
) -> list[BaseRoute]:
    """The well-known documents. `documents` maps further paths to theirs."""

    async def resource(request: Request) -> Response:
        # The same answer for every path: whether a server exists is not told to strangers.
        base = resources.base_for(request.headers.get("host", ""))
        path = request.path_params.get("path", "").strip("/")
        return JSONResponse(resource_metadata(f"{base}/{path}".rstrip("/"), resources.url), headers=_CACHED)

    async def keys(request: Request) -> Response:
        return JSONResponse(jwks(), headers=_CACHED)

    def fixed(path: str, document: Json) -> Route:
        async def answer(request: Request) -> Response:
            return JSONResponse(document, headers=_CACHED)

        return Route(path, answer)

    # An issuer with a path has its metadata between the host and that path (RFC 8414 section 3.1).
    prefix = "/" + resources.url.split("://", 1)[1].partition("/")[2]
    paths = {"/.well-known/oauth-authorization-server", f"/.well-known/oauth-authorization-server{prefix}".rstrip("/")}
    return [
        *(fixed(path, server) for path in sorted(paths)),
        *(fixed(path, document) for path, document in documents.items()),
        Route(JWKS, keys),
        Route("/.well-known/oauth-protected-resource", resource),
        Route("/.well-known/oauth-protected-resource/{path:path}", resource),
    ]
