"""/account: what a person sees of their account, and what they may change."""

import re

import pytest

from airegistry.core.principals import SYSTEM
from tests.oauth.browsing import (
    DOCUMENT,
    LOOPBACK,
    PASSWORD,
    XSS,
    Browser,
    Page,
    Web,
    answer,
    asked,
    build_web,
    code_now,
    document,
)

pytestmark = pytest.mark.anyio
NEW = "a quite different passphrase"
GET = ("/account", "/account/password", "/account/second-factor")
POST = (
    "/account/applications", "/account/sessions", "/account/password", "/account/second-factor",
    "/account/second-factor/confirm", "/account/second-factor/off",
)  # fmt: skip


async def allowed(web: Web, browser: Browser, client_id: str = "app", **changes: str) -> str:
    """Let a client in; the id of its authorization."""
    page = await browser.follow(await browser.get("/authorize", **asked(client_id=client_id, **changes)))
    page = await browser.submit(page, "/consent", decision="allow")
    return (await web.redeem(answer(page)["code"], client_id)).id


async def second_factor(web: Web, browser: Browser) -> tuple[str, list[str]]:
    """Set up a second factor by the pages: its secret, and the recovery codes."""
    page = await browser.get("/account/second-factor")
    page = await browser.submit(page, "/account/second-factor", password=PASSWORD)
    secret = page.text.partition("into the app: ")[2].split()[0]
    page = await browser.submit(page, "/account/second-factor/confirm", code=code_now(secret, web))
    assert page.status == 200
    return secret, re.findall(r"\b[A-Z2-7]{4}(?:-[A-Z2-7]{4}){3}\b", page.text)


async def test_without_a_session_every_page_is_401_and_leads_to_the_login() -> None:
    web = await build_web()
    async with web.browser() as browser:
        for page in [await browser.get(path) for path in GET] + [await browser.post(path, {"x": "y"}) for path in POST]:
            assert page.status == 401
            assert "location" not in page.response.headers
            assert page.parsed.links == ["/login"]


@pytest.mark.parametrize("csrf", ["", "0" * 64])
@pytest.mark.parametrize("path", POST)
async def test_no_form_of_another_page_changes_anything(path: str, csrf: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        await allowed(web, browser)
        other = (await web.sessions.of_user("ann"))[0]
        fields = {"csrf": csrf, "client_id": "app", "session": other.id, "password": PASSWORD, "new_password": NEW,
                  "new_password_again": NEW, "code": "123456"}  # fmt: skip
        assert (await browser.post(path, fields)).status == 403
        assert (await browser.login()).status == 303
        assert len(await web.consents.of_user("ann")) == 1
        assert await web.events("user:password") + await web.events("user:second_factor") == []


async def test_a_form_does_for_its_own_act_alone() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        await allowed(web, browser)
        csrf = (await browser.get("/account/password")).form("/account/password")["csrf"]
        assert (await browser.post("/account/applications", {"csrf": csrf, "client_id": "app"})).status == 403


async def test_the_page_says_who_is_signed_in_and_how() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        text = (await browser.get("/account")).text
        for words in ("Name Ann", "Sign-in name ann", "E-mail ann@example.test", "Groups administrators",
                      "Signed in 20 Nov 2026, 12:00 UTC, by password", "Second factor: off",
                      "You have not allowed any.", "Nowhere but in this browser."):  # fmt: skip
            assert words in text


async def test_a_providers_user_is_shown_as_text_and_changes_nothing_of_the_providers_here() -> None:
    web = await build_web()
    user = await web.directory.provision("corp", "7", name=XSS, email=XSS, groups=[XSS, "staff"])
    async with web.browser() as browser:
        cookie, _ = await web.sessions.open(user, ["pwd"], provider="corp")
        browser.plant("session", cookie)
        page = await browser.get("/account")
        assert page.text.count(XSS) == 3
        assert "You sign in through corp." in page.text
        assert (await browser.get("/account/password")).status == 404
        assert (await browser.get("/account/second-factor")).status == 404


async def test_an_application_is_shown_once_and_its_access_can_be_removed() -> None:
    web = await build_web()
    web.documents.clients[DOCUMENT] = document(LOOPBACK, client_name=XSS)
    async with web.browser() as browser:
        await browser.login()
        await allowed(web, browser)
        await allowed(web, browser, resource="https://registry.test/mcp", scope="mcp:admin")
        page = await browser.follow(await browser.get("/authorize", **asked(client_id=DOCUMENT, redirect_uri=LOOPBACK)))
        await browser.submit(page, "/consent", decision="allow")
        page = await browser.get("/account")
        assert page.parsed.actions == ["/account/applications"] * 2
        assert XSS in page.text
        assert "The App app May use mcp, mcp:admin At https://registry.test/mcp, https://registry.test/w" in page.text
        assert "Last used 20 Nov 2026, 12:00 UTC" in page.text
        done = await browser.submit(page, "/account/applications", client_id="app")
        assert done.response.headers["location"] == "/account"
        assert await web.authorizations.of_user("ann") == []
        assert [each.client_id for each in await web.consents.of_user("ann")] == [DOCUMENT]
        assert "The App" not in (await browser.get("/account")).text


async def test_nobody_touches_what_is_anothers() -> None:
    web = await build_web()
    async with web.browser() as ann, web.browser() as ann_elsewhere, web.browser() as bob:
        await ann.login("ann")
        await ann_elsewhere.login("ann")
        await bob.login("bob")
        kept = await allowed(web, bob)
        await allowed(web, ann)
        of_bob = (await web.sessions.of_user("bob"))[0].id
        page = await ann.get("/account")
        await ann.submit(page, "/account/sessions", session=of_bob)
        await ann.submit(page, "/account/applications", client_id="app")
        assert [each.id for each in await web.authorizations.of_user("bob")] == [kept]
        assert (await bob.get("/account")).status == 200


async def test_a_session_elsewhere_can_be_ended() -> None:
    web = await build_web()
    async with web.browser() as here, web.browser() as elsewhere:
        await here.login()
        await elsewhere.login()
        page = await here.get("/account")
        assert page.parsed.actions == ["/account/sessions"]
        await here.submit(page, "/account/sessions")
        assert (await elsewhere.get("/account")).status == 401
        assert (await here.get("/account")).status == 200


async def test_a_new_password_ends_all_other_sessions_and_keeps_this_browser_signed_in() -> None:
    web = await build_web()
    async with web.browser() as here, web.browser() as elsewhere:
        await here.login()
        await elsewhere.login()
        page = await here.get("/account/password")
        before = here.cookie("session")
        done = await here.submit(page, "/account/password", password=PASSWORD, new_password=NEW, new_password_again=NEW)
        assert done.response.headers["location"] == "/account"
        assert here.cookie("session") != before
        assert (await here.get("/account")).status == 200
        assert (await elsewhere.get("/account")).status == 401
        assert (await elsewhere.login(password=PASSWORD)).status == 401
        assert (await elsewhere.login(password=NEW)).status == 303


async def change(browser: Browser, old: str, new: str, again: str | None = None) -> Page:
    page = await browser.get("/account/password")
    fields = {"password": old, "new_password": new, "new_password_again": new if again is None else again}
    return await browser.submit(page, "/account/password", **fields)


async def test_a_password_that_will_not_do_is_told_why() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        for old, new, again, status, words in [
            ("wrong password", NEW, NEW, 401, "That is not right."),
            (PASSWORD, NEW, NEW + "x", 400, "The two new passwords are not the same."),
            (PASSWORD, "short", "short", 400, "Nothing was changed."),
            (PASSWORD, "password1", "password1", 400, "Nothing was changed."),
        ]:
            page = await change(browser, old, new, again)
            assert page.status == status
            assert words in page.text
            assert NEW not in page.response.text
        assert (await browser.login()).status == 303


async def test_the_old_password_cannot_be_guessed_on_the_page() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        for _ in range(5):
            assert (await change(browser, "wrong password", NEW)).status == 401
        page = await change(browser, PASSWORD, NEW)
        assert page.status == 429
        assert page.response.headers["retry-after"] == "30"


async def test_a_second_factor_is_set_up_with_a_qr_code_and_recovery_codes() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await browser.get("/account/second-factor")
        page = await browser.submit(page, "/account/second-factor", password=PASSWORD)
        assert "svg" in page.parsed.tags
        assert "Second factor: off" in (await browser.get("/account")).text
        wrong = await browser.submit(page, "/account/second-factor/confirm", code="000000")
        assert wrong.status == 401
        secret, codes = await second_factor(web, browser)
        assert len(set(codes)) == 10
        assert "Second factor: on" in (await browser.get("/account")).text
        web.clock.pass_(60)
        page = await browser.login()
        assert (await browser.submit(page, "/login", code=code_now(secret, web))).status == 303
        assert "by password and code" in (await browser.get("/account")).text


async def test_setting_up_a_second_factor_takes_the_password() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await browser.get("/account/second-factor")
        page = await browser.submit(page, "/account/second-factor", password="wrong password")
        assert page.status == 401
        assert "svg" not in page.parsed.tags
        fields = {"csrf": page.form("/account/second-factor")["csrf"]}
        assert (await browser.post("/account/second-factor/confirm", fields)).status == 403


async def test_a_second_factor_is_turned_off_by_password_and_code_together() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        enrolling = await browser.get("/account/second-factor")
        _, codes = await second_factor(web, browser)
        again = await browser.submit(enrolling, "/account/second-factor", password=PASSWORD)
        assert again.response.headers["location"] == "/account/second-factor"
        page = await browser.get("/account/second-factor")
        for password, code in [("wrong password", codes[0]), (PASSWORD, "000000"), (PASSWORD, "")]:
            refused = await browser.submit(page, "/account/second-factor/off", password=password, code=code)
            assert refused.status == 401
        assert "Second factor: on" in (await browser.get("/account")).text
        done = await browser.submit(page, "/account/second-factor/off", password=PASSWORD, code=codes[1])
        assert done.response.headers["location"] == "/account"
        assert "Second factor: off" in (await browser.get("/account")).text


async def test_a_confirmation_of_nothing_leads_to_the_beginning() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await browser.get("/account/second-factor")
        page = await browser.submit(page, "/account/second-factor", password=PASSWORD)
        await web.directory.reset_second_factor(SYSTEM, "ann")
        page = await browser.submit(page, "/account/second-factor/confirm", code="123456")
        assert page.response.headers["location"] == "/account/second-factor"


async def test_an_account_that_is_removed_is_no_longer_signed_in() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login("bob")
        await web.directory.remove(SYSTEM, "bob")
        assert (await browser.get("/account")).status == 401
