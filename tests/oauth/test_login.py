"""/login and /logout as a browser sees them."""

import anyio
import pytest

from airegistry.core.principals import SYSTEM
from tests.oauth.browsing import PASSWORD, XSS, Browser, Web, asked, build_web, code_now, request_of
from tests.oauth.issuing import URL

pytestmark = pytest.mark.anyio


async def enrol(web: Web) -> tuple[str, list[str]]:
    """Give ann a second factor: its secret, and the recovery codes."""
    secret = await web.directory.enrol_second_factor("ann", PASSWORD)
    codes = await web.directory.confirm_second_factor("ann", code_now(secret, web))
    web.clock.pass_(60)
    return secret, codes


async def who(browser: Browser) -> str | None:
    """The sign-in name that the account page shows; None when nobody is signed in."""
    page = await browser.get("/account")
    return page.text.partition("Sign-in name ")[2].split()[0] if page.status == 200 else None


async def test_a_login_without_a_request_leads_to_the_account() -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.login()
        assert page.response.headers["location"] == "/account"
        assert await who(browser) == "ann"
        cookies = page.response.headers.get_list("set-cookie")
        assert len(cookies) == 1
        assert all(word in cookies[0] for word in ("__Host-", "Secure", "HttpOnly", "SameSite=lax", "Path=/"))


async def test_a_login_for_a_request_leads_to_its_consent_page() -> None:
    web = await build_web()
    async with web.browser() as browser:
        id_ = request_of(await browser.get("/authorize", **asked()))
        page = await browser.login(request=id_)
        assert page.response.headers["location"] == f"/consent?request={id_}"


@pytest.mark.parametrize("username", ["ann", "nobody", XSS])
async def test_a_wrong_password_is_told_in_the_same_words_and_the_name_is_kept(username: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.login(username, "wrong password")
        assert page.status == 401
        assert "The name, the password or the code is not right." in page.text
        assert page.form("/login")["username"] == username
        assert page.form("/login")["password"] == ""
        assert "wrong password" not in page.response.text
        assert browser.cookie("session") is None
        assert (await browser.submit(page, "/login", username="ann", password=PASSWORD)).status == 303


@pytest.mark.parametrize(("username", "password"), [("", ""), ("ann", ""), ("", PASSWORD), ("  ", PASSWORD)])
async def test_a_form_that_is_not_filled_in_is_no_attempt(username: str, password: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.login(username, password)
        assert page.status == 401
        assert "Enter your name and password." in page.text
        assert await web.events("user:login") == []


async def test_a_name_may_be_typed_with_spaces_around() -> None:
    web = await build_web()
    async with web.browser() as browser:
        assert (await browser.login(" ann ")).status == 303


async def test_the_form_takes_no_address_to_go_to() -> None:
    web = await build_web()
    async with web.browser() as browser:
        names = ("next", "return_to", "redirect_uri", "url", "continue")
        page = await browser.get("/login", **dict.fromkeys(names, "https://evil.test"))
        assert "evil" not in page.response.text
        fields = dict.fromkeys(names, "https://evil.test")
        page = await browser.submit(page, "/login", username="ann", password=PASSWORD, **fields)
        assert page.response.headers["location"] == "/account"


@pytest.mark.parametrize("id_", ["https://evil.test", "//evil.test", XSS, "0" * 44, "../../x"])
async def test_a_request_that_is_not_kept_here_leads_nowhere(id_: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.get("/login", request=id_)
        assert page.status == 400
        assert "start again there" in page.text
        fields = (await browser.get("/login")).form("/login")
        page = await browser.post("/login", {**fields, "request": id_, "username": "ann", "password": PASSWORD})
        assert page.status == 403
        assert browser.cookie("session") is None


async def test_the_login_for_another_browsers_request_is_refused_and_nothing_changes() -> None:
    web = await build_web()
    async with web.browser() as attacker, web.browser() as victim:
        id_ = request_of(await attacker.get("/authorize", **asked()))
        page = await victim.get("/login", request=id_)
        assert page.status == 403
        assert "another browser" in page.text
        stolen = (await attacker.get("/login", request=id_)).form("/login")
        page = await victim.post("/login", {**stolen, "username": "ann", "password": PASSWORD})
        assert page.status == 403
        assert victim.cookie("session") is None
        assert await web.events("user:login") == []
        assert (await attacker.get("/login", request=id_)).status == 200


@pytest.mark.parametrize("csrf", ["", "0" * 64, "ü"])
async def test_a_login_form_of_another_page_is_refused_before_anything_is_tried(csrf: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.login(csrf=csrf)
        assert page.status == 403
        assert await web.events("user:login") == []
        assert browser.cookie("session") is None


async def test_a_login_form_is_good_for_one_request_alone() -> None:
    web = await build_web()
    async with web.browser() as browser:
        first = request_of(await browser.get("/authorize", **asked()))
        second = request_of(await browser.get("/authorize", **asked()))
        fields = (await browser.get("/login", request=first)).form("/login")
        page = await browser.post("/login", {**fields, "request": second, "username": "ann", "password": PASSWORD})
        assert page.status == 403


async def test_a_cookie_that_was_planted_before_the_login_is_not_accepted_after_it() -> None:
    web = await build_web()
    async with web.browser() as attacker, web.browser() as victim:
        await attacker.login("bob")
        planted = attacker.cookie("session") or ""
        victim.plant("session", planted)
        await victim.login("ann")
        assert victim.cookie("session") != planted
        assert await who(victim) == "ann"
        assert await who(attacker) is None
        victim.plant("session", "made-up-by-the-attacker")
        assert await who(victim) is None
        await victim.login("ann")
        attacker.plant("session", "made-up-by-the-attacker")
        assert await who(attacker) is None


async def test_each_login_is_a_new_session_and_ends_the_old_one() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        first = browser.cookie("session")
        await browser.login()
        assert browser.cookie("session") != first
        assert len(await web.sessions.of_user("ann")) == 1


async def test_a_code_is_asked_for_when_the_password_is_right_and_no_page_holds_the_password() -> None:
    web = await build_web()
    secret, _ = await enrol(web)
    async with web.browser() as browser:
        id_ = request_of(await browser.get("/authorize", **asked()))
        page = await browser.login(request=id_)
        assert page.status == 200
        assert "Enter your code" in page.text
        assert PASSWORD not in page.response.text
        assert browser.cookie("session") is None
        wrong = await browser.submit(page, "/login", code="000000")
        assert wrong.status == 401
        assert "not right" in wrong.text
        done = await browser.submit(wrong, "/login", code=code_now(secret, web))
        assert done.response.headers["location"] == f"/consent?request={id_}"
        assert (await web.sessions.of_user("ann"))[0].amr == ["pwd", "otp", "mfa"]
        again = await browser.submit(page, "/login", code=code_now(secret, web))
        assert again.status == 401, "the step is done, and a code counts once"


async def test_a_recovery_code_does_for_a_code_once() -> None:
    web = await build_web()
    _, codes = await enrol(web)
    async with web.browser() as browser:
        assert (await browser.submit(await browser.login(), "/login", code=codes[0])).status == 303
        assert (await browser.submit(await browser.login(), "/login", code=codes[0])).status == 401


async def test_password_and_code_may_come_together() -> None:
    web = await build_web()
    secret, _ = await enrol(web)
    async with web.browser() as browser:
        assert (await browser.login(code=code_now(secret, web))).status == 303


async def test_half_a_login_is_forgotten_after_five_minutes_and_then_all_is_asked_together() -> None:
    web = await build_web()
    secret, _ = await enrol(web)
    async with web.browser() as browser:
        page = await browser.login()
        web.clock.pass_(300)
        page = await browser.submit(page, "/login", code=code_now(secret, web))
        assert page.status == 401
        assert "once more" in page.text
        assert {"username", "password", "code"} <= page.form("/login").keys()
        code = code_now(secret, web)
        assert (await browser.submit(page, "/login", username="ann", password=PASSWORD, code=code)).status == 303


async def test_half_a_login_is_good_in_its_own_browser_alone() -> None:
    web = await build_web()
    secret, _ = await enrol(web)
    async with web.browser() as browser, web.browser() as other:
        step = (await browser.login()).form("/login")["step"]
        page = await other.get("/login")
        page = await other.submit(page, "/login", username="", password="", step=step, code=code_now(secret, web))
        assert page.status == 401
        assert other.cookie("session") is None


async def test_brute_force_is_told_how_long_to_wait_even_with_the_right_password() -> None:
    web = await build_web()
    async with web.browser() as browser:
        for _ in range(5):
            assert (await browser.login(password="wrong password")).status == 401
        page = await browser.login()
        assert page.status == 429
        assert page.response.headers["retry-after"] == "30"
        assert "Wait 30 seconds" in page.text
        assert page.form("/login")["username"] == "ann"
        web.clock.pass_(30)
        assert (await browser.login()).status == 303


async def test_codes_cannot_be_guessed_either() -> None:
    web = await build_web()
    secret, _ = await enrol(web)
    async with web.browser() as browser:
        page = await browser.login()
        for code in range(10):
            last = await browser.submit(page, "/login", code=f"{code:06}")
        assert last.status == 429
        assert (await browser.submit(page, "/login", code=code_now(secret, web))).status == 429


async def test_providers_come_before_the_form_and_keep_the_request() -> None:
    web = await build_web()
    web.providers.listed.append(("odd/name", "Odd"))
    async with web.browser() as browser:
        page = await browser.get("/login")
        assert page.parsed.links == ["/login/corp", "/login/hub", "/login/odd%2Fname"]
        assert f"Continue with {XSS}" in page.text
        id_ = request_of(await browser.get("/authorize", **asked()))
        page = await browser.get("/login", request=id_)
        assert page.parsed.links[0] == f"/login/corp?request={id_}"
        assert page.response.text.index("Corp ID") < page.response.text.index("<form")
        web.providers.listed.clear()
        assert (await browser.get("/login")).parsed.links == []


async def test_logout_asks_first_and_then_ends_the_session() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        cookie = browser.cookie("session") or ""
        page = await browser.get("/logout")
        assert await who(browser) == "ann"
        page = await browser.submit(page, "/logout")
        assert page.status == 200
        assert "You are signed out" in page.text
        assert browser.cookie("session") is None
        browser.plant("session", cookie)
        assert await who(browser) is None
        assert [event.asset for event in await web.events("user:logout")] == ["ann"]
        assert "You are signed out" in (await browser.get("/logout")).text
        assert "You are signed out" in (await browser.post("/logout", {"csrf": ""})).text


@pytest.mark.parametrize("csrf", ["", "0" * 64])
async def test_nobody_is_signed_out_by_another_page(csrf: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        assert (await browser.post("/logout", {"csrf": csrf})).status == 403
        assert await who(browser) == "ann"


async def test_logout_goes_on_to_the_provider_and_does_without_one_that_is_down() -> None:
    web = await build_web()
    user = await web.directory.provision("corp", "7", name=XSS, groups=[])
    async with web.browser() as browser:
        for down in (False, True):
            web.providers.down = down
            cookie, _ = await web.sessions.open(user, ["pwd"], provider="corp", provider_sub="7", id_token="t")
            browser.plant("session", cookie)
            page = await browser.submit(await browser.get("/logout"), "/logout")
            assert page.response.headers.get("location") == (None if down else "https://corp.test/logout?hint=t")
            assert await web.sessions.of_user(user.id) == []
    assert web.providers.logouts == [("corp:7", f"{URL}/logout")]


async def test_a_user_who_is_switched_off_is_signed_out_at_once() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login("bob")
        await web.directory.put(SYSTEM, "bob", active=False)
        assert await who(browser) is None
        assert (await browser.login("bob")).status == 401


async def test_many_browsers_sign_in_at_once_and_each_is_its_own_person() -> None:
    web = await build_web()
    seen: list[str | None] = []

    async def visit(number: int) -> None:
        async with web.browser(f"192.0.2.{number}") as browser:
            await browser.login("ann" if number % 2 else "bob")
            seen.append(await who(browser))

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(visit, number)
    assert sorted(map(str, seen)) == ["ann"] * 4 + ["bob"] * 4


async def test_behind_a_path_all_links_keep_it() -> None:
    web = await build_web(url=f"{URL}/registry")
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(resource=f"{URL}/registry/mcp"))
        assert page.response.headers["location"].startswith("/registry/login?request=")
        page = await browser.get("/login")
        assert page.parsed.actions == ["/registry/login"]
        assert page.parsed.links[0] == "/registry/login/corp"
