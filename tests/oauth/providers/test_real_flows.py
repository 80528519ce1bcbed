"""npm `oidc-provider`, whatever its shape: logout both ways, a provider that is down, new keys, algorithms, secrets."""

from typing import Any

import pytest

from airegistry.core.principals import SYSTEM
from tests.oauth.providers.op import SECRET, Op, person
from tests.oauth.providers.world import World

pytestmark = [pytest.mark.anyio, pytest.mark.node]

PEOPLE = {name: person({"groups": ["devs"], "name": name.title()}) for name in ("alice", "bob")}


async def ready(registry: World, op: Op, **client: Any) -> None:
    """A generic provider, started and known."""
    issuer = op.add("corp", "/corp", PEOPLE, **client)
    op.start()
    await registry.put("corp", issuer)


class TestLogout:
    async def test_the_provider_ends_its_session_too_and_sends_the_browser_back(self, registry: World, op: Op) -> None:
        await ready(registry, op)
        browser = registry.browser()
        session = await registry.login("corp", browser=browser)
        assert "name=" not in (await browser.walk(await browser.get(f"{registry.url}/login/corp"), sign_in=False)).text
        url = await registry.party.logout_url(session, f"{registry.url}/")
        assert url is not None
        assert "id_token_hint=" in url
        assert str((await browser.walk(await browser.get(url))).url) == f"{registry.url}/"
        asked = await browser.walk(await browser.get(f"{registry.url}/login/corp"), sign_in=False)
        assert 'name="login"' in asked.text

    async def test_whoever_signs_out_at_the_provider_loses_that_session_here_and_no_other(
        self, registry: World, op: Op
    ) -> None:
        await ready(registry, op)
        laptop, phone = registry.browser(), registry.browser()
        left = await registry.login("corp", browser=laptop)
        kept = await registry.login("corp", browser=phone)
        others = await registry.login("corp", "bob")
        await laptop.walk(await laptop.get(f"{op.origin}/corp/session/end"))
        assert await laptop.session() is None
        assert [session.id for session in registry.ended] == [left.id]
        assert await phone.session() == kept
        assert len(await registry.sessions.of_user(others.user)) == 1

    async def test_a_provider_that_is_down_stops_no_logout_here(self, registry: World, op: Op) -> None:
        await ready(registry, op)
        session = await registry.login("corp")
        op.stop()
        registry.clock.pass_(26 * 3600)
        assert await registry.party.logout_url(session, registry.url) is None


class TestDown:
    async def test_a_provider_that_is_down_and_comes_back_stops_nobody_else(self, registry: World, op: Op) -> None:
        issuer = op.add("corp", "/corp", PEOPLE)
        await registry.put("corp", issuer)
        page = await registry.browser().login("corp")
        assert (page.status_code, "cannot be reached now" in page.text) == (502, True)
        assert registry.party.choices() == [("corp", "OpenID Connect")]
        op.start()
        registry.clock.pass_(10)
        await registry.login("corp")

    async def test_one_that_goes_down_in_the_middle_signs_nobody_in(self, registry: World, op: Op) -> None:
        await ready(registry, op)
        browser = registry.browser()
        state = (await browser.start("corp"))["state"]
        op.stop()
        page = await browser.callback("corp", state=state, code="c", iss=f"{op.origin}/corp")
        assert (page.status_code, await browser.session()) == (502, None)
        [refusal] = await registry.logins()
        assert (refusal.decision, refusal.asset) == ("deny", "corp")


class TestRotation:
    async def test_new_keys_of_the_provider_are_fetched_when_a_token_names_one(self, registry: World, op: Op) -> None:
        await ready(registry, op)
        await registry.login("corp")
        op.rotate()
        registry.clock.pass_(30)
        await registry.login("corp")

    async def test_they_are_not_asked_for_more_often_than_every_half_minute(self, registry: World, op: Op) -> None:
        await ready(registry, op)
        await registry.login("corp")
        op.rotate()
        assert (await registry.browser().login("corp")).status_code == 400


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_every_algorithm_of_the_provider_signs_in(registry: World, op: Op, algorithm: str) -> None:
    await ready(registry, op, id_token_signed_response_alg=algorithm)
    await registry.login("corp")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post", "none"])
async def test_the_registry_proves_itself_as_the_provider_wants(registry: World, op: Op, method: str) -> None:
    issuer = op.add("corp", "/corp", PEOPLE, token_endpoint_auth_method=method)
    op.start()
    secret = "" if method == "none" else SECRET
    await registry.put("corp", issuer, token_endpoint_auth_method=method, secret=secret)
    await registry.login("corp")


async def test_a_wrong_secret_signs_nobody_in(registry: World, op: Op) -> None:
    await ready(registry, op)
    await registry.put("corp", f"{op.origin}/corp", secret="wrong")
    assert (await registry.browser().login("corp")).status_code == 502


async def test_the_registry_is_told_who_refused(registry: World, op: Op) -> None:
    await ready(registry, op)
    browser = registry.browser()
    await browser.get(f"{registry.url}/login/corp")
    page = await browser.walk(await browser.get(f"{registry.url}/login/corp"), sign_in=False)
    page = await browser.walk(await browser.get(f"{page.url!s}/abort"))
    assert (page.status_code, "access_denied" in page.text) == (400, True)


async def test_groups_of_the_next_login_replace_those_of_the_last(registry: World, op: Op) -> None:
    await ready(registry, op)
    await registry.login("corp")
    await registry.put("corp", f"{op.origin}/corp", group_map={"devs": "developers"})
    await registry.login("corp")
    user = registry.directory.known("corp:alice")
    assert user is not None
    assert user.provider_groups == ["developers"]


async def test_a_provider_that_is_switched_off_is_no_choice(registry: World, op: Op) -> None:
    await ready(registry, op)
    await registry.put("corp", f"{op.origin}/corp", enabled=False)
    assert (registry.party.choices(), (await registry.browser().login("corp")).status_code) == ([], 404)
    await registry.providers.remove(SYSTEM, "corp")
    assert (await registry.browser().login("corp")).status_code == 404
