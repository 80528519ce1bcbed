"""The outgoing OAuth client over real HTTP: what it gets, keeps, renews, and how often it asks."""

import time
from collections.abc import Mapping

import anyio
import httpx2
import pytest

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.guard import Guard
from airegistry.egress.http import guarded_http
from airegistry.egress.json_http import LIMIT, Answer, JsonHttp
from airegistry.egress.oauth_client import (
    DOCUMENT_PATH,
    MAX_FRUITLESS,
    Held,
    InMemory,
    OAuthClient,
    client_document,
    client_metadata,
)
from airegistry.egress.oauth_grants import ByClient, ByPerson
from airegistry.egress.oauth_tokens import ClientCredentials
from tests.support.oauth_world import Agrees, OAuthWorld

pytestmark = pytest.mark.anyio


@pytest.fixture
def browser(http: JsonHttp) -> Agrees:
    return Agrees(http)


@pytest.fixture
def keep() -> InMemory:
    return InMemory()


@pytest.fixture
def grant(browser: Agrees) -> ByPerson:
    return ByPerson(browser, client_metadata("test"))


@pytest.fixture
def auth(world: OAuthWorld, grant: ByPerson, http: JsonHttp, keep: InMemory) -> OAuthClient:
    return OAuthClient(world.mcp, grant, http, keep)


async def post(auth: OAuthClient, url: str) -> httpx2.Response:
    """One request with the client as its auth."""
    async with guarded_http(Guard(loopback=True), auth=auth) as client:
        return await client.post(url, json={})


async def aged(keep: InMemory) -> Held:
    """What is kept, with an access token that has ended."""
    held = await keep.load()
    assert held is not None
    tokens = held.tokens.model_copy(update={"issued_at": time.time() - 700, "expires_at": time.time() - 100})
    await keep.save(held.model_copy(update={"tokens": tokens}))
    return held


async def test_a_refusal_leads_to_one_login_and_the_request_is_sent_again(
    world: OAuthWorld, auth: OAuthClient, browser: Agrees
) -> None:
    assert (await post(auth, world.mcp)).text == "welcome"
    assert (await post(auth, world.mcp)).text == "welcome"
    assert len(browser.visits) == 1
    asked = world.requests("/authorize")[0]
    assert (asked["resource"], asked["scope"], asked["code_challenge_method"]) == (world.mcp, "mcp", "S256")


async def test_requests_at_the_same_time_share_one_login(world: OAuthWorld, auth: OAuthClient, browser: Agrees) -> None:
    answers: list[str] = []

    async def one() -> None:
        answers.append((await post(auth, world.mcp)).text)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(one)
    assert answers == ["welcome"] * 8
    assert len(browser.visits) == 1
    assert len(world.requests("/token")) == 1


async def test_a_token_that_ended_is_refreshed_at_its_own_server_after_a_restart(
    world: OAuthWorld, auth: OAuthClient, browser: Agrees, http: JsonHttp, keep: InMemory, grant: ByPerson
) -> None:
    await post(auth, world.mcp)
    await aged(keep)
    restarted = OAuthClient(world.mcp, grant, http, keep)
    assert (await post(restarted, world.mcp)).text == "welcome"
    assert len(browser.visits) == 1
    last = world.requests("/token")[-1]
    assert (last["grant_type"], last["resource"]) == ("refresh_token", world.mcp)
    assert world.bearers[-1] != world.bearers[-2]


async def test_a_token_that_was_revoked_is_refreshed_before_a_person_is_asked(
    world: OAuthWorld, auth: OAuthClient, browser: Agrees
) -> None:
    await post(auth, world.mcp)
    world.valid.clear()
    assert (await post(auth, world.mcp)).text == "welcome"
    assert len(browser.visits) == 1


class Leaving(JsonHttp):
    """A way to the authorization server whose caller goes away as soon as a token has been given."""

    def __init__(self, caller: anyio.CancelScope) -> None:
        super().__init__(Guard(loopback=True))
        self._caller = caller

    async def post(
        self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None, limit: int = LIMIT
    ) -> Answer:
        answer = await super().post(url, form, headers=headers, limit=limit)
        self._caller.cancel()
        await anyio.lowlevel.checkpoint()
        return answer


async def test_what_a_refresh_brought_is_kept_though_the_caller_went_away(
    world: OAuthWorld, auth: OAuthClient, browser: Agrees, keep: InMemory, grant: ByPerson
) -> None:
    await post(auth, world.mcp)
    await aged(keep)
    caller = anyio.CancelScope()
    async with Leaving(caller) as http:
        again = OAuthClient(world.mcp, grant, http, keep)
        with caller:
            await again.headers("POST", world.mcp)
        assert caller.cancel_called
        assert (await post(again, world.mcp)).text == "welcome"
    assert len(browser.visits) == 1
    assert len(world.requests("/token")) == 2


async def test_a_refresh_token_that_is_refused_is_used_once_and_a_person_is_asked_again(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory, grant: ByPerson, http: JsonHttp
) -> None:
    await post(auth, world.mcp)
    held = await aged(keep)
    assert held.tokens.refresh_token is not None
    tokens = held.tokens.model_copy(update={"refresh_token": "used", "issued_at": 0.0, "expires_at": 1.0})
    await keep.save(held.model_copy(update={"tokens": tokens}))
    fresh = OAuthClient(world.mcp, grant, http, keep)
    assert (await post(fresh, world.mcp)).text == "welcome"
    assert [form["grant_type"] for form in world.requests("/token")] == [
        "authorization_code",
        "refresh_token",
        "authorization_code",
    ]
    assert len(world.requests("/register")) == 1  # the client is known from last time


async def test_a_server_that_fails_for_the_moment_does_not_cost_the_refresh_token(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory, grant: ByPerson, http: JsonHttp
) -> None:
    await post(auth, world.mcp)
    await aged(keep)
    world.refusal = (503, {})
    fresh = OAuthClient(world.mcp, grant, http, keep)
    with pytest.raises(UpstreamFailed, match="answered HTTP 503"):
        await post(fresh, world.mcp)
    world.refusal = None
    assert (await post(fresh, world.mcp)).text == "welcome"
    assert world.requests("/token")[-1]["grant_type"] == "refresh_token"


async def test_a_client_that_the_server_forgot_registers_again(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory, grant: ByPerson, http: JsonHttp
) -> None:
    await post(auth, world.mcp)
    await aged(keep)
    fresh = OAuthClient(world.mcp, grant, http, keep)
    world.refusal = (401, {"error": "invalid_client"})
    assert await fresh.headers("POST", world.mcp) == {}
    world.refusal = None
    assert (await post(fresh, world.mcp)).text == "welcome"
    assert len(world.requests("/register")) == 2


async def test_a_step_up_asks_for_what_was_had_and_what_is_wanted(world: OAuthWorld, auth: OAuthClient) -> None:
    await post(auth, world.mcp)
    world.needs = "mcp:admin"
    assert (await post(auth, world.mcp)).text == "welcome"
    assert [asked["scope"] for asked in world.requests("/authorize")] == ["mcp", "mcp mcp:admin"]


async def test_a_scope_that_is_never_granted_is_asked_for_once(world: OAuthWorld, auth: OAuthClient) -> None:
    world.grants, world.needs = {"mcp"}, "mcp:admin"
    for _ in range(5):
        assert (await post(auth, world.mcp)).status_code == 403
    assert [asked["scope"] for asked in world.requests("/authorize")] == ["mcp", "mcp mcp:admin"]


async def test_a_server_that_takes_no_token_is_given_up(world: OAuthWorld, auth: OAuthClient, browser: Agrees) -> None:
    world.deaf, world.given = True, {"refresh_token": None}
    for _ in range(MAX_FRUITLESS):
        assert (await post(auth, world.mcp)).status_code == 401
    with pytest.raises(UpstreamFailed, match="in a row, to no avail"):
        await post(auth, world.mcp)
    assert len(browser.visits) == MAX_FRUITLESS


async def test_a_token_goes_to_no_other_origin_and_no_other_resource(world: OAuthWorld, auth: OAuthClient) -> None:
    with OAuthWorld() as other:
        with pytest.raises(Invalid, match="to no other"):
            await post(auth, other.mcp)
        await post(auth, world.mcp)
        with pytest.raises(Invalid, match="to no other"):
            await post(auth, other.mcp)
        with pytest.raises(Invalid, match="to no other"):
            await post(auth, f"{world.url}/other/mcp")
        with pytest.raises(Invalid, match="to no other"):
            await post(auth, world.mcp.replace("127.0.0.1", "localhost"))
        assert other.bearers == []


async def test_what_is_kept_for_one_server_is_not_used_for_another(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory, http: JsonHttp, grant: ByPerson
) -> None:
    await post(auth, world.mcp)
    with OAuthWorld() as other:
        assert await OAuthClient(other.mcp, grant, http, keep).headers("POST", other.mcp) == {}


async def test_credentials_of_one_server_are_not_sent_to_another_that_the_backend_names(
    world: OAuthWorld, http: JsonHttp
) -> None:
    client = ClientCredentials(
        issuer="https://login.example.org", client_id="me", client_secret="secret", method="client_secret_basic"
    )
    auth = OAuthClient(world.mcp, ByClient(client), http)
    with pytest.raises(UpstreamFailed, match="does not name the authorization server"):
        await post(auth, world.mcp)
    assert world.seen == []


async def test_client_credentials_are_asked_again_when_the_token_has_ended(world: OAuthWorld, http: JsonHttp) -> None:
    client = ClientCredentials(issuer=world.url, client_id="a b", client_secret="c:d", method="client_secret_post")
    keep = InMemory()
    world.given = {"refresh_token": None}
    auth = OAuthClient(world.mcp, ByClient(client), http, keep)
    assert (await post(auth, world.mcp)).text == "welcome"
    await aged(keep)
    restarted = OAuthClient(world.mcp, ByClient(client), http, keep)
    assert (await post(restarted, world.mcp)).text == "welcome"
    assert [form["grant_type"] for form in world.requests("/token")] == ["client_credentials"] * 2
    assert world.requests("/token")[0]["client_secret"] == "c:d"


async def test_another_authorization_server_gets_neither_client_nor_refresh_token_of_the_first(
    world: OAuthWorld, auth: OAuthClient
) -> None:
    await post(auth, world.mcp)
    with OAuthWorld() as other:
        world.valid.clear()
        world.refusal = (400, {"error": "invalid_grant"})
        world.resource = {"authorization_servers": [other.url]}
        other.valid = world.valid  # its tokens are good at the same resource
        assert (await post(auth, world.mcp)).text == "welcome"
        assert [path for path, _ in other.seen] == ["/register", "/authorize", "/token"]
        assert other.requests("/token")[0]["grant_type"] == "authorization_code"


async def test_a_client_that_was_registered_by_hand_is_used_at_its_server_only(
    world: OAuthWorld, browser: Agrees, http: JsonHttp
) -> None:
    mine = ClientCredentials(issuer=world.url, client_id="by-hand", client_secret="s", method="client_secret_post")
    grant = ByPerson(browser, client_metadata("test"), mine)
    assert (await post(OAuthClient(world.mcp, grant, http), world.mcp)).text == "welcome"
    assert world.requests("/authorize")[0]["client_id"] == "by-hand"
    assert (world.requests("/register"), world.requests("/token")[0]["client_secret"]) == ([], "s")
    world.resource = {"authorization_servers": ["https://other.example.org"]}
    with pytest.raises(UpstreamFailed, match="does not name the authorization server"):
        await post(OAuthClient(world.mcp, grant, http), world.mcp)


async def test_refresh_tokens_are_asked_for_where_that_takes_a_scope(world: OAuthWorld, auth: OAuthClient) -> None:
    world.metadata = {"scopes_supported": ["mcp", "offline_access"]}
    await post(auth, world.mcp)
    asked = world.requests("/authorize")[0]
    assert (asked["scope"], asked["prompt"]) == ("mcp offline_access", "consent")


async def test_a_refusal_that_no_token_would_change_is_passed_on(world: OAuthWorld, auth: OAuthClient) -> None:
    await post(auth, world.mcp)
    assert (await post(auth, f"{world.mcp}/nowhere")).status_code == 404
    assert len(world.requests("/token")) == 1


async def test_a_login_asks_for_the_scope_that_it_is_given(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory
) -> None:
    held = await auth.login("mcp mcp:admin")
    assert held.tokens.scope == "mcp mcp:admin"
    assert await keep.load() == held
    sent = await auth.headers("POST", world.mcp)
    assert sent == {"authorization": f"Bearer {held.tokens.access_token}"}
    assert (await post(auth, world.mcp)).text == "welcome"


@pytest.mark.parametrize("refresh", [{}, {"refresh_token": None}])
async def test_a_logout_revokes_the_most_that_it_can(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory, refresh: dict[str, None]
) -> None:
    world.given = refresh
    held = await auth.login()
    assert await auth.logout()
    revoked = held.tokens.access_token if refresh else held.tokens.refresh_token
    assert [form["token"] for form in world.requests("/revoke")] == [revoked]
    assert await keep.load() is None
    assert not await auth.logout()


async def test_a_logout_that_cannot_be_told_forgets_all_the_same(
    world: OAuthWorld, auth: OAuthClient, keep: InMemory
) -> None:
    world.metadata = {"revocation_endpoint": f"{world.url}/nowhere"}
    await auth.login()
    with pytest.raises(UpstreamFailed):
        await auth.logout()
    assert await keep.load() is None


async def test_secrets_do_not_show_in_what_is_printed(world: OAuthWorld, auth: OAuthClient, keep: InMemory) -> None:
    await post(auth, world.mcp)
    held = await keep.load()
    assert held is not None
    assert held.tokens.access_token not in repr(held)
    assert str(held.tokens.refresh_token) not in repr(held)


def test_the_client_document_is_what_the_draft_wants() -> None:
    assert client_document("https://registry.example.org") == {
        "client_id": f"https://registry.example.org{DOCUMENT_PATH}",
        "client_name": "airegistry",
        "client_uri": "https://registry.example.org",
        "redirect_uris": ["https://registry.example.org/oauth/callback"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": "none",
        "application_type": "web",
    }


async def test_a_server_that_reads_client_documents_gets_ours(world: OAuthWorld, http: JsonHttp) -> None:
    world.metadata = {"client_id_metadata_document_supported": True}
    document = "https://registry.example.org/.well-known/airegistry-client.json"
    grant = ByPerson(Agrees(http), client_metadata("test"), document=document)
    assert (await post(OAuthClient(world.mcp, grant, http), world.mcp)).text == "welcome"
    assert world.requests("/authorize")[0]["client_id"] == document
    assert world.requests("/register") == []
