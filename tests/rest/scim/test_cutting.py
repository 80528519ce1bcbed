"""Who is switched off or deleted by the identity provider is cut off at once, and owns what they own."""

import pytest

from airegistry.core.assets import Json, Server
from airegistry.core.errors import AccessDenied, Conflict
from airegistry.core.principals import SYSTEM, Principal
from tests.rest.scim.world import World, fresh

pytestmark = pytest.mark.anyio
OFF: list[Json] = [
    {"op": "replace", "path": "active", "value": False},
    {"op": "Replace", "path": "active", "value": "False"},
    {"op": "replace", "value": {"active": False}},
    {"op": "Replace", "value": {"active": "False"}},
]
"""As RFC 7644, Entra ID, Okta, and Entra ID once more have it."""


def who(world: World, sub: str) -> Principal | None:
    return world.app.identity.callers.by_subject(f"user:corp:{sub}")


@pytest.mark.parametrize("operation", OFF)
async def test_who_is_switched_off_and_on_again(world: World, operation: Json) -> None:
    sub = fresh()
    ann = await world.add(sub)
    await world.login(sub)
    assert who(world, sub) is not None
    answer = await world.patch(f"/Users/{ann['id']}", operation)
    assert (answer.status_code, answer.json()["active"]) == (200, False)
    assert who(world, sub) is None
    with pytest.raises(AccessDenied):
        await world.login(sub)
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": "True"})
    await world.login(sub)
    assert who(world, sub) is not None


async def test_what_somebody_was_given_ends_with_them(world: World) -> None:
    sub, services = fresh(), world.app.services
    ann = await world.add(sub)
    user = await world.login(sub)
    session, _ = await world.app.identity.sessions.open(user, amr=["pwd"])
    caller = who(world, sub)
    assert caller is not None
    maker = Principal(user.subject, kind="person", operator=True)
    _, vended = await services.tokens.vend(caller, "mine", scopes=None, expires_in=60)
    record, minted = await services.tokens.create(maker, "machine", groups=[], scopes=[], expires_in=60)
    second = Principal(record.subject, client=record.id, operator=True)
    _, further = await services.tokens.create(second, "further", groups=[], scopes=[], expires_in=60)
    await services.catalog.register(
        maker, Server(path="theirs", name="theirs", url="http://127.0.0.1:9/mcp"), fetch=False
    )
    given = (vended, minted, further)
    assert all(services.tokens.resolve(each) is not None for each in given)
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": False})
    assert [services.tokens.resolve(each) for each in given] == [None, None, None]
    assert await world.app.identity.sessions.find(session) is None
    assert (await world.events("user:reprovision"))[0].reason.endswith("is switched off; leaves 1 asset, 2 tokens")
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": True})
    assert services.tokens.resolve(minted) is not None


async def test_who_is_deleted_does_not_come_back_by_signing_in_but_by_being_provisioned(world: World) -> None:
    sub = fresh()
    ann = await world.add(sub)
    await world.login(sub)
    assert (await world.ask("DELETE", f"/Users/{ann['id']}")).status_code == 204
    assert who(world, sub) is None
    with pytest.raises(AccessDenied):
        await world.login(sub)
    assert (await world.events("user:deprovision"))[0].reason.endswith("is removed; leaves nothing")
    again = await world.add(sub)
    user = await world.login(sub)
    assert (user.id, user.scim is not None and user.scim.id) == (f"corp:{sub}", again["id"])


async def test_who_was_deleted_before_they_ever_signed_in_is_refused_too(world: World) -> None:
    sub = fresh()
    ann = await world.add(fresh(), externalId=sub)
    await world.ask("DELETE", f"/Users/{ann['id']}")
    with pytest.raises(AccessDenied):
        await world.login(sub)


async def test_a_login_is_known_by_external_id_then_name_then_object_id_and_never_by_an_address(world: World) -> None:
    sub, other, address = fresh(), fresh("oid"), fresh()
    by_id = await world.add(fresh(), externalId=sub)
    by_oid = await world.add(fresh(), externalId=other)
    await world.add(address)
    user = await world.login(sub)
    assert (user.id, user.scim is not None and user.scim.id) == (f"corp:{sub}", by_id["id"])
    user = await world.login(fresh("pairwise"), known_as=(other,))
    assert user.scim is not None
    assert user.scim.id == by_oid["id"]
    user = await world.login(fresh("somebody"), email=address, verified=True)
    assert user.scim is None
    assert world.app.identity.directory.known(f"scim:{by_id['id']}") is None


async def test_at_another_provider_nobody_is_known(world: World) -> None:
    sub = fresh()
    await world.add(sub)
    user = await world.app.identity.directory.provision("elsewhere", sub)
    assert user.scim is None


async def test_who_signed_in_before_is_the_one_who_is_provisioned(world: World) -> None:
    sub = fresh()
    before = await world.login(sub)
    ann = await world.add(sub, active=False)
    user = world.app.identity.directory.known(before.id)
    assert user is not None
    assert user.scim is not None
    assert (user.scim.id, user.active) == (ann["id"], False)


async def test_an_administrator_and_the_provider_both_have_to_let_somebody_in(world: World) -> None:
    sub, directory = fresh(), world.app.identity.directory
    ann = await world.add(sub)
    user = await world.login(sub)
    await directory.put(SYSTEM, user.id, active=False)
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": False})
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": True})
    assert who(world, sub) is None
    await world.patch(f"/Users/{ann['id']}", {"op": "replace", "path": "active", "value": False})
    with pytest.raises(Conflict):
        await directory.put(SYSTEM, user.id, active=True)
    await world.ask("DELETE", f"/Users/{ann['id']}")
    assert (await directory.put(SYSTEM, user.id, active=True)).active
    assert who(world, sub) is not None
