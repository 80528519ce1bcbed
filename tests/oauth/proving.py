"""An authenticator over real clients, and the proofs they send."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey
from starlette.requests import Request

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.client_auth import ASSERTION_TYPE, ClientAuthenticator
from airegistry.oauth.clients.clients import ClientChange, Clients
from airegistry.oauth.forms import OAuthError, parse_form
from airegistry.oauth.model import Client
from airegistry.oauth.replay import Replay
from tests.core.wiring import World, build

ISSUER = "https://registry.test"
TOKEN_URL = f"{ISSUER}/token"
KEYS_URL = "https://ci.example/keys"
EC = ECKey.generate_key("P-256", parameters={"kid": "ec"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
OTHER = ECKey.generate_key("P-256", parameters={"kid": "ec"})


class Published:
    """The keys at one URL; `None` is out of reach."""

    def __init__(self, *keys: ECKey | RSAKey) -> None:
        self.keys_: KeySet | None = KeySet([*keys])
        self.asked: list[tuple[str, str | None]] = []

    async def keys(self, jwks_uri: str, kid: str | None) -> KeySet:
        self.asked.append((jwks_uri, kid))
        if self.keys_ is None or jwks_uri != KEYS_URL:
            raise UpstreamFailed(f"{jwks_uri} is out of reach")
        return self.keys_


@dataclass
class Door:
    """An authenticator over real clients."""

    world: World
    clients: Clients
    published: Published
    authenticator: ClientAuthenticator
    secret: str

    async def enter(
        self, form: Mapping[str, str] | None = None, *authorization: str, source: str = "192.0.2.1"
    ) -> Client:
        headers = [(b"authorization", value.encode()) for value in authorization]
        request = Request(
            {"type": "http", "headers": headers, "client": (source, 1), "method": "POST", "path": "/token"}
        )
        return await self.authenticator.authenticate(request, parse_form(urlencode(form or {})))

    async def refused(
        self,
        form: Mapping[str, str] | None = None,
        *authorization: str,
        error: str = "invalid_client",
        status: int = 401,
    ) -> OAuthError:
        with pytest.raises(OAuthError) as refusal:
            await self.enter(form, *authorization)
        assert (refusal.value.error, refusal.value.status) == (error, status)
        return refusal.value

    def claims(self, **changed: object) -> Json:
        now = int(self.world.clock.now().timestamp())
        known = {"iss": "signer", "sub": "signer", "aud": TOKEN_URL, "exp": now + 60, "iat": now, "jti": "1"}
        claims: Json = {}
        for name, value in {**known, **changed}.items():
            if value is not None:
                claims[name] = value  # type: ignore[assignment]  # JSON, as each test gives it
        return claims

    def signed(self, key: ECKey | RSAKey | OctKey = EC, alg: str = "ES256", **changed: object) -> dict[str, str]:
        """The form of a signed assertion."""
        header = {"alg": alg, "kid": key.kid} if key.kid else {"alg": alg}
        return asserting(jwt.encode(header, self.claims(**changed), key, algorithms=[alg]))


def asserting(token: str) -> dict[str, str]:
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}


def encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


async def opened() -> Door:
    """A door that knows a machine, a public client and one that signs."""
    world = await build()
    core = world.services
    clients = Clients(world.store, core.access, core.audit, world.clock, None)
    published = Published(EC, RSA)
    authenticator = ClientAuthenticator(
        clients, ISSUER, TOKEN_URL, published, Replay(world.store, world.clock), world.clock
    )
    _, secret = await clients.put(SYSTEM, "ci", ClientChange(groups=["staff"]))
    await clients.put(SYSTEM, "open", ClientChange(redirect_uris=["https://app.example/cb"]))
    signer = ClientChange(token_endpoint_auth_method="private_key_jwt", jwks_uri=KEYS_URL)
    await clients.put(SYSTEM, "signer", signer)
    assert secret is not None
    return Door(world, clients, published, authenticator, secret)
