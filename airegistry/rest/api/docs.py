"""`/api/docs`: the API to read and to try, from files of this package and nowhere else.

A page is for a browser, which has no token: whoever is signed in may read it. What is tried there is asked with a token
that the reader brings; the page keeps it in memory alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from airegistry.core.principals import Principal
from airegistry.oauth.identity import principal_of
from airegistry.rest.app import problem

DOCS: Final = "/api/docs"
NOBODY: Final = Principal(subject="anonymous:docs")
"""Whom a request for the page counts as that carries no token: its cookie is looked at here."""
_PAGES = Path(__file__).parent / "pages"
_FILES: Final = {"docs.css": "text/css", "docs.js": "text/javascript"}
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"  # fmt: skip
_HEADERS = {
    "content-security-policy": _POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}  # fmt: skip
SignedIn = Callable[[Request], Awaitable[bool]]
Challenge = Callable[[Scope], bytes]


class Docs:
    """The page and its files. `describe` gives the OpenAPI document; `challenge` what a 401 says of tokens."""

    def __init__(
        self, describe: Callable[[], Awaitable[bytes]], signed_in: SignedIn, challenge: Challenge, base: str
    ) -> None:
        self._describe = describe
        self._signed_in = signed_in
        self._challenge = challenge
        self._base = base

    def routes(self) -> Sequence[BaseRoute]:
        """Every route of it."""
        return [Route(DOCS, self._page, methods=["GET"]), Route(f"{DOCS}/{{file}}", self._file, methods=["GET"])]

    async def _page(self, request: Request) -> Response:
        if not await self._may_read(request):
            return self._sign_in(request)
        return Response(_read("docs.html"), media_type="text/html", headers=_HEADERS)

    async def _file(self, request: Request) -> Response:
        if not await self._may_read(request):
            return self._sign_in(request)
        name = request.path_params["file"]
        if name == "openapi.json":
            return Response(await self._describe(), media_type="application/json", headers=_HEADERS)
        if name not in _FILES:
            return problem(404, "not_found", "there is nothing here")
        return Response(_read(name), media_type=_FILES[name], headers=_HEADERS)

    async def _may_read(self, request: Request) -> bool:
        return principal_of(request.scope) != NOBODY or await self._signed_in(request)

    def _sign_in(self, request: Request) -> Response:
        page = _read("signed_out.html").replace(b"$login", f"{self._base}/login".encode())
        headers = {**_HEADERS, "www-authenticate": self._challenge(request.scope).decode("latin-1")}
        return Response(page, 401, media_type="text/html", headers=headers)


def _read(name: str) -> bytes:
    return (_PAGES / name).read_bytes()
