"""The outermost layer: no request passes without a Principal, but for the short public list."""

import re
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.errors import Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.identity import PRINCIPAL
from airegistry.oauth.open_requests import OpenRequests
from airegistry.oauth.session_owner import owner_of_sessions

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Paths anyone may read; they tell nothing of the catalog."""

PUBLIC_TREES = ("/.well-known/",)
SCOPE = "mcp"
ONE_RESOURCE = {"/airegistry-tools/mcp": "/mcp"}
"""Paths that are another name of a resource."""

_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]{1,8192})")


def is_public(path: str) -> bool:
    """Whether a path is served to anonymous callers."""
    return path in PUBLIC or path.startswith(PUBLIC_TREES)


class Authenticate:
    """Finds who is calling by the bearer token (RFC 6750) and leaves the Principal in the scope, or answers 401.

    The challenge names the metadata of the very resource that was asked for (RFC 9728).
    """

    def __init__(self, app: ASGIApp, resolve: Callable[[str], Principal | None], url: str) -> None:
        self._app = app
        self._resolve = resolve
        self._url = url
        self.open_requests = OpenRequests(resolve)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_public(scope["path"])):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            principal, token = self._principal(scope)
        except Unauthenticated as refusal:
            await self._challenge(scope, send, refusal)
            return
        scope[PRINCIPAL] = principal
        scope["user"] = owner_of_sessions(principal)
        with self.open_requests.watched(token):
            await self._app(scope, receive, send)

    def _principal(self, scope: Scope) -> tuple[Principal, str]:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            raise Unauthenticated("a bearer token is needed")
        match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        token = match[1].decode("ascii") if match else ""
        principal = self._resolve(token) if token else None
        if principal is None:
            raise Unauthenticated("the token is not valid")
        return principal, token

    async def _challenge(self, scope: Scope, send: Send, refusal: Unauthenticated) -> None:
        asked = any(name == b"authorization" for name, _ in scope["headers"])
        path = scope["path"] if re.fullmatch(r"[A-Za-z0-9/@._+-]{1,200}", scope["path"]) else ""
        path = ONE_RESOURCE.get(path, path)
        error = 'error="invalid_token", ' if asked else ""
        metadata = f"{self._url}/.well-known/oauth-protected-resource{path.rstrip('/')}"
        challenge = f'Bearer {error}resource_metadata="{metadata}", scope="{SCOPE}"'
        body = b'{"type":"about:blank","title":"Unauthorized","status":401,"code":"unauthenticated","detail":"%s"}' % (
            refusal.message.encode()
        )
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"www-authenticate", challenge.encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": 401, "headers": headers})
        await send({"type": "http.response.body", "body": body})
