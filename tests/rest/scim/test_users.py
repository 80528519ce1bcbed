"""People of SCIM: the examples of RFC 7644, and what is refused."""

import pytest

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from tests.rest.scim.world import ENTERPRISE, USER, World, fresh

pytestmark = pytest.mark.anyio


def barbara(name: str) -> Json:
    """Much of the full user of RFC 7643, section 8.2."""
    return {
        "schemas": [USER, ENTERPRISE], "externalId": f"ext-{name}", "userName": name,
        "name": {"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara"},
        "displayName": "Babs Jensen", "nickName": "Babs", "profileUrl": "https://login.example.com/bjensen",
        "emails": [
            {"value": f"work-{name}", "type": "work", "primary": True}, {"value": "babs@jensen.org", "type": "home"},
        ],
        "addresses": [{"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood"}],
        "phoneNumbers": [{"value": "555-555-5555", "type": "work"}], "userType": "Employee", "title": "Tour Guide",
        "preferredLanguage": "en-US", "locale": "en-US", "timezone": "America/Los_Angeles", "active": True,
        ENTERPRISE: {"employeeNumber": "701984", "department": "Tour Operations", "manager": {"value": "26118915"}},
    }  # fmt: skip


async def test_a_user_comes_back_as_it_was_sent_with_what_the_server_adds(world: World) -> None:
    sent = barbara(fresh())
    answer = await world.ask("POST", "/Users", sent)
    made = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/scim+json")
    assert (
        answer.headers["location"] == made["meta"]["location"] == f"{world.app.services.url}/scim/v2/Users/{made['id']}"
    )
    assert answer.headers["etag"] == made["meta"]["version"] == 'W/"1"'
    assert made["meta"]["resourceType"] == "User"
    assert {name: value for name, value in made.items() if name not in {"id", "meta"}} == sent
    assert await world.get(f"/Users/{made['id']}") == made


async def test_a_name_that_is_taken_in_any_case_is_409_uniqueness(world: World) -> None:
    made = await world.add()
    again = {"schemas": [USER], "userName": str(made["userName"]).upper()}
    other = await world.add()
    for answer in (
        await world.ask("POST", "/Users", again),
        await world.ask("PUT", f"/Users/{other['id']}", again),
        await world.patch(f"/Users/{other['id']}", {"op": "replace", "path": "userName", "value": made["userName"]}),
    ):
        assert (answer.status_code, answer.json()["scimType"], answer.json()["status"]) == (409, "uniqueness", "409")


async def test_a_name_that_was_given_up_is_free_again(world: World) -> None:
    made = await world.add()
    assert (
        await world.patch(f"/Users/{made['id']}", {"op": "replace", "path": "userName", "value": fresh()})
    ).status_code == 200
    second = await world.add(str(made["userName"]))
    assert (await world.ask("DELETE", f"/Users/{second['id']}")).status_code == 204
    third = await world.add(str(made["userName"]))
    assert len({made["id"], second["id"], third["id"]}) == 3


async def test_put_replaces_what_is_writable_and_leaves_active_where_nothing_is_said_of_it(world: World) -> None:
    made = await world.add(title="Guide", active=False)
    answer = await world.ask(
        "PUT", f"/Users/{made['id']}", {"schemas": [USER], "id": "x", "userName": made["userName"], "nickName": "Bee"}
    )
    found = answer.json()
    assert (answer.status_code, found["id"], found["nickName"], found["active"]) == (200, made["id"], "Bee", False)
    assert "title" not in found
    assert found["meta"]["version"] == 'W/"2"'


async def test_of_two_who_write_what_both_have_read_one_is_412(world: World) -> None:
    made = await world.add()
    tag = 'W/"1"'
    path = f"/Users/{made['id']}"
    first = await world.patch(path, {"op": "add", "path": "title", "value": "A"}, if_match=tag)
    second = await world.patch(path, {"op": "add", "path": "title", "value": "B"}, if_match=tag)
    gone = await world.ask("DELETE", path, if_match='W/"1"')
    assert (first.status_code, second.status_code, gone.status_code) == (200, 412, 412)
    assert (await world.get(path))["title"] == "A"
    assert (await world.ask("GET", path, if_none_match=first.headers["etag"])).status_code == 304
    assert (await world.ask("DELETE", path, if_match="*")).status_code == 204


async def test_a_change_that_changes_nothing_leaves_the_version(world: World) -> None:
    made = await world.add(title="Guide")
    same = await world.patch(f"/Users/{made['id']}", {"op": "replace", "path": "title", "value": "Guide"})
    assert (same.status_code, same.json()) == (200, made)


async def test_who_was_deleted_is_not_found_and_not_listed(world: World) -> None:
    made = await world.add()
    assert (await world.ask("DELETE", f"/Users/{made['id']}")).status_code == 204
    for method in ("GET", "DELETE", "PATCH", "PUT"):
        body = {"schemas": [USER], "userName": "x"} if method == "PUT" else None
        if method == "PATCH":
            answer = await world.patch(f"/Users/{made['id']}", {"op": "add", "path": "title", "value": "x"})
        else:
            answer = await world.ask(method, f"/Users/{made['id']}", body)
        assert answer.status_code == 404, method
    assert await world.names(f'userName eq "{made["userName"]}"') == []
    assert await world.names(f'id eq "{made["id"]}"') == []


WRONG: list[tuple[object, str]] = [
    ({"userName": "x"}, "invalidSyntax"),
    ({"schemas": ["urn:x"], "userName": "x"}, "invalidSyntax"),
    ({"schemas": [USER]}, "invalidValue"),
    ({"schemas": [USER], "userName": ""}, "invalidValue"),
    ({"schemas": [USER], "userName": 7}, "invalidValue"),
    ({"schemas": [USER], "userName": "x" * 257}, "invalidValue"),
    ({"schemas": [USER], "userName": "a\nb"}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "active": "maybe"}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "name": "Ann"}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "title": {"a": {"b": {}}}}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "emails": [{"value": "a@b"}] * 101}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "emails": [{"value": "a", "primary": True}] * 2}, "invalidValue"),
    ({"schemas": [USER], "userName": "x", "photos": [{"value": "x" * 4000}] * 20}, "invalidValue"),
    ([], "invalidSyntax"),
    (7, "invalidSyntax"),
]


@pytest.mark.parametrize(("sent", "kind"), WRONG)
async def test_what_is_no_user_is_400_and_says_why(world: World, sent: object, kind: str) -> None:
    answer = await world.ask("POST", "/Users", sent)
    assert answer.status_code == 400, answer.text
    assert answer.json()["scimType"] == kind
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]


async def test_hostile_bodies_are_refused_and_hurt_nobody(world: World) -> None:
    deep = b'{"schemas":["' + USER.encode() + b'"],"userName":"x","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert (await world.ask("POST", "/Users", content=deep)).status_code == 400
    assert (await world.ask("POST", "/Users", content=b" " * (2 * 2**20 + 1))).status_code == 413
    assert (await world.ask("POST", "/Users", content=b"\xff{}")).status_code == 400
    assert (await world.ask("POST", "/Users", content=b"{}", content_type="text/plain")).status_code == 415
    assert (await world.ask("POST", "/Users", content=b"{}", content_encoding="gzip")).status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/Bulk", 501), ("GET", "/Me", 501), ("GET", "/Nothing", 404), ("GET", "/Users/a/b", 404),
        ("GET", "/Users/unknown", 404), ("GET", "/Users/un%0Aknown", 404), ("DELETE", "/Users", 405),
        ("POST", "/Users/x", 405), ("GET", "/x", 404), ("POST", "/Schemas", 405),
        ("GET", "/Schemas/urn:x", 404), ("GET", "/Schemas?filter=x", 403),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_told_so_in_the_form_of_scim(
    world: World, method: str, path: str, status: int
) -> None:
    answer = await world.ask(method, path)
    assert (answer.status_code, answer.json()["status"]) == (status, str(status))
    assert answer.headers["content-type"] == "application/scim+json"
    assert (status == 405) is ("allow" in answer.headers)


async def test_the_server_says_what_it_does(world: World) -> None:
    config = await world.get("/ServiceProviderConfig")
    offered = {
        name: value["supported"] for name, value in config.items() if isinstance(value, dict) and "supported" in value
    }
    assert offered == {
        "patch": True, "bulk": False, "filter": True, "changePassword": False, "sort": True, "etag": True,
    }  # fmt: skip
    types = await world.get("/ResourceTypes")
    assert [each["endpoint"] for each in types["Resources"]] == ["/Users", "/Groups"]  # type: ignore[index,union-attr,call-overload]  # a list
    assert (await world.get(f"/Schemas/{ENTERPRISE}"))["name"] == "EnterpriseUser"


async def test_only_what_is_asked_for_is_answered(world: World) -> None:
    made = await world.add(
        name={"givenName": "Ann", "familyName": "Lee"}, title="Guide", **{ENTERPRISE: {"department": "X"}}
    )
    path = f"/Users/{made['id']}"
    only = await world.get(f"{path}?attributes=userName,name.givenName,{ENTERPRISE}:department")
    assert only == {
        "schemas": made["schemas"], "id": made["id"], "userName": made["userName"], "name": {"givenName": "Ann"},
        ENTERPRISE: {"department": "X"},
    }  # fmt: skip
    without = await world.get(f"{path}?excludedAttributes=name.givenName,meta,TITLE,id")
    assert (without["name"], without["id"]) == ({"familyName": "Lee"}, made["id"])
    assert not {"meta", "title"} & without.keys()
    assert (await world.ask("GET", f"{path}?attributes=id&excludedAttributes=meta")).status_code == 400


async def test_nobody_without_the_right_gets_anywhere_and_the_trail_has_it(world: World) -> None:
    services = world.app.services
    _, token = await services.tokens.create(SYSTEM, "nobody", groups=[], scopes=[], expires_in=60)
    body = {"schemas": [USER], "userName": fresh()}
    for method, path in (
        ("POST", "/Users"),
        ("GET", "/Users"),
        ("GET", "/Users/x"),
        ("DELETE", "/Users/x"),
        ("GET", "/"),
    ):
        answer = await world.ask(method, path, body if method == "POST" else None, token=token)
        assert (answer.status_code, answer.json()["status"]) == (403, "403"), (method, path)
    assert (await world.ask("GET", "/Users", token="wrong" * 8)).status_code == 401
    made = await world.add()
    event = (await world.events("user:provision"))[0]
    assert (event.subject, event.decision, event.asset) == ("token:provisioner", "allow", f"scim:{made['id']}")


async def test_the_provisioner_may_provision_and_nothing_else(world: World) -> None:
    for path in ("/api/v1/users", "/api/v1/policy", "/api/v1/audit/events"):
        answer = await world.client.get(world.url + path, headers={"authorization": f"Bearer {world.token}"})
        assert answer.status_code in {403, 404}, path
