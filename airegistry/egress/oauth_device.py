"""The way to a token where there is no browser (RFC 8628): a code to type elsewhere, and asking until it was."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.egress.messages import printable
from airegistry.egress.oauth_discovery import METADATA_LIMIT, checked_url
from airegistry.egress.oauth_grants import register
from airegistry.egress.oauth_tokens import (
    ClientCredentials,
    OAuthRefused,
    Sign,
    TokenEndpoint,
    Tokens,
    authenticated,
    refusal,
)

DEVICE: Final = "urn:ietf:params:oauth:grant-type:device_code"
SHORTEST, LONGEST = 1.0, 60.0
"""Seconds between two questions, whatever a server says."""
MAX_LIFE = 1800.0
SLOWER = 5.0
"""Seconds that each `slow_down` adds (section 3.5)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the person is told: where to go and what to type; `complete` has the code in it."""

    url: str
    code: str
    complete: str | None


def device_metadata(name: str) -> Json:
    """What a client for devices says of itself when it registers: it has no redirect."""
    return {
        "client_name": name,
        "grant_types": [DEVICE, "refresh_token"],
        "response_types": [],
        "application_type": "native",
        "token_endpoint_auth_method": "none",
    }


@dataclass(slots=True)
class ByDevice:
    """Somebody logs in and agrees in a browser of their own, anywhere. `show` tells them where and with which code."""

    show: Callable[[Shown], None]
    metadata: Json
    offline: bool = True
    sign: Sign | None = None

    @property
    def issuer(self) -> str | None:
        return None

    async def obtain(
        self, endpoint: TokenEndpoint, scope: str | None, known: ClientCredentials | None
    ) -> tuple[ClientCredentials, Tokens]:
        """The client and its tokens.

        Raises:
            OAuthRefused: the person or the server said no.
            UpstreamFailed: the server does not offer this, or nobody answered in time.
        """
        at = endpoint.at
        if at.device_authorization_endpoint is None:
            raise UpstreamFailed(f"{printable(at.issuer)} offers no login without a browser")
        # A client of a browser has a redirect, and was registered for that.
        client = known if known is not None and known.redirect_uri is None else None
        client = client or await register(endpoint.http, at, self.metadata)
        form = {**({"scope": scope} if scope else {}), **({"resource": at.resource} if at.resource else {})}
        fields, headers = authenticated(at, client, form, self.sign)
        answer = await endpoint.http.post(
            at.device_authorization_endpoint, fields, headers=headers, limit=METADATA_LIMIT
        )
        if answer.status != 200:
            raise refusal(answer, at.issuer)
        said = answer.object()
        code = said.get("device_code")
        if not isinstance(code, str):
            raise UpstreamFailed(f"{printable(at.issuer)} gave no device_code")
        self.show(_shown(said))
        return client, await self._wait(endpoint, client, code, said)

    async def _wait(self, endpoint: TokenEndpoint, client: ClientCredentials, code: str, said: Json) -> Tokens:
        until = time.monotonic() + min(_seconds(said.get("expires_in"), 600.0), MAX_LIFE)
        interval = _seconds(said.get("interval"), SLOWER)
        form = {"grant_type": DEVICE, "device_code": code}
        while time.monotonic() < until:
            await anyio.sleep(min(max(interval, SHORTEST), LONGEST))
            try:
                return await endpoint.ask(client, form, self.sign)
            except OAuthRefused as error:
                if error.error not in {"authorization_pending", "slow_down"}:
                    raise
                interval += SLOWER if error.error == "slow_down" else 0
            except UpstreamFailed:  # out of reach for a moment: the answer waits there
                interval = max(interval, SHORTEST) * 2
        raise UpstreamFailed(f"nobody answered at {printable(endpoint.at.issuer)} in time")


def _shown(said: Json) -> Shown:
    code, complete = said.get("user_code"), said.get("verification_uri_complete")
    if not isinstance(code, str) or not code:
        raise UpstreamFailed("the answer has no user_code")
    url = checked_url(said.get("verification_uri"), "the verification_uri")
    whole = checked_url(complete, "the verification_uri_complete") if isinstance(complete, str) else None
    return Shown(url, printable(code), whole)


def _seconds(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 else default
