"""Grants without a person, ways of proving a client, registration, and servers of the oldest rules."""

import base64
from typing import Literal

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from airegistry.core.errors import UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http import guarded_http
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import OAuthClient, client_metadata
from airegistry.egress.oauth_discovery import discover
from airegistry.egress.oauth_grants import (
    ID_JAG,
    JWT_BEARER,
    ByAssertion,
    ByClient,
    ByPerson,
    Grant,
    IdentityProvider,
    register,
)
from airegistry.egress.oauth_tokens import ClientAuth, ClientCredentials, OAuthRefused, TokenEndpoint, signer
from tests.support.oauth_world import Agrees, OAuthWorld

pytestmark = pytest.mark.anyio


async def post(world: OAuthWorld, http: JsonHttp, grant: Grant) -> httpx2.Response:
    async with guarded_http(Guard(loopback=True), auth=OAuthClient(world.mcp, grant, http)) as client:
        return await client.post(world.mcp, json={})


def credentials(world: OAuthWorld, method: ClientAuth, secret: str | None = "c:d/ü") -> ClientCredentials:
    return ClientCredentials(issuer=world.url, client_id="a b", client_secret=secret, method=method)


async def test_a_secret_in_the_header_is_encoded_as_a_form_is(world: OAuthWorld, http: JsonHttp) -> None:
    assert (await post(world, http, ByClient(credentials(world, "client_secret_basic")))).text == "welcome"
    sent = world.requests("/token")[0]
    assert base64.b64decode(sent["authorization"].removeprefix("Basic ")) == b"a%20b:c%3Ad%2F%C3%BC"
    assert "client_secret" not in sent


async def test_a_key_signs_an_assertion_for_the_issuer(world: OAuthWorld, http: JsonHttp) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    grant = ByClient(credentials(world, "private_key_jwt", None), signer(pem))
    assert (await post(world, http, grant)).text == "welcome"
    sent = world.requests("/token")[0]
    assertion = jwt.decode(sent["client_assertion"], ECKey.import_key(pem), algorithms=["ES256"])
    assert (assertion.claims["iss"], assertion.claims["sub"], assertion.claims["aud"]) == ("a b", "a b", world.url)
    assert 0 < assertion.claims["exp"] - assertion.claims["iat"] <= 60


@pytest.mark.parametrize(
    ("method", "said"),
    [("private_key_jwt", "no key"), ("client_secret_basic", "no secret"), ("client_secret_post", "no secret")],
)
async def test_a_client_that_cannot_prove_itself_asks_for_nothing(
    world: OAuthWorld, http: JsonHttp, method: ClientAuth, said: str
) -> None:
    with pytest.raises(UpstreamFailed, match=said):
        await post(world, http, ByClient(credentials(world, method, None)))
    assert world.requests("/token") == []


async def test_an_assertion_is_made_for_the_issuer_and_the_resource(world: OAuthWorld, http: JsonHttp) -> None:
    async def assertion(issuer: str, resource: str) -> str:
        return f"for {issuer} and {resource}"

    assert (await post(world, http, ByAssertion(credentials(world, "none"), assertion))).text == "welcome"
    sent = world.requests("/token")[0]
    assert (sent["grant_type"], sent["assertion"]) == (JWT_BEARER, f"for {world.url} and {world.mcp}")


async def test_an_id_token_becomes_an_assertion_for_one_issuer_and_resource(world: OAuthWorld, http: JsonHttp) -> None:
    async def id_token() -> str:
        return "id-token"

    world.given = {"access_token": "the-id-jag", "token_type": "N_A", "issued_token_type": ID_JAG}
    provider = IdentityProvider(http, f"{world.url}/token", "at-the-provider", id_token)
    assert await provider.assertion("https://a.example.org", "https://a.example.org/mcp") == "the-id-jag"
    sent = world.requests("/token")[0]
    assert (sent["audience"], sent["resource"]) == ("https://a.example.org", "https://a.example.org/mcp")
    assert (sent["subject_token"], sent["client_id"]) == ("id-token", "at-the-provider")
    world.given = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    with pytest.raises(UpstreamFailed, match="did not give an identity assertion"):
        await provider.assertion("https://a.example.org", "https://a.example.org/mcp")
    world.refusal = (400, {"error": "invalid_grant"})
    with pytest.raises(OAuthRefused, match="invalid_grant"):
        await provider.assertion("https://a.example.org", "https://a.example.org/mcp")


@pytest.mark.parametrize(
    ("kind", "offered", "method"),
    [
        ("web", ["none", "client_secret_post", "client_secret_basic"], "client_secret_basic"),
        ("native", ["client_secret_post", "client_secret_basic", "none"], "none"),
        ("native", ["client_secret_post", "client_secret_basic"], "client_secret_basic"),
        ("web", ["client_secret_post"], "client_secret_post"),
        ("web", ["none"], "none"),
        ("web", ["private_key_jwt"], "none"),
        ("web", None, "none"),
    ],
)
async def test_a_client_registers_to_prove_itself_as_befits_it_and_is_offered(
    world: OAuthWorld, http: JsonHttp, kind: Literal["native", "web"], offered: list[str] | None, method: str
) -> None:
    world.metadata = {"token_endpoint_auth_methods_supported": offered}
    world.registered = {"client_secret": "s", "client_secret_expires_at": 2_000_000_000}
    at = await discover(http, world.mcp)
    client = await register(http, at, client_metadata("test", kind))
    assert world.requests("/register")[0]["token_endpoint_auth_method"] == method
    assert (client.method, client.issuer, client.expires_at) == (method, world.url, 2_000_000_000.0)


@pytest.mark.parametrize(
    ("registered", "said"),
    [
        ({"client_id": None}, "without an id"),
        ({"client_id": 5}, "without an id"),
        ({"token_endpoint_auth_method": "tls_client_auth"}, "in a way it cannot"),
        ({"token_endpoint_auth_method": "client_secret_basic"}, "in a way it cannot"),
    ],
)
async def test_a_registration_that_cannot_be_used_is_refused(
    world: OAuthWorld, http: JsonHttp, registered: dict[str, object], said: str
) -> None:
    world.registered = registered
    with pytest.raises(UpstreamFailed, match=said):
        await post(world, http, ByPerson(Agrees(http), client_metadata("test")))
    assert world.requests("/authorize") == []


async def test_a_server_that_refuses_to_register_is_quoted(world: OAuthWorld, http: JsonHttp) -> None:
    world.refused_registration = {"error": "invalid_redirect_uri", "error_description": "not this one"}
    with pytest.raises(OAuthRefused, match=r"refused: invalid_redirect_uri \(not this one\)"):
        await post(world, http, ByPerson(Agrees(http), client_metadata("test")))


async def test_a_client_of_one_server_never_shows_itself_to_another(world: OAuthWorld, http: JsonHttp) -> None:
    at = await discover(http, world.mcp)
    client = ClientCredentials(issuer="https://other.example.org", client_id="me", client_secret="s")
    with pytest.raises(UpstreamFailed, match="is registered with https://other"):
        await TokenEndpoint(http, at).ask(client, {"grant_type": "client_credentials"})
    assert world.requests("/token") == []


async def test_a_client_whose_secret_has_ended_registers_again(world: OAuthWorld, http: JsonHttp) -> None:
    world.registered, world.given = {"client_secret_expires_at": 1}, {"refresh_token": None}
    grant = ByPerson(Agrees(http), client_metadata("test"))
    async with guarded_http(Guard(loopback=True), auth=OAuthClient(world.mcp, grant, http)) as client:
        await client.post(world.mcp, json={})
        world.valid.clear()
        assert (await client.post(world.mcp, json={})).text == "welcome"
    assert len(world.requests("/register")) == 2


@pytest.mark.parametrize("published", [{"server"}, set()])
async def test_a_server_of_the_oldest_rules_is_its_own_authorization_server(
    world: OAuthWorld, http: JsonHttp, published: set[str]
) -> None:
    world.published, world.answer = published, {"iss": None}
    world.metadata = {"authorization_response_iss_parameter_supported": None}
    assert (await post(world, http, ByPerson(Agrees(http), client_metadata("test")))).text == "welcome"
    assert world.requests("/authorize")[0]["code_challenge_method"] == "S256"


@pytest.mark.parametrize("published", [{"server"}, set()])
async def test_a_server_of_the_oldest_rules_gets_no_credentials_of_another(
    world: OAuthWorld, http: JsonHttp, published: set[str]
) -> None:
    world.published = published
    client = ClientCredentials(issuer="https://other.example.org", client_id="me")
    with pytest.raises(UpstreamFailed, match="does not name the authorization server"):
        await post(world, http, ByClient(client))
    assert world.seen == []


async def test_metadata_of_another_origin_is_refused_by_the_oldest_rules_too(world: OAuthWorld, http: JsonHttp) -> None:
    world.published, world.metadata = {"server"}, {"issuer": "https://other.example.org"}
    with pytest.raises(UpstreamFailed, match="is that of"):
        await discover(http, world.mcp)


async def test_a_resource_whose_server_publishes_nothing_is_refused(world: OAuthWorld, http: JsonHttp) -> None:
    world.published = {"resource"}
    with pytest.raises(UpstreamFailed, match="publishes no metadata"):
        await discover(http, world.mcp)


@pytest.mark.parametrize("servers", [[], [5], "x", None])
async def test_a_resource_that_names_no_server_falls_under_the_oldest_rules_or_is_refused(
    world: OAuthWorld, http: JsonHttp, servers: object
) -> None:
    world.resource = {"authorization_servers": servers}
    if servers == [5]:
        with pytest.raises(UpstreamFailed, match="names no authorization server"):
            await discover(http, world.mcp)
    else:
        assert (await discover(http, world.mcp)).issuer == world.url


async def test_a_server_that_fails_is_not_taken_for_one_without_metadata(world: OAuthWorld, http: JsonHttp) -> None:
    world.published = {"failing"}
    with pytest.raises(UpstreamFailed, match="HTTP 503"):
        await discover(http, world.mcp)
