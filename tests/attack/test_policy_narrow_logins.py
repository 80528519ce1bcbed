"""A person who holds much, through a token that carries little: what it reaches from outside."""

from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest

from tests.contract.acts import Desk, fresh
from tests.contract.test_oauth import People, group_of
from tests.support import http, mcp
from tests.support.oauth import OAuthClient
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
EVERYTHING, MINTING = [{"actions": ["*"]}], [{"kinds": ["registry"], "actions": ["token"]}]


@pytest.fixture
def people(registry: Registry, desk: Desk) -> Iterator[People]:
    made = People(registry, desk)
    yield made
    made.close()


def answer(registry: Registry, token: str, tool: str, /, **arguments: Any) -> httpx2.Response:
    """What a call of one of the registry's tools is answered with."""
    return http.call_tool(registry.mcp, tool, arguments, token=token)


def code_of(response: httpx2.Response) -> str:
    """The code of a tool's refusal."""
    code: str = http.body(response)["result"]["structuredContent"]["code"]
    return code


async def test_a_narrow_token_makes_no_token_in_a_group_whose_rights_it_does_not_carry(
    registry: Registry, desk: Desk, people: People
) -> None:
    group, (_, minting) = await group_of(desk, EVERYTHING, MINTING)
    browser = people.browser(await people.person(group))
    client = OAuthClient.registered(registry.url)
    token = client.log_in(browser, resource=registry.mcp, scope=f"{minting} mcp:admin")["access_token"]
    assert code_of(answer(registry, token, "create_token", name=fresh("bot"), groups=[group])) == "access_denied"
    own = answer(registry, token, "create_token", name=fresh("bot"), scopes=[minting])
    assert http.body(own)["result"]["structuredContent"]["token"].startswith("air_")


async def test_who_carries_administration_without_the_scope_for_it_is_told_the_scope(
    registry: Registry, desk: Desk, people: People
) -> None:
    group, (everything, minting) = await group_of(desk, EVERYTHING, MINTING)
    browser = people.browser(await people.person(group))
    client = OAuthClient.registered(registry.url)
    token = client.log_in(browser, resource=registry.mcp, scope=f"{minting} mcp:admin")["access_token"]
    refused = answer(registry, token, "put_scope", name=fresh("scope"), grants=[])
    assert refused.status_code == 403
    assert everything in refused.headers["www-authenticate"].split('scope="')[1].split('"')[0].split()


async def test_a_session_that_a_broad_token_opened_is_narrow_to_a_narrow_one(
    registry: Registry, desk: Desk, people: People
) -> None:
    path = fresh("vault")
    await desk.store(path, visibility="private")
    group, (_, nothing) = await group_of(desk, [{"assets": [path]}], [])
    browser = people.browser(await people.person(group))
    client = OAuthClient.registered(registry.url)
    broad, narrow = (
        client.log_in(browser, resource=registry.mcp, scope=scope)["access_token"] for scope in ("mcp", nothing)
    )
    session = http.session(registry.mcp, broad)

    def asked(token: str, method: str, params: dict[str, Any]) -> str:
        return http.legacy_call(registry.mcp, method, params, token=token, session=session).text

    completion = {"ref": {"type": "ref/resource", "uri": "airegistry://{kind}/{path}"}, "argument": {
        "name": "path", "value": path[:7]}, "context": {"arguments": {"kind": "server"}}}  # fmt: skip
    for method, params in (
        ("tools/call", {"name": "list_services", "arguments": {"limit": 1000}}),
        ("tools/call", {"name": "search_registry", "arguments": {"query": path}}),
        ("resources/list", {}),
        ("completion/complete", completion),
    ):
        assert path in asked(broad, method, params), method
        assert path not in asked(narrow, method, params), method
    there, not_there = (
        asked(narrow, "resources/read", {"uri": f"airegistry://server/{each}"}).replace(each, "PATH")
        for each in (path, fresh("vault"))
    )
    assert '"error"' in there
    assert http.events(there)[-1]["error"] == http.events(not_there)[-1]["error"]


@pytest.mark.parametrize("key", ["name", "params", "method"])
async def test_a_member_that_is_there_twice_administers_nothing(
    registry: Registry, desk: Desk, people: People, key: str
) -> None:
    group, _ = await group_of(desk, EVERYTHING)
    client, scope = OAuthClient.registered(registry.url), fresh("scope")
    token = client.log_in(people.browser(await people.person(group)), resource=registry.mcp)["access_token"]
    put = http.message("tools/call", {"name": "put_scope", "arguments": {"name": scope, "grants": EVERYTHING}})
    text = orjson.dumps(put).decode()
    harmless = {"name": '"healthcheck"', "method": '"tools/list"', "params": '{"name": "healthcheck"}'}[key]
    value = {"name": '"name":"put_scope"', "method": '"method":"tools/call"', "params": '"params":{'}[key]
    before, after = (
        text.replace(value, f'"{key}":{harmless},{value}', 1),
        text[:-1] + f',"{key}":{harmless}' + "}"
        if key != "name"
        else text.replace(value, f'{value},"name":{harmless}'),
    )
    for body in (before, after):
        headers = {"Content-Type": "application/json", **http.modern_headers(put, token)}
        with http.client() as session:
            session.post(registry.mcp, content=body, headers=headers)
    policy = await desk.ask("get_policy")
    assert scope not in {each["name"] for each in policy["scopes"]}


async def test_what_a_login_vended_ends_with_it(registry: Registry, desk: Desk, people: People) -> None:
    name = await people.person()
    client = OAuthClient.registered(registry.url)
    for end in ({"tool": "end_sessions", "id": name}, {"tool": "put_user", "id": name, "active": False}):
        tokens = client.log_in(people.browser(name), resource=registry.mcp)
        vended = (await mcp.ask(registry.mcp, tokens["access_token"], "vend_token", name="job"))["token"]
        further = (await mcp.ask(registry.mcp, vended, "vend_token", name="further"))["token"]
        assert http.call(registry.mcp, "tools/list", token=further).status_code == 200
        await desk.ask(str(end.pop("tool")), **end)
        for token in (tokens["access_token"], vended, further):
            assert http.call(registry.mcp, "tools/list", token=token).status_code == 401
