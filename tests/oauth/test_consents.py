"""What persons allowed: remembered for as much and no more, and taken back."""

import pytest

from airegistry.core.grants import Scope
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.clients import ClientChange
from airegistry.oauth.login.consents import origin_of
from tests.oauth.browsing import DOCUMENT, LOOPBACK, allow, answer, build_web, consent, document
from tests.oauth.issuing import REDIRECT, RESOURCE, URL

pytestmark = pytest.mark.anyio


async def test_a_consent_is_remembered_for_the_same_or_less() -> None:
    web = await build_web()
    web.put_policy(Scope(name="deploy"), administrators=["all", "deploy"])
    async with web.browser() as browser:
        await browser.login()
        await allow(browser, scope="mcp deploy")
        for scope in ("mcp", "deploy", "deploy mcp", None):
            assert "code" in answer(await consent(browser, scope=scope))
        assert len(await web.events("consent:grant")) == 1


@pytest.mark.parametrize(
    "changes", [{"scope": "mcp mcp:admin"}, {"resource": f"{URL}/mcp"}, {"client_id": "other"}, {"prompt": "consent"}]
)
async def test_for_anything_else_the_person_is_asked_again(changes: dict[str, str | None]) -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "other", ClientChange(redirect_uris=[REDIRECT]))
    async with web.browser() as browser, web.browser() as others:
        await browser.login()
        await allow(browser)
        await allow(browser, **changes)
        await others.login("bob")
        await allow(others)


async def test_for_administration_the_person_is_asked_each_time() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        for _ in range(2):
            await allow(browser, scope="mcp mcp:admin")


async def test_scopes_add_up_over_several_consents() -> None:
    web = await build_web()
    web.put_policy(Scope(name="deploy"), administrators=["all", "deploy"])
    async with web.browser() as browser:
        await browser.login()
        await allow(browser, scope="deploy")
        await allow(browser, scope="mcp")
        assert "code" in answer(await consent(browser, scope="mcp deploy"))
        assert [sorted(each.scopes) for each in await web.consents.of_user("ann")] == [["deploy", "mcp"]]


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("https://app.test/a?b", "https://app.test"),
        ("https://app.test:8443/a", "https://app.test:8443"),
        ("http://127.0.0.1:1234/a", "http://127.0.0.1"),
        ("http://127.0.0.1/b", "http://127.0.0.1"),
        ("cursor://host/a", "cursor://host"),
        ("com.example.app:/a", "com.example.app://"),
    ],
)
def test_consents_go_by_the_origin_of_the_redirect_uri_without_ports_on_loopback(uri: str, origin: str) -> None:
    assert origin_of(uri) == origin


async def test_a_document_client_on_this_computer_is_asked_about_each_time() -> None:
    web = await build_web()
    web.documents.clients[DOCUMENT] = document()
    async with web.browser() as browser:
        await browser.login()
        for port in (1, 2):
            there = LOOPBACK.replace("/callback", f":{port}/callback")
            await allow(browser, client_id=DOCUMENT, redirect_uri=there)
        web.documents.clients[DOCUMENT] = document(REDIRECT)
        await allow(browser, client_id=DOCUMENT)
        assert "code" in answer(await consent(browser, client_id=DOCUMENT))


async def test_a_revoked_consent_is_asked_for_again_and_all_tokens_of_the_client_end() -> None:
    web = await build_web()
    await web.clients.put(SYSTEM, "other", ClientChange(redirect_uris=[REDIRECT]))
    async with web.browser() as browser:
        await browser.login()
        kept = await web.redeem((await allow(browser, client_id="other"))["code"], "other")
        for resource in (RESOURCE, f"{URL}/mcp"):
            await web.redeem((await allow(browser, resource=resource))["code"])
        await web.consents.revoke("ann", "app")
        assert [each.id for each in await web.authorizations.of_user("ann")] == [kept.id]
        assert [each.client_id for each in await web.consents.of_user("ann")] == ["other"]
        assert [(event.asset, event.outcome) for event in await web.events("consent:revoke")] == [("app", "ok")]
        await allow(browser)


async def test_nothing_is_remembered_of_a_person_or_client_that_is_forgotten() -> None:
    web = await build_web()
    async with web.browser() as ann, web.browser() as bob:
        await ann.login("ann")
        await bob.login("bob")
        await allow(ann)
        await allow(bob)
        await web.consents.forget()
        assert "code" in answer(await consent(ann))
        await web.consents.forget(user="ann")
        assert "code" in answer(await consent(bob))
        await allow(ann)
        await web.consents.forget(client_id="app")
        await allow(bob)


async def test_consents_hold_over_a_new_session() -> None:
    web = await build_web()
    async with web.browser() as browser:
        await browser.login()
        await allow(browser)
    async with web.browser() as browser:
        await browser.login()
        assert "code" in answer(await consent(browser))
