"""Backends and authorization servers that lie: what the outgoing OAuth client refuses, and what it never sends."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from airegistry.core.errors import AirError, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http import guarded_http
from airegistry.egress.json_http import JsonHttp
from airegistry.egress.oauth_client import OAuthClient, client_metadata
from airegistry.egress.oauth_discovery import AuthorizationServer, Challenge, challenge_of, checked_url
from airegistry.egress.oauth_grants import ByPerson, begin
from airegistry.egress.oauth_tokens import ClientCredentials, OAuthRefused
from tests.egress.conftest import Connects
from tests.support.oauth_world import Agrees, OAuthWorld

pytestmark = pytest.mark.anyio

HOSTILE_URLS = [
    "javascript:alert(1)",
    "file:///etc/passwd",
    "data:text/html,x",
    "ssh://host/",
    "http://a$(id)/",
    "https://example.org/$(id)",
    "https://example.org/`id`",
    "https://example.org/a;calc.exe",
    'https://example.org/"|calc',
    "https://example.org/a b",
    "https://user:pass@example.org/authorize",
    "https://example.org\\@evil.example.net/",
    "https://example.org/\r\nX: y",
    "http://login.example.org/authorize",
    "//example.org/authorize",
    "",
]


class Told:
    """A browser that answers what a test says, and remembers what it was shown."""

    redirect_uri = "http://127.0.0.1:9/callback"

    def __init__(self) -> None:
        self.visits: list[str] = []

    async def visit(self, url: str) -> Mapping[str, str]:
        self.visits.append(url)
        return {}


async def post(world: OAuthWorld, http: JsonHttp, browser: Told | Agrees) -> httpx2.Response:
    auth = OAuthClient(world.mcp, ByPerson(browser, client_metadata("test")), http)
    async with guarded_http(Guard(loopback=True), auth=auth) as client:
        return await client.post(world.mcp, json={})


@pytest.mark.parametrize("url", HOSTILE_URLS)
@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "registration_endpoint"])
async def test_a_hostile_endpoint_is_neither_opened_nor_asked(
    world: OAuthWorld, http: JsonHttp, connects: Connects, endpoint: str, url: str
) -> None:
    world.metadata, browser = {endpoint: url}, Told()
    with pytest.raises(UpstreamFailed):
        await post(world, http, browser)
    assert browser.visits == []
    assert world.requests("/token") == []
    assert set(connects.tried) == {"127.0.0.1"}


@pytest.mark.parametrize("url", [*HOSTILE_URLS, "https://169.254.169.254/", "https://10.0.0.1/"])
async def test_a_hostile_place_of_metadata_is_not_asked(
    world: OAuthWorld, http: JsonHttp, connects: Connects, url: str
) -> None:
    world.resource = {"authorization_servers": [url]}
    with pytest.raises(AirError):
        await post(world, http, Told())
    world.resource, world.challenge = {}, f'Bearer resource_metadata="{url.encode("unicode_escape").decode()}"'
    if url:
        with pytest.raises(AirError):
            await post(world, http, Told())
    assert set(connects.tried) == {"127.0.0.1"}
    assert world.seen == []


@pytest.mark.parametrize(
    "resource",
    [
        "https://other.example.org/mcp",
        "http://127.0.0.1:1/mcp",
        "URL/mcp/deeper",
        "URL/mc",
        "URL.evil.example.org/mcp",
        None,
    ],
)
async def test_metadata_about_another_resource_is_refused(
    world: OAuthWorld, http: JsonHttp, resource: str | None
) -> None:
    world.resource = {"resource": resource and resource.replace("URL", world.url)}
    with pytest.raises(UpstreamFailed):
        await post(world, http, Told())
    assert world.seen == []


@pytest.mark.parametrize("change", ["{}/", "{}/tenant", "https://other.example.org", "{}.", None])
async def test_metadata_of_another_issuer_is_refused(world: OAuthWorld, http: JsonHttp, change: str | None) -> None:
    world.metadata = {"issuer": change and change.format(world.url)}
    with pytest.raises(UpstreamFailed, match="is that of"):
        await post(world, http, Told())
    assert world.seen == []


async def test_an_issuer_is_compared_as_it_is_written(world: OAuthWorld, http: JsonHttp) -> None:
    world.resource = {"authorization_servers": [world.url.replace("http://", "HTTP://")]}
    with pytest.raises(UpstreamFailed, match="is that of"):
        await post(world, http, Told())


@pytest.mark.parametrize("methods", [None, [], ["plain"], "S256"])
async def test_a_server_without_pkce_is_refused(world: OAuthWorld, http: JsonHttp, methods: Any) -> None:
    world.metadata, browser = {"code_challenge_methods_supported": methods}, Told()
    with pytest.raises(UpstreamFailed, match="does not announce PKCE"):
        await post(world, http, browser)
    assert browser.visits == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"iss": "https://other.example.org"}, "comes from"),
        ({"iss": None}, "comes from nobody"),
        ({"state": "another"}, "does not belong to this login"),
        ({"state": ""}, "does not belong to this login"),
        ({"state": None}, "does not belong to this login"),
        ({"code": None}, "without a code"),
        ({"code": None, "error": "access_denied\x1b[31m"}, r"refused: access_denied\\x1b"),
        ({"error": "server_error", "iss": "https://other.example.org"}, "comes from"),
    ],
)
async def test_an_answer_to_the_login_that_does_not_fit_is_refused(
    world: OAuthWorld, http: JsonHttp, answer: dict[str, str | None], said: str
) -> None:
    world.answer = answer
    with pytest.raises(UpstreamFailed, match=said):
        await post(world, http, Agrees(http))
    assert world.requests("/token") == []


def test_an_answer_to_a_login_counts_once() -> None:
    server = AuthorizationServer(
        resource="https://a.example.org/mcp",
        issuer="https://a.example.org",
        authorization_endpoint="https://a.example.org/authorize?tenant=1",
        token_endpoint="https://a.example.org/token",
    )
    client = ClientCredentials(issuer="https://a.example.org", client_id="me")
    pending = begin(server, client, "http://127.0.0.1:9/callback", "mcp")
    assert pending.url.startswith("https://a.example.org/authorize?tenant=1&response_type=code")
    assert pending.state not in repr(pending)
    answer = {"state": pending.state, "code": "c"}
    assert pending.code(answer) == "c"
    with pytest.raises(UpstreamFailed, match="or used"):
        pending.code(answer)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"access_token": None}, "without an access token"),
        ({"access_token": "a\r\nX-Admin: yes"}, "without an access token"),
        ({"access_token": ""}, "without an access token"),
        ({"access_token": ["a"]}, "without an access token"),
        ({"token_type": "mac"}, "not asked for"),
        ({"token_type": None}, "not asked for"),
        ({"padding": "x" * 70_000}, "sent more than"),
    ],
)
async def test_a_token_response_that_cannot_be_used_is_refused(
    world: OAuthWorld, http: JsonHttp, given: dict[str, object], said: str
) -> None:
    world.given = given
    with pytest.raises(UpstreamFailed, match=said):
        await post(world, http, Agrees(http))


@pytest.mark.parametrize("life", ["600", 600, 600.5, None, "soon", 0, "0", -1, True, 10**30, [1]])
async def test_any_lifetime_is_read_or_left_out(world: OAuthWorld, http: JsonHttp, life: object) -> None:
    world.given = {"expires_in": life}
    assert (await post(world, http, Agrees(http))).text == "welcome"


async def test_what_the_token_endpoint_says_is_shortened_and_escaped(world: OAuthWorld, http: JsonHttp) -> None:
    world.refusal = (400, {"error": "invalid_grant", "error_description": "\x1b[2J" + "x" * 5000})
    with pytest.raises(OAuthRefused) as refused:
        await post(world, http, Agrees(http))
    assert "\x1b" not in refused.value.message
    assert len(refused.value.message) < 400
    assert refused.value.error == "invalid_grant"


async def test_a_server_that_registers_nobody_says_so(world: OAuthWorld, http: JsonHttp) -> None:
    world.metadata = {"registration_endpoint": None}
    with pytest.raises(UpstreamFailed, match="register one there first"):
        await post(world, http, Agrees(http))


@pytest.mark.parametrize(
    ("status", "header", "challenge"),
    [
        (401, "", Challenge(401)),
        (401, "Basic realm=x", Challenge(401)),
        (401, 'Bearer scope="a b", resource_metadata="https://x/"', Challenge(401, "a b", "https://x/")),
        (401, 'Basic realm="Bearer scope=evil", bearer scope=a', Challenge(401, "a")),
        (401, 'Bearer error_description="scope=\\"evil\\" x", scope="a"', Challenge(401, "a")),
        (401, 'Bearer xscope="evil", scope="a"', Challenge(401, "a")),
        (401, 'Bearer scope="a", Bearer scope="b"', Challenge(401, "a")),
        (401, 'Bearer scope="a\tb"', Challenge(401)),
        (403, 'Bearer error="insufficient_scope", scope="a"', Challenge(403, "a")),
        (403, 'Bearer error="invalid_token"', None),
        (403, "", None),
        (400, 'Bearer scope="a"', None),
        (200, "", None),
    ],
)
def test_a_challenge_is_read_as_the_grammar_has_it(status: int, header: str, challenge: Challenge | None) -> None:
    headers = {"www-authenticate": header} if header else {}
    assert challenge_of(httpx2.Response(status, headers=headers)) == challenge


@pytest.mark.parametrize(
    "url", ["https://login.example.org/authorize?tenant=a%20b", "http://127.0.0.1:8080/a", "http://[::1]:80/a"]
)
def test_an_honest_endpoint_is_taken(url: str) -> None:
    assert checked_url(url, "the endpoint") == url
