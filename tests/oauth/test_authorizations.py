"""Codes and refresh tokens, as clients use and thieves abuse them, over HTTP."""

from pathlib import Path

import anyio
import pytest

from airegistry.oauth.tokens.access_tokens import MAX_TTL, STREAM_TTL
from airegistry.oauth.tokens.authorizations import CODE_TTL, IDLE, KEPT
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore
from tests.oauth.issuing import (
    REDIRECT,
    RESOURCE,
    SCOPES,
    URL,
    VERIFIER,
    Issuer,
    Meeting,
    Person,
    at_once,
    build_issuer,
    client,
    refusal,
    session,
)  # fmt: skip

pytestmark = pytest.mark.anyio


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


# Codes


async def test_a_code_becomes_an_access_token_and_a_refresh_token(issuer: Issuer) -> None:
    response = await issuer.redeem(await issuer.code(session=session()))
    answer = response.json()
    assert sorted(answer) == ["access_token", "expires_in", "refresh_token", "scope", "token_type"]
    assert (answer["token_type"], answer["expires_in"], answer["scope"]) == ("Bearer", 600, "mcp deploy")
    assert (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")
    issued = issuer.tokens.read(answer["access_token"], RESOURCE)
    assert issued is not None
    assert (issued.subject, issued.client_id, issued.scopes) == ("user:ann", "app", frozenset(SCOPES))
    [family] = await issuer.authorizations.of_user("ann")
    assert (family.id, family.session, family.amr) == (issued.authorization, "s1", ["pwd", "otp"])
    assert family.auth_time == session().auth_time


async def test_a_client_that_may_not_refresh_gets_no_refresh_token(issuer: Issuer) -> None:
    assert "refresh_token" not in await issuer.tokens_of("once")


async def test_a_code_is_good_for_sixty_seconds(issuer: Issuer) -> None:
    early, late = await issuer.code(), await issuer.code()
    issuer.clock.pass_(59.9)
    assert (await issuer.redeem(early)).status_code == 200
    issuer.clock.pass_(0.1)
    assert refusal(await issuer.redeem(late)) == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "x" * 43},
        {"client_id": "other"},
        {"redirect_uri": f"{REDIRECT}/"},
        {"redirect_uri": None},
        {"code_verifier": None},
        {"code_verifier": VERIFIER[:-1] + "x"},
        {"code_verifier": "short"},
        {"code_verifier": VERIFIER * 3},
    ],
)
async def test_a_code_is_refused_when_the_request_does_not_fit_it_and_is_not_used_up_by_that(
    issuer: Issuer, changes: dict[str, str | None]
) -> None:
    code = await issuer.code()
    assert refusal(await issuer.redeem(**{"code": code, **changes})) == "invalid_grant"  # type: ignore[arg-type]  # forms
    assert (await issuer.redeem(code)).status_code == 200


async def test_the_challenge_itself_is_no_verifier_so_plain_does_not_pass(issuer: Issuer) -> None:
    code = await issuer.code()
    [kept] = [document.body async for document in issuer.store.find("codes")]
    assert refusal(await issuer.redeem(code, code_verifier=str(kept["code_challenge"]))) == "invalid_grant"


async def test_a_redirect_uri_that_was_not_given_need_not_be_repeated_but_must_fit(issuer: Issuer) -> None:
    left_out, repeated, other = [await issuer.code(redirect_given=False) for _ in range(3)]
    assert (await issuer.redeem(left_out, redirect_uri=None)).status_code == 200
    assert (await issuer.redeem(repeated)).status_code == 200
    assert refusal(await issuer.redeem(other, redirect_uri="https://evil.test/")) == "invalid_grant"


@pytest.mark.parametrize("resource", [f"{URL}/billing/mcp", f"{URL}/mcp", "https://evil.test/weather/mcp", "nonsense"])
async def test_the_resource_of_a_code_cannot_be_changed_at_the_token_endpoint(issuer: Issuer, resource: str) -> None:
    """Auth trap 4."""
    code = await issuer.code()
    assert refusal(await issuer.redeem(code, resource=resource)) == "invalid_target"
    assert (await issuer.redeem(code, resource=None)).status_code == 200


async def test_another_spelling_of_the_same_resource_fits(issuer: Issuer) -> None:
    response = await issuer.redeem(await issuer.code(), resource=f"{RESOURCE}/")
    assert issuer.holds(response.json()["access_token"])


async def test_a_replayed_code_ends_what_the_first_use_got(issuer: Issuer) -> None:
    code = await issuer.code()
    answer = (await issuer.redeem(code)).json()
    bystander = await issuer.tokens_of()
    assert refusal(await issuer.redeem(code)) == "invalid_grant"
    assert not issuer.holds(answer["access_token"])
    assert refusal(await issuer.refresh(answer["refresh_token"])) == "invalid_grant"
    assert issuer.holds(bystander["access_token"])


async def test_a_replay_is_noticed_long_after_the_code_expired(issuer: Issuer) -> None:
    code = await issuer.code()
    answer = (await issuer.redeem(code)).json()
    issuer.clock.pass_(3600)
    await issuer.authorizations.sweep()
    assert refusal(await issuer.redeem(code, code_verifier="a thief does not know it")) == "invalid_grant"
    assert refusal(await issuer.refresh(answer["refresh_token"])) == "invalid_grant"


async def test_of_two_redemptions_at_once_one_succeeds_and_its_tokens_are_dead(issuer: Issuer) -> None:
    code = await issuer.code()
    answers = await at_once(*(issuer.redeem(code) for _ in range(5)))
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert [refusal(answer) for answer in answers if answer.status_code != 200] == ["invalid_grant"] * 4
    assert not issuer.holds(won["access_token"])
    assert refusal(await issuer.refresh(won["refresh_token"])) == "invalid_grant"
    assert await issuer.authorizations.of_user("ann") == []


async def test_two_redemptions_that_both_saw_the_code_unused_give_one_success_and_dead_tokens() -> None:
    store = Meeting()
    issuer = await build_issuer(store)
    code = await issuer.code()
    store.at = "codes"
    answers = await at_once(issuer.redeem(code), issuer.redeem(code))
    [won] = [answer.json() for answer in answers if answer.status_code == 200]
    assert sorted(answer.status_code for answer in answers) == [200, 400]
    assert not issuer.holds(won["access_token"])
    assert refusal(await issuer.refresh(won["refresh_token"])) == "invalid_grant"


@pytest.mark.parametrize("verifier", ["v" * 42, "v" * 129, "v" * 42 + "+", "v" * 42 + "\u00e9"])
async def test_a_verifier_that_is_none_is_refused_though_it_fits(issuer: Issuer, verifier: str) -> None:
    code = await issuer.code(verifier=verifier)
    assert refusal(await issuer.redeem(code, code_verifier=verifier)) == "invalid_grant"


@pytest.mark.parametrize("verifier", ["v" * 43, "v" * 128, "-._~" * 11])
async def test_a_verifier_has_43_to_128_characters(issuer: Issuer, verifier: str) -> None:
    code = await issuer.code(verifier=verifier)
    assert (await issuer.redeem(code, code_verifier=verifier)).status_code == 200


async def test_the_code_of_a_person_who_was_switched_off_is_worthless(issuer: Issuer) -> None:
    code = await issuer.code()
    issuer.people.put("ann", Person(active=False))
    assert refusal(await issuer.redeem(code)) == "invalid_grant"


async def test_a_code_whose_authorization_was_revoked_before_is_worthless(issuer: Issuer) -> None:
    code = await issuer.code()
    await issuer.authorizations.revoke_where(user="ann", reason="password changed")
    assert refusal(await issuer.redeem(code)) == "invalid_grant"


# Revocation


@pytest.mark.parametrize("whose", [{"user": "ann"}, {"client": "app"}, {"session": "s1"}])
async def test_the_end_of_a_user_client_or_session_ends_their_families_and_no_others(
    issuer: Issuer, whose: dict[str, str]
) -> None:
    doomed = await issuer.tokens_of(session=session())
    other = await issuer.tokens_of("other", session=session("s2", "bob"), subject="user:bob")
    await issuer.authorizations.revoke_where(**whose, reason="over")
    assert not issuer.holds(doomed["access_token"])
    assert refusal(await issuer.refresh(doomed["refresh_token"])) == "invalid_grant"
    assert issuer.holds(other["access_token"])
    assert (await issuer.refresh(other["refresh_token"], "other")).status_code == 200


async def test_conditions_of_a_revocation_must_all_fit_and_none_means_nobody(issuer: Issuer) -> None:
    kept, doomed = await issuer.tokens_of(), await issuer.tokens_of("other")
    await issuer.authorizations.revoke_where(reason="over")
    await issuer.authorizations.revoke_where(user="ann", client="other", reason="consent withdrawn")
    assert issuer.holds(kept["access_token"])
    assert not issuer.holds(doomed["access_token"])


async def test_a_family_is_revoked_once_and_an_unknown_one_not_at_all(issuer: Issuer) -> None:
    await issuer.tokens_of()
    [family] = await issuer.authorizations.of_user("ann")
    for _ in range(2):
        await issuer.authorizations.revoke(family.id, "by hand")
    await issuer.authorizations.revoke("nobody's", "by hand")
    [event] = await issuer.events("token:revoke")
    assert (event.subject, event.client, event.kind, event.asset) == ("user:ann", "app", "client", "app")
    assert (event.decision, event.outcome, event.reason) == ("allow", "ok", "by hand")


async def test_a_revocation_that_was_begun_is_finished_though_its_request_is_cancelled(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    [family] = await issuer.authorizations.of_user("ann")
    with anyio.CancelScope() as scope:
        scope.cancel()
        await issuer.authorizations.revoke(family.id, "by hand")
    assert not issuer.holds(answer["access_token"])
    [event] = await issuer.events("token:revoke")
    assert event.outcome == "ok"


async def test_the_families_of_a_user_are_those_in_use_and_alive_newest_first(issuer: Issuer) -> None:
    await issuer.tokens_of()
    issuer.clock.pass_(1)
    await issuer.tokens_of("other")
    await issuer.tokens_of(subject="user:bob")
    await issuer.code()
    assert [family.client_id for family in await issuer.authorizations.of_user("ann")] == ["other", "app"]
    await issuer.authorizations.revoke_where(client="other", reason="over")
    assert [family.client_id for family in await issuer.authorizations.of_user("ann")] == ["app"]
    issuer.clock.pass_(IDLE.total_seconds())
    assert await issuer.authorizations.of_user("ann") == []


async def test_a_crash_between_the_two_writes_of_a_revocation_leaves_nothing_usable(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    [family] = await issuer.authorizations.of_user("ann")
    await issuer.tokens.revoke_authorization(family.id)  # the first of the two
    restarted = await build_issuer(issuer.store, clock=issuer.clock)
    assert refusal(await restarted.refresh(answer["refresh_token"])) == "invalid_grant"


# Keeping


async def test_refresh_tokens_and_revocations_outlive_a_restart(tmp_path: Path) -> None:
    async with TinyStore.open(tmp_path / "journal") as store, SegmentLog.open(tmp_path / "logs") as log:
        before = await build_issuer(store, log)
        good, doomed = await before.tokens_of(), await before.tokens_of("other")
        await before.authorizations.revoke_where(client="other", reason="over")
        code = await before.code()
    async with TinyStore.open(tmp_path / "journal") as store, SegmentLog.open(tmp_path / "logs") as log:
        after = await build_issuer(store, log)
        assert after.holds(good["access_token"])
        assert not after.holds(doomed["access_token"])
        assert refusal(await after.refresh(doomed["refresh_token"], "other")) == "invalid_grant"
        assert (await after.refresh(good["refresh_token"])).status_code == 200
        assert (await after.redeem(code)).status_code == 200
        assert refusal(await after.redeem(code)) == "invalid_grant"


async def test_neither_the_store_nor_the_trail_holds_a_code_or_a_token(issuer: Issuer) -> None:
    code = await issuer.code()
    first = (await issuer.redeem(code)).json()
    second = (await issuer.refresh(first["refresh_token"])).json()
    await issuer.refresh(first["refresh_token"])
    await issuer.redeem(code)
    kept = await issuer.kept()
    assert "token:refresh" in kept
    for answer in (first, second):
        family, secret = answer["refresh_token"].removeprefix("airr_").split(".")
        for text in (family, secret, answer["access_token"], answer["access_token"].split(".")[2]):
            assert text not in kept
    assert code not in kept


async def test_codes_and_families_are_swept_when_no_replay_of_them_matters(issuer: Issuer) -> None:
    await issuer.code()
    used = await issuer.tokens_of()
    await issuer.tokens_of("other")
    await issuer.authorizations.revoke_where(client="other", reason="over")
    assert await counts(issuer) == (3, 3)
    issuer.clock.pass_(KEPT.total_seconds())
    await issuer.authorizations.sweep()
    assert await counts(issuer) == (3, 3)
    issuer.clock.pass_(CODE_TTL.total_seconds() + 1)
    await issuer.authorizations.sweep()
    assert await counts(issuer) == (0, 1)
    assert (await issuer.refresh(used["refresh_token"])).status_code == 200
    issuer.clock.pass_((IDLE + KEPT).total_seconds() + 1)
    await issuer.authorizations.sweep()
    assert await counts(issuer) == (0, 0)
    assert KEPT.total_seconds() >= MAX_TTL + STREAM_TTL


async def counts(issuer: Issuer) -> tuple[int, int]:
    codes = [document async for document in issuer.store.find("codes")]
    return len(codes), len([document async for document in issuer.store.find("authorizations")])


# The trail


async def test_mints_refreshes_and_refusals_are_audited_with_who_and_for_whom(issuer: Issuer) -> None:
    code = await issuer.code()
    answer = (await issuer.redeem(code)).json()
    await issuer.refresh(answer["refresh_token"])
    await issuer.redeem("x" * 43)
    await issuer.refresh(answer["refresh_token"], "other")
    refused, minted = await issuer.events("token:mint")
    stolen, refreshed = await issuer.events("token:refresh")
    assert (minted.subject, minted.client, minted.asset) == ("user:ann", "app", "app")
    assert (minted.decision, minted.outcome, minted.target) == ("allow", "ok", RESOURCE)
    assert (refreshed.subject, refreshed.outcome, refreshed.target) == ("user:ann", "ok", RESOURCE)
    assert (refused.subject, refused.decision, refused.outcome) == ("client:app", "deny", "refused")
    assert "not known" in refused.reason
    assert (stolen.subject, stolen.client, stolen.decision) == ("client:other", "other", "deny")


async def test_a_replay_is_audited_as_refusal_and_as_revocation(issuer: Issuer) -> None:
    code = await issuer.code()
    await issuer.redeem(code)
    await issuer.redeem(code)
    assert [event.decision for event in await issuer.events("token:mint")] == ["deny", "allow"]
    [revoked] = await issuer.events("token:revoke")
    assert (revoked.subject, revoked.reason) == ("user:ann", "the authorization code was used twice")


async def test_a_client_with_a_url_for_its_id_is_audited_by_it(issuer: Issuer) -> None:
    url = "https://app.test/client.json"
    issuer.clients.put(url, client(url))
    await issuer.tokens_of(url)
    [event] = await issuer.events("token:mint")
    assert (event.kind, event.asset, event.client) == ("client", url, url)
