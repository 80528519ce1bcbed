"""POST /revoke and /introspect: clients end and see their own tokens, and learn nothing of others'."""

from typing import Any

import httpx2
import pytest

from airegistry.core.principals import Principal
from tests.core.wiring import NOON
from tests.oauth.issuing import RESOURCE, URL, Issuer, Person, build_issuer, client

pytestmark = pytest.mark.anyio
NOW = int(NOON.timestamp())


@pytest.fixture
async def issuer() -> Issuer:
    return await build_issuer()


async def vaults(issuer: Issuer) -> dict[str, Any]:
    """Tokens that a person gave the client `vault`."""
    form = {
        "grant_type": "authorization_code", "code": await issuer.code("vault"),
        "redirect_uri": "https://app.test/callback", "code_verifier": "a-verifier-of-forty-three-characters-or-more",
    }  # fmt: skip
    answer: dict[str, Any] = (await issuer.post("/token", form, basic="vault")).json()
    return answer


async def revoke(issuer: Issuer, token: str, client_id: str = "app", **more: str) -> httpx2.Response:
    return await issuer.post("/revoke", {"token": token, "client_id": client_id, **more})


async def introspect(issuer: Issuer, token: str, asker: str = "vault") -> dict[str, Any]:
    response = await issuer.post("/introspect", {"token": token}, basic=asker)
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answer: dict[str, Any] = response.json()
    return answer


# Revocation (RFC 7009)


async def test_a_revoked_refresh_token_ends_its_family(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    response = await revoke(issuer, answer["refresh_token"], token_type_hint="refresh_token")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["cache-control"] == "no-store"
    assert not issuer.holds(answer["access_token"])
    assert (await issuer.refresh(answer["refresh_token"])).status_code == 400
    [event] = await issuer.events("token:revoke")
    assert (event.subject, event.client, event.asset, event.reason) == (
        "user:ann", "app", "app", "revoked by the client",
    )  # fmt: skip


async def test_a_refresh_token_that_was_used_up_still_names_its_family(issuer: Issuer) -> None:
    first = await issuer.tokens_of()
    second = (await issuer.refresh(first["refresh_token"])).json()
    assert (await revoke(issuer, first["refresh_token"])).status_code == 200
    assert not issuer.holds(second["access_token"])


async def test_a_revoked_access_token_ends_alone(issuer: Issuer) -> None:
    first = await issuer.tokens_of()
    second = (await issuer.refresh(first["refresh_token"])).json()
    assert (await revoke(issuer, first["access_token"], token_type_hint="refresh_token")).status_code == 200
    assert not issuer.holds(first["access_token"])
    assert issuer.holds(second["access_token"])
    assert (await issuer.refresh(second["refresh_token"])).status_code == 200
    [event] = await issuer.events("token:revoke")
    assert (event.subject, event.client, event.outcome) == ("user:ann", "app", "ok")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_a_client_does_not_revoke_the_tokens_of_another(issuer: Issuer, kind: str) -> None:
    answer = await issuer.tokens_of()
    response = await revoke(issuer, answer[kind], "other")
    assert (response.status_code, response.json()["error"]) == (400, "unauthorized_client")
    assert issuer.holds(answer["access_token"])
    assert (await issuer.refresh(answer["refresh_token"])).status_code == 200
    [event] = await issuer.events("token:revoke")
    assert (event.subject, event.decision, event.outcome) == ("client:other", "deny", "refused")


@pytest.mark.parametrize("token", ["unknown", "airr_unknown", f"airr_{'0' * 64}.{'x' * 43}", "a.b.c"])
async def test_an_unknown_token_is_no_error(issuer: Issuer, token: str) -> None:
    assert (await revoke(issuer, token)).status_code == 200
    assert await issuer.events("token:revoke") == []


async def test_what_has_ended_already_is_no_error(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    for _ in range(2):
        assert (await revoke(issuer, answer["refresh_token"])).status_code == 200
        assert (await revoke(issuer, answer["access_token"])).status_code == 200
    assert len(await issuer.events("token:revoke")) == 1


async def test_a_confidential_client_proves_itself_to_revoke(issuer: Issuer) -> None:
    answer = await vaults(issuer)
    response = await revoke(issuer, answer["refresh_token"], "vault")
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert issuer.holds(answer["access_token"])
    assert (await issuer.post("/revoke", {"token": answer["refresh_token"]}, basic="vault")).status_code == 200
    assert not issuer.holds(answer["access_token"])


async def test_a_token_of_a_person_who_is_gone_can_still_be_revoked(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    issuer.people.put("ann", Person(active=False))
    assert (await revoke(issuer, answer["access_token"])).status_code == 200
    assert (await revoke(issuer, answer["refresh_token"])).status_code == 200
    assert [event.subject for event in await issuer.events("token:revoke")] == ["user:ann", "user:ann"]


@pytest.mark.parametrize("path", ["/revoke", "/introspect"])
async def test_a_request_without_a_token_or_by_get_is_refused(issuer: Issuer, path: str) -> None:
    assert (await issuer.post(path, {}, basic="vault")).json()["error"] == "invalid_request"
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=issuer.app), base_url=URL) as http:
        assert (await http.get(path)).status_code == 405


# Introspection (RFC 7662)


async def test_a_client_reads_what_its_access_token_says(issuer: Issuer) -> None:
    answer = await vaults(issuer)
    issued = issuer.tokens.read(answer["access_token"], RESOURCE)
    assert issued is not None
    assert await introspect(issuer, answer["access_token"]) == {
        "active": True, "token_type": "Bearer", "scope": "deploy mcp", "client_id": "vault", "sub": "user:ann",
        "username": "ann", "aud": RESOURCE, "iss": URL, "iat": NOW, "exp": NOW + 600, "jti": issued.jti,
    }  # fmt: skip


async def test_a_client_reads_what_its_refresh_token_stands_for_and_until_when(issuer: Issuer) -> None:
    answer = await vaults(issuer)
    assert await introspect(issuer, answer["refresh_token"]) == {
        "active": True, "scope": "mcp deploy", "client_id": "vault", "sub": "user:ann", "username": "ann",
        "aud": RESOURCE, "iss": URL, "iat": NOW, "exp": NOW + 14 * 86_400,
    }  # fmt: skip


async def test_a_machines_token_has_no_username_and_names_its_actor(issuer: Issuer) -> None:
    token, _ = issuer.tokens.mint(
        subject="client:vault", client_id="vault", scopes=["mcp"], resource=RESOURCE, actor="client:robot"
    )
    answer = await introspect(issuer, token)
    assert (answer["sub"], answer["act"]) == ("client:vault", {"sub": "client:robot"})
    assert "username" not in answer


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_of_the_tokens_of_others_only_a_client_with_the_action_token_hears(issuer: Issuer, kind: str) -> None:
    token = (await issuer.tokens_of())[kind]
    assert await introspect(issuer, token, "vault") == {"active": False}
    trusted = await introspect(issuer, token, "warden")
    assert (trusted["active"], trusted["client_id"], trusted["sub"]) == (True, "app", "user:ann")


async def test_whatever_does_not_hold_is_inactive_and_nothing_more_is_said(issuer: Issuer) -> None:
    answer, revoked = await vaults(issuer), await vaults(issuer)
    following = await issuer.post(
        "/token", {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}, basic="vault"
    )
    assert following.status_code == 200
    await issuer.post("/revoke", {"token": revoked["refresh_token"]}, basic="vault")
    dead = [answer["refresh_token"], revoked["access_token"], revoked["refresh_token"], "x", "airr_x", "a.b.c"]
    for token in dead:
        assert await introspect(issuer, token) == {"active": False}
        assert await introspect(issuer, token, "warden") == {"active": False}
    issuer.clock.pass_(600)
    assert await introspect(issuer, answer["access_token"]) == {"active": False}
    issuer.clock.pass_(14 * 86_400)
    assert await introspect(issuer, following.json()["refresh_token"]) == {"active": False}


async def test_to_ask_about_a_used_refresh_token_does_not_end_its_family(issuer: Issuer) -> None:
    first = await vaults(issuer)
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = (await issuer.post("/token", form, basic="vault")).json()
    assert await introspect(issuer, first["refresh_token"]) == {"active": False}
    assert (await introspect(issuer, second["refresh_token"]))["active"]


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_the_tokens_of_a_person_who_was_switched_off_are_inactive(issuer: Issuer, kind: str) -> None:
    answer = await vaults(issuer)
    issuer.people.put("ann", Person(active=False))
    assert await introspect(issuer, answer[kind]) == {"active": False}


async def test_a_client_that_lost_the_action_or_was_switched_off_hears_nothing_more(issuer: Issuer) -> None:
    token = (await issuer.tokens_of())["access_token"]
    assert (await introspect(issuer, token, "warden"))["active"]
    issuer.clients.put("warden", client("warden", token_endpoint_auth_method="client_secret_basic"))
    assert await introspect(issuer, token, "warden") == {"active": False}
    warden = client("warden", token_endpoint_auth_method="client_secret_basic", scopes=["watch"], active=False)
    issuer.clients.put("warden", warden)
    assert await introspect(issuer, token, "warden") == {"active": False}


async def test_public_clients_may_not_introspect_even_their_own_tokens(issuer: Issuer) -> None:
    answer = await issuer.tokens_of()
    response = await issuer.post("/introspect", {"token": answer["access_token"], "client_id": "app"})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")


async def test_the_trail_names_the_holder_as_their_token_made_them(issuer: Issuer) -> None:
    await issuer.tokens_of()
    [family] = await issuer.authorizations.of_user("ann")
    assert issuer.authorizations.holder(family) == Principal(
        subject="user:ann", kind="person", client="app", groups=frozenset({"staff"}), scopes=frozenset({"deploy"}),
        administers=False,
    )  # fmt: skip
