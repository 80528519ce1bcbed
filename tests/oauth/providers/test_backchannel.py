"""Logout tokens (OpenID Connect Back-Channel Logout 1.0): whose session they end, and which ones end none."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from joserfc import jwt

from airegistry.oauth.providers.id_tokens import LOGOUT_EVENT
from tests.oauth.providers.hostile import LEFT_OUT, Fields, Hostile, hostile, rsa
from tests.oauth.providers.op import TENANT
from tests.oauth.providers.world import World, world

pytestmark = pytest.mark.anyio


@pytest.fixture
async def evil(registry: World) -> AsyncIterator[Hostile]:
    async with hostile() as provider:
        await registry.put("op", provider.issuer)
        yield provider


async def post(registry: World, token: str, name: str = "op") -> httpx2.Response:
    """What the provider does."""
    return await registry.browser().http.post(f"{registry.url}/logout/{name}", data={"logout_token": token})


async def sessions(registry: World) -> int:
    return len(await registry.sessions.of_user("op:mallory"))


async def test_a_person_is_signed_out_everywhere_and_whoever_listens_is_told(registry: World, evil: Hostile) -> None:
    opened = [await registry.login("op"), await registry.login("op")]
    answer = await post(registry, evil.logout_token())
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert await sessions(registry) == 0
    assert {session.id for session in registry.ended} == {session.id for session in opened}


async def test_a_session_of_the_provider_ends_alone(registry: World, evil: Hostile) -> None:
    evil.claims = {"sid": "one"}
    left = await registry.login("op")
    evil.claims = {"sid": "two"}
    await registry.login("op")
    assert (await post(registry, evil.logout_token(sid="one", sub=LEFT_OUT))).status_code == 200
    assert [session.id for session in registry.ended] == [left.id]
    assert (await post(registry, evil.logout_token(sid="two", sub="somebody else"))).status_code == 200
    assert await sessions(registry) == 1


async def test_a_token_counts_once(registry: World, evil: Hostile) -> None:
    token = evil.logout_token()
    assert (await post(registry, token)).status_code == 200
    await registry.login("op")
    again = await post(registry, token)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    assert await sessions(registry) == 1


WRONG: dict[str, Fields] = {
    "another issuer": {"iss": "https://other.test"},
    "another audience": {"aud": "another-client"},
    "expired": {"exp": 1},
    "no expiry": {"exp": LEFT_OUT},
    "longer than a day": {"exp": 9_999_999_999},
    "no issue time": {"iat": LEFT_OUT},
    "no id": {"jti": LEFT_OUT},
    "id of another sort": {"jti": 7},
    "no event": {"events": LEFT_OUT},
    "another event": {"events": {"https://other.test/event": {}}},
    "event of another sort": {"events": {LOGOUT_EVENT: True}},
    "a nonce, as id tokens have": {"nonce": "n"},
    "nobody": {"sub": LEFT_OUT},
    "nobody of the right sort": {"sub": 7},
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_no_logout_token_ends_nothing(registry: World, evil: Hostile, case: str) -> None:
    await registry.login("op")
    assert (await post(registry, evil.logout_token(**WRONG[case]))).status_code == 400
    assert await sessions(registry) == 1


async def test_an_id_token_ends_nothing(registry: World, evil: Hostile) -> None:
    await registry.login("op")
    assert (await post(registry, evil.id_token())).status_code == 400
    assert await sessions(registry) == 1


async def test_a_token_of_another_type_ends_nothing(registry: World, evil: Hostile) -> None:
    evil.header = {"typ": "at+jwt"}
    assert (await post(registry, evil.logout_token())).status_code == 400


@pytest.mark.parametrize("typ", ["logout+jwt", "application/logout+jwt", "JWT", LEFT_OUT])
async def test_the_type_is_that_of_a_logout_token_or_none(registry: World, evil: Hostile, typ: Any) -> None:
    evil.header = {"typ": typ}
    if typ is LEFT_OUT:
        evil.forge = lambda header, claims: jwt.encode(
            header, claims, evil.key, algorithms=["RS256"], default_type=None
        )
    assert (await post(registry, evil.logout_token())).status_code == 200


async def test_a_foreign_signature_ends_nothing(registry: World, evil: Hostile) -> None:
    await registry.login("op")
    evil.forge = lambda header, claims: jwt.encode(header, claims, rsa("another"), algorithms=["RS256"])
    assert (await post(registry, evil.logout_token())).status_code == 400
    assert await sessions(registry) == 1


async def test_a_provider_ends_no_session_of_another(registry: World, evil: Hostile) -> None:
    await registry.login("op")
    async with hostile() as other:
        await registry.put("other", other.issuer)
        assert (await post(registry, other.logout_token(), "other")).status_code == 200
        assert (await post(registry, other.logout_token(), "op")).status_code == 400
    assert await sessions(registry) == 1


async def test_a_provider_that_is_unknown_or_down_is_told_so(registry: World, evil: Hostile) -> None:
    assert (await post(registry, "x", "nowhere")).status_code == 400
    await registry.put("down", "http://127.0.0.1:1")
    assert (await post(registry, evil.logout_token(), "down")).status_code == 400
    empty = await registry.browser().http.post(f"{registry.url}/logout/op", json={})
    assert (empty.status_code, empty.json()["error"]) == (400, "invalid_request")
    assert (await registry.browser().get(f"{registry.url}/logout/op")).status_code == 405


async def test_neither_logins_nor_logouts_can_be_tried_without_end() -> None:
    async with world(limit=3) as registry:
        registry.clock.stop()
        browser = registry.browser()
        for _ in range(3):
            assert (await browser.get(f"{registry.url}/login/nowhere")).status_code == 404
            assert (await post(registry, "x", "nowhere")).status_code == 400
        for path in ("/login/op", "/callback/op"):
            assert (await browser.get(registry.url + path)).status_code == 429
        answer = await post(registry, "x", "nowhere")
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)


async def test_a_session_that_the_provider_gave_no_id_ends_with_the_person(registry: World, evil: Hostile) -> None:
    left = await registry.login("op")
    evil.claims = {"sid": "two"}
    await registry.login("op")
    assert (await post(registry, evil.logout_token(sid="one"))).status_code == 200
    assert [session.id for session in registry.ended] == [left.id]


async def test_a_person_of_one_of_many_tenants_is_signed_out_by_tenant_and_sub(registry: World) -> None:
    async with hostile() as entra:
        common = f"{entra.issuer}/common/v2.0"
        entra.metadata = {"issuer": f"{entra.issuer}/{{tenantid}}/v2.0"}
        await registry.put("entra", common, profile="entra", tenants=[TENANT])
        entra.claims = {"iss": f"{entra.issuer}/{TENANT}/v2.0", "tid": TENANT}
        session = await registry.login("entra")
        assert session.provider_sub == f"{TENANT}.mallory"
        answer = await post(registry, entra.logout_token(**entra.claims), "entra")
        assert answer.status_code == 200
    assert [ended.id for ended in registry.ended] == [session.id]
