"""Where the bearer token comes from: a string, a function, or the registry's own token endpoint."""

import time
from base64 import b64encode
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from inspect import isawaitable
from typing import Protocol
from urllib.parse import quote_plus, urlencode

from pydantic import BaseModel, ValidationError

from airegistry_client.errors import LoginFailed
from airegistry_client.transport import IO, Reply, Request

EARLY = 30.0
"""Seconds before its end after which a token is no longer used."""
Ask = Callable[[Request], Awaitable[Reply]]
"""Makes a request, and again where that helps."""


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """An OAuth client that acts for itself (RFC 6749, section 4.4): `airegistry client add` makes one.

    `scope` narrows what its tokens carry. `public_url` is that of the registry, where it is reached by another one.
    """

    client_id: str
    client_secret: str
    scope: str | None = None
    public_url: str | None = None


Token = str | Callable[[], str] | Callable[[], Awaitable[str]] | ClientCredentials
"""A token; a function that knows one, asked again when the registry refuses what it said; or who gets one."""


class Tokens(Protocol):
    """Knows the token for a resource: a part of the registry by its path, `/api`, `/mcp` or `/{server}/mcp`."""

    async def get(self, resource: str, refused: str | None) -> str | None:
        """The token, None where there is none; `refused` is one that the registry did not take just now.

        Raises:
            LoginFailed: the token endpoint gives none.
        """
        ...


class Given:
    """A token that is known, or a function that knows it."""

    def __init__(self, token: "str | Callable[[], str | Awaitable[str]] | None", io: IO) -> None:
        self._token = token
        self._blocks = io.blocks

    async def get(self, resource: str, refused: str | None) -> str | None:
        if not callable(self._token):
            return self._token
        found = self._token()
        if not isawaitable(found):
            return found
        if self._blocks:
            if isinstance(found, Coroutine):
                found.close()
            raise TypeError("a blocking client takes no coroutine function for its token: use AsyncRegistry")
        return await found


class _Granted(BaseModel):
    access_token: str
    expires_in: float = 300.0


class Minted:
    """Tokens that a client gets for itself, one a resource, each kept until shortly before its end."""

    def __init__(self, client: ClientCredentials, url: str, io: IO, ask: Ask) -> None:
        self._client = client
        self._url = url
        self._ask = ask
        self._lock = io.lock()
        self._known: dict[str, tuple[str, float]] = {}

    async def get(self, resource: str, refused: str | None) -> str | None:
        async with self._lock:  # one of those who need a token gets it for all
            token, until = self._known.get(resource, ("", 0.0))
            if token and token != refused and time.monotonic() < until:
                return token
            granted = await self._grant(resource)
            lasts = granted.expires_in - min(EARLY, granted.expires_in / 2)
            self._known[resource] = granted.access_token, time.monotonic() + lasts
            return granted.access_token

    async def _grant(self, resource: str) -> _Granted:
        asked = {"grant_type": "client_credentials", "resource": f"{self._client.public_url or self._url}{resource}"}
        if self._client.scope is not None:
            asked["scope"] = self._client.scope
        # RFC 6749, section 2.3.1: both are form-encoded before they are joined.
        pair = f"{quote_plus(self._client.client_id)}:{quote_plus(self._client.client_secret)}"
        headers = {
            "authorization": f"Basic {b64encode(pair.encode()).decode()}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        reply = await self._ask(Request("POST", f"{self._url}/token", headers, urlencode(asked).encode()))
        if reply.status != 200:
            raise LoginFailed(f"the registry gave no token for {resource}: {_said(reply)}")
        try:
            return _Granted.model_validate_json(reply.body)
        except ValidationError:
            raise LoginFailed("what the token endpoint answered is no token") from None


def _said(reply: Reply) -> str:
    try:
        return _Trouble.model_validate_json(reply.body).text
    except ValidationError:
        return f"HTTP status {reply.status}"


class _Trouble(BaseModel):
    error: str
    error_description: str = ""

    @property
    def text(self) -> str:
        return f"{self.error}: {self.error_description}" if self.error_description else self.error
