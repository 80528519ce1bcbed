"""Groups of SCIM, who is in them, and what that gives."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM
from tests.rest.scim.world import GROUP, World, fresh

pytestmark = pytest.mark.anyio


async def members(world: World, group: Json) -> list[str]:
    found = (await world.get(f"/Groups/{group['id']}")).get("members", [])
    assert isinstance(found, list)
    return [str(each["value"]) for each in found if isinstance(each, dict)]


async def held(world: World, sub: str) -> set[str]:
    """The groups of somebody who signs in at the provider."""
    who = world.app.identity.callers.by_subject(f"user:corp:{sub}")
    assert who is not None
    return set(who.groups)


async def test_a_group_shows_its_members_and_they_show_their_groups(world: World) -> None:
    ann, bob = await world.add(displayName="Ann"), await world.add()
    group = await world.add_group(fresh("group"), ann, bob)
    base = f"{world.app.services.url}/scim/v2"
    assert group["members"] == [
        {"value": ann["id"], "$ref": f"{base}/Users/{ann['id']}", "type": "User"},
        {"value": bob["id"], "$ref": f"{base}/Users/{bob['id']}", "type": "User"},
    ]
    assert (await world.get(f"/Users/{ann['id']}"))["groups"] == [
        {
            "value": group["id"],
            "$ref": f"{base}/Groups/{group['id']}",
            "display": group["displayName"],
            "type": "direct",
        }
    ]


async def test_who_is_put_into_a_group_holds_its_scopes_and_loses_them_with_it(world: World) -> None:
    name, sub = fresh("group"), fresh()
    await world.app.services.policy.put_scope(SYSTEM, Scope(name="reading", grants=[Grant(actions=["read"])]))
    await world.app.services.policy.put_group(SYSTEM, Group(name=name, scopes=["reading"]))
    ann = await world.add(sub)
    group = await world.add_group(name)
    await world.login(sub)
    callers, path = world.app.identity.callers, f"/Groups/{group['id']}"

    def scopes() -> frozenset[str]:
        who = callers.by_subject(f"user:corp:{sub}")
        assert who is not None
        return who.scopes

    assert scopes() == frozenset()
    assert (
        await world.patch(path, {"op": "add", "path": "members", "value": [{"value": ann["id"]}]})
    ).status_code == 204
    assert scopes() == {"reading"}
    assert (await world.patch(path, {"op": "remove", "path": f'members[value eq "{ann["id"]}"]'})).status_code == 204
    assert scopes() == frozenset()
    await world.patch(path, {"op": "add", "path": "members", "value": {"value": ann["id"]}})
    assert scopes() == {"reading"}
    assert (await world.ask("DELETE", path)).status_code == 204
    assert scopes() == frozenset()
    assert (await world.ask("GET", path)).status_code == 404


async def test_a_group_called_administrators_gives_nothing_unless_the_settings_say_so(world: World) -> None:
    sub = fresh()
    ann = await world.add(sub)
    await world.add_group("administrators", ann)
    await world.add_group("others", ann)
    await world.login(sub)
    assert await held(world, sub) == {"others"}
    assert (await world.events("group:provision"))[1].reason.endswith("; it does not count for access")


async def test_the_dialects_of_entra_and_okta_change_members(world: World) -> None:
    ann, bob, eve = [await world.add() for _ in range(3)]
    group = await world.add_group(fresh("group"), ann)
    path = f"/Groups/{group['id']}"
    entra_add: Json = {"op": "Add", "path": "members", "value": [{"value": bob["id"]}, {"value": ann["id"]}]}
    assert (await world.patch(path, entra_add)).status_code == 204
    assert await members(world, group) == [ann["id"], bob["id"]]
    entra_remove: Json = {"op": "Remove", "path": "members", "value": [{"value": ann["id"]}]}
    assert (await world.patch(path, entra_remove)).status_code == 204
    assert await members(world, group) == [bob["id"]]
    okta: Json = {"op": "replace", "path": "members", "value": [{"value": eve["id"], "display": "eve@corp.test"}]}
    assert (await world.patch(path, okta)).status_code == 204
    assert await members(world, group) == [eve["id"]]
    renamed = fresh("renamed")
    okta_name: Json = {"op": "replace", "value": {"id": group["id"], "displayName": renamed}}
    assert (await world.patch(path, okta_name)).status_code == 204
    assert (await world.get(f'/Groups?filter=displayName eq "{renamed.upper()}"'))["totalResults"] == 1
    assert (await world.patch(path, {"op": "remove", "path": f'members[value eq "{bob["id"]}"]'})).status_code == 204
    assert (await world.patch(path, {"op": "Remove", "path": "members"})).status_code == 204
    assert await members(world, group) == []


async def test_a_member_whom_nobody_knows_is_refused_and_nothing_is_done(world: World) -> None:
    ann = await world.add()
    group = await world.add_group(fresh("group"), ann)
    for wrong in ("unknown", "", group["id"]):
        answer = await world.patch(
            f"/Groups/{group['id']}",
            {"op": "replace", "path": "displayName", "value": "changed"},
            {"op": "add", "path": "members", "value": [{"value": wrong}]},
        )
        assert (answer.status_code, answer.json()["scimType"]) == (400, "invalidValue")
    assert (await world.get(f"/Groups/{group['id']}"))["displayName"] == group["displayName"]


async def test_who_was_deleted_is_in_no_group(world: World) -> None:
    ann, bob = await world.add(), await world.add()
    group = await world.add_group(fresh("group"), ann, bob)
    assert (await world.ask("DELETE", f"/Users/{ann['id']}")).status_code == 204
    assert await members(world, group) == [bob["id"]]


async def test_a_name_is_one_groups_and_of_two_writers_one_is_412(world: World) -> None:
    group = await world.add_group(fresh("group"))
    again = await world.ask("POST", "/Groups", {"schemas": [GROUP], "displayName": str(group["displayName"]).upper()})
    assert (again.status_code, again.json()["scimType"]) == (409, "uniqueness")
    path, tag = f"/Groups/{group['id']}", 'W/"1"'
    body = {"schemas": [GROUP], "displayName": fresh("group"), "externalId": "x"}
    first = await world.ask("PUT", path, body, if_match=tag)
    second = await world.ask("PUT", path, body, if_match=tag)
    assert (first.status_code, second.status_code, first.json()["externalId"]) == (200, 412, "x")


async def test_groups_are_found_by_their_members(world: World) -> None:
    ann, bob = await world.add(), await world.add()
    first, second = await world.add_group(fresh("group"), ann), await world.add_group(fresh("group"), ann, bob)
    for filter_, expected in (
        (f'members eq "{ann["id"]}"', [first["id"], second["id"]]),
        (f'members.value eq "{ann["id"]}" and members[value eq "{bob["id"]}"]', [second["id"]]),
        (f'id eq "{first["id"]}" and members eq "{bob["id"]}"', []),
    ):
        found = (await world.client.get(
            f"{world.url}/scim/v2/Groups", params={"filter": filter_, "excludedAttributes": "members"},
            headers={"authorization": f"Bearer {world.token}"},
        )).json()  # fmt: skip
        assert [each["id"] for each in found["Resources"]] == expected
        assert all("members" not in each for each in found["Resources"])
