"""/consent: what the person is asked, what is remembered, and what the client is told."""

import pytest

from airegistry.core.grants import Scope
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.clients import ClientChange
from airegistry.oauth.forms import OAuthError
from airegistry.oauth.model import Client
from tests.core.wiring import NOON
from tests.oauth.browsing import (
    ALLOW,
    DENY,
    DOCUMENT,
    LOOPBACK,
    PASSWORD,
    XSS,
    allow,
    answer,
    asked,
    build_web,
    consent,
    document,
    request_of,
)  # fmt: skip
from tests.oauth.issuing import REDIRECT, RESOURCE

pytestmark = pytest.mark.anyio


async def test_from_the_request_by_the_login_and_the_consent_to_a_code() -> None:
    web = await build_web()
    async with web.browser() as browser:
        page = await browser.get("/authorize", **asked(scope="mcp offline_access"))
        page = await browser.follow(await browser.login(request=request_of(page)))
        told = answer(await browser.submit(page, "/consent", **ALLOW))
        assert told.keys() == {"code"}
        authorization = await web.redeem(told["code"])
        session = (await web.sessions.of_user("ann"))[0]
        assert authorization.subject == "user:ann"
        assert authorization.scopes == ["mcp", "offline_access"]
        assert authorization.resource == RESOURCE
        assert authorization.session == session.id
        assert [(event.subject, event.client, event.asset) for event in await web.events("consent:grant")] == [
            ("user:ann", "app", "app")
        ]


async def test_the_page_says_who_asks_for_what_and_where_the_answer_goes() -> None:
    web = await build_web()
    web.put_policy(Scope(name="deploy", description="Roll out services."), administrators=["all", "deploy"])
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser, scope="mcp mcp:admin offline_access deploy unheld")
        for words in (
            "Allow The App to use this registry?",
            "You are signed in as ann",
            "Use this registry as you",
            "Administration. Administer this registry as you",
            "Stay connected",
            "What the scope deploy allows: Roll out services.",
            f"Access to {RESOURCE}",
            "Sends you to app.test",
            "Set up by an administrator",
        ):
            assert words in page.text
        assert "unheld" not in page.text
        assert "Any program on this computer" not in page.text
        assert page.parsed.links[0].startswith("/login?request=")


@pytest.mark.parametrize(
    ("client_id", "redirect_uri", "words", "warned"),
    [
        ("app", "http://127.0.0.1:8123/cb", "A program on this computer (127.0.0.1:8123)", False),
        ("dyn", "http://localhost:8123/cb", "Nobody has checked its name.", True),
        ("dyn", "cursor://auth/cb", "An app on this device that opens cursor: links", True),
        ("dyn", "https://app.test/cb", "app.test", False),
        (DOCUMENT, "http://[::1]:9/cb", "Described by a page at tool.test.", True),
    ],
)
async def test_who_may_be_somebody_else_is_warned_of(
    client_id: str, redirect_uri: str, words: str, warned: bool
) -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "app", ClientChange(redirect_uris=[redirect_uri]))
    web.documents.clients[DOCUMENT] = document(redirect_uri)
    if client_id == "dyn":
        client, _ = await web.clients.register(
            {"redirect_uris": [redirect_uri], "token_endpoint_auth_method": "none"}, source="192.0.2.1"
        )
        client_id = client.client_id
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser, client_id=client_id, redirect_uri=redirect_uri)
        assert words in page.text
        assert ("Any program on this computer" in page.text) == warned


async def test_the_page_lets_its_form_end_at_the_clients_address() -> None:
    """The guide's trap 11: browsers hold `form-action` against the redirect to the client, so there is none."""
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        policy = page.response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "form-action" not in policy
        assert (await browser.submit(page, "/consent", **ALLOW)).response.headers["location"].startswith(REDIRECT)


async def test_a_refusal_is_told_to_the_client_and_ends_the_request() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        told = answer(await browser.submit(page, "/consent", **DENY))
        assert told["error"] == "access_denied"
        assert (await browser.submit(page, "/consent", **ALLOW)).status == 400
        assert await web.consents.of_user("ann") == []
        assert [event.outcome for event in await web.events("consent:deny")] == ["ok"]
        assert await web.events("consent:grant") == []


async def test_one_request_is_answered_once() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        assert "code" in answer(await browser.submit(page, "/consent", **ALLOW))
        page = await browser.submit(page, "/consent", **ALLOW)
        assert page.status == 400
        assert "start again there" in page.text


async def test_consent_from_another_browser_is_refused_and_nothing_changes() -> None:
    web = await build_web()
    async with web.browser() as attacker, web.browser() as victim:
        await victim.login("ann")
        await attacker.login("bob")
        id_ = request_of(await attacker.get("/authorize", **asked()))
        page = await victim.get("/consent", request=id_)
        assert page.status == 403
        assert "Nothing has been allowed" in page.text
        fields = (await attacker.get("/consent", request=id_)).form("/consent")
        for cookies in (victim.cookie("browser"), None):
            assert (await victim.post("/consent", {**fields, **ALLOW})).status == 403, cookies
            victim.http.cookies.delete("__Host-airegistry-browser")
        assert await web.consents.of_user("ann") == []
        assert await web.events("consent:grant") == []
        assert "code" in answer(await attacker.post("/consent", {**fields, **ALLOW}))


@pytest.mark.parametrize("csrf", ["", "0" * 64])
@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_a_form_that_was_not_given_to_this_session_answers_nothing(csrf: str, decision: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        refused = await browser.submit(page, "/consent", csrf=csrf, decision=decision)
        assert refused.status == 403
        assert await web.requests() == 1
        assert await web.events("consent:grant") + await web.events("consent:deny") == []


async def test_a_form_of_the_former_session_is_not_good_for_the_next_one() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login("bob")
        page = await consent(browser)
        await browser.login("ann")
        assert (await browser.submit(page, "/consent", **ALLOW)).status == 403


async def test_a_form_without_a_decision_answers_nothing() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        for fields in ({}, {"decision": "perhaps"}):
            assert (await browser.submit(page, "/consent", **fields)).status == 400
        assert "code" in answer(await browser.submit(page, "/consent", **ALLOW))


async def test_whoever_is_signed_out_signs_in_first() -> None:
    web = await build_web()
    async with web.browser() as browser:
        id_ = request_of(await browser.get("/authorize", **asked()))
        page = await browser.get("/consent", request=id_)
        assert page.response.headers["location"] == f"/login?request={id_}"
        page = await browser.post("/consent", {"request": id_, **ALLOW})
        assert page.response.headers["location"] == f"/login?request={id_}"
        assert await web.requests() == 1


@pytest.mark.parametrize("id_", ["", "nothing", XSS])
async def test_a_request_that_is_not_kept_is_no_question(id_: str) -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        assert (await browser.get("/consent", request=id_)).status == 400
        assert (await browser.post("/consent", {"request": id_, **ALLOW})).status == 400


async def test_what_the_person_cannot_give_is_not_granted() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login("bob")
        told = await allow(browser, scope="mcp mcp:admin all")
        assert (await web.redeem(told["code"])).scopes == ["mcp"]
        told = answer(await consent(browser, scope="mcp:admin all nonsense"))
        assert told["error"] == "invalid_scope"


async def test_only_what_was_read_is_granted_should_the_person_come_to_hold_more_before_the_click() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login("bob")
        page = await consent(browser, scope="mcp mcp:admin")
        await web.directory.put(SYSTEM, "bob", groups=["administrators"])
        assert (await browser.submit(page, "/consent", **ALLOW)).status == 403
        page = await browser.get("/consent", request=page.form("/consent")["request"])
        assert "Administration." in page.text
        await web.directory.put(SYSTEM, "bob", groups=["staff"])
        assert (await browser.submit(page, "/consent", **ALLOW)).status == 403
        assert await web.consents.of_user("bob") == []


async def test_prompt_none_gets_a_code_only_where_nobody_needs_to_be_asked() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        assert answer(await consent(browser, prompt="none"))["error"] == "consent_required"
        await allow(browser)
        assert "code" in answer(await consent(browser, prompt="none"))
        page = await browser.get("/authorize", **asked(prompt="none"))
        await web.sessions.end_user("ann")
        assert answer(await browser.follow(page))["error"] == "login_required"
        assert await web.requests() == 0


async def test_prompt_login_is_not_satisfied_by_a_session_from_before() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        await allow(browser)
        web.clock.pass_(1)
        id_ = request_of(await browser.get("/authorize", **asked(prompt="login")))
        page = await browser.get("/consent", request=id_)
        assert page.response.headers["location"] == f"/login?request={id_}"
        web.clock.pass_(1)
        assert "code" in answer(await browser.follow(await browser.login(request=id_)))


async def test_a_client_that_is_gone_or_moved_meanwhile_gets_no_answer() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser)
        await web.clients.put(SYSTEM, "app", ClientChange(redirect_uris=["https://app.test/moved"]))
        for decision in (ALLOW, DENY):
            assert (await browser.submit(page, "/consent", **decision)).status == 400
        await web.clients.remove(SYSTEM, "app")
        assert (await browser.submit(page, "/consent", **ALLOW)).status == 400
        web.documents.clients[DOCUMENT] = document()
        page = await consent(browser, client_id=DOCUMENT, redirect_uri=LOOPBACK)
        web.documents.clients.clear()
        with pytest.raises(OAuthError):
            await web.clients.find(DOCUMENT)
        page = await browser.submit(page, "/consent", **ALLOW)
        assert page.status == 400
        assert "the document is refused" in page.text
        assert await web.consents.of_user("ann") == []


TURNED = "\N{RIGHT-TO-LEFT OVERRIDE}ekaf\N{ZERO WIDTH SPACE}"


@pytest.mark.parametrize("name", [XSS, "$csrf ${account}", TURNED, "x" * 500, "<!--", "</main></body>"])
async def test_what_clients_and_policy_say_is_shown_as_text_and_no_more(name: str) -> None:
    web = await build_web()
    web.put_policy(Scope(name="deploy", description=name), administrators=["all", "deploy"])
    web.documents.clients[DOCUMENT] = Client(
        client_id=DOCUMENT, origin="document", redirect_uris=[LOOPBACK], client_name=name,
        client_uri=f"javascript:alert(1)//{name}", logo_uri="https://tool.test/logo.png", created_at=NOON,
    )  # fmt: skip
    async with web.browser() as browser:
        await browser.login()
        page = await consent(browser, client_id=DOCUMENT, redirect_uri=LOOPBACK, state=name, scope="deploy")
        assert page.status == 200
        assert name in page.text or name in (TURNED, "x" * 500)
        assert not set(TURNED[:1] + TURNED[-1:]) & set(page.response.text)
        assert "x" * 301 not in page.text
        assert PASSWORD not in page.response.text
