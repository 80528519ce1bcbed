"""The outermost layer: no request passes without a Principal, but for the short public list."""

import re
from collections.abc import Callable
from functools import partial
from typing import Protocol

from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.errors import AccessDenied, Unauthenticated
from airegistry.core.principals import Principal
from airegistry.oauth.identity import AGAIN, PRINCIPAL
from airegistry.oauth.model import MCP_SCOPE
from airegistry.oauth.open_requests import OpenRequests
from airegistry.oauth.resources import Resources
from airegistry.oauth.sending import Sending
from airegistry.oauth.session_owner import owner_of_sessions
from airegistry.oauth.web_sessions import Visit

PUBLIC = frozenset(
    "/healthz /readyz /authorize /token /register /revoke /introspect /login /logout /consent /account "
    "/device /device_authorization"
    " /oauth/callback".split()
)
"""Paths served to anonymous callers: they tell nothing of the catalog, or authenticate their caller themselves."""

PUBLIC_TREES = ("/.well-known/", "/login/", "/logout/", "/callback/", "/account/", "/ui/assets/")

PLAIN_JSON = ("/v0/", "/v0.1/")
"""Where clients expect errors as plain JSON: the description of the MCP Registry API has them so."""

_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([!-~]{1,8192})")
_CUT_OFF = b"quarantined", b"an administrator cut this caller off"
_PRINTABLE_PATH = re.compile(r"[A-Za-z0-9/@._+-]{1,200}")


class Tokens(Protocol):
    """Bearer tokens, each looked at for the resource it was sent to; `Bearer` is one."""

    async def resolve(self, token: str, resource: str) -> Principal | None:
        """Who holds a token, or None."""
        ...

    def alive(self, token: str, resource: str) -> bool:
        """Whether what it opened may go on."""
        ...

    def holder(self, token: str, resource: str) -> Principal | None:
        """Who holds what it opened by now; None when that may not go on."""
        ...


class Visits(Protocol):
    """Sessions of the web page; `WebSessions` has them."""

    async def resolve(self, scope: Scope) -> tuple[Principal, Visit] | None:
        """Who sent a request that carries no token, if that can be said.

        Raises:
            AccessDenied: it may have been forged.
        """
        ...

    def holder(self, visit: Visit) -> Principal | None:
        """Whose request it is by now; None when it may not go on."""
        ...


def is_public(path: str) -> bool:
    """Whether a path is served to anonymous callers."""
    return path in PUBLIC or path.startswith(PUBLIC_TREES)


class Authenticate:
    """Finds who is calling by the bearer token (RFC 6750) and leaves the Principal in the scope, or answers 401.

    The challenge names the metadata of the very resource that was asked for (RFC 9728). `on_data_path` tells the paths
    whose application needs no anyio shields: watching those is cheaper. Whoever is `cut_off` gets 403 everywhere,
    of which `turned_away` is told.
    `anonymous` says whom a request that carries no credentials counts as, where it may be answered. A request without
    a token may come from the web page, by a session of `visits`.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: Tokens,
        resources: Resources,
        *,
        on_data_path: Callable[[str], bool] = lambda path: False,
        cut_off: Callable[[Principal], bool] = lambda who: False,
        turned_away: Callable[[Principal, str], None] = lambda who, path: None,
        anonymous: Callable[[Scope], Principal | None] = lambda scope: None,
        visits: Visits | None = None,
    ) -> None:
        self._cut_off = cut_off
        self._turned_away = turned_away
        self._anonymous = anonymous
        self._visits = visits
        self._app = app
        self._on_data_path = on_data_path
        self._tokens = tokens
        self._resources = resources
        self.open_requests = OpenRequests(self._alive, cut_off)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_public(scope["path"])):
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        resource = self._resources.of_path(scope["path"])
        try:
            principal, token = await self._principal(scope, resource)
        except Unauthenticated as refusal:
            nobody = None if _has_credentials(scope) else self._anonymous(scope)
            if nobody is None:
                await self._challenge(scope, send, refusal)
            else:
                await self._app({**scope, PRINCIPAL: nobody}, receive, send)
            return
        except AccessDenied as refusal:
            await _refuse(send, 403, b"access_denied", refusal.message.encode())
            return
        if self._cut_off(principal):
            self._turned_away(principal, scope["path"])
            await _refuse(send, 403, *_CUT_OFF)
            return
        scope[PRINCIPAL] = principal
        scope[AGAIN] = partial(self._holder, token, resource)
        sending = Sending(send)
        if self._on_data_path(scope["path"]):
            with self.open_requests.on_data_path(token, resource, principal) as watched:
                await self._app(scope, receive, sending)
            ended = watched.ended
        else:
            scope["user"] = owner_of_sessions(principal)
            stream = sending if scope["method"] == "GET" else None
            with self.open_requests.watched(token, resource, principal, stream=stream) as cancelled:
                await self._app(scope, receive, sending)
            ended = cancelled.cancel_called
        if ended:
            await self._end(scope, sending, principal)

    async def _end(self, scope: Scope, sending: Sending, who: Principal) -> None:
        """End an answer that was cut, and say why where nothing was sent yet."""
        if sending.started:
            await sending.finish()
        elif self.open_requests.closing:
            await _refuse(sending, 503, b"internal", b"the registry stops", title=b"Service Unavailable")
        elif self._cut_off(who):
            await _refuse(sending, 403, *_CUT_OFF)
        else:
            await self._challenge(scope, sending, Unauthenticated("the token is not valid any more"))

    async def _principal(self, scope: Scope, resource: str) -> tuple[Principal, str]:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        if not given:
            visit = None if self._visits is None else await self._visits.resolve(scope)
            if visit is None:
                raise Unauthenticated("a bearer token is needed")
            return visit
        match = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
        token = match[1].decode("ascii") if match else ""
        principal = await self._tokens.resolve(token, resource) if token else None
        if principal is None:
            raise Unauthenticated("the token is not valid here")
        return principal, token

    def _holder(self, token: str, resource: str) -> Principal | None:
        if isinstance(token, Visit):
            return None if self._visits is None else self._visits.holder(token)
        return self._tokens.holder(token, resource)

    def _alive(self, token: str, resource: str) -> bool:
        if isinstance(token, Visit):
            return self._holder(token, resource) is not None
        return self._tokens.alive(token, resource)

    async def _challenge(self, scope: Scope, send: Send, refusal: Unauthenticated) -> None:
        error = "invalid_token" if _has_credentials(scope) else ""
        challenge = bearer_challenge(self._resources, scope, scopes=MCP_SCOPE, error=error)
        await _refuse(
            send,
            401,
            b"unauthenticated",
            refusal.message.encode(),
            (b"www-authenticate", challenge),
            title=b"Unauthorized",
            media_type=b"application/json" if scope["path"].startswith(PLAIN_JSON) else b"application/problem+json",
        )


def _has_credentials(scope: Scope) -> bool:
    return any(name == b"authorization" for name, _ in scope["headers"])


async def _refuse(
    send: Send, status: int, code: bytes, detail: bytes, *more: tuple[bytes, bytes], title: bytes = b"Forbidden",
    media_type: bytes = b"application/problem+json",
) -> None:  # fmt: skip
    """Answer with problem details (RFC 9457)."""
    error = b',"error":"%b"' % detail if media_type == b"application/json" else b""
    body = b'{"type":"about:blank","title":"%b","status":%d,"code":"%b","detail":"%b"%b}' % (
        title, status, code, detail, error,
    )  # fmt: skip
    headers = [
        (b"content-type", media_type),
        (b"content-length", b"%d" % len(body)),
        *more,
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def bearer_challenge(resources: Resources, scope: Scope, *, scopes: str, error: str = "") -> bytes:
    """The value of `WWW-Authenticate` for a request (RFC 6750 section 3, RFC 9728 section 5.1): the metadata of its
    resource, at the address its client knows us by, and the scopes to ask for."""
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    path = scope["path"] if _PRINTABLE_PATH.fullmatch(scope["path"]) else ""
    metadata = f"{resources.base_for(host)}/.well-known/oauth-protected-resource{resources.metadata_path(path)}"
    said = f'error="{error}", ' if error else ""
    return f'Bearer {said}resource_metadata="{metadata}", scope="{scopes}"'.encode("ascii")
