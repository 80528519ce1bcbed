"""Entra ID's ways on npm `oidc-provider`: one tenant, many tenants, and more groups than a token holds."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from airegistry.core.errors import Invalid
from tests.oauth.providers.op import TENANT, Json, Op, person
from tests.oauth.providers.standins import Graph
from tests.oauth.providers.world import World
from tests.support.asgi import serve

pytestmark = [pytest.mark.anyio, pytest.mark.node]

WHO: Json = {"tid": TENANT, "name": "Alice", "email": "alice@corp.test"}
GROUPS = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(5)]


def entra(op: Op, **id_token: Any) -> str:
    """The issuer of a tenant where alice has these claims besides."""
    return op.add("entra", f"/{TENANT}/v2.0", {"alice": person({**WHO, **id_token})}, tenant=True)


@pytest.fixture
async def graph() -> AsyncIterator[Graph]:
    stand_in = Graph(*GROUPS)
    async with serve(stand_in.app()) as url:
        stand_in.url = url
        yield stand_in


async def groups(registry: World, name: str = "entra:alice") -> list[str]:
    user = registry.directory.known(name)
    assert user is not None
    return user.provider_groups


class TestTenants:
    async def test_people_of_a_listed_tenant_log_in_by_the_common_endpoint(self, registry: World, op: Op) -> None:
        entra(op, groups=GROUPS[:1])
        op.start()
        await registry.put("entra", f"{op.origin}/common/v2.0", profile="entra", tenants=[TENANT.upper()])
        session = await registry.login("entra")
        assert session.user == f"entra:{TENANT}.alice"
        assert await groups(registry, session.user) == GROUPS[:1]

    @pytest.mark.parametrize("issuer", ["/common/v2.0", f"/{TENANT}/v2.0"])
    async def test_people_of_another_tenant_are_not_let_in(self, registry: World, op: Op, issuer: str) -> None:
        entra(op)
        op.start()
        await registry.put("entra", f"{op.origin}{issuer}", profile="entra", tenants=["another"])
        page = await registry.browser().login("entra")
        assert page.status_code in {400, 403}
        assert [login.decision for login in await registry.logins()] == ["deny"]

    async def test_a_token_of_one_tenant_is_not_taken_for_one_of_another(self, registry: World, op: Op) -> None:
        entra(op, tid="another")
        op.start()
        await registry.put("entra", f"{op.origin}/common/v2.0", profile="entra", tenants=[TENANT, "another"])
        page = await registry.browser().login("entra")
        assert (page.status_code, "iss" in page.text) == (400, True)

    @pytest.mark.parametrize("word", ["common", "organizations"])
    async def test_many_tenants_need_a_list_of_those_let_in(self, registry: World, word: str) -> None:
        with pytest.raises(Invalid, match="tenants"):
            await registry.put("entra", f"https://login.microsoftonline.com/{word}/v2.0", profile="entra")


OVERAGE: list[Json] = [
    {"hasgroups": True},
    {"hasgroups": "true"},
    {
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/x/users/y/getMemberObjects"}},
    },
]


class TestOverage:
    @pytest.mark.parametrize("claims", OVERAGE)
    async def test_groups_that_a_token_cannot_hold_come_from_graph(
        self, registry: World, op: Op, graph: Graph, claims: Json
    ) -> None:
        issuer = entra(op, **claims)
        op.start()
        await registry.put("entra", issuer, profile="entra", api=graph.base)
        await registry.login("entra")
        assert await groups(registry) == GROUPS
        assert graph.bodies == [{"securityEnabledOnly": True}]
        assert len(set(graph.bearers)) == 1

    @pytest.mark.parametrize("status", [401, 403, 500])
    async def test_without_them_nobody_is_let_in(self, registry: World, op: Op, graph: Graph, status: int) -> None:
        issuer = entra(op, hasgroups=True)
        op.start()
        graph.status = status
        await registry.put("entra", issuer, profile="entra", api=graph.base)
        browser = registry.browser()
        page = await browser.login("entra")
        assert (page.status_code, f"answered {status}" in page.text) == (403, True)
        assert "more groups than a token names" in page.text
        assert await browser.session() is None

    async def test_the_access_token_goes_to_no_other_address(self, registry: World, op: Op, graph: Graph) -> None:
        issuer = entra(op, hasgroups=True)
        op.start()
        graph.next = f"{op.origin}/stolen"
        await registry.put("entra", issuer, profile="entra", api=graph.base)
        page = await registry.browser().login("entra")
        assert (page.status_code, "another address" in page.text) == (403, True)

    @pytest.mark.parametrize("answer", [{"value": "all"}, {"value": [7]}, {}])
    async def test_an_answer_without_a_list_lets_nobody_in(
        self, registry: World, op: Op, graph: Graph, answer: Json
    ) -> None:
        issuer = entra(op, hasgroups=True)
        op.start()
        graph.answer = answer
        await registry.put("entra", issuer, profile="entra", api=graph.base)
        assert (await registry.browser().login("entra")).status_code == 403

    async def test_pages_do_not_go_on_for_ever(self, registry: World, op: Op, graph: Graph) -> None:
        issuer = entra(op, hasgroups=True)
        op.start()
        graph.next = f"{graph.base}/me/getMemberObjects?$skiptoken=0"
        await registry.put("entra", issuer, profile="entra", api=graph.base)
        page = await registry.browser().login("entra")
        assert (page.status_code, "more than 50 pages" in page.text) == (403, True)

    async def test_roles_of_the_application_are_all_there_whatever_the_groups(
        self, registry: World, op: Op, graph: Graph
    ) -> None:
        issuer = entra(op, hasgroups=True, roles=["Admin"])
        op.start()
        await registry.put("entra", issuer, profile="entra", api=graph.base, groups_claim="roles")
        await registry.login("entra")
        assert (await groups(registry), graph.bearers) == (["Admin"], [])


class TestDomains:
    async def test_the_word_of_a_tenant_counts_for_its_addresses(self, registry: World, op: Op) -> None:
        issuer = entra(op)
        op.start()
        await registry.put("entra", issuer, profile="entra", email_domains=["@Corp.test"])
        await registry.login("entra")

    async def test_that_of_one_of_many_tenants_does_not(self, registry: World, op: Op) -> None:
        entra(op)
        op.start()
        await registry.put(
            "entra", f"{op.origin}/common/v2.0", profile="entra", tenants=[TENANT], email_domains=["corp.test"]
        )
        page = await registry.browser().login("entra")
        assert (page.status_code, "verified" in page.text) == (403, True)
