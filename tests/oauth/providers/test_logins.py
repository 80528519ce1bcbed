"""Logins under way, and what comes of them beside groups: addresses, logout, names of the registry."""

import anyio
import pytest
from cryptography.fernet import Fernet

from airegistry.core.principals import SYSTEM
from airegistry.oauth.providers.login_states import LoginStates, Started
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock
from tests.oauth.providers.hostile import LEFT_OUT, Fields, Hostile, hostile
from tests.oauth.providers.world import ALIAS, World

pytestmark = pytest.mark.anyio

CIPHER = FernetCipher([Fernet.generate_key().decode()])


class TestStates:
    async def begin(self, states: LoginStates) -> tuple[str, Started]:
        return await states.add(
            "corp", browser="cookie", request="r", redirect_uri="https://registry.test/callback/corp"
        )

    async def test_nothing_that_is_stored_helps_a_thief(self) -> None:
        store = MemoryStore()
        state, started = await self.begin(LoginStates(store, CIPHER, FakeClock()))
        [kept] = [document async for document in store.find("login_states")]
        for secret in (state, started.nonce, started.verifier, "cookie"):
            assert secret not in f"{kept.key} {kept.body}"

    async def test_of_many_answers_at_once_one_gets_the_login(self) -> None:
        states, taken = LoginStates(MemoryStore(), CIPHER, FakeClock()), list[Started | None]()
        state, started = await self.begin(states)

        async def take() -> None:
            taken.append(await states.take(state))

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(take)
        assert [each for each in taken if each] == [started]

    async def test_the_oldest_give_way(self) -> None:
        clock = FakeClock()
        states = LoginStates(MemoryStore(), CIPHER, clock, most=2)
        begun = []
        for _ in range(3):
            clock.pass_(1)
            begun.append((await self.begin(states))[0])
        assert [await states.take(state) is not None for state in begun] == [False, True, True]

    async def test_those_that_are_over_are_swept(self) -> None:
        clock, store = FakeClock(), MemoryStore()
        states = LoginStates(store, CIPHER, clock)
        await self.begin(states)
        clock.pass_(300)
        left, _ = await self.begin(states)
        clock.pass_(300)
        assert (await states.sweep(), await states.sweep()) == (1, 0)
        assert await states.take(left) is not None


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"email": "m@corp.test", "email_verified": True}, 404),
        ({"email": "m@CORP.test", "email_verified": "true"}, 404),
        ({"email": "m@corp.test", "email_verified": False}, 403),
        ({"email": "m@corp.test"}, 403),
        ({"email": "m@sub.corp.test", "email_verified": True}, 403),
        ({"email": "corp.test", "email_verified": True}, 404),
        ({"email_verified": True}, 403),
        ({}, 403),
    ],
)
async def test_verified_addresses_of_listed_domains_alone_are_let_in(
    registry: World, claims: Fields, status: int
) -> None:
    async with hostile() as op:
        op.claims = claims
        await registry.put("op", op.issuer, email_domains=["corp.test"])
        assert (await registry.browser().login("op")).status_code == status  # 404: /account is not served here


@pytest.mark.parametrize(("dn_to_cn", "groups"), [(None, ["devs"]), (False, ["CN=devs,DC=x"])])
async def test_whether_ldap_names_are_cut_is_for_the_administrator(
    registry: World, dn_to_cn: bool | None, groups: list[str]
) -> None:
    async with hostile() as op:
        op.claims = {"groups": ["CN=devs,DC=x", "other"]}
        await registry.put("op", op.issuer, profile="ping", dn_to_cn=dn_to_cn, group_filter=["*devs*"])
        await registry.login("op")
    user = registry.directory.known("op:mallory")
    assert user is not None
    assert user.provider_groups == groups


async def test_userinfo_that_does_not_answer_signs_nobody_in(registry: World) -> None:
    async with hostile() as op:
        op.claims, op.userinfo_status = {"groups": LEFT_OUT}, 500
        await registry.put("op", op.issuer)
        assert (await registry.browser().login("op")).status_code == 502


async def test_how_a_person_proved_who_they_are_is_kept(registry: World) -> None:
    async with hostile() as op:
        op.claims = {"amr": ["pwd", "otp", 7], "sid": "s-1"}
        await registry.put("op", op.issuer)
        session = await registry.login("op")
    assert (session.amr, session.sid) == (["pwd", "otp"], "s-1")
    assert "ey" not in session.id_token[:2]  # sealed


class TestLogoutUrl:
    async def url(self, registry: World, op: Hostile, **fields: object) -> str | None:
        await registry.put("op", op.issuer, **fields)
        return await registry.party.logout_url(await registry.login("op"), "https://registry.test/logout")

    async def test_without_an_endpoint_there_is_none(self, registry: World) -> None:
        async with hostile() as op:
            assert await self.url(registry, op) is None

    async def test_the_administrators_word_comes_first(self, registry: World) -> None:
        async with hostile() as op:
            op.metadata = {"end_session_endpoint": f"{op.issuer}/end"}
            assert await self.url(registry, op, logout_endpoint="https://corp.test/bye") == "https://corp.test/bye"

    async def test_the_vendors_way_is_taken_when_metadata_is_silent(self, registry: World) -> None:
        async with hostile() as op:
            back = "client_id=registry&returnTo=https%3A%2F%2Fregistry.test%2Flogout"
            assert await self.url(registry, op, profile="auth0") == f"{op.issuer}/v2/logout?{back}"

    async def test_one_that_is_removed_has_none(self, registry: World) -> None:
        async with hostile() as op:
            await registry.put("op", op.issuer)
            session = await registry.login("op")
            await registry.providers.remove(SYSTEM, "op")
            assert await registry.party.logout_url(session, registry.url) is None


async def test_a_browser_comes_back_to_the_name_it_knows_the_registry_by(registry: World) -> None:
    async with hostile() as op:
        await registry.put("op", op.issuer)
        browser = registry.browser()
        page = await browser.walk(await browser.get(f"{ALIAS}/login/op"))
        assert str(page.url) == f"{ALIAS}/account"
        assert await browser.session() is not None


async def test_a_button_says_what_the_administrator_wants(registry: World) -> None:
    await registry.put("corp", "https://corp.test", title="Corp <ID>")
    assert registry.party.choices() == [("corp", "Corp <ID>")]
    page = await registry.browser().get(f"{registry.url}/callback/corp?state=x")
    assert "Corp &lt;ID&gt; did not sign you in" in page.text


async def test_sessions_end_with_the_provider_they_came_from(registry: World) -> None:
    registry.providers.subscribe(registry.sessions.end_all_of)
    async with hostile() as op:
        for name in ("left", "kept"):
            await registry.put(name, op.issuer)
        left, kept = await registry.login("left"), await registry.login("kept")
        await registry.put("left", op.issuer, enabled=False)
        assert [session.id for session in registry.ended] == [left.id]
        await registry.providers.remove(SYSTEM, "kept")
        assert [session.id for session in registry.ended] == [left.id, kept.id]
