"""GitHub, as a stand-in on loopback has it: no id token, people and groups by REST."""

from collections.abc import AsyncIterator

import pytest

from tests.oauth.providers.standins import GitHub
from tests.oauth.providers.world import World
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio


@pytest.fixture
async def github(registry: World) -> AsyncIterator[GitHub]:
    stand_in = GitHub()
    async with serve(stand_in.app()) as url:
        stand_in.url = url
        await registry.put("github", url, profile="github", api=stand_in.api, group_filter=["acme*", "tools"])
        yield stand_in


async def test_a_person_logs_in_with_orgs_and_teams_as_groups(registry: World, github: GitHub) -> None:
    session = await registry.login("github")
    user = registry.directory.known("github:583231")
    assert user is not None
    assert (session.user, session.provider_sub, session.id_token) == (user.id, "583231", "")
    assert (user.name, user.email) == ("octocat", "octo@acme.test")
    assert user.provider_groups == ["acme", "acme/platform", "tools"]
    assert await registry.party.logout_url(session, registry.url) is None


@pytest.mark.parametrize("what", ["user", "user/orgs", "user/teams"])
async def test_nobody_logs_in_without_groups_because_github_does_not_tell_them(
    registry: World, github: GitHub, what: str
) -> None:
    github.failing[what] = 403
    browser = registry.browser()
    assert (await browser.login("github")).status_code == 502
    assert await browser.session() is None


async def test_an_address_that_may_not_be_seen_is_left_out(registry: World, github: GitHub) -> None:
    github.failing["user/emails"] = 404
    await registry.login("github")
    user = registry.directory.known("github:583231")
    assert user is not None
    assert user.email == ""


@pytest.mark.parametrize(("verified", "status"), [(True, 404), (False, 403)])
async def test_only_a_verified_address_opens_a_door_for_a_domain(
    registry: World, github: GitHub, verified: bool, status: int
) -> None:
    await registry.put("github", github.url, profile="github", api=github.api, email_domains=["acme.test"])
    github.emails = [{"email": "octo@acme.test", "primary": True, "verified": verified}]
    assert (await registry.browser().login("github")).status_code == status  # 404: /account is not served here


async def test_somebody_of_another_domain_is_not_let_in(registry: World, github: GitHub) -> None:
    await registry.put("github", github.url, profile="github", api=github.api, email_domains=["acme.test"])
    github.emails = [{"email": "x@acme.test.evil.test", "primary": True, "verified": True}]
    page = await registry.browser().login("github")
    assert (page.status_code, "this domain" in page.text) == (403, True)


async def test_an_error_in_an_answer_of_status_200_signs_nobody_in(registry: World, github: GitHub) -> None:
    github.token_error = "bad_verification_code"
    page = await registry.browser().login("github")
    assert (page.status_code, "bad_verification_code" in page.text) == (400, True)


@pytest.mark.parametrize("number", [None, "583231", True])
async def test_a_person_without_a_number_is_nobody(registry: World, github: GitHub, number: object) -> None:
    github.user = {**github.user, "id": number}
    assert (await registry.browser().login("github")).status_code == 502


async def test_a_team_without_a_name_signs_nobody_in(registry: World, github: GitHub) -> None:
    github.teams = [("acme", "")]
    assert (await registry.browser().login("github")).status_code == 502


async def test_the_token_goes_to_no_other_address(registry: World, github: GitHub) -> None:
    github.next = "http://127.0.0.1:1/api/v3/stolen"
    assert (await registry.browser().login("github")).status_code == 502


async def test_pages_do_not_go_on_for_ever(registry: World, github: GitHub) -> None:
    github.next = f"{github.api}/user/orgs?page=1"
    assert (await registry.browser().login("github")).status_code == 502


async def test_an_answer_of_another_issuer_is_refused(registry: World, github: GitHub) -> None:
    browser = registry.browser()
    state = (await browser.start("github"))["state"]
    assert (await browser.callback("github", code="c", state=state, iss="https://other.test")).status_code == 400
