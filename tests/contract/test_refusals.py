"""Answers to a refused call, as CONTRACTS.md states them."""

import re

import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio

BAD_TOKENS = [None, "", "nonsense", "air_0000000000000000_nonsense", "t" * 4000]
ENDPOINTS = ["mcp", "airegistry-tools/mcp", "parcel-desk/mcp", "no-such-server/mcp"]
HIDDEN_CALLS = ["tools/list", "tools/call", "server/discover", "resources/read", "no/such/method"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("token", BAD_TOKENS)
async def test_no_or_a_bad_token_is_401_with_a_challenge(
    registry: Registry, parcel: str, endpoint: str, token: str | None
) -> None:
    answer = http.call(f"{registry.url}/{endpoint}", "tools/list", token=token)
    assert answer.status_code == 401
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith("Bearer ")
    metadata = re.search(r'resource_metadata="([^"]+)"', challenge)
    assert metadata
    assert metadata[1].startswith(f"{registry.url}/.well-known/oauth-protected-resource")
    assert re.search(r'scope="[^"]+"', challenge)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
async def test_the_challenge_leads_to_metadata_of_the_resource(registry: Registry, parcel: str, endpoint: str) -> None:
    challenge = http.call(f"{registry.url}/{endpoint}", "tools/list", token=None).headers["www-authenticate"]
    found = re.search(r'resource_metadata="([^"]+)"', challenge)
    assert found
    metadata = httpx2.get(found[1], trust_env=False)
    assert metadata.status_code == 200
    resource = "mcp" if endpoint == "airegistry-tools/mcp" else endpoint
    assert metadata.json()["resource"] in {f"{registry.url}/{resource}", f"{registry.url}/{endpoint}"}


@pytest.mark.parametrize("authorization", ["Basic b3A6eA==", "Bearer", "bearer", "Token abc"])
async def test_other_credentials_are_401(registry: Registry, authorization: str) -> None:
    request = http.message("tools/list")
    headers = {**http.modern_headers(request, None), "Authorization": authorization}
    assert http.post(registry.mcp, request, headers).status_code == 401


async def test_a_token_in_the_query_is_no_token(registry: Registry) -> None:
    for name in ("token", "access_token"):
        answer = http.call(f"{registry.mcp}?{name}={registry.token}", "tools/list", token=None)
        assert answer.status_code == 401


async def hide(desk: Desk, backend: Backend) -> tuple[str, str, str]:
    """A server for one group, a path of the same length that does not exist, and a stranger's token."""
    hidden, absent = fresh("dark"), fresh("dark")
    await desk.register(hidden, backend.url, groups=[fresh("insiders")])
    return hidden, absent, await desk.token({"kinds": ["server"], "assets": ["parcel-desk"]})


def alike(seen: httpx2.Response, unseen: httpx2.Response, hidden: str, absent: str) -> None:
    """Two answers differ in nothing but the name that was asked for and the time."""
    assert seen.status_code == unseen.status_code
    assert seen.text.replace(hidden, absent) == unseen.text
    ignored = {"date", "content-length"}
    assert {k: v for k, v in seen.headers.items() if k not in ignored} == {
        k: v for k, v in unseen.headers.items() if k not in ignored
    }


async def test_an_unseen_server_answers_as_one_that_does_not_exist(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    hidden, absent, stranger = await hide(desk, backend)
    for method in HIDDEN_CALLS:
        request = http.message(method, {"name": "echo", "arguments": {"text": "x"}, "uri": "parcel://tariff"})
        headers = http.modern_headers(request, stranger)
        seen, unseen = (http.post(registry.gateway(path), request, headers) for path in (hidden, absent))
        alike(seen, unseen, hidden, absent)
        assert seen.status_code == 404
        assert seen.json()["error"]["data"]["code"] == "not_found"
        assert seen.json()["id"] == request["id"]


async def test_an_unseen_server_answers_the_older_era_as_one_that_does_not_exist(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    hidden, absent, stranger = await hide(desk, backend)
    request = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": http.LEGACY}}
    for headers in (http.legacy_headers(stranger), http.legacy_headers(stranger, "0" * 32)):
        seen, unseen = (http.post(registry.gateway(path), request, headers) for path in (hidden, absent))
        alike(seen, unseen, hidden, absent)
        assert seen.status_code == 404
        assert seen.json()["error"]["data"]["code"] == "not_found"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT"])
async def test_other_verbs_do_not_tell_an_unseen_server_from_none(
    registry: Registry, desk: Desk, backend: Backend, parcel: str, method: str
) -> None:
    hidden, absent, stranger = await hide(desk, backend)
    with http.client() as client:
        headers = http.legacy_headers(stranger)
        seen, unseen = (client.request(method, registry.gateway(path), headers=headers) for path in (hidden, absent))
    alike(seen, unseen, hidden, absent)


async def test_metadata_does_not_tell_an_unseen_server_from_none(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    hidden, absent, _ = await hide(desk, backend)
    with http.client() as client:
        at = f"{registry.url}/.well-known/oauth-protected-resource"
        seen, unseen = (client.get(f"{at}/{path}/mcp") for path in (hidden, absent))
    alike(seen, unseen, hidden, absent)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_server_details", {}),
        ("get_service_tools", {}),
        ("toggle_service", {"enabled": False}),
        ("refresh_service", {}),
        ("delete_asset", {"kind": "server"}),
        ("update_asset", {"kind": "server", "changes": {"description": "x"}}),
        ("rate_asset", {"kind": "server", "stars": 5}),
    ],
)
async def test_registry_tools_do_not_tell_an_unseen_server_from_none(
    registry: Registry, desk: Desk, backend: Backend, parcel: str, tool: str, arguments: dict[str, object]
) -> None:
    hidden, absent, stranger = await hide(desk, backend)
    answers = []
    for path in (hidden, absent):
        with mcp.refused("not_found") as refusal:
            await mcp.ask(registry.mcp, stranger, tool, path=path, **arguments)
        answers.append((refusal.value.content, mcp.text_of(refusal.value.result)))
    assert str(answers[0]).replace(hidden, absent) == str(answers[1])


async def test_call_tool_does_not_tell_an_unseen_server_from_none(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    hidden, absent, stranger = await hide(desk, backend)
    texts = []
    for server in (hidden, absent):
        with mcp.refused("not_found") as refusal:
            await mcp.ask(registry.mcp, stranger, "call_tool", server=server, tool="echo", arguments={"text": "x"})
        texts.append(str(refusal.value.content).replace(hidden, absent))
    assert texts[0] == texts[1]


async def test_an_unseen_server_is_in_no_list_count_or_result(
    registry: Registry, desk: Desk, backend: Backend, parcel: str
) -> None:
    hidden, _, stranger = await hide(desk, backend)
    async with mcp.connect(registry.mcp, stranger) as client:
        found = await mcp.call(client, "search_registry", query=f"{hidden} freight price", limit=50)
        tools = await mcp.call(client, "intelligent_tool_finder", task="price of a parcel", limit=50)
        listed = await mcp.call(client, "list_services", limit=200)
        assert hidden not in str(found)
        assert hidden not in str(tools)
        assert hidden not in str(listed)
        assert found["total"] >= len(found["results"])


@pytest.mark.parametrize("tool", ["secret", "no_such_tool"])
async def test_a_forbidden_tool_of_a_visible_server_is_403_and_names_what_is_missing(
    registry: Registry, desk: Desk, parcel: str, tool: str
) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": [parcel], "tools": ["echo"]})
    answer = http.call_tool(registry.gateway(parcel), tool, {}, token=caller)
    assert answer.status_code == 403
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    error = answer.json()["error"]
    assert isinstance(error["code"], int)
    assert error["message"]
    assert error["data"]["code"] == "access_denied"
    assert error["data"]["missing"]
    assert all(isinstance(scope, str) for scope in error["data"]["missing"])


async def test_what_is_missing_are_scopes_that_would_help(registry: Registry, desk: Desk, parcel: str) -> None:
    helpful, useless = fresh("helps"), fresh("useless")
    await desk.ask("put_scope", name=helpful, grants=[{"assets": [parcel], "tools": ["secret"]}])
    await desk.ask("put_scope", name=useless, grants=[{"assets": [parcel], "tools": ["fail"]}])
    caller = await desk.token({"assets": [parcel], "tools": ["echo"]})
    answer = http.call_tool(registry.gateway(parcel), "secret", {}, token=caller)
    missing = answer.json()["error"]["data"]["missing"]
    assert helpful in missing
    assert useless not in missing
    with mcp.refused("access_denied") as refusal:
        await mcp.ask(registry.mcp, caller, "call_tool", server=parcel, tool="secret", arguments={})
    assert refusal.value.content["missing"] == missing


async def test_a_tool_the_caller_may_not_call_is_in_no_answer(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": [parcel], "tools": ["echo"]})
    async with mcp.connect(registry.mcp, caller) as client:
        found = await mcp.call(client, "search_registry", query="freight price echo", kinds=["tool"], limit=50)
        finder = await mcp.call(client, "intelligent_tool_finder", task="freight price echo", limit=50)
        for hits in (found["results"], finder["tools"]):
            assert {hit["tool"] for hit in hits if hit["server"] == parcel} <= {"echo"}
        for tool in ("get_server_details", "get_service_tools"):
            answer = await mcp.call(client, tool, path=parcel)
            assert [tool["name"] for tool in answer["tools"]] == ["echo"]
        listed = await mcp.call(client, "list_services", limit=200)
        mine = next(service for service in listed["services"] if service["path"] == parcel)
        assert [tool["name"] for tool in mine["tools"]] == ["echo"]
        assert "quote_freight" not in str(await client.read_resource(f"airegistry://server/{parcel}"))


async def test_a_forbidden_method_of_a_visible_server_is_403(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": [parcel], "methods": ["tools/*"]})
    answer = http.call(registry.gateway(parcel), "resources/read", {"uri": "parcel://tariff"}, token=caller)
    assert answer.status_code == 403
    assert answer.json()["error"]["data"]["code"] == "access_denied"
    assert http.call(registry.gateway(parcel), "tools/list", token=caller).status_code == 200


async def test_a_forbidden_tool_is_403_in_the_older_era_too(registry: Registry, desk: Desk, parcel: str) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": [parcel], "tools": ["echo"]})
    url = registry.gateway(parcel)
    session = http.session(url, caller)
    answer = http.legacy_call(url, "tools/call", {"name": "secret", "arguments": {}}, token=caller, session=session)
    assert answer.status_code == 403
    assert answer.json()["error"]["data"]["code"] == "access_denied"


async def test_through_call_tool_a_refusal_is_an_error_with_its_code(
    registry: Registry, desk: Desk, parcel: str
) -> None:
    caller = await desk.token({"kinds": ["server"], "assets": [parcel], "tools": ["echo"]})
    with mcp.refused("access_denied") as refusal:
        await mcp.ask(registry.mcp, caller, "call_tool", server=parcel, tool="secret", arguments={})
    assert refusal.value.content["missing"]
    assert "secret" in mcp.text_of(refusal.value.result)


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("get_server_details", {"path": "no-such-server"}, "not_found"),
        ("set_lifecycle_stage", {"kind": "server", "path": "parcel-desk", "stage": "nirvana", "reason": ""}, "invalid"),
        ("update_asset", {"kind": "server", "path": "parcel-desk", "changes": {"no_such_field": 1}}, "invalid"),
        ("get_skill_content", {"path": "no-such-skill"}, "not_found"),
        ("revoke_token", {"id": "no-such-token"}, "not_found"),
        ("call_tool", {"server": "no-such-server", "tool": "x", "arguments": {}}, "not_found"),
        ("register_entity", {"type": "no-such-type", "path": "x", "data": {}}, "not_found"),
    ],
)
async def test_every_registry_tool_refuses_with_a_code(
    desk: Desk, parcel: str, tool: str, arguments: dict[str, object], code: str
) -> None:
    with mcp.refused(code):
        await desk.ask(tool, **arguments)
