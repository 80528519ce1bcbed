"""What clients read before they log in."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata  # type: ignore[import-untyped]  # Authlib has no types
from starlette.applications import Starlette

from airegistry.oauth.metadata import routes, server_metadata
from airegistry.oauth.resources import Resources

pytestmark = pytest.mark.anyio
URL = "https://r.test"
METADATA = server_metadata(URL, grants=["authorization_code"], profiles=["id-jag"], registration=True, documents=True)


def at(url: str, aliases: frozenset[str] = frozenset()) -> httpx2.AsyncClient:
    served = routes(Resources(url, aliases), METADATA, lambda: {"keys": []}, {"/.well-known/x.json": {"a": 1}})
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(Starlette(routes=served)), base_url="https://r.test")


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    async with at(URL) as client:
        yield client


def test_the_metadata_is_that_of_rfc_8414() -> None:
    AuthorizationServerMetadata(METADATA).validate()


def test_the_issuer_is_the_public_url_to_the_letter() -> None:
    """Auth trap 8: an issuer with a slash more is another issuer to a client."""
    assert METADATA["issuer"] == URL
    assert METADATA["token_endpoint"] == f"{URL}/token"
    assert METADATA["jwks_uri"] == f"{URL}/.well-known/jwks.json"


def test_what_is_switched_off_is_not_offered() -> None:
    """Auth trap 15: clients that find documents offered use nothing else."""
    off = server_metadata(URL, grants=[], profiles=[], registration=False, documents=False)
    assert "registration_endpoint" not in off
    assert off["client_id_metadata_document_supported"] is False


@pytest.mark.parametrize("path", ["", "/mcp", "/weather/mcp", "/airegistry-tools/mcp", "/weather@1.0/mcp", "/api"])
async def test_each_resource_has_its_metadata(http: httpx2.AsyncClient, path: str) -> None:
    """Auth trap 13: FastMCP would serve that of its own endpoint alone."""
    answer = await http.get(f"/.well-known/oauth-protected-resource{path}")
    told = answer.json()
    assert told["resource"] == f"{URL}{path}"
    assert told["authorization_servers"] == [URL]
    assert told["scopes_supported"] == ["mcp"]


async def test_on_loopback_a_resource_is_named_as_its_client_knows_it() -> None:
    async with at("http://127.0.0.1:80", frozenset({"http://r.test"})) as http:
        told = (await http.get("/.well-known/oauth-protected-resource/mcp")).json()
    assert told["resource"] == "http://r.test/mcp"
    assert told["authorization_servers"] == ["http://127.0.0.1:80"]


async def test_keys_and_other_documents_are_served(http: httpx2.AsyncClient) -> None:
    assert (await http.get("/.well-known/jwks.json")).json() == {"keys": []}
    assert (await http.get("/.well-known/x.json")).json() == {"a": 1}
    assert (await http.get("/.well-known/oauth-authorization-server")).json() == METADATA
    assert (await http.get("/.well-known/oauth-authorization-server/mcp")).status_code == 404


async def test_an_issuer_with_a_path_has_its_metadata_before_that_path() -> None:
    async with at("https://r.test/tools") as http:
        assert (await http.get("/.well-known/oauth-authorization-server/tools")).json() == METADATA
