"""An OAuth client over raw HTTP, as strict as a test wants it: discovery, registration, code flow, tokens."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import orjson

from tests.support.browser import Browser
from tests.support.tls import TLS

Json = dict[str, Any]
REDIRECT = "http://127.0.0.1:7777/callback"


def challenge(verifier: str) -> str:
    """S256 (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def claims(token: str) -> Json:
    """What a JWT says; nothing is verified."""
    part = token.split(".")[1]
    told: Json = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return told


@dataclass
class OAuthClient:
    """One registered client of a registry."""

    url: str
    client_id: str
    secret: str | None = None
    redirect_uri: str = REDIRECT

    @staticmethod
    def registered(url: str, redirect_uri: str = REDIRECT, **metadata: object) -> "OAuthClient":
        """A public client that registers itself (RFC 7591)."""
        body = {
            "client_name": "A test", "redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"], "application_type": "native", **metadata,
        }  # fmt: skip
        answer = httpx2.post(f"{url}/register", json=body, trust_env=False, verify=TLS)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        return OAuthClient(url, made["client_id"], made.get("client_secret"), redirect_uri)

    def authorize_url(self, verifier: str, *, resource: str | None, scope: str | None = None, **more: str) -> str:
        """Where a browser is sent to."""
        asked = {
            "response_type": "code", "client_id": self.client_id, "redirect_uri": self.redirect_uri,
            "code_challenge": challenge(verifier), "code_challenge_method": "S256", "state": "the-state",
            **({"resource": resource} if resource else {}), **({"scope": scope} if scope else {}), **more,
        }  # fmt: skip
        return f"{self.url}/authorize?{urlencode(asked)}"

    def answer(self, browser: Browser, verifier: str, **asked: Any) -> dict[str, str]:
        """The parameters of the answer that a browser brings back."""
        back = browser.open(self.authorize_url(verifier, **asked))
        assert back.startswith(self.redirect_uri), back
        values = parse_qs(urlsplit(back).query)
        assert all(len(value) == 1 for value in values.values()), back
        return {name: value[0] for name, value in values.items()}

    def code(self, browser: Browser, verifier: str, **asked: Any) -> str:
        """A code."""
        return self.answer(browser, verifier, **asked)["code"]

    def redeem(self, code: str, verifier: str, **more: str) -> httpx2.Response:
        """A code for tokens."""
        asked = {"code": code, "redirect_uri": self.redirect_uri, "code_verifier": verifier, **more}
        return self.token(grant_type="authorization_code", **asked)

    def log_in(self, browser: Browser, **asked: Any) -> Json:
        """The whole way, to tokens."""
        verifier = secrets.token_urlsafe(48)
        more = {"resource": asked["resource"]} if asked.get("resource") else {}
        answer = self.redeem(self.code(browser, verifier, **asked), verifier, **more)
        assert answer.status_code == 200, answer.text
        tokens: Json = answer.json()
        return tokens

    def refresh(self, token: str, **more: str) -> httpx2.Response:
        """A refresh token for new tokens."""
        return self.token(grant_type="refresh_token", refresh_token=token, **more)

    def token(self, **form: str) -> httpx2.Response:
        """A request to /token as this client."""
        return self.post("/token", **form)

    def post(self, path: str, **form: str) -> httpx2.Response:
        """A request to an endpoint as this client."""
        auth = (self.client_id, self.secret) if self.secret else None
        named = {} if self.secret else {"client_id": self.client_id}
        return httpx2.post(
            f"{self.url}{path}", data={**named, **form}, auth=auth, timeout=30, trust_env=False, verify=TLS
        )
