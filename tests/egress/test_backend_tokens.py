"""Tokens the registry gets for backends by itself, from a real authorization server that may be hostile."""

import base64
import logging
from typing import Any

import pytest

from airegistry.core.assets import Json
from airegistry.core.credential_kinds import JWT_TYPE, ClientGrant, ExchangeGrant, Granted, parsed
from airegistry.core.credential_tokens import Want
from airegistry.core.errors import AccessDenied, Invalid, UpstreamFailed
from airegistry.core.principals import SYSTEM, Principal
from airegistry.egress.backend_tokens import BackendTokens
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_grants import EXCHANGE
from tests.support.oauth_world import OAuthWorld

pytestmark = pytest.mark.anyio
ANN = Principal(subject="user:ann", kind="person", client="agent")
SECRET = "s3cret s3cret"  # a test's
CLIENT: Json = {"client_id": "app:1", "client_secret": SECRET}


def mint(who: Principal, audience: str) -> str:
    return f"jwt-of-{who.subject}-for-{audience}"


@pytest.fixture
def tokens(http: JsonHttp) -> BackendTokens:
    return BackendTokens(http, mint)


def client(**fields: Any) -> ClientGrant:
    made = parsed({"kind": "oauth_client", **CLIENT, **fields})
    assert isinstance(made, ClientGrant)
    return made


def exchange(**fields: Any) -> ExchangeGrant:
    made = parsed({"kind": "token_exchange", **CLIENT, **fields})
    assert isinstance(made, ExchangeGrant)
    return made


def want(world: OAuthWorld, credential: Granted, who: Principal = ANN) -> Want:
    return Want(who, "server/mail", world.mcp, credential, "1")


def basic() -> str:
    return "Basic " + base64.b64encode(b"app%3A1:s3cret%20s3cret").decode()


class TestClientCredentials:
    async def test_the_server_its_metadata_names_is_settled_once_and_asked_for_the_scopes_it_knows(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        prepared = await tokens.prepared(world.mcp, client())
        assert prepared.issuer == world.url
        token = await tokens.token(want(world, prepared))
        assert token.headers == {"authorization": "Bearer token-1"}
        assert token.seconds == pytest.approx(600)
        asked = world.requests("/token")[0]
        assert asked == {
            "grant_type": "client_credentials", "scope": "mcp", "resource": world.mcp, "authorization": basic(),
        }  # fmt: skip
        assert SECRET not in repr(token) + repr(want(world, prepared))

    async def test_a_backend_that_names_another_server_later_does_not_get_the_secret_sent_there(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        prepared = await tokens.prepared(world.mcp, client())
        with OAuthWorld() as thief:
            world.resource = {"authorization_servers": [thief.url]}
            await tokens.token(want(world, prepared))
            assert thief.seen == []
        assert len(world.requests("/token")) == 1

    async def test_an_issuer_that_an_administrator_named_needs_no_word_of_the_backend(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        world.published = {"server"}
        named = client(issuer=world.url, scope="a b", audience="api")
        assert await tokens.prepared(world.mcp, named) == named
        await tokens.token(want(world, named))
        asked = world.requests("/token")[0]
        assert (asked["scope"], asked["audience"], asked["resource"]) == ("a b", "api", world.mcp)

    async def test_a_token_endpoint_by_itself_is_asked_as_it_is_told(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        world.published = set()
        plain = client(token_endpoint=f"{world.url}/token", auth_method="client_secret_post")
        await tokens.token(want(world, await tokens.prepared(world.mcp, plain)))
        asked = world.requests("/token")[0]
        assert "resource" not in asked
        assert (asked["client_id"], asked["client_secret"], asked["authorization"]) == ("app:1", SECRET, None)
        await tokens.token(want(world, client(token_endpoint=f"{world.url}/token", resource="urn:api")))
        assert world.requests("/token")[1]["resource"] == "urn:api"

    async def test_a_server_that_takes_the_secret_in_the_form_alone_gets_it_there(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        world.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
        await tokens.token(want(world, client(issuer=world.url)))
        assert world.requests("/token")[0]["client_secret"] == SECRET

    async def test_a_token_whose_end_nobody_tells_has_none(self, world: OAuthWorld, tokens: BackendTokens) -> None:
        world.given = {"expires_in": None}
        assert (await tokens.token(want(world, client(issuer=world.url)))).seconds is None

    @pytest.mark.parametrize("given", [{"access_token": None}, {"access_token": "a b"}, {"token_type": "mac"},
                                       {"access_token": "x\r\nhost: evil"}])  # fmt: skip
    async def test_what_is_no_bearer_token_is_not_sent_anywhere(
        self, world: OAuthWorld, tokens: BackendTokens, given: Json
    ) -> None:
        world.given = dict(given)
        with pytest.raises(UpstreamFailed):
            await tokens.token(want(world, client(issuer=world.url)))


class TestHostile:
    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "file:///etc/passwd", "http://a$(id)/token", "http://as.test/token",
         "https://as.test/token;x", "https://user@as.test/token", "https://as.test/'", "ftp://as.test"],
    )  # fmt: skip
    async def test_endpoints_that_cannot_be_used_are_refused_wherever_they_stand(
        self, world: OAuthWorld, tokens: BackendTokens, url: str
    ) -> None:
        world.metadata = {"token_endpoint": url}
        with pytest.raises(UpstreamFailed):
            await tokens.token(want(world, client(issuer=world.url)))
        world.clear()
        world.resource = {"authorization_servers": [url]}
        with pytest.raises(UpstreamFailed):
            await tokens.prepared(world.mcp, client())
        with pytest.raises(Invalid):
            await tokens.prepared(world.mcp, client(token_endpoint=url))
        assert world.requests("/token") == []

    async def test_addresses_that_the_guard_forbids_are_the_other_sides_fault(self, world: OAuthWorld) -> None:
        guard = Guard(loopback=True)
        async with JsonHttp(guard) as http:
            tokens = BackendTokens(http, mint)
            for url in ("https://169.254.169.254/token", "https://10.0.0.1/token", "https://metadata.google.internal/"):
                world.metadata = {"token_endpoint": url}
                with pytest.raises(UpstreamFailed, match="cannot be asked"):
                    await tokens.token(want(world, client(issuer=world.url)))

    async def test_metadata_of_another_issuer_is_not_believed(self, world: OAuthWorld, tokens: BackendTokens) -> None:
        world.metadata = {"issuer": "https://as.test"}
        for published in ({"resource", "server"}, {"server"}):
            world.published = published
            with pytest.raises(UpstreamFailed, match="is that of"):
                await tokens.token(want(world, client(issuer=world.url)))
        world.published = set()
        with pytest.raises(UpstreamFailed):
            await tokens.token(want(world, client(issuer=world.url)))

    async def test_a_redirect_of_the_token_endpoint_is_not_followed(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        world.refusal = (307, {})
        with pytest.raises(UpstreamFailed, match="307"):
            await tokens.token(want(world, client(issuer=world.url)))
        assert len(world.requests("/token")) == 1

    async def test_nothing_it_was_told_stands_in_a_log(
        self, world: OAuthWorld, tokens: BackendTokens, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        await tokens.token(want(world, client(issuer=world.url, auth_method="client_secret_post")))
        world.refusal = (400, {"error": "invalid_client", "error_description": "no"})
        with pytest.raises(UpstreamFailed, match="invalid_client"):
            await tokens.token(want(world, client(issuer=world.url)))
        assert SECRET not in caplog.text
        assert "token-1" not in caplog.text
        assert basic() not in caplog.text


class TestExchange:
    async def test_the_registry_says_who_is_calling_and_never_passes_the_callers_token_on(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        grant = exchange(issuer=world.url, audience="mail", scope="read")
        token = await tokens.token(want(world, await tokens.prepared(world.mcp, grant)))
        assert token.headers == {"authorization": "Bearer token-1"}
        asked = world.requests("/token")[0]
        assert asked == {
            "grant_type": EXCHANGE, "subject_token": f"jwt-of-user:ann-for-{world.url}", "scope": "read",
            "subject_token_type": JWT_TYPE, "audience": "mail", "resource": world.mcp, "authorization": basic(),
            "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        }  # fmt: skip

    async def test_an_endpoint_without_an_issuer_is_the_audience_itself(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        endpoint = f"{world.url}/token"
        await tokens.token(want(world, exchange(token_endpoint=endpoint, client_secret=None)))
        asked = world.requests("/token")[0]
        assert asked["subject_token"] == f"jwt-of-user:ann-for-{endpoint}"
        assert asked["client_id"] == "app:1"

    async def test_the_registry_itself_is_nobody_to_exchange_for(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        with pytest.raises(AccessDenied):
            await tokens.token(want(world, exchange(issuer=world.url), SYSTEM))
        assert world.requests("/token") == []

    async def test_a_refusal_that_repeats_who_was_named_is_told_without_the_proof(
        self, world: OAuthWorld, tokens: BackendTokens
    ) -> None:
        said = f"bad subject_token {mint(ANN, world.url)}"
        world.refusal = (400, {"error": "invalid_request", "error_description": said})
        with pytest.raises(UpstreamFailed) as refusal:
            await tokens.token(want(world, exchange(issuer=world.url)))
        assert mint(ANN, world.url) not in refusal.value.message
