"""What a registry tells its peers: as much as the caller may see, page by page, and nothing that stays at home."""

import secrets
from typing import Any

import httpx2
import pytest

from tests.support.backends import Backend
from tests.support.mcp import ask
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
Json = dict[str, Any]
CHANGES, ASSETS = "/api/v1/federation/changes", "/api/v1/federation/assets"
TOOLS = [{"name": "forecast", "description": "Forecasts."}, {"name": "archive", "description": "Remembers."}]


@pytest.fixture
def tag() -> str:
    """What a test's own assets are told apart by."""
    return f"t{secrets.token_hex(6)}"


def changes(registry: Registry, token: str | None = None, **query: str | int) -> httpx2.Response:
    """A page of the listing, as the operator unless another token is given."""
    headers = {"authorization": f"Bearer {token or registry.token}"}
    return httpx2.get(f"{registry.url}{CHANGES}", params=query, headers=headers, timeout=30, trust_env=False)


def assets(registry: Registry, ids: object, token: str | None = None) -> httpx2.Response:
    """The bodies of some ids."""
    headers = {"authorization": f"Bearer {token or registry.token}"}
    return httpx2.post(f"{registry.url}{ASSETS}", json={"ids": ids}, headers=headers, timeout=30, trust_env=False)


def bodies(registry: Registry, *ids: str, token: str | None = None) -> dict[str, Json]:
    """What is told of some ids."""
    answer = assets(registry, [*ids], token)
    assert answer.status_code == 200, answer.text
    return {item["id"]: item["body"] for item in answer.json()["items"]}


async def server(registry: Registry, path: str, **fields: object) -> None:
    """A server that was registered by value."""
    about = {"name": path, "url": "http://127.0.0.1:9/mcp", "fetch": False, "tools": TOOLS, **fields}
    await ask(registry.mcp, registry.token, "register_service", path=path, **about)


async def restricted(registry: Registry, name: str, *grants: Json) -> str:
    """A token with these grants."""
    await ask(registry.mcp, registry.token, "put_scope", name=name, grants=[*grants])
    made = await ask(registry.mcp, registry.token, "create_token", name=name, scopes=[name])
    token: str = made["token"]
    return token


def ids_of(page: httpx2.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return [item["id"] for item in page.json()["items"]]


async def test_pages_are_all_of_it_once_and_in_order(registry: Registry, tag: str) -> None:
    for number in range(5):
        await server(registry, f"{tag}-{number}", tags=[tag])
    seen: list[str] = []
    after: Json = {}
    for _ in range(5):
        page = changes(registry, tags=tag, limit=2, **after)
        seen += ids_of(page)
        if page.json()["next"] is None:
            break
        after = {"after": page.json()["next"]}
    assert seen == [f"server/{tag}-{number}" for number in range(5)]


async def test_a_digest_changes_with_what_is_told_and_with_nothing_else(registry: Registry, tag: str) -> None:
    await server(registry, tag, tags=[tag])
    (before,) = changes(registry, tags=tag).json()["items"]
    await ask(registry.mcp, registry.token, "rate_asset", kind="server", path=tag, stars=5)
    (rated,) = changes(registry, tags=tag).json()["items"]
    await ask(registry.mcp, registry.token, "update_asset", kind="server", path=tag, changes={"description": "New."})
    (changed,) = changes(registry, tags=tag).json()["items"]
    await server(registry, tag, tags=[tag], version="2.0.0")
    (two,) = changes(registry, tags=tag).json()["items"]
    assert before == rated
    assert len({rated["digest"], changed["digest"], two["digest"]}) == 3
    versions = bodies(registry, f"server/{tag}")[f"server/{tag}"]["versions"]
    assert [version["version"] for version in versions] == ["1.0.0", "2.0.0"]


async def test_what_stays_at_home_is_not_told(registry: Registry, tag: str) -> None:
    await server(
        registry, tag, tags=[tag], groups=["staff"], requires_approval=["archive"], health_url="http://127.0.0.1:9/up"
    )
    credential = {"kind": "bearer", "token": "s3cret-of-the-backend"}
    await ask(registry.mcp, registry.token, "set_credential", path=tag, credential=credential)
    await ask(registry.mcp, registry.token, "rate_asset", kind="server", path=tag, stars=5)
    answer = assets(registry, [f"server/{tag}"])
    (version,) = answer.json()["items"][0]["body"]["versions"]
    assert "s3cret" not in answer.text
    assert not version.keys() & {
        "path", "enabled", "stage", "visibility", "groups", "health", "health_report", "health_url", "rating", "review",
        "requires_approval", "created_by", "created_at", "updated_at", "provenance", "held", "fetched_at",
    }  # fmt: skip
    assert [tool["name"] for tool in version["tools"]] == ["forecast", "archive"]


async def test_what_is_switched_off_or_not_served_is_not_told(registry: Registry, tag: str) -> None:
    for path in ("off", "retired", "on"):
        await server(registry, f"{tag}-{path}", tags=[tag])
    await ask(registry.mcp, registry.token, "toggle_service", path=f"{tag}-off", enabled=False)
    await ask(
        registry.mcp, registry.token, "set_lifecycle_stage", kind="server", path=f"{tag}-retired", stage="retired",
        reason="old",
    )  # fmt: skip
    assert ids_of(changes(registry, tags=tag)) == [f"server/{tag}-on"]
    assert bodies(registry, f"server/{tag}-off", f"server/{tag}-retired") == {}


async def test_the_skills_that_every_registry_comes_with_are_not_told(registry: Registry) -> None:
    assert ids_of(changes(registry, kinds="skill", tags="airegistry")) == []


async def test_what_is_hidden_from_a_caller_changes_no_byte_of_its_listing(registry: Registry, tag: str) -> None:
    token = await restricted(registry, tag, {"kinds": ["server"], "assets": [f"{tag}-a*"], "actions": ["list", "read"]})
    await server(registry, f"{tag}-a1", tags=[tag], visibility="private")
    before = changes(registry, token, tags=tag)
    await server(registry, f"{tag}-a0-hidden", tags=[f"{tag}x"], visibility="private")
    await server(registry, f"{tag}-b", tags=[tag], visibility="private")
    after = changes(registry, token, tags=tag)
    assert ids_of(before) == [f"server/{tag}-a1"]
    assert before.content == after.content
    nothing = assets(registry, ["server/there-is-none"], token)
    assert assets(registry, [f"server/{tag}-b"], token).content == nothing.content
    assert bodies(registry, f"server/{tag}-b", f"server/{tag}-a1", token=token).keys() == {f"server/{tag}-a1"}


async def test_who_may_not_read_what_it_may_list_is_told_nothing(registry: Registry, tag: str) -> None:
    await server(registry, tag, tags=[tag])
    token = await restricted(registry, tag, {"assets": [tag], "actions": ["read"], "effect": "deny"})
    assert ids_of(changes(registry, token, tags=tag)) == []
    assert bodies(registry, f"server/{tag}", token=token) == {}


async def test_tools_that_a_caller_may_not_see_are_not_in_what_it_is_told(registry: Registry, tag: str) -> None:
    await server(registry, tag, tags=[tag])
    token = await restricted(registry, tag, {"assets": [tag], "tools": ["archive"], "effect": "deny"})
    (version,) = bodies(registry, f"server/{tag}", token=token)[f"server/{tag}"]["versions"]
    assert [tool["name"] for tool in version["tools"]] == ["forecast"]
    (theirs,), (ours,) = (changes(registry, each, tags=tag).json()["items"] for each in (token, None))
    assert theirs["digest"] != ours["digest"]


async def test_a_virtual_server_is_told_by_its_tools_and_without_what_is_behind_it(
    registry: Registry, backend: Backend, tag: str
) -> None:
    await ask(registry.mcp, registry.token, "register_service", name=tag, path=tag, url=backend.url)
    await ask(
        registry.mcp, registry.token, "create_virtual_server", path=f"{tag}-v", name="Desk", tags=[tag],
        tools=[{"server": tag, "tool": "echo", "alias": "say"}],
    )  # fmt: skip
    assert ids_of(changes(registry, tags=tag)) == [f"virtual_server/{tag}-v"]
    answer = assets(registry, [f"virtual_server/{tag}-v"])
    (version,) = answer.json()["items"][0]["body"]["versions"]
    (say,) = version["tools"]
    assert (say["name"], say["inputSchema"]["properties"].keys()) == ("say", {"text"})
    assert backend.url not in answer.text
    assert not say.keys() & {"server", "tool", "alias", "lent", "owner"}


async def test_where_an_agent_is_is_told_to_those_who_may_change_it(registry: Registry, tag: str) -> None:
    card = {
        "name": "Planner", "description": "Plans.", "version": "1.0", "url": "http://127.0.0.1:9/secret-place",
        "protocolVersion": "0.3.0", "capabilities": {}, "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "plan", "name": "Plan", "description": "Plans.", "tags": []}],
    }  # fmt: skip
    await ask(registry.mcp, registry.token, "register_agent", path=tag, card=card, tags=[tag])
    token = await restricted(registry, tag, {"assets": [tag], "actions": ["list", "read"]})
    (ours,) = bodies(registry, f"agent/{tag}")[f"agent/{tag}"]["versions"]
    (theirs,) = bodies(registry, f"agent/{tag}", token=token)[f"agent/{tag}"]["versions"]
    assert ours["card"]["url"] == card["url"]
    assert theirs["card"]["url"] == f"{registry.url}/agents/{tag}"
    assert "secret-place" not in str(theirs)


async def test_a_type_is_told_to_those_who_see_an_entity_of_it(registry: Registry, tag: str) -> None:
    schema = {"type": "object", "properties": {"pages": {"type": "integer"}}}
    await ask(registry.mcp, registry.token, "define_entity_type", name=tag, schema=schema)
    await ask(registry.mcp, registry.token, "put_group", name=tag, scopes=[])
    entity = {"type": tag, "path": tag, "data": {"pages": 635}, "tags": [tag], "groups": [tag]}
    await ask(registry.mcp, registry.token, "register_entity", **entity)
    token = await restricted(registry, tag, {"kinds": ["server"], "actions": ["list", "read"]})
    assert ids_of(changes(registry, tags=tag)) == [f"entity/{tag}", f"entity_type/{tag}"]
    assert ids_of(changes(registry, token, tags=tag)) == []
    assert bodies(registry, f"entity_type/{tag}", token=token) == {}
    assert bodies(registry, f"entity_type/{tag}")[f"entity_type/{tag}"]["type"]["schema"] == schema


async def test_kinds_narrow_and_unknown_ones_are_refused(registry: Registry, tag: str) -> None:
    await server(registry, tag, tags=[tag])
    assert ids_of(changes(registry, tags=tag, kinds="agent,skill")) == []
    assert ids_of(changes(registry, tags=tag, kinds="agent,server")) == [f"server/{tag}"]
    for wrong in ({"kinds": "tool"}, {"relay": "maybe"}, {"limit": "0"}, {"limit": "-1"}, {"limit": "x"}, {"all": "1"}):
        refused = changes(registry, **wrong)
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid"), wrong
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_cursor_is_for_the_question_that_it_was_given_for(registry: Registry, tag: str) -> None:
    for number in range(2):
        await server(registry, f"{tag}-{number}", tags=[tag])
    cursor = changes(registry, tags=tag, limit=1).json()["next"]
    assert ids_of(changes(registry, tags=tag, limit=1, after=cursor)) == [f"server/{tag}-1"]
    for other in ({"tags": f"{tag}x"}, {"tags": tag, "kinds": "server"}, {"tags": tag, "relay": "true"}):
        assert changes(registry, after=cursor, **other).status_code == 400
    for nonsense in ("x", "server/a", "====", "\u00e4", cursor[:8], "A" * 5000):
        assert changes(registry, tags=tag, after=nonsense).status_code == 400


async def test_questions_that_are_too_large_or_no_questions_are_refused(registry: Registry) -> None:
    for ids in ([f"server/{number}" for number in range(201)], "all", [7], [["server/a"]], ["x" * 70_000]):
        assert assets(registry, ids).status_code == 400
    assert (
        assets(registry, ["", "x", "server", "server/", "tool/x", "server/../x", "entity_type/"]).json()["items"] == []
    )


async def test_without_a_token_there_is_no_feed(registry: Registry) -> None:
    for method, path in (("GET", CHANGES), ("POST", ASSETS)):
        answer = httpx2.request(method, f"{registry.url}{path}", timeout=30, trust_env=False)
        assert answer.status_code == 401
        assert (
            f'resource_metadata="{registry.url}/.well-known/oauth-protected-resource/api"'
            in (answer.headers["www-authenticate"])
        )


async def test_each_listing_is_recorded_once_whatever_the_number_of_its_pages(registry: Registry, tag: str) -> None:
    for number in range(3):
        await server(registry, f"{tag}-{number}", tags=[tag])
    token = await restricted(registry, tag, {"actions": ["list", "read"]})
    after: Json = {}
    while True:
        page = changes(registry, token, tags=tag, limit=1, **after)
        if page.json()["next"] is None:
            break
        after = {"after": page.json()["next"]}
    bodies(registry, f"server/{tag}-0", token=token)
    found = await ask(registry.mcp, registry.token, "query_audit", subject=f"token:{tag}", action="registry:export")
    assert [(event["decision"], event["outcome"]) for event in found["events"]] == [("allow", "ok")]


async def test_a_registry_keeps_its_id(registry: Registry) -> None:
    first, second = (changes(registry, kinds="skill").json()["registry"] for _ in range(2))
    assert first == second
    assert len(first) == 32
