"""Lists: filters, order, pages, searches by POST, and people and groups together."""

from urllib.parse import urlencode

import pytest

from airegistry.core.assets import Json
from airegistry.core.principals import SYSTEM
from airegistry.oauth.clients.clients import ClientChange
from tests.rest.scim.world import ENTERPRISE, World, fresh

pytestmark = pytest.mark.anyio
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture(scope="module")
async def five(world: World) -> list[str]:
    """The names of five people of the department `Lists`, in the order of their making; titles run the other way."""
    made = []
    for number in range(5):
        more: Json = {ENTERPRISE: {"department": "Lists"}}
        if number:
            more["title"] = f"t{9 - number}"
        made.append(str((await world.add(**more))["userName"]))
    return made


async def listed(world: World, **asked: object) -> Json:
    query = {"filter": f'{ENTERPRISE}:department eq "lists"', **asked}
    found = await world.get(f"/Users?{urlencode(query)}")
    assert found["schemas"] == [LIST]
    return found


def names(found: Json) -> list[str]:
    resources = found["Resources"]
    assert isinstance(resources, list)
    return [str(each["userName"]) for each in resources if isinstance(each, dict)]


async def test_pages_are_parts_of_the_whole(world: World, five: list[str]) -> None:
    assert names(await listed(world)) == five
    page = await listed(world, startIndex=2, count=2)
    assert (names(page), page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (five[1:3], 5, 2, 2)
    assert names(await listed(world, startIndex=-3, count=1)) == five[:1]
    for count in (0, -1):
        empty = await listed(world, count=count)
        assert (empty["Resources"], empty["totalResults"]) == ([], 5)
    assert names(await listed(world, startIndex=100)) == []
    every = await world.get("/Users?startIndex=1&count=2")
    assert (every["itemsPerPage"], every["totalResults"]) == (2, (await world.get("/Users?count=0"))["totalResults"])


async def test_people_are_sorted_and_who_has_no_value_comes_last(world: World, five: list[str]) -> None:
    expected = [*reversed(five[1:]), five[0]]
    assert names(await listed(world, sortBy="title")) == expected
    assert names(await listed(world, sortBy="title", sortOrder="descending")) == expected[::-1]
    assert names(await listed(world, sortBy="emails")) == five
    assert names(await listed(world, sortBy="meta.created", sortOrder="ascending")) == five


@pytest.mark.parametrize(
    "query", ["sortBy=unknown", "sortOrder=up", "count=x", "startIndex=1.5", "filter=x", "count=true"]
)
async def test_what_cannot_be_listed_is_400(world: World, query: str) -> None:
    answer = await world.ask("GET", f"/Users?{query}")
    assert (answer.status_code, answer.json()["status"]) == (400, "400")
    assert answer.json()["scimType"] == ("invalidFilter" if query.startswith("filter") else "invalidValue")


async def test_a_search_by_post_is_a_list(world: World, five: list[str]) -> None:
    asked = {
        "schemas": [SEARCH], "filter": f'userName eq "{five[0]}" or userName eq "{five[1]}"', "startIndex": 1,
        "count": 10, "attributes": ["userName"], "sortBy": "userName",
    }  # fmt: skip
    for path in ("/Users/.search", "/.search"):
        answer = await world.ask("POST", path, asked)
        assert names(answer.json()) == five[:2], path
        assert all({"schemas", "id", "userName"} == each.keys() for each in answer.json()["Resources"])
    assert (await world.ask("POST", "/Groups/.search", asked)).status_code == 400
    for wrong in ({"filter": 'unknown eq "x"'}, {"sortBy": "unknown"}, {"filter": "(" * 500}):
        assert (await world.ask("POST", "/.search", {"schemas": [SEARCH], **wrong})).status_code == 400


async def test_people_and_groups_are_found_together(world: World) -> None:
    name = fresh("both")
    ann = await world.add(displayName=name)
    group = await world.add_group(name, ann)
    answer = await world.ask("POST", "/.search", {"schemas": [SEARCH], "filter": f'displayName eq "{name}"'})
    assert [each["id"] for each in answer.json()["Resources"]] == [ann["id"], group["id"]]
    every = await world.get("/?count=1000")
    assert {str(each["meta"]["resourceType"]) for each in every["Resources"]} == {"User", "Group"}  # type: ignore[union-attr,index,call-overload]  # resources


async def test_a_client_of_oauth_provisions_by_client_credentials(world: World) -> None:
    clients, url = world.app.identity.clients, world.app.services.url
    change = ClientChange(scopes=["provisioning"], grant_types=["client_credentials"],
                          token_endpoint_auth_method="client_secret_post")  # fmt: skip
    _, secret = await clients.put(SYSTEM, "idp", change)
    form = {"grant_type": "client_credentials", "client_id": "idp", "client_secret": secret, "resource": f"{url}/api"}
    narrow, whole = [
        (await world.client.post(f"{world.url}/token", data={**form, **more})).json()["access_token"]
        for more in ({}, {"scope": "mcp mcp:admin"})
    ]
    assert (await world.ask("GET", "/Users?count=1", token=narrow)).status_code == 403
    assert (await world.ask("GET", "/Users?count=1", token=whole)).status_code == 200
