"""Refresh tokens: rotated at each use, deadly to their family when used twice, never broader than what was allowed."""

import pytest

from airegistry.oauth.tokens.authorizations import IDLE, LIFETIME
from tests.oauth.issuing import RESOURCE, URL, Issuer, Meeting, Person, at_once, build_issuer, refusal

pytestmark = pytest.mark.anyio
LONG = 86_400.0


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


async def test_a_refresh_gives_another_access_token_and_another_refresh_token(issuer: Issuer) -> None:
    first = await issuer.tokens_of()
    second = (await issuer.refresh(first["refresh_token"])).json()
    assert {*first} == {*second}
    assert second["scope"] == "mcp deploy"
    assert first["refresh_token"] != second["refresh_token"]
    assert issuer.holds(first["access_token"])
    assert issuer.holds(second["access_token"])
    assert (await issuer.refresh(second["refresh_token"])).status_code == 200


async def test_a_reused_refresh_token_ends_the_whole_family_at_once(issuer: Issuer) -> None:
    first, bystander = await issuer.tokens_of(), await issuer.tokens_of()
    second = (await issuer.refresh(first["refresh_token"])).json()
    assert refusal(await issuer.refresh(first["refresh_token"])) == "invalid_grant"
    assert not issuer.holds(first["access_token"])
    assert not issuer.holds(second["access_token"])
    assert refusal(await issuer.refresh(second["refresh_token"])) == "invalid_grant"
    assert issuer.holds(bystander["access_token"])
    assert (await issuer.refresh(bystander["refresh_token"])).status_code == 200


async def test_of_two_refreshes_at_once_one_wins_and_then_the_family_is_dead(issuer: Issuer) -> None:
    first = await issuer.tokens_of()
    answers = await at_once(*(issuer.refresh(first["refresh_token"]) for _ in range(5)))
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert [refusal(answer) for answer in answers if answer.status_code != 200] == ["invalid_grant"] * 4
    assert not issuer.holds(won["access_token"])
    assert not issuer.holds(first["access_token"])
    assert refusal(await issuer.refresh(won["refresh_token"])) == "invalid_grant"


async def test_two_refreshes_that_both_saw_the_token_in_force_leave_the_family_dead() -> None:
    store = Meeting()
    issuer = await build_issuer(store)
    first = await issuer.tokens_of()
    store.at = "authorizations"
    answers = await at_once(issuer.refresh(first["refresh_token"]), issuer.refresh(first["refresh_token"]))
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert not issuer.holds(won["access_token"])
    assert refusal(await issuer.refresh(won["refresh_token"])) == "invalid_grant"


async def test_two_processes_do_not_both_honour_one_refresh_token(issuer: Issuer) -> None:
    other = await build_issuer(issuer.store, clock=issuer.clock)
    token = (await issuer.tokens_of())["refresh_token"]
    answers = await at_once(issuer.refresh(token), other.refresh(token))
    assert sorted(answer.status_code for answer in answers) == [200, 400]


async def test_who_knows_only_the_id_of_a_family_or_misspells_its_token_does_not_end_it(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    issued = issuer.tokens.read(answer["access_token"], RESOURCE)
    assert issued is not None
    family = f"{issued.authorization}".ljust(64, "0")
    for token in (
        f"airr_{family}.{'x' * 43}", f"airr_{issued.authorization}.{'x' * 43}", "airr_", "nonsense",
        f"{answer['refresh_token']}x", answer["refresh_token"][:-1], answer["refresh_token"].upper(),
    ):  # fmt: skip
        assert refusal(await issuer.refresh(token)) == "invalid_grant"
    assert (await issuer.refresh(answer["refresh_token"])).status_code == 200


async def test_a_refresh_token_is_its_clients_alone_and_no_harm_comes_of_the_attempt(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    assert refusal(await issuer.refresh(answer["refresh_token"], "other")) == "invalid_grant"
    assert (await issuer.refresh(answer["refresh_token"])).status_code == 200


async def test_the_resource_cannot_be_changed_by_a_refresh(issuer: Issuer) -> None:
    token = (await issuer.tokens_of())["refresh_token"]
    assert refusal(await issuer.refresh(token, resource=f"{URL}/billing/mcp")) == "invalid_target"
    answer = (await issuer.refresh(token, resource=RESOURCE)).json()
    assert issuer.holds(answer["access_token"])


async def test_a_refresh_narrows_one_access_token_and_never_widens(issuer: Issuer) -> None:
    first = await issuer.tokens_of()
    narrow = (await issuer.refresh(first["refresh_token"], scope="mcp")).json()
    issued = issuer.tokens.read(narrow["access_token"], RESOURCE)
    assert issued is not None
    assert (narrow["scope"], issued.scopes) == ("mcp", frozenset({"mcp"}))
    assert refusal(await issuer.refresh(narrow["refresh_token"], scope="mcp mcp:admin")) == "invalid_scope"
    whole = (await issuer.refresh(narrow["refresh_token"])).json()  # a refusal uses nothing up
    assert whole["scope"] == "mcp deploy"


async def test_a_refresh_gives_only_what_the_person_still_holds(issuer: Issuer) -> None:
    both, lost = await issuer.tokens_of(), await issuer.tokens_of(scopes=["deploy"])
    issuer.people.put("ann", Person(groups=[]))
    assert (await issuer.refresh(both["refresh_token"])).json()["scope"] == "mcp"
    assert refusal(await issuer.refresh(lost["refresh_token"])) == "invalid_scope"


async def test_an_unused_refresh_token_ends_after_fourteen_days(issuer: Issuer) -> None:
    used, idle = await issuer.tokens_of(), await issuer.tokens_of()
    issuer.clock.pass_(IDLE.total_seconds() - 1)
    following = await issuer.refresh(used["refresh_token"])
    issuer.clock.pass_(1)
    assert refusal(await issuer.refresh(idle["refresh_token"])) == "invalid_grant"
    assert (await issuer.refresh(following.json()["refresh_token"])).status_code == 200


async def test_a_family_ends_after_thirty_days_however_much_it_is_used(issuer: Issuer) -> None:
    token = (await issuer.tokens_of())["refresh_token"]
    for _ in range(29):
        issuer.clock.pass_(LONG)
        token = (await issuer.refresh(token)).json()["refresh_token"]
    issuer.clock.pass_(LIFETIME.total_seconds() - 29 * LONG)
    assert refusal(await issuer.refresh(token)) == "invalid_grant"


async def test_a_person_who_was_switched_off_gets_nothing_by_refresh(issuer: Issuer) -> None:
    token = (await issuer.tokens_of())["refresh_token"]
    issuer.people.put("ann", Person(active=False))
    assert refusal(await issuer.refresh(token)) == "invalid_grant"
    issuer.people.put("ann", Person())
    assert (await issuer.refresh(token)).status_code == 200
