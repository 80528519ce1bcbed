"""The authorization server, from outside: what clients rely on and what attackers try."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.lowlevel
import httpx2
import pytest

from tests.contract.acts import Desk, fresh
from tests.support import http
from tests.support.browser import Browser
from tests.support.oauth import OAuthClient, claims
from tests.support.registry import Registry

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery staple"


class People:
    """Makes users, and browsers for them."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._open: list[Browser] = []

    async def person(self, *groups: str) -> str:
        """A local user."""
        name = fresh("ann")
        await self._desk.ask("put_user", id=name, groups=list(groups), password=PASSWORD)
        return name

    def browser(self, name: str, *, allow: bool = True) -> Browser:
        """A browser of a person, signed out."""
        self._open.append(Browser(self._registry.url, name, PASSWORD, allow=allow))
        return self._open[-1]

    def close(self) -> None:
        """Close all browsers."""
        for browser in self._open:
            browser.close()


@pytest.fixture
def people(registry: Registry, desk: Desk) -> Iterator[People]:
    made = People(registry, desk)
    yield made
    made.close()


@pytest.fixture
def client(registry: Registry) -> OAuthClient:
    return OAuthClient.registered(registry.url)


async def group_of(desk: Desk, *scopes: Sequence[Mapping[str, object]]) -> tuple[str, list[str]]:
    """A group with a scope for each list of grants."""
    names = []
    for grants in scopes:
        names.append(fresh("scope"))
        await desk.ask("put_scope", name=names[-1], grants=list(grants))
    group = fresh("group")
    await desk.ask("put_group", name=group, scopes=names)
    return group, names


def works(url: str, token: str) -> int:
    """The status of a list with a token."""
    return http.call(url, "tools/list", token=token).status_code


async def test_a_client_finds_its_way_from_a_refusal_to_a_tool_call(
    registry: Registry, people: People, desk: Desk, parcel: str
) -> None:
    group, _ = await group_of(desk, [{"assets": [parcel], "actions": ["call"]}])
    url = registry.gateway(parcel)
    refused = http.call(url, "tools/list", token=None)
    metadata = httpx2.get(refused.headers["www-authenticate"].split('resource_metadata="')[1].split('"')[0]).json()
    assert metadata["resource"] == url
    (issuer,) = metadata["authorization_servers"]
    server = httpx2.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    assert server["issuer"] == issuer == registry.url
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert server["authorization_response_iss_parameter_supported"] is True
    client = OAuthClient.registered(server["issuer"])
    tokens = client.log_in(people.browser(await people.person(group)), resource=metadata["resource"], scope="mcp")
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "mcp")
    called = http.call_tool(url, "add", {"a": 2, "b": 3}, token=tokens["access_token"])
    assert http.body(called)["result"]["structuredContent"] == {"result": 5}


async def test_an_access_token_is_that_of_rfc_9068(registry: Registry, people: People, client: OAuthClient) -> None:
    name = await people.person()
    tokens = client.log_in(people.browser(name), resource=registry.mcp)
    told = claims(tokens["access_token"])
    assert told["iss"] == registry.url
    assert told["aud"] == registry.mcp
    assert told["sub"] == f"user:{name}"
    assert told["client_id"] == client.client_id
    assert told["exp"] - told["iat"] == tokens["expires_in"] == 600
    assert {"jti", "scope", "auth_time"} <= told.keys()
    assert not {"groups", "roles", "email"} & told.keys()


async def test_the_answer_names_its_issuer_and_state_once(people: People, client: OAuthClient) -> None:
    answer = client.answer(people.browser(await people.person()), "v" * 43, resource=None)
    assert answer["state"] == "the-state"
    assert answer["iss"] == client.url
    assert set(answer) == {"code", "state", "iss"}


async def test_a_refusal_of_the_person_is_told_to_the_client(people: People, client: OAuthClient) -> None:
    answer = client.answer(people.browser(await people.person(), allow=False), "v" * 43, resource=None)
    assert (answer["error"], answer["iss"]) == ("access_denied", client.url)
    assert "code" not in answer


async def test_a_token_for_one_server_is_refused_at_every_other_path(
    registry: Registry, people: People, client: OAuthClient, parcel: str
) -> None:
    browser = people.browser(await people.person())
    here, there = (
        client.log_in(browser, resource=url)["access_token"] for url in (registry.gateway(parcel), registry.mcp)
    )
    assert works(registry.gateway(parcel), here) == 200
    assert works(registry.mcp, there) == 200
    assert works(f"{registry.url}/airegistry-tools/mcp", there) == 200
    for url, token in ((registry.mcp, here), (registry.gateway(parcel), there), (registry.gateway("other"), here)):
        refused = http.call(url, "tools/list", token=token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["www-authenticate"]
    for token in (here, there):
        assert httpx2.get(f"{registry.url}/api/v1/servers", headers=http.bearer(token)).status_code == 401


@pytest.mark.parametrize("resource", ["https://elsewhere.test/mcp", "not a url", "http://127.0.0.1:1/mcp"])
async def test_a_resource_of_others_is_no_target(people: People, client: OAuthClient, resource: str) -> None:
    answer = client.answer(people.browser(await people.person()), "v" * 43, resource=resource)
    assert answer["error"] == "invalid_target"


async def test_a_code_is_good_once_and_a_replay_ends_what_it_gave(
    registry: Registry, people: People, client: OAuthClient
) -> None:
    verifier = "v" * 43
    code = client.code(people.browser(await people.person()), verifier, resource=registry.mcp)
    tokens = client.redeem(code, verifier).json()
    assert works(registry.mcp, tokens["access_token"]) == 200
    replayed = client.redeem(code, verifier)
    assert (replayed.status_code, replayed.json()["error"]) == (400, "invalid_grant")
    assert works(registry.mcp, tokens["access_token"]) == 401
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("wrong", ["verifier", "client", "redirect", "resource"])
async def test_a_code_is_bound_to_its_request(
    registry: Registry, people: People, client: OAuthClient, wrong: str
) -> None:
    code = client.code(people.browser(await people.person()), "v" * 43, resource=registry.mcp)
    thief = OAuthClient.registered(registry.url) if wrong == "client" else client
    more = {"resource": registry.gateway("other")} if wrong == "resource" else {}
    if wrong == "redirect":
        more["redirect_uri"] = "http://127.0.0.1:7778/callback"
    refused = thief.token(
        grant_type="authorization_code", code=code, code_verifier="w" * 43 if wrong == "verifier" else "v" * 43,
        **{"redirect_uri": client.redirect_uri, **more},
    )  # fmt: skip
    assert (refused.status_code, refused.json()["error"]) in {(400, "invalid_grant"), (400, "invalid_target")}


async def test_of_many_who_redeem_one_code_at_once_one_gets_tokens(people: People, client: OAuthClient) -> None:
    code = client.code(people.browser(await people.person()), "v" * 43, resource=None)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.redeem(code, "v" * 43).status_code, range(8)))
    assert answers.count(200) <= 1
    assert answers.count(400) >= 7


async def test_a_refresh_token_used_twice_ends_its_family(
    registry: Registry, people: People, client: OAuthClient
) -> None:
    first = client.log_in(people.browser(await people.person()), resource=registry.mcp)
    second = client.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert works(registry.mcp, second["access_token"]) == 200
    assert client.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert client.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    for tokens in (first, second):
        assert works(registry.mcp, tokens["access_token"]) == 401


async def test_logins_hold_over_a_restart(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.support.registry import serving

    env = {"AIREGISTRY_ADMIN_PASSWORD": PASSWORD}
    with serving(tmp_path_factory.mktemp("restart"), env) as registry:
        client = OAuthClient.registered(registry.url)
        browser = Browser(registry.url, "admin", PASSWORD)
        tokens = client.log_in(browser, resource=registry.mcp)
        registry.restart()
        assert works(registry.mcp, tokens["access_token"]) == 200
        assert client.refresh(tokens["refresh_token"]).status_code == 200
        again = client.log_in(browser, resource=registry.mcp)
        assert "/login" not in browser.seen[-2:], "the browser is still logged in, and the consent is remembered"
        assert works(registry.mcp, again["access_token"]) == 200
        browser.close()


async def test_a_revoked_login_ends_at_once(registry: Registry, people: People, client: OAuthClient) -> None:
    browser = people.browser(await people.person())
    tokens = client.log_in(browser, resource=registry.mcp)
    other = OAuthClient.registered(registry.url)
    assert other.post("/revoke", token=tokens["refresh_token"]).status_code == 400
    assert works(registry.mcp, tokens["access_token"]) == 200, "nobody revokes the tokens of another client"
    assert client.post("/revoke", token=tokens["refresh_token"]).status_code == 200
    assert works(registry.mcp, tokens["access_token"]) == 401
    tokens = client.log_in(browser, resource=registry.mcp)
    assert client.post("/revoke", token=tokens["access_token"]).status_code == 200
    assert works(registry.mcp, tokens["access_token"]) == 401
    assert client.refresh(tokens["refresh_token"]).status_code == 200


async def test_a_user_who_is_switched_off_is_out_at_once(
    registry: Registry, people: People, desk: Desk, client: OAuthClient
) -> None:
    name = await people.person()
    browser = people.browser(name)
    tokens = client.log_in(browser, resource=registry.mcp)
    await desk.ask("put_user", id=name, active=False)
    assert works(registry.mcp, tokens["access_token"]) == 401
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert browser.http.get(f"{registry.url}/account").status_code == 401


async def test_rights_follow_the_policy_at_the_next_request(
    registry: Registry, people: People, desk: Desk, client: OAuthClient, parcel: str
) -> None:
    group, (scope,) = await group_of(desk, [{"assets": [parcel], "actions": ["call"]}])
    url = registry.gateway(parcel)
    token = client.log_in(people.browser(await people.person(group)), resource=url)["access_token"]
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=token).status_code == 200
    await desk.ask("put_scope", name=scope, grants=[])
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=token).status_code == 403


async def test_a_narrow_token_is_told_which_scope_would_do_and_a_broader_one_does(
    registry: Registry, people: People, desk: Desk, client: OAuthClient, parcel: str
) -> None:
    reading = [{"assets": [parcel], "actions": ["read"]}]
    calling = [{"assets": [parcel], "tools": ["add"], "actions": ["call"]}]
    group, (readers, callers) = await group_of(desk, reading, calling)
    url = registry.gateway(parcel)
    browser = people.browser(await people.person(group))
    narrow = client.log_in(browser, resource=url, scope=readers)
    assert narrow["scope"] == readers
    refused = http.call_tool(url, "add", {"a": 1, "b": 1}, token=narrow["access_token"])
    assert refused.status_code == 403
    error = http.body(refused)["error"]
    assert error["data"]["code"] == "access_denied"
    assert callers in error["data"]["missing"]
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert "resource_metadata=" in challenge
    wanted = challenge.split('scope="')[1].split('"')[0]
    assert set(wanted.split()) == {readers, callers}
    broad = client.log_in(browser, resource=url, scope=wanted)
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=broad["access_token"]).status_code == 200
    again = http.call_tool(url, "echo", {"text": "x"}, token=broad["access_token"])
    assert again.status_code == 403
    assert "www-authenticate" not in again.headers, "no token of this person would do"


async def test_administration_takes_a_token_that_was_asked_for_it(registry: Registry, people: People) -> None:
    client = OAuthClient.registered(registry.url)
    browser = people.browser(await people.person("administrators"))
    tokens = client.log_in(browser, resource=registry.mcp)
    ask = {"name": fresh("scope"), "grants": []}
    refused = http.call_tool(registry.mcp, "put_scope", ask, token=tokens["access_token"])
    assert refused.status_code == 403
    challenge = refused.headers["www-authenticate"]
    assert 'error="insufficient_scope"' in challenge
    wanted = challenge.split('scope="')[1].split('"')[0]
    assert wanted == "mcp mcp:admin"
    broad = client.log_in(browser, resource=registry.mcp, scope=wanted)
    made = http.call_tool(registry.mcp, "put_scope", ask, token=broad["access_token"])
    assert http.body(made)["result"]["structuredContent"]["name"] == ask["name"]


async def test_somebody_who_is_no_administrator_is_not_sent_for_a_broader_token(
    registry: Registry, people: People, client: OAuthClient
) -> None:
    browser = people.browser(await people.person())
    tokens = client.log_in(browser, resource=registry.mcp, scope="mcp mcp:admin")
    assert tokens["scope"] == "mcp"
    refused = http.call_tool(registry.mcp, "put_scope", {"name": "x", "grants": []}, token=tokens["access_token"])
    assert refused.status_code == 200
    assert http.body(refused)["result"]["structuredContent"]["code"] == "access_denied"


async def test_a_narrow_token_sheds_rights_and_never_a_denial(
    registry: Registry, people: People, desk: Desk, client: OAuthClient, parcel: str
) -> None:
    calling = [{"assets": [parcel], "actions": ["call"]}]
    denying = [{"assets": [parcel], "tools": ["echo"], "effect": "deny"}]
    group, (callers, _) = await group_of(desk, calling, denying)
    url = registry.gateway(parcel)
    tokens = client.log_in(people.browser(await people.person(group)), resource=url, scope=callers)
    assert http.call_tool(url, "add", {"a": 1, "b": 1}, token=tokens["access_token"]).status_code == 200
    assert http.call_tool(url, "echo", {"text": "x"}, token=tokens["access_token"]).status_code == 403


async def test_who_asks_for_a_scope_of_others_does_not_learn_whether_it_exists(
    registry: Registry, people: People, desk: Desk, client: OAuthClient
) -> None:
    _, (exists,) = await group_of(desk, [{"assets": ["x"]}])
    browser = people.browser(await people.person())
    answers = [client.answer(browser, "v" * 43, resource=None, scope=scope) for scope in (exists, fresh("scope"))]
    assert [answer["error"] for answer in answers] == ["invalid_scope", "invalid_scope"]
    assert answers[0]["error_description"] == answers[1]["error_description"]


async def test_every_login_mint_and_refusal_is_in_the_trail(
    registry: Registry, people: People, desk: Desk, client: OAuthClient
) -> None:
    name = await people.person()
    tokens = client.log_in(people.browser(name), resource=registry.mcp)
    client.refresh(tokens["refresh_token"])
    client.refresh(tokens["refresh_token"])
    trail = await desk.ask("query_audit", subject=f"user:{name}", limit=50)
    acts = {(event["action"], event["decision"]) for event in trail["events"]}
    assert {
        ("user:login", "allow"), ("consent:grant", "allow"), ("token:mint", "allow"), ("token:refresh", "allow"),
        ("token:refresh", "deny"),
    } <= acts  # fmt: skip
    assert PASSWORD not in str(trail)
    assert tokens["refresh_token"] not in str(trail)


async def test_no_secret_lies_in_the_data_folder(registry: Registry, people: People, client: OAuthClient) -> None:
    browser = people.browser(await people.person())
    tokens = client.log_in(browser, resource=registry.mcp)
    cookies = [cookie.value for cookie in browser.http.cookies.jar if cookie.value]
    confidential = OAuthClient.registered(registry.url, token_endpoint_auth_method="client_secret_basic")
    known = [tokens["access_token"], tokens["refresh_token"], PASSWORD, confidential.secret or "", *cookies]
    await anyio.lowlevel.checkpoint()
    for file in registry.data.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [secret for secret in known if secret.encode() in content], file


async def test_two_hundred_clients_with_equal_ids_see_their_own_answers_only(
    registry: Registry, people: People, desk: Desk, client: OAuthClient, parcel: str
) -> None:
    group, _ = await group_of(desk, [{"assets": [parcel], "actions": ["call"]}])
    browser = people.browser(await people.person(group))
    url = registry.gateway(parcel)
    tokens = [client.log_in(browser, resource=url)["access_token"] for _ in range(5)]
    tokens += [await desk.token({"assets": [parcel], "actions": ["call"]}) for _ in range(5)]

    async def one(number: int, wire: httpx2.AsyncClient, seen: dict[int, str]) -> None:
        canary = f"canary-{number}"
        request = http.message("tools/call", {"name": "echo", "arguments": {"text": canary}})
        request["id"] = 1
        headers = http.modern_headers(request, tokens[number % len(tokens)])
        answer = await wire.post(url, json=request, headers=headers)
        seen[number] = answer.text

    seen: dict[int, str] = {}
    limits = httpx2.Limits(max_connections=200)
    async with (
        httpx2.AsyncClient(trust_env=False, timeout=60, limits=limits) as wire,
        anyio.create_task_group() as tasks,
    ):
        for number in range(200):
            tasks.start_soon(one, number, wire, seen)
    for number, text in seen.items():
        others = {f'canary-{other}"' for other in range(200)} - {f'canary-{number}"'}
        assert f'canary-{number}"' in text or f"canary-{number}\\" in text, text
        assert not [other for other in others if other in text]
