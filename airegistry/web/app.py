"""The web page: a shell for every view, and the files it is made of. What it shows it asks the API for.

The shell is for whoever is signed in: others are sent to sign in, and come back to the view they wanted. Its files tell
nothing of the catalog and never change: their names carry a digest of their content.
"""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from functools import cached_property
from html import escape
from pathlib import Path
from string import Template
from typing import Final
from urllib.parse import quote

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from airegistry import __version__
from airegistry.core.principals import Principal
from airegistry.oauth.identity import principal_of
from airegistry.web.files import Built

NOBODY: Final = Principal(subject="anonymous:page")
"""Whom a request for the shell counts as that carries no token: its cookie is looked at here."""
VIEWS: Final = "/ui/"
_HERE = Path(__file__).parent
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
_HEADERS = {
    "x-frame-options": "DENY", "x-content-type-options": "nosniff", "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()", "cache-control": "no-store",
    "vary": "accept, cookie",
}  # fmt: skip
SignedIn = Callable[[Request], Awaitable[bool]]


def wants_page(scope: Scope) -> bool:
    """Whether a request is a browser's, for a view."""
    path: str = scope["path"]
    if scope["method"] not in ("GET", "HEAD") or not (path == "/" or path.startswith(VIEWS)):
        return False
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return b"text/html" in accepted.lower()


class WebPage:
    """The shell and its files, under the path that the public URL ends in, `base`."""

    def __init__(self, signed_in: SignedIn, base: str) -> None:
        self._signed_in = signed_in
        self._base = base

    def routes(self) -> Sequence[BaseRoute]:
        """Every route of it."""
        return [
            Route("/", self._show, methods=["GET"]),
            Route(f"{VIEWS}assets/{{file}}", self._file, methods=["GET"]),
            Route(f"{VIEWS}{{view:path}}", self._show, methods=["GET"]),
        ]

    @cached_property
    def _built(self) -> Built:
        return Built(_HERE / "static")

    @cached_property
    def _shell(self) -> Template:
        files = f"{self._base}{VIEWS}assets/"
        known = {
            "base": escape(self._base), "files": escape(files), "script": self._built.script,
            "style": self._built.style, "version": escape(__version__),
        }  # fmt: skip
        return Template(Template((_HERE / "shell.html").read_text("utf-8")).safe_substitute(known))

    async def _show(self, request: Request) -> Response:
        if not wants_page(request.scope):
            raise HTTPException(404)
        if principal_of(request.scope) == NOBODY and not await self._signed_in(request):
            return self._sign_in(request)
        nonce = secrets.token_urlsafe(16)
        headers = {**_HEADERS, "content-security-policy": _POLICY.format(nonce=nonce)}
        return Response(self._shell.substitute(nonce=nonce), media_type="text/html", headers=headers)

    def _sign_in(self, request: Request) -> Response:
        """Off to the login page, which knows the way back."""
        raw = request.scope.get("raw_path") or request.url.path.encode()
        path = raw.decode("latin-1") if raw.startswith(VIEWS.encode()) else VIEWS
        query = f"?{request.url.query}" if request.url.query else ""
        target = f"{self._base}/login?next={quote(path + query, safe='')}"
        return RedirectResponse(target, 303, {"cache-control": "no-store", "vary": "accept, cookie"})

    async def _file(self, request: Request) -> Response:
        found = self._built.find(request.path_params["file"], ",".join(request.headers.getlist("accept-encoding")))
        if found is None:
            raise HTTPException(404)
        return Response(await anyio.Path(found.path).read_bytes(), headers=found.headers)
