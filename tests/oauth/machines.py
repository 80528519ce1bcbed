"""An issuer by hand with its grants for machines, and a foreign issuer that it trusts, on a loopback port."""

import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import httpx2
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.limits import Limiter
from airegistry.core.principals import Principal
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.oauth.callers import Callers
from airegistry.oauth.issuers.issuers import Issuers
from airegistry.oauth.issuers.trust import TrustedIssuer
from airegistry.oauth.model import ASSERTION_GRANT, CLIENT_GRANT, EXCHANGE_GRANT, Client
from airegistry.oauth.providers.remote_keys import RemoteKeys
from airegistry.oauth.replay import Replay
from airegistry.oauth.resources import Resources
from airegistry.oauth.tokens.access_tokens import Issued
from airegistry.oauth.tokens.assertions import IdentityAssertions
from airegistry.oauth.tokens.exchange import TokenExchange
from airegistry.oauth.tokens.machine_grants import ClientCredentials
from airegistry.oauth.tokens.token_endpoint import GrantHandler, TokenEndpoint
from tests.oauth.issuing import URL, Issuer, Json, Person, TableAuthenticator, build_issuer, client
from tests.support.asgi import serve

DEFAULT = f"{URL}/mcp"
WEATHER = f"{URL}/weather/mcp"
GRANTS = [CLIENT_GRANT, EXCHANGE_GRANT, ASSERTION_GRANT]
SECRET = "client_secret_basic"
CHIEF = Principal("operator", operator=True)


@cache
def key(kind: str) -> Key:
    """A private key, made once: RS256, other, ES256 or EdDSA."""
    if kind == "ES256":
        return ECKey.generate_key("P-256", {"kid": "ec"})
    if kind == "EdDSA":
        return OKPKey.generate_key("Ed25519", {"kid": "ed"})
    return RSAKey.generate_key(2048, {"kid": "rsa"})


@dataclass
class Foreign:
    """Another issuer. `fetched` are the paths that were asked of it, `published` the kinds of keys it shows."""

    now: float
    url: str = ""
    fetched: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=lambda: ["RS256", "ES256", "EdDSA"])

    def app(self) -> Starlette:
        """Its metadata and keys."""
        paths = ("/.well-known/openid-configuration", "/keys")
        return Starlette(routes=[Route(path, self._answer) for path in paths])

    def token(
        self, aud: JsonValue = DEFAULT, *, typ: str | None = "at+jwt", alg: str = "RS256", by: Key | None = None,
        header: Json | None = None, **claims: Any,
    ) -> str:  # fmt: skip
        """A JWT of this issuer that is good for five minutes; claims and members of the header of None are left out."""
        signer = by or key(alg)
        said = {
            "iss": self.url, "sub": "build-7", "aud": aud, "iat": self.now, "exp": self.now + 300, "jti": "1", **claims
        }  # fmt: skip
        head = {"alg": alg, "kid": signer.kid, "typ": typ, **(header or {})}
        return sign(_some(head), _some(said), signer)

    def id_jag(self, **claims: Any) -> str:
        """An identity assertion for the client `ci` that is good at once."""
        said = {"sub": "ann", "client_id": "ci", "resource": WEATHER, **claims}
        return self.token(said.pop("aud", URL), typ=said.pop("typ", "oauth-id-jag+jwt"), **said)

    async def _answer(self, request: Request) -> Response:
        self.fetched.append(request.url.path)
        if request.url.path == "/keys":
            return JSONResponse({"keys": [key(kind).as_dict(private=False) for kind in self.published]})
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/keys"})


def sign(header: Json, claims: Json, signer: Key) -> str:
    """A compact JWS, whatever it says."""
    registry = jws.JWSRegistry(algorithms=[header["alg"]], strict_check_header=False)
    registry.max_header_length = 100_000
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # EdDSA is deprecated, and written by most issuers
        return jws.serialize_compact(header, json.dumps(claims), signer, registry=registry)


def _some(members: Json) -> Json:
    return {name: value for name, value in members.items() if value is not None}


def machine(client_id: str, **fields: Any) -> Client:
    """A confidential client with every grant a machine may have."""
    return client(client_id, **{"token_endpoint_auth_method": SECRET, "grant_types": GRANTS, **fields})


@dataclass
class Machines:
    """An issuer, what it trusts, and another issuer."""

    issuer: Issuer
    issuers: Issuers
    foreign: Foreign
    providers: dict[str, str] = field(default_factory=dict)

    async def trust(self, **fields: Any) -> TrustedIssuer:
        """Trust the foreign issuer under the name `acme`."""
        everything = ["access_token", "subject_token", "id_jag"]
        given = {"name": "acme", "issuer": self.foreign.url, "accepts": everything, "groups": ["staff"], **fields}
        return await self.issuers.put(CHIEF, TrustedIssuer.model_validate(given))

    async def ask(self, grant: str, *, basic: str = "ci", **form: str | None) -> httpx2.Response:
        """A token request of a machine."""
        return await self.issuer.post("/token", {"grant_type": grant, **form}, basic=basic)

    async def given(self, grant: str, *, basic: str = "ci", **form: str | None) -> tuple[Json, Issued]:
        """The token response, and what the token says."""
        response = await self.ask(grant, basic=basic, **form)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        issued = self.issuer.tokens.read(answer["access_token"], None)
        assert issued is not None
        return answer, issued

    async def refused(self, grant: str, *, basic: str = "ci", **form: str | None) -> str:
        """The `error` of a refusal."""
        response = await self.ask(grant, basic=basic, **form)
        assert response.status_code == 400, response.text
        assert response.headers["cache-control"] == "no-store"
        return str(response.json()["error"])

    def mint(self, subject: str = "user:ann", client_id: str = "app", **fields: Any) -> str:
        """An access token of this registry."""
        said = {"scopes": ["mcp"], "resource": WEATHER, **fields}
        return self.issuer.tokens.mint(subject=subject, client_id=client_id, **said)[0]

    def who(self, issued: Issued) -> Principal | None:
        """Who a token stands for now."""
        return self.issuer.callers.of(issued)


@asynccontextmanager
async def machines() -> AsyncIterator[Machines]:
    """A world of machines; keys of others come over loopback HTTP, through the guard."""
    issuer = await build_issuer()
    clock, foreign, resources = issuer.clock, Foreign(issuer.clock.now().timestamp()), Resources(URL)
    for made in (
        machine("ci", scopes=["watch"], groups=["staff"]), machine("agent"), machine("off", active=False),
        machine("idle", grant_types=["client_credentials"]), machine("open", token_endpoint_auth_method="none"),
        machine("own").model_copy(update={"origin": "dynamic"}),
    ):  # fmt: skip
        issuer.clients.put(made.client_id, made)
    issuer.people.put("acme:ann", Person(groups=[], provider_groups=["staff"]))
    async with serve(foreign.app()) as url, JsonHttp(Guard(loopback=True)) as http:
        foreign.url = url
        issuers = Issuers(issuer.store, issuer.access, issuer.audit, clock, RemoteKeys(http, clock), url=URL)
        callers = Callers(issuer.access, issuer.people, issuer.clients, issuers)
        tokens, audit, providers = issuer.tokens, issuer.audit, dict[str, str]()

        def person(of: str, sub: str) -> str | None:
            return f"{providers[of]}:{sub}" if of in providers else None

        handlers: dict[str, GrantHandler] = {
            CLIENT_GRANT: ClientCredentials(tokens, callers, resources, audit),
            EXCHANGE_GRANT: TokenExchange(tokens, callers, issuers, resources, audit, clock),
            ASSERTION_GRANT: IdentityAssertions(
                tokens, callers, issuers, resources, Replay(issuer.store, clock), audit, person=person
            ),
        }
        limiter = Limiter(clock, burst=1000, seconds=60, what="requests")
        endpoint = TokenEndpoint(TableAuthenticator(issuer.clients), handlers, limiter, audit)
        app = Starlette(routes=endpoint.routes())
        yield Machines(replace(issuer, app=app, callers=callers), issuers, foreign, providers)


async def reasons(world: Machines, action: str) -> list[tuple[str, str, str, str]]:
    """Who, whereby, how it ended and why, of each audited act, the newest first."""
    events = await world.issuer.events(action)
    return [(event.subject, event.client, event.decision, event.reason) for event in events]
