"""POST /register, over HTTP as clients speak it."""

import json
from collections.abc import Mapping

import httpx2
import pytest
from starlette.applications import Starlette

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from airegistry.core.tokens import digest
from airegistry.oauth.clients.clients import Clients
from airegistry.oauth.clients.registration import Registration
from airegistry.oauth.model import ASSERTION_GRANT, CLIENT_GRANT, CODE_GRANT, EXCHANGE_GRANT, REFRESH_GRANT
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio

CLAUDE: Json = {
    "client_name": "Claude Code", "redirect_uris": ["http://localhost:54545/callback"],
    "grant_types": [CODE_GRANT, REFRESH_GRANT], "response_types": ["code"], "token_endpoint_auth_method": "none",
    "application_type": "native", "scope": "mcp offline_access",
}  # fmt: skip
PUBLIC_KEY: Json = {
    "kty": "EC", "crv": "P-256", "kid": "1", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}  # fmt: skip


class Endpoint:
    """The endpoint over a core, asked from an address."""

    def __init__(self, world: World, registration: Registration, clients: Clients) -> None:
        self.world = world
        self.clients = clients
        self._app = Starlette(routes=registration.routes())

    async def post(
        self, body: Json | bytes, *, source: str = "192.0.2.1", headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        transport = httpx2.ASGITransport(app=self._app, client=(source, 40_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://registry.test") as http:
            sent = {"content-type": "application/json", **(headers or {})}
            return await http.post("/register", content=content, headers=sent)

    async def refused(self, body: Json | bytes, error: str = "invalid_client_metadata", status: int = 400) -> str:
        """The description of a refusal, after which nothing is stored."""
        answer = await self.post(body)
        assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert await self.clients.clients(SYSTEM) == []
        return str(answer.json()["error_description"])


async def open_endpoint(*, off: bool = False) -> Endpoint:
    world = await build()
    core = world.services
    clients = Clients(world.store, core.access, core.audit, world.clock, None)
    return Endpoint(world, Registration(clients, registration="off" if off else "open"), clients)


@pytest.fixture
async def endpoint() -> Endpoint:
    return await open_endpoint()


async def test_a_public_client_is_told_what_was_registered(endpoint: Endpoint) -> None:
    answer = await endpoint.post(CLAUDE)
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    registered = answer.json()
    assert registered.pop("client_id").startswith("dyn-")
    assert registered.pop("client_id_issued_at") == int(endpoint.world.clock.now().timestamp())
    assert registered == CLAUDE


async def test_a_secret_is_told_once_and_kept_as_a_hash(endpoint: Endpoint) -> None:
    """Trap 3."""
    registered = (await endpoint.post({"redirect_uris": ["https://app.example/cb"]})).json()
    assert registered["token_endpoint_auth_method"] == "client_secret_basic"
    assert registered["application_type"] == "web"
    assert (registered["client_secret_expires_at"], len(registered["client_secret"])) == (0, 43)
    client = await endpoint.clients.find(registered["client_id"])
    assert client is not None
    assert client.secret_hash == digest(registered["client_secret"])
    assert registered["client_secret"] not in client.model_dump_json()
    assert "secret_hash" not in registered


async def test_the_scope_a_client_states_is_told_and_limits_nothing(endpoint: Endpoint) -> None:
    """Trap 7: a step-up to more than was registered must not fail."""
    registered = (await endpoint.post({**CLAUDE, "scope": "mcp"})).json()
    assert registered["scope"] == "mcp"
    client = await endpoint.clients.find(registered["client_id"])
    assert client is not None
    assert client.scopes == []


@pytest.mark.parametrize("grant", [CLIENT_GRANT, EXCHANGE_GRANT, ASSERTION_GRANT])
async def test_machine_grants_are_not_had_for_the_asking(endpoint: Endpoint, grant: str) -> None:
    """Trap 12."""
    for grants in ([grant], [CODE_GRANT, grant]):
        said = await endpoint.refused({**CLAUDE, "token_endpoint_auth_method": "client_secret_post",
                                       "grant_types": [*grants]})  # fmt: skip
        assert "administrator" in said


async def test_nobody_gives_themselves_groups_or_scopes(endpoint: Endpoint) -> None:
    more: Json = {"groups": ["administrators"], "scopes": ["all"], "origin": "registered", "client_id": "ci",
                  "active": True, "secret_hash": digest("known"), "expires_at": None}  # fmt: skip
    registered = (await endpoint.post({**CLAUDE, **more})).json()
    client = await endpoint.clients.find(registered["client_id"])
    assert client is not None
    assert (client.groups, client.scopes, client.origin, client.secret_hash) == ([], [], "dynamic", None)
    assert client.expires_at is not None
    assert endpoint.clients.known("ci") is None


async def test_vs_code_registers_with_a_grant_that_is_not_offered(endpoint: Endpoint) -> None:
    device, ciba = "urn:ietf:params:oauth:grant-type:device_code", "urn:openid:params:grant-type:ciba"
    registered = (await endpoint.post({
        "client_name": "Visual Studio Code", "client_uri": "https://code.visualstudio.com",
        "grant_types": [CODE_GRANT, REFRESH_GRANT, device, ciba], "response_types": ["code"],
        "redirect_uris": ["https://vscode.dev/redirect", "http://127.0.0.1/", "http://127.0.0.1:33418/"],
        "token_endpoint_auth_method": "none", "application_type": "native",
    })).json()  # fmt: skip
    assert registered["grant_types"] == [CODE_GRANT, REFRESH_GRANT, device]
    assert registered["client_uri"] == "https://code.visualstudio.com"


async def test_a_client_for_devices_alone_has_neither_redirect_nor_response_type(endpoint: Endpoint) -> None:
    device = "urn:ietf:params:oauth:grant-type:device_code"
    asked: Json = {"grant_types": [device, REFRESH_GRANT], "response_types": [], "token_endpoint_auth_method": "none"}
    registered = (await endpoint.post(asked)).json()
    assert (registered["grant_types"], registered["redirect_uris"]) == ([device, REFRESH_GRANT], [])
    refused = await endpoint.post({**asked, "grant_types": [device, CODE_GRANT]})
    assert refused.json()["error"] == "invalid_redirect_uri" or "response type" in refused.json()["error_description"]


async def test_what_is_unknown_or_not_used_is_left_out(endpoint: Endpoint) -> None:
    more: Json = {"tos_uri": "x", "contacts": [1], "software_statement": "a.b.c", "logo_uri": "javascript:alert(1)",
                  "client_uri": "http://app.example", "jwks": {"keys": [dict(PUBLIC_KEY)]}}  # fmt: skip
    registered = (await endpoint.post({**CLAUDE, **more})).json()
    assert not more.keys() & registered.keys()


async def test_a_name_holds_nothing_that_a_page_would_show_as_something_else(endpoint: Endpoint) -> None:
    name = " Claude\u202e\x00\ud800 \n Code\u200b<b> "
    registered = (await endpoint.post({**CLAUDE, "client_name": name})).json()
    assert registered["client_name"] == "Claude Code <b>"


async def test_a_client_with_keys_registers_their_public_halves(endpoint: Endpoint) -> None:
    metadata: Json = {**CLAUDE, "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [PUBLIC_KEY]}}
    registered = (await endpoint.post(metadata)).json()
    assert registered["jwks"] == {"keys": [PUBLIC_KEY]}
    assert "client_secret" not in registered


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"jwks": {"keys": []}},
        {"jwks": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        {"jwks": {"keys": [{**PUBLIC_KEY, "d": "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}},
        {"jwks": {"keys": [PUBLIC_KEY] * 11}},
        {"jwks": [PUBLIC_KEY]},
        {"jwks": {"keys": [PUBLIC_KEY]}, "jwks_uri": "https://app.example/keys"},
        {"jwks_uri": "http://app.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"jwks_uri": 5},
    ],
)
async def test_keys_that_prove_nothing_are_refused(endpoint: Endpoint, more: Json) -> None:
    await endpoint.refused({**CLAUDE, "token_endpoint_auth_method": "private_key_jwt", **more})


@pytest.mark.parametrize(
    "uris", [[], ["http://app.example/cb"], ["javascript:alert(1)"], [f"https://app.example/{n}" for n in range(21)]]
)
async def test_redirect_uris_that_are_not_allowed_are_refused(endpoint: Endpoint, uris: list[str]) -> None:
    await endpoint.refused({**CLAUDE, "redirect_uris": [*uris]}, "invalid_redirect_uri")


async def test_twenty_redirect_uris_are_registered_each_once(endpoint: Endpoint) -> None:
    uris = [f"https://app.example/{n}" for n in range(19)]
    registered = (await endpoint.post({**CLAUDE, "redirect_uris": [*uris, uris[0]]})).json()
    assert registered["redirect_uris"] == uris


@pytest.mark.parametrize(
    "more",
    [
        {"redirect_uris": "https://app.example/cb"},
        {"redirect_uris": [5]},
        {"grant_types": ["implicit"]},
        {"grant_types": []},
        {"grant_types": [REFRESH_GRANT]},
        {"grant_types": {"a": 1}},
        {"response_types": ["token"]},
        {"token_endpoint_auth_method": "client_secret_jwt"},
        {"token_endpoint_auth_method": ["none"]},
        {"application_type": "browser"},
        {"client_name": 5},
        {"client_name": "x" * 201},
        {"scope": ["mcp"]},
        {"scope": "mcp\n"},
        {"scope": 'a"b'},
    ],
)
async def test_metadata_that_does_not_fit_is_refused(endpoint: Endpoint, more: Json) -> None:
    await endpoint.refused({**CLAUDE, **more})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"{",
        b'{"redirect_uris": ["https://app.example/cb"], "redirect_uris": ["https://evil.example/cb"]}',
        b'{"redirect_uris": ["https://app.example/cb"], "x": {"a": 1, "a": 2}}',
        b'{"redirect_uris": ["https://app.example/cb"], "x": NaN}',
        b'{"redirect_uris": ["https://app.example/\xff"]}',
        b'{"x": ' + b"[" * 20 + b"]" * 20 + b"}",
        b"[" * 8_000,
        b'{"x": ' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_that_could_be_read_in_two_ways_is_refused(endpoint: Endpoint, body: bytes) -> None:
    await endpoint.refused(body)


async def test_a_body_is_json_of_at_most_8_kib(endpoint: Endpoint) -> None:
    """Ten thousand clients that nobody uses are kept for a day: at 64 KiB that would be 640 MB from one address."""
    await endpoint.refused(b" " * 8193, "invalid_request", 413)
    answer = await endpoint.post(CLAUDE, headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client_metadata")
    assert (await endpoint.post(CLAUDE, headers={"content-type": "Application/JSON; charset=utf-8"})).is_success


async def test_a_flood_is_told_when_to_come_back(endpoint: Endpoint) -> None:
    """Trap 12."""
    for _ in range(30):
        assert (await endpoint.post(CLAUDE)).status_code == 201
    answer = await endpoint.post(CLAUDE)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
    assert answer.json()["error"] == "temporarily_unavailable"
    assert (await endpoint.post(CLAUDE, source="192.0.2.2")).status_code == 201


async def test_whoever_holds_a_network_of_addresses_is_one_source(endpoint: Endpoint) -> None:
    for turn in range(30):
        await endpoint.post(CLAUDE, source=f"2001:db8:1:2::{turn:x}")
    assert (await endpoint.post(CLAUDE, source="2001:db8:1:2:ffff::1")).status_code == 429
    assert (await endpoint.post(CLAUDE, source="2001:db8:1:3::1")).status_code == 201
    assert (await endpoint.post(CLAUDE, source="::ffff:192.0.2.7")).status_code == 201
    assert (await endpoint.post(CLAUDE, source="testclient")).status_code == 201


async def test_a_registry_that_registers_nobody_says_so() -> None:
    closed = await open_endpoint(off=True)
    await closed.refused(CLAUDE, "access_denied", 403)


async def test_metadata_names_the_endpoint_only_while_it_is_open(endpoint: Endpoint) -> None:
    assert Registration(endpoint.clients).open
    assert not Registration(endpoint.clients, registration="off").open
