"""An identity provider that lies as the test says: every answer can be changed. It signs everybody in as `mallory`."""

import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.jwk import Key, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from airegistry.oauth.providers.id_tokens import LOGOUT_EVENT
from tests.oauth.providers.op import CLIENT
from tests.support.asgi import serve

Fields = dict[str, Any]
LEFT_OUT = object()
"""In place of a value: the member is not there."""


@cache
def rsa(name: str) -> RSAKey:
    """An RSA key, the same one for each name: making one takes longer than a login."""
    return RSAKey.generate_key(2048, {"use": "sig", "kid": name})


class Hostile:
    """A provider without a network address; `issuer` is set when it listens. What is in a dict replaces the truth."""

    def __init__(self) -> None:
        self.issuer = ""
        self.key: Key = rsa("its own")
        self.published: Fields | None = None
        self.metadata: Fields = {}
        self.redirect: Fields = {}
        self.header: Fields = {}
        self.claims: Fields = {}
        self.token: Fields = {}
        self.token_status = 200
        self.userinfo: Fields = {}
        self.userinfo_status = 200
        self.forge: Callable[[Fields, Fields], str] = self.sign
        self.asked: Counter[str] = Counter()
        self.forms: list[Fields] = []
        self.nonce: str | None = None

    def sign(self, header: Fields, claims: Fields) -> str:
        """A token under the provider's own key."""
        return jwt.encode(header, claims, self.key, algorithms=[str(header["alg"])])

    def now(self) -> int:
        return int(time.time())

    def id_token(self) -> str:
        """The id token of the login under way."""
        claims = {
            "iss": self.issuer, "sub": "mallory", "aud": CLIENT, "nonce": self.nonce, "iat": self.now(),
            "exp": self.now() + 300, "groups": ["admins"],
        }  # fmt: skip
        return self.forge(self._header("JWT"), _changed(claims, self.claims))

    def logout_token(self, **claims: Any) -> str:
        """A logout token for mallory."""
        known = {
            "iss": self.issuer, "sub": "mallory", "aud": CLIENT, "iat": self.now(), "exp": self.now() + 120,
            "jti": f"jti-{time.monotonic_ns()}", "events": {LOGOUT_EVENT: {}},
        }  # fmt: skip
        return self.forge(self._header("logout+jwt"), _changed(known, claims))

    def _header(self, typ: str) -> Fields:
        return _changed({"alg": "RS256", "kid": self.key.kid, "typ": typ}, self.header)

    async def _metadata(self, request: Request) -> Response:
        self.asked["metadata"] += 1
        truth = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "jwks_uri": f"{self.issuer}/jwks",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        }
        return JSONResponse(_changed(truth, self.metadata))

    async def _jwks(self, request: Request) -> Response:
        self.asked["keys"] += 1
        return JSONResponse(self.published or KeySet([self.key]).as_dict())

    async def _authorize(self, request: Request) -> Response:
        query = request.query_params
        self.nonce = query.get("nonce")
        truth = {"code": "a-code", "state": query["state"]}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(_changed(truth, self.redirect))}", 303)

    async def _token(self, request: Request) -> Response:
        self.asked["token"] += 1
        self.forms.append({**await request.form(), "authorization": request.headers.get("authorization")})
        truth = {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.id_token()}
        return JSONResponse(_changed(truth, self.token), self.token_status)

    async def _userinfo(self, request: Request) -> Response:
        self.asked["userinfo"] += 1
        return JSONResponse(_changed({"sub": "mallory"}, self.userinfo), self.userinfo_status)

    def app(self) -> Starlette:
        """The application."""
        routes = {
            "/.well-known/openid-configuration": self._metadata,
            "/common/v2.0/.well-known/openid-configuration": self._metadata,
            "/jwks": self._jwks,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
        }
        return Starlette(routes=[Route(path, endpoint, methods=["GET", "POST"]) for path, endpoint in routes.items()])


def _changed(truth: Fields, changes: Fields) -> Fields:
    return {name: value for name, value in {**truth, **changes}.items() if value is not LEFT_OUT}


@asynccontextmanager
async def hostile() -> AsyncIterator[Hostile]:
    """Such a provider on a loopback port."""
    made = Hostile()
    async with serve(made.app()) as url:
        made.issuer = url
        yield made
