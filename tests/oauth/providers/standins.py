"""Stand-ins for what cannot run here: GitHub (OAuth and REST), and the one call of Microsoft Graph."""

import base64
import hashlib
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.oauth.providers.op import CLIENT, SECRET

Fields = dict[str, Any]


class Graph:
    """`POST /v1.0/me/getMemberObjects`, in pages of two. `url` is set when it listens."""

    def __init__(self, *groups: str) -> None:
        self.url = ""
        self.groups = list(groups)
        self.status = 200
        self.next: str | None = None
        self.answer: Fields | None = None
        self.bodies: list[Fields] = []
        self.bearers: list[str] = []

    @property
    def base(self) -> str:
        return f"{self.url}/v1.0"

    async def _members(self, request: Request) -> Response:
        self.bearers.append(request.headers["authorization"])
        if request.method == "POST":
            self.bodies.append(await request.json())
        start = int(request.query_params.get("$skiptoken", 0))
        page: Fields = {"value": self.groups[start : start + 2]}
        if start + 2 < len(self.groups):
            page["@odata.nextLink"] = self.next or f"{self.base}/me/getMemberObjects?$skiptoken={start + 2}"
        return JSONResponse(page if self.answer is None else self.answer, self.status)

    def app(self) -> Starlette:
        """The application."""
        return Starlette(routes=[Route("/v1.0/me/getMemberObjects", self._members, methods=["GET", "POST"])])


class GitHub:
    """The OAuth code flow, with PKCE, and four lists of the REST API, those of orgs in pages of one."""

    def __init__(self) -> None:
        self.url = ""
        self.user: Fields = {"id": 583231, "login": "octocat", "name": None, "email": None}
        self.orgs = ["acme", "tools"]
        self.teams = [("acme", "platform")]
        self.emails: list[Fields] = [
            {"email": "old@elsewhere.test", "primary": False, "verified": True},
            {"email": "octo@acme.test", "primary": True, "verified": True},
        ]
        self.failing: dict[str, int] = {}
        self.next: str | None = None
        self.token_error: str | None = None
        self._challenge = ""

    @property
    def api(self) -> str:
        return f"{self.url}/api/v3"

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        assert (query["client_id"], query["code_challenge_method"]) == (CLIENT, "S256")
        assert "nonce" not in query
        self._challenge = query["code_challenge"]
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'code': 'c', 'state': query['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == self._challenge
        assert (form["client_id"], form["client_secret"]) == (CLIENT, SECRET)
        if self.token_error:
            return JSONResponse({"error": self.token_error})  # GitHub's errors come with status 200
        return JSONResponse({"access_token": "gho_token", "token_type": "bearer", "scope": "read:org"})

    async def _rest(self, request: Request) -> Response:
        assert request.headers["authorization"] == "Bearer gho_token"
        what = request.url.path.removeprefix("/api/v3/")
        if what in self.failing:
            return JSONResponse({"message": "no"}, self.failing[what])
        if what == "user":
            return JSONResponse(self.user)
        if what == "user/emails":
            return JSONResponse(self.emails)
        if what == "user/teams":
            return JSONResponse([{"slug": slug, "organization": {"login": org}} for org, slug in self.teams])
        page = int(request.query_params.get("page", 1))
        more = self.next or f"{self.api}/user/orgs?per_page=100&page={page + 1}"
        link = {"link": f'<{more}>; rel="next", <{self.api}/x>; rel="last"'} if page < len(self.orgs) else {}
        return JSONResponse([{"login": self.orgs[page - 1]}] if self.orgs else [], headers=link)

    def app(self) -> Starlette:
        """The application."""
        return Starlette(
            routes=[
                Route("/login/oauth/authorize", self._authorize),
                Route("/login/oauth/access_token", self._token, methods=["POST"]),
                Route("/api/v3/{path:path}", self._rest),
            ]
        )
