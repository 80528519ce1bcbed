"""Persons connect accounts at backends: their calls carry their own tokens, and nobody else's."""

import time

import pytest

from airegistry.core.errors import AccessDenied, ConsentRequired, UpstreamFailed
from airegistry.core.principals import SYSTEM, Principal
from airegistry.egress.oauth_client import Held
from airegistry.oauth.connections.keeping import COLLECTION, id_of
from tests.oauth.connections.world import Desk, asked, open_desk
from tests.oauth.issuing import URL
from tests.support.oauth_world import OAuthWorld

pytestmark = pytest.mark.anyio


async def held(desk: Desk, user: str = "ann") -> Held:
    document = await desk.store.get(COLLECTION, id_of(user, "server/mail", desk.mail.url or ""))
    assert document is not None
    return Held.model_validate_json(desk.cipher.decrypt(str(document.body["sealed"])))


async def age(desk: Desk, user: str = "ann", **changes: object) -> None:
    """Let an access token be over."""
    key = id_of(user, "server/mail", desk.mail.url or "")
    document = await desk.store.get(COLLECTION, key)
    assert document is not None
    now = await held(desk, user)
    tokens = now.tokens.model_copy(update={"issued_at": time.time() - 700, "expires_at": time.time() - 1, **changes})
    sealed = desk.cipher.encrypt(now.model_copy(update={"tokens": tokens}).model_dump_json())
    await desk.store.put(COLLECTION, key, {**document.body, "sealed": sealed})
    desk.clock.pass_(700)


async def test_who_has_no_account_is_told_where_to_connect_one_and_then_calls_with_it(desk: Desk) -> None:
    link = await desk.link("ann")
    async with desk.browser("ann") as browser:
        page = await browser.get(link)
        assert "called mail" in page.text
        left = await browser.submit(page, "/account/connections/connect")
        query = asked(left)
        assert (query["redirect_uri"], query["resource"], query["scope"]) == (
            f"{URL}/oauth/callback", desk.auth.mcp, "mcp",
        )  # fmt: skip
        assert query["code_challenge_method"] == "S256"
        back = await browser.get(await desk.agree(left))
        assert back.response.headers["location"] == "/account/connections"
        page = await browser.follow(back)
        assert page.parsed.actions == ["/account/connections/disconnect"]
        assert "May mcp" in page.text
    assert await desk.headers("ann") == {"authorization": "Bearer token-3"}
    with pytest.raises(ConsentRequired):
        await desk.headers("bob")
    assert [(event.subject, event.asset, event.decision) for event in await desk.events("connection:connect")] == [
        ("user:ann", "mail", "allow")
    ]


async def test_each_person_calls_with_their_own_account(desk: Desk) -> None:
    for user in ("ann", "bob"):
        async with desk.browser(user) as browser:
            await desk.connect(browser)
    assert await desk.headers("ann") != await desk.headers("bob")
    assert len(desk.auth.requests("/register")) == 1


async def test_a_machine_has_no_account_and_the_registry_neither(desk: Desk) -> None:
    for who in (Principal("client:robot"), Principal("token:ci"), SYSTEM, Principal("issuer:corp:ann")):
        with pytest.raises(AccessDenied, match="persons only"):
            await desk.identity.credentials.headers(who, desk.mail)


async def test_no_token_lies_in_the_store_in_the_clear(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        left = await desk.leave(browser)
        verifier_hash = asked(left)["code_challenge"]
        states = str(await desk.kept("connection_states", "backend_clients"))
        assert asked(left)["state"] not in states
        assert verifier_hash not in states
        await browser.get(await desk.agree(left))
    kept = str(await desk.kept("connections", "connection_states", "backend_clients", "credentials"))
    for secret in (await held(desk)).tokens.model_dump().values():
        assert not isinstance(secret, str) or secret in {"Bearer", "mcp"} or secret not in kept


async def test_a_token_that_ended_is_refreshed_without_asking_the_person(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
    first = await desk.headers("ann")
    await age(desk)
    second = await desk.headers("ann")
    assert second != first
    assert desk.auth.requests("/token")[-1]["grant_type"] == "refresh_token"
    assert (await held(desk)).tokens.access_token in second["authorization"]


async def test_a_token_the_backend_refuses_is_replaced_once(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
    used = await desk.headers("ann")
    who, credentials = desk.caller("ann"), desk.identity.credentials
    better = await credentials.renewed(who, desk.mail, used)
    assert better is not None
    assert better != used
    assert await credentials.renewed(who, desk.mail, better) is None


async def test_when_no_refresh_helps_the_person_is_asked_again(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
        used = await desk.headers("ann")
        desk.auth._refresh.clear()
        assert await desk.identity.credentials.renewed(desk.caller("ann"), desk.mail, used) is None
        with pytest.raises(ConsentRequired):
            await desk.headers("ann")
        page = await browser.get("/account/connections")
        await browser.submit(page, "/account/connections/disconnect")
        await desk.connect(browser)
    assert await desk.headers("ann") != used


async def test_an_authorization_server_that_is_down_ends_no_connection(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
    await age(desk)
    desk.auth.refusal = (503, {})
    for _ in range(5):
        with pytest.raises(UpstreamFailed):
            await desk.headers("ann")
    assert len([form for form in desk.auth.requests("/token") if form["grant_type"] == "refresh_token"]) == 1
    desk.auth.refusal = None
    desk.clock.pass_(60)
    assert await desk.headers("ann")


class TestEnd:
    async def test_disconnecting_forgets_and_revokes(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            await desk.connect(browser)
            await desk.headers("ann")
            refresh = (await held(desk)).tokens.refresh_token
            page = await browser.get("/account/connections")
            assert (await browser.submit(page, "/account/connections/disconnect")).status == 303
        assert [form["token"] for form in desk.auth.requests("/revoke")] == [refresh]
        assert await desk.kept("connections") == []
        with pytest.raises(ConsentRequired):
            await desk.headers("ann")
        assert (await desk.events("connection:disconnect"))[0].decision == "allow"

    async def test_it_is_forgotten_here_even_if_nobody_confirms_that(self, desk: Desk) -> None:
        desk.auth.metadata = {"revocation_endpoint": f"{desk.auth.url}/nowhere"}
        async with desk.browser("ann") as browser:
            await desk.connect(browser)
            page = await browser.get("/account/connections")
            page = await browser.submit(page, "/account/connections/disconnect")
        assert "did not confirm" in page.text
        assert await desk.kept("connections") == []

    @pytest.mark.parametrize("how", ["removed", "switched off"])
    async def test_with_a_person_their_connections_end(self, desk: Desk, how: str) -> None:
        for user in ("ann", "bob"):
            async with desk.browser(user) as browser:
                await desk.connect(browser)
        if how == "removed":
            await desk.identity.directory.remove(SYSTEM, "ann")
        else:
            await desk.identity.directory.put(SYSTEM, "ann", active=False)
        assert [each["user"] for each in await desk.kept("connections")] == ["bob"]
        assert len(desk.auth.requests("/revoke")) == 1

    async def test_another_person_of_the_same_name_has_nothing_of_the_earlier_one(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            await desk.connect(browser)
        [left] = await desk.kept("connections")
        await desk.identity.directory.remove(SYSTEM, "ann")
        await desk.store.put(COLLECTION, str(left["id"]), left)  # as a crash right after the removal would have it
        desk.clock.pass_(1)
        await desk.identity.directory.put(SYSTEM, "ann")
        with pytest.raises(ConsentRequired):
            await desk.headers("ann")

    async def test_a_new_password_ends_no_connection(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            await desk.connect(browser)
        await desk.identity.directory.set_password(SYSTEM, "ann", "a quite different passphrase")
        assert await desk.headers("ann")

    @pytest.mark.parametrize("how", ["removed", "replaced"])
    async def test_with_the_credential_all_connections_end(self, desk: Desk, how: str) -> None:
        async with desk.browser("ann") as browser:
            await desk.connect(browser)
            await desk.headers("ann")
        if how == "removed":
            await desk.identity.credentials.remove(SYSTEM, "mail")
            assert await desk.headers("ann") == {}
        else:
            await desk.identity.credentials.put(SYSTEM, "mail", {"kind": "per_user", "scope": "more"})
            with pytest.raises(ConsentRequired):
                await desk.headers("ann")
        assert await desk.kept("connections") == []
        assert len(desk.auth.requests("/revoke")) == 1


class TestClient:
    async def test_a_registered_client_is_used_at_the_server_it_is_registered_with_alone(
        self, auth: OAuthWorld
    ) -> None:
        secret = "s3cret-s3cret"  # a test's
        async with open_desk(auth, client_id="ours", client_secret=secret, scope="read") as desk:
            [fields] = [each.fields for each in await desk.identity.credentials.describe(SYSTEM, "mail")]
            assert fields["issuer"] == auth.url
            assert secret not in str(fields)
            with OAuthWorld() as thief:
                auth.resource = {"authorization_servers": [thief.url]}
                async with desk.browser("ann") as browser:
                    left = await desk.leave(browser)
                    assert left.response.headers["location"].startswith(f"{auth.url}/authorize?")
                    assert (asked(left)["client_id"], asked(left)["scope"]) == ("ours", "read")
                    await browser.get(await desk.agree(left))
                assert thief.seen == []
            assert auth.requests("/token")[0]["authorization"].startswith("Basic ")
            assert await desk.headers("ann")

    async def test_the_client_document_is_used_where_it_is_understood(self, desk: Desk) -> None:
        desk.auth.metadata = {"client_id_metadata_document_supported": True}
        async with desk.browser("ann") as browser:
            left = await desk.leave(browser)
        assert asked(left)["client_id"] == f"{URL}/.well-known/airegistry-client.json"
        assert desk.auth.requests("/register") == []

    async def test_a_client_that_was_forgotten_there_is_registered_anew_next_time(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            left = await desk.leave(browser)
            desk.auth.refusal = (401, {"error": "invalid_client"})
            assert "Nothing was connected" in (await browser.get(await desk.agree(left))).text
            desk.auth.refusal = None
            assert (await desk.connect(browser)).status == 303
        assert len(desk.auth.requests("/register")) == 2

    async def test_a_refresh_token_is_asked_for_where_that_takes_a_scope(self, desk: Desk) -> None:
        desk.auth.metadata = {"scopes_supported": ["mcp", "offline_access"]}
        async with desk.browser("ann") as browser:
            left = await desk.leave(browser)
        assert set(asked(left)["scope"].split()) == {"mcp", "offline_access"}
        assert asked(left)["prompt"] == "consent"
