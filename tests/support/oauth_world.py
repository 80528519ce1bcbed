"""An authorization server and an MCP endpoint that wants its tokens, on one loopback port, as wrong as a test likes.

The person at its authorization endpoint agrees to everything at once.
"""

import base64
import hashlib
import itertools
import socket
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from airegistry.egress.json_http import JsonHttp

Json = dict[str, Any]


class OAuthWorld:
    """Served from a thread between `with` and its end.

    Members of what is said are replaced, or taken away by None: `metadata`, `resource`, `answer` (the query of the
    redirect), `given` (the token response), `registered`. `published` names the metadata there is; `refusal` is what
    the token endpoint answers instead. `needs` is the scope that calls want beyond a token, `grants` what tokens get at
    most; `deaf` refuses every token. `valid` are the access tokens by their scopes, `seen` every request to the
    authorization server as path and fields, `bearers` every token sent to the MCP endpoint, `proofs` every DPoP header.
    """

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.mcp = f"{self.url}/mcp"
        routes = [
            Route("/mcp", self._mcp, methods=["GET", "POST"]),
            Route("/.well-known/oauth-protected-resource/mcp", self._resource_metadata),
            Route("/.well-known/oauth-authorization-server", self._server_metadata),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/register", self._register, methods=["POST"]),
            Route("/revoke", self._revoke, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), log_level="critical", ws="none", loop="asyncio")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self.clear()

    def clear(self) -> Self:
        """As it was in the beginning: honest, and nobody was there yet."""
        self.metadata: Json = {}
        self.resource: Json = {}
        self.published = {"resource", "server"}
        self.answer: Json = {}
        self.given: Json = {}
        self.registered: Json = {}
        self.refused_registration: Json | None = None
        self.refusal: tuple[int, Json] | None = None
        self.challenge = 'Bearer error="invalid_token", scope="mcp"'
        self.needs: str | None = None
        self.grants: set[str] | None = None
        self.deaf = False
        self.valid: dict[str, set[str]] = {}
        self.seen: list[tuple[str, Json]] = []
        self.bearers: list[str | None] = []
        self.proofs: list[str | None] = []
        self._codes: dict[str, Json] = {}
        self._refresh: dict[str, str] = {}
        self._number = itertools.count(1)
        return self

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()

    def requests(self, path: str) -> list[Json]:
        """The fields of every request to one path."""
        return [fields for seen, fields in self.seen if seen == path]

    async def _mcp(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        self.bearers.append(token or None)
        self.proofs.append(request.headers.get("dpop"))
        if scheme != self.given.get("token_type", "Bearer") or token not in self.valid or self.deaf:
            return PlainTextResponse("no", 401, {"www-authenticate": self.challenge})
        if self.needs is not None and self.needs not in self.valid[token]:
            said = f'Bearer error="insufficient_scope", scope="{self.needs}"'
            return PlainTextResponse("more", 403, {"www-authenticate": said})
        return PlainTextResponse("welcome")

    async def _resource_metadata(self, request: Request) -> Response:
        if "resource" not in self.published:
            return PlainTextResponse("nothing here", 503 if "failing" in self.published else 404)
        said = {"resource": self.mcp, "authorization_servers": [self.url], "scopes_supported": ["mcp"]}
        return JSONResponse(_without_none(said | self.resource))

    async def _server_metadata(self, request: Request) -> Response:
        if "server" not in self.published:
            return PlainTextResponse("nothing here", 503 if "failing" in self.published else 404)
        said = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "registration_endpoint": f"{self.url}/register",
            "revocation_endpoint": f"{self.url}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "authorization_response_iss_parameter_supported": True,
        }
        return JSONResponse(_without_none(said | self.metadata))

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.seen.append(("/authorize", asked))
        code = f"code-{next(self._number)}"
        self._codes[code] = asked
        said = _without_none({"code": code, "state": asked["state"], "iss": self.url} | self.answer)
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(said)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.seen.append(("/token", form | {"authorization": request.headers.get("authorization")}))
        if self.refusal is not None:
            return JSONResponse(self.refusal[1], self.refusal[0])
        scope = form.get("scope", "mcp")
        if form["grant_type"] == "authorization_code":
            asked = self._codes.pop(form["code"])
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
            assert (form["redirect_uri"], form["resource"]) == (asked["redirect_uri"], asked["resource"])
            scope = asked.get("scope", "")
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self._refresh:
                return JSONResponse({"error": "invalid_grant"}, 400)
            scope = self._refresh.pop(form["refresh_token"])
        if self.grants is not None:
            scope = " ".join(word for word in scope.split() if word in self.grants)
        number = next(self._number)
        self.valid[f"token-{number}"] = set(scope.split())
        self._refresh[f"refresh-{number}"] = scope
        said = {"access_token": f"token-{number}", "token_type": "Bearer", "expires_in": 600, "scope": scope}
        return JSONResponse(_without_none(said | {"refresh_token": f"refresh-{number}"} | self.given))

    async def _register(self, request: Request) -> Response:
        asked = await request.json()
        self.seen.append(("/register", asked))
        if self.refused_registration is not None:
            return JSONResponse(self.refused_registration, 400)
        said = asked | {"client_id": f"client-{next(self._number)}"} | self.registered
        return JSONResponse(_without_none(said), 201)

    async def _revoke(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        self.seen.append(("/revoke", form))
        self.valid.clear()
        self._refresh.pop(form["token"], None)
        return Response()


class Agrees:
    """A browser whose person agrees: it reads the redirect and does not follow it. `visits` are the pages opened."""

    def __init__(self, http: JsonHttp, redirect_uri: str = "http://127.0.0.1:9/callback") -> None:
        self.redirect_uri = redirect_uri
        self.visits: list[str] = []
        self._http = http

    async def visit(self, url: str) -> Mapping[str, str]:
        self.visits.append(url)
        answer = await self._http.get(url)
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def _without_none(said: Json) -> Json:
    return {name: value for name, value in said.items() if value is not None}
