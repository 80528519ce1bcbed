"""The pages of connected accounts under attack: other people, other browsers, hostile servers."""

import logging
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from airegistry.core.errors import ConsentRequired
from airegistry.core.principals import SYSTEM
from tests.core.wiring import asset
from tests.oauth.browsing import XSS, Browser
from tests.oauth.connections.world import Desk, asked, open_desk
from tests.oauth.issuing import URL
from tests.support.oauth_world import OAuthWorld

pytestmark = pytest.mark.anyio
POST = ("/account/connections/connect", "/account/connections/disconnect")


def changed(url: str, **fields: str | None) -> str:
    """A URL with other parameters, those of None left out."""
    query = {**dict(parse_qsl(urlsplit(url).query)), **fields}
    return f"{urlsplit(url).path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


async def nothing(desk: Desk) -> bool:
    """Whether nobody has connected anything."""
    for user in ("ann", "bob"):
        with pytest.raises(ConsentRequired):
            await desk.headers(user)
    return await desk.kept("connections") == [] and desk.auth.requests("/token") == []


async def test_without_a_session_there_is_nothing_to_see(desk: Desk) -> None:
    link = await desk.link("ann")
    async with desk.browser() as browser:
        for page in (await browser.get("/account/connections"), await browser.get(link)):
            assert page.status == 401
            assert page.parsed.links == ["/login"]
        for path in POST:
            assert (await browser.post(path, {"x": "y"})).status == 401


@pytest.mark.parametrize("path", POST)
async def test_a_form_of_another_page_changes_nothing(desk: Desk, path: str) -> None:
    async with desk.browser("ann") as browser:
        await desk.connect(browser)
        page = await browser.get("/account/connections")
        id_ = page.form("/account/connections/disconnect")["connection"]
        for csrf in ("", "0" * 64, (await browser.get("/account/password")).form("/account/password")["csrf"]):
            fields = {"csrf": csrf, "connection": id_, "backend": "server/mail", "url": desk.mail.url or ""}
            assert (await browser.post(path, fields)).status == 403
    assert await desk.headers("ann")
    assert await desk.kept("connection_states") == []


class TestLink:
    async def test_a_link_is_good_for_the_person_whose_agent_asked_alone(self, desk: Desk) -> None:
        link = await desk.link("ann")
        async with desk.browser("bob") as browser:
            page = await browser.get(link)
        assert page.status == 403
        assert page.parsed.forms == []
        assert await nothing(desk)

    async def test_a_link_that_is_old_or_made_up_is_refused(self, desk: Desk) -> None:
        link = await desk.link("ann")
        other = desk.cipher.encrypt('{"for":"something else"}')
        async with desk.browser("ann") as browser:
            for request in ("", "x", "ü", other, dict(parse_qsl(urlsplit(link).query))["request"][:-4]):
                page = await browser.get(f"/account/connections/connect?{urlencode({'request': request})}")
                assert page.status == 400
            desk.clock.pass_(3601)
            assert (await browser.get(link)).status == 400

    async def test_a_link_does_nothing_until_the_person_says_so(self, desk: Desk) -> None:
        link = await desk.link("ann")
        async with desk.browser("ann") as browser:
            await browser.get(link)
        assert desk.auth.seen == []
        assert await desk.kept("connection_states") == []


class TestReturn:
    async def test_in_another_browser_of_the_same_person_nothing_happens(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser, desk.browser("ann") as other:
            back = await desk.agree(await desk.leave(browser))
            page = await other.get(back)
            assert page.status == 403
            assert await nothing(desk)
            assert (await browser.get(back)).status == 303
        assert await desk.headers("ann")

    async def test_an_attackers_code_is_not_connected_to_whoever_is_made_to_open_it(self, desk: Desk) -> None:
        async with desk.browser("bob") as attacker, desk.browser("ann") as victim:
            back = await desk.agree(await desk.leave(attacker))
            assert (await victim.get(back)).status == 403
            assert await nothing(desk)

    async def test_a_victims_account_is_not_connected_to_the_attacker_who_began(self, desk: Desk) -> None:
        async with desk.browser("bob") as attacker, desk.browser("ann") as victim:
            left = await desk.leave(attacker)
            assert (await victim.get(await desk.agree(left))).status == 403
            assert await nothing(desk)

    async def test_another_person_in_the_same_browser_is_somebody_else(self, desk: Desk) -> None:
        async with desk.browser("bob") as browser:
            back = await desk.agree(await desk.leave(browser))
            await desk.sign_in(browser, "ann")
            assert (await browser.get(back)).status == 403
            assert await nothing(desk)

    async def test_who_signed_out_meanwhile_connects_nothing(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            back = await desk.agree(await desk.leave(browser))
            await browser.submit(await browser.get("/logout"), "/logout")
            assert (await browser.get(back)).status == 403
            assert await nothing(desk)

    async def test_it_is_good_once(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            back = await desk.agree(await desk.leave(browser))
            assert (await browser.get(back)).status == 303
            assert (await browser.get(back)).status == 400
        assert len(desk.auth.requests("/token")) == 1

    async def test_it_is_good_for_ten_minutes(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            back = await desk.agree(await desk.leave(browser))
            desk.clock.pass_(601)
            assert (await browser.get(back)).status == 400
        assert await nothing(desk)
        await desk.identity.accounts.sweep()
        assert await desk.kept("connection_states") == []

    @pytest.mark.parametrize(
        "fields",
        [
            {"state": None}, {"state": "x"}, {"iss": "https://evil.test"}, {"iss": None}, {"code": None},
            {"code": None, "error": "access_denied"},
        ],
    )  # fmt: skip
    async def test_an_answer_that_is_none_or_comes_from_elsewhere_connects_nothing(
        self, desk: Desk, fields: dict[str, str | None]
    ) -> None:
        async with desk.browser("ann") as browser:
            back = await desk.agree(await desk.leave(browser))
            page = await browser.get(changed(back, **fields))
            assert page.status == 400
        assert await nothing(desk)

    @pytest.mark.parametrize("how", ["removed", "replaced"])
    async def test_a_credential_that_changed_meanwhile_is_not_connected_to(self, desk: Desk, how: str) -> None:
        async with desk.browser("ann") as browser:
            back = await desk.agree(await desk.leave(browser))
            if how == "removed":
                await desk.identity.credentials.remove(SYSTEM, "mail")
            else:
                await desk.identity.credentials.put(SYSTEM, "mail", {"kind": "per_user", "client_id": "other"})
            assert (await browser.get(back)).status == 404
        assert desk.auth.requests("/token") == []
        assert await desk.kept("connections") == []


class TestBackends:
    async def test_a_server_one_may_not_see_is_no_server_one_can_connect_to(self, desk: Desk) -> None:
        hidden = asset("server", "secret-plans", url=f"{desk.auth.url}/mcp", groups=["staff"], visibility="group")
        await desk.shelf.create(hidden)
        await desk.identity.credentials.put(SYSTEM, "secret-plans", {"kind": "per_user"})
        async with desk.browser("ann") as browser:
            page = await browser.get("/account/connections")
            assert "secret-plans" not in page.text
            fields = page.form("/account/connections/connect")
            for ref, url in (
                ("server/secret-plans", desk.auth.mcp), ("server/nowhere", desk.auth.mcp),
                ("skill/mail", desk.auth.mcp),
                ("server/mail", f"{desk.auth.url}/other"), ("server/mail", "https://evil.test/"), ("server/mail", "x"),
            ):  # fmt: skip
                answer = await browser.post("/account/connections/connect", {**fields, "backend": ref, "url": url})
                assert answer.status == 404
        assert desk.auth.seen == []

    async def test_names_of_others_are_text(self, desk: Desk) -> None:
        await desk.shelf.create(asset("server", "evil", url=f"{desk.auth.url}/mcp").model_copy(update={"name": XSS}))
        await desk.identity.credentials.put(SYSTEM, "evil", {"kind": "per_user"})
        desk.auth.grants = {"mcp"}
        async with desk.browser("ann") as browser:
            page = await browser.get("/account/connections")
            assert XSS in page.text

    async def test_somebody_elses_connection_is_none(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser, desk.browser("bob") as other:
            await desk.connect(browser)
            await desk.connect(other)
            id_ = (await browser.get("/account/connections")).form("/account/connections/disconnect")["connection"]
            csrf = (await other.get("/account/connections")).form("/account/connections/disconnect")["csrf"]
            page = await other.post("/account/connections/disconnect", {"csrf": csrf, "connection": id_})
            assert page.status == 404
        assert await desk.headers("ann")

    async def test_beginnings_are_limited(self, desk: Desk) -> None:
        async with desk.browser("ann") as browser:
            form = (await browser.get("/account/connections")).form("/account/connections/connect")
            statuses = [(await browser.post("/account/connections/connect", form)).status for _ in range(21)]
        assert statuses == [303] * 20 + [429]


class TestHostile:
    @pytest.mark.parametrize(
        "url",
        ["javascript:alert(1)", "file:///etc/passwd", "http://a$(id)/authorize", "data:text/html,x", "//evil.test/",
         "http://as.test/authorize", "https://user:pw@as.test/", "https://as.test/a b", "https://as.test/\r\nx: y",
         "vbscript:x", "https://as.test/`id`", "https://169.254.169.254/authorize", "ms-settings:x", ""],
    )  # fmt: skip
    @pytest.mark.parametrize("field", ["authorization_endpoint", "token_endpoint", "registration_endpoint"])
    async def test_no_browser_is_sent_and_nothing_is_asked_where_metadata_is_hostile(
        self, desk: Desk, field: str, url: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        desk.auth.metadata = {field: url}
        async with desk.browser("ann") as browser:
            page = await desk.leave(browser)
        if field == "token_endpoint" and "169.254" in url:
            assert page.status == 303  # nothing is asked there yet
        else:
            assert page.status == 502
            assert url not in page.text or not url
        assert desk.auth.requests("/token") == []

    async def test_beyond_loopback_no_browser_is_sent_to_a_port_of_its_own_machine(self, auth: OAuthWorld) -> None:
        async with open_desk(auth, loopback=False) as desk, desk.browser("ann") as browser:
            assert (await desk.leave(browser)).status == 502
            assert auth.seen == []

    async def test_a_server_that_does_not_announce_pkce_is_not_used(self, desk: Desk) -> None:
        desk.auth.metadata = {"code_challenge_methods_supported": ["plain"]}
        async with desk.browser("ann") as browser:
            assert (await desk.leave(browser)).status == 502

    async def test_metadata_about_another_resource_is_not_believed(self, desk: Desk) -> None:
        desk.auth.resource = {"resource": "https://bank.test/mcp"}
        async with desk.browser("ann") as browser:
            assert (await desk.leave(browser)).status == 502

    async def test_nothing_secret_is_logged_on_the_way(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG, logger="airegistry")
        async with desk.browser("ann") as browser:
            left = await desk.leave(browser)
            desk.auth.refusal = (400, {"error": "invalid_grant", "error_description": "code-2 is no good"})
            await browser.get(await desk.agree(left))
            desk.auth.refusal = None
            await desk.connect(browser)
        await desk.headers("ann")
        trail = str(await desk.events("connection:connect"))
        for secret in ("code-2", "token-", "refresh-", asked(left)["state"]):
            assert secret not in caplog.text + trail


async def test_the_account_page_leads_here(desk: Desk) -> None:
    async with desk.browser("ann") as browser:
        assert "/account/connections" in (await browser.get("/account")).parsed.links


async def at_login(browser: Browser) -> int:
    """What the callback says to somebody without anything."""
    return (await browser.get("/oauth/callback")).status


async def test_the_callback_by_itself_says_nothing(desk: Desk) -> None:
    async with desk.browser() as nobody, desk.browser("ann") as ann:
        assert [await at_login(nobody), await at_login(ann)] == [400, 400]
        assert (await ann.get(f"/oauth/callback?state={URL}&state=x")).status == 400
