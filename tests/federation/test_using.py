"""What came from a peer, as it is used: called through the peer, read-only, for those whom policy here lets see it."""

from collections.abc import AsyncIterator, Iterator

import anyio
import httpx2
import pytest

from tests.federation.nodes import Json, Node, nodes
from tests.support.backends import Backend
from tests.support.mcp import ask, connect, refused

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]
OTHER_SECRET = "s3cret-of-the-backend"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Node]]:
    with nodes(tmp_path_factory.mktemp("two"), "alpha", "beta") as made:
        yield made


@pytest.fixture
async def two(started: list[Node]) -> AsyncIterator[list[Node]]:
    """Two registries that know nothing of each other, and have nothing."""
    yield started
    for node in reversed(started):
        await node.clear()


async def callable_at(node: Node, path: str) -> Json:
    """A server once its definitions were fetched."""
    with anyio.fail_after(30):
        while True:
            details = await node.ask("get_server_details", path=path)
            if details["callable"]:
                return details
            await anyio.sleep(0.1)  # the fetch tells nobody


async def backend_at(node: Node, backend: Backend, path: str, **fields: object) -> None:
    """The backend, registered with a credential of its own."""
    credential = {"kind": "bearer", "token": OTHER_SECRET}
    await node.ask("register_service", name=path, path=path, url=backend.url, credential=credential, **fields)


async def a_token(node: Node, name: str, *grants: Json) -> str:
    """A token with these grants."""
    await node.ask("put_scope", name=name, grants=[*grants])
    made = await node.ask("create_token", name=name, scopes=[name])
    token: str = made["token"]
    return token


async def authorization_at(node: Node, path: str) -> str:
    """The credential that the backend got, when it is called through a node as its operator."""
    answer = await node.ask("call_tool", server=path, tool="headers", arguments={})
    found: str = answer["authorization"]
    return found


async def test_a_call_goes_through_the_peer_with_the_token_of_the_source(two: list[Node], backend: Backend) -> None:
    alpha, beta = two
    await backend_at(alpha, backend, "parcels")
    token = await a_token(alpha, "for-beta", {"kinds": ["server"], "assets": ["parcels"], "actions": ["list", "read"]},
                          {"assets": ["parcels"], "tools": ["add", "headers"], "methods": ["tools/call"]})  # fmt: skip
    run = await beta.take_from(alpha, secrets={"token": token})
    assert (run["added"], run["refused"]) == (1, 0)
    details = await callable_at(beta, "parcels")
    assert details["provenance"]["source"] == "alpha"
    assert await authorization_at(beta, "parcels") == f"Bearer {OTHER_SECRET}"
    async with connect(beta.registry.gateway("parcels"), beta.registry.token) as client:
        assert (await client.call_tool("add", {"a": 2, "b": 3})).data == 5
    (event, *_) = (await alpha.ask("query_audit", subject="token:for-beta", action="tools/call"))["events"]
    assert (event["tool"], event["decision"]) == ("add", "allow")
    assert backend.url not in str(await beta.ask("list_services"))


async def test_the_peers_policy_holds_for_calls_that_come_through_another_registry(
    two: list[Node], backend: Backend
) -> None:
    alpha, beta = two
    await backend_at(alpha, backend, "parcels")
    token = await a_token(alpha, "for-beta", {"assets": ["parcels"], "actions": ["list", "read"]},
                          {"assets": ["parcels"], "tools": ["add"], "methods": ["tools/call"]},
                          {"assets": ["parcels"], "tools": ["secret"], "effect": "deny"})  # fmt: skip
    await beta.take_from(alpha, secrets={"token": token})
    details = await callable_at(beta, "parcels")
    assert "secret" not in {tool["name"] for tool in details["tools"]}
    with refused("upstream_failed", "access_denied", "not_found"):
        await beta.ask("call_tool", server="parcels", tool="secret", arguments={})
    with refused("upstream_failed", "access_denied", "not_found"):
        await beta.ask("call_tool", server="parcels", tool="echo", arguments={"text": "x"})


async def test_with_client_credentials_the_listing_and_each_server_get_a_token_of_their_own(
    two: list[Node], backend: Backend
) -> None:
    alpha, beta = two
    await backend_at(alpha, backend, "parcels")
    await alpha.ask("put_scope", name="peers", grants=[{"actions": ["list", "read"]}, {"methods": ["tools/call"]}])
    made = await alpha.ask("put_client", client_id="beta", grant_types=["client_credentials"], scopes=["peers"])
    run = await beta.take_from(alpha, secrets={"client_id": "beta", "client_secret": made["client_secret"]})
    assert (run["added"], run["refused"]) == (1, 0)
    await callable_at(beta, "parcels")
    assert await authorization_at(beta, "parcels") == f"Bearer {OTHER_SECRET}"
    minted = (await alpha.ask("query_audit", subject="client:beta", action="token:mint"))["events"]
    assert {event["target"] for event in minted} == {
        f"{alpha.registry.url}/api", f"{alpha.registry.url}/parcels/mcp",
    }  # fmt: skip


async def test_a_wrong_secret_fails_the_pass_and_stands_in_no_answer(two: list[Node]) -> None:
    alpha, beta = two
    for secrets in ({"token": "wrong-" + "t" * 40}, {"client_id": "nobody", "client_secret": "wrong-" + "s" * 40}):
        name = f"alpha-{len(secrets)}"
        await beta.ask(
            "add_source", name=name, kind="peer", url=alpha.registry.url, secrets=secrets, interval=86_400
        )  # fmt: skip
        synced = await beta.ask("sync_source", name=name)
        assert (synced["run"]["outcome"], synced["run"]["code"]) == ("failed", "upstream_failed")
        assert "wrong-" not in str(synced)
        assert "wrong-" not in str(await beta.ask("get_source", name=name))
    assert "wrong-" not in "".join(
        file.read_text(errors="replace") for file in beta.registry.data.rglob("*") if file.is_file()
    )


async def test_an_agent_and_a_virtual_server_are_at_the_peers_gateway(two: list[Node], backend: Backend) -> None:
    alpha, beta = two
    await backend_at(alpha, backend, "parcels")
    await alpha.put("agent", "planner", "plans")
    tools = [{"server": "parcels", "tool": "echo", "alias": "say"}]
    await alpha.ask("create_virtual_server", path="desk", name="Desk", tools=tools)
    await beta.take_from(alpha)
    assert (await beta.ask("list_virtual_servers"))["virtual_servers"] == []
    desk = await callable_at(beta, "desk")
    assert [tool["name"] for tool in desk["tools"]] == ["say"]
    said = await beta.ask("call_tool", server="desk", tool="say", arguments={"text": "hello"})
    assert said["result"] == "hello"
    (planner,) = (await beta.ask("list_agents"))["agents"]
    assert planner["url"] == planner["card"]["url"] == f"{alpha.registry.url}/agents/planner"


async def test_directly_a_backend_is_called_without_anything_of_the_source(two: list[Node], backend: Backend) -> None:
    alpha, beta = two
    await alpha.ask("register_service", name="parcels", path="parcels", url=backend.url)
    await beta.take_from(alpha, route="direct")
    await callable_at(beta, "parcels")
    headers = await beta.ask("call_tool", server="parcels", tool="headers", arguments={})
    assert "authorization" not in headers
    assert alpha.registry.token not in str(headers)


async def test_what_came_from_a_peer_is_changed_there_and_switched_off_here(two: list[Node]) -> None:
    alpha, beta = two
    for kind in ("server", "agent", "skill"):
        await alpha.put(kind, f"a-{kind}", "first")
    await beta.take_from(alpha)
    for kind in ("server", "agent", "skill"):
        with refused("access_denied"):
            await beta.change(kind, f"a-{kind}", "mine")
        with refused("access_denied"):
            await beta.delete(kind, f"a-{kind}")
    await beta.ask("toggle_service", path="a-server", enabled=False)
    await beta.ask("rate_asset", kind="server", path="a-server", stars=2)
    for kind in ("server", "agent", "skill"):
        await alpha.change(kind, f"a-{kind}", "second")
    run = await beta.sync(alpha)
    assert (run["whole"], run["changed"], run["refused"]) == (False, 2, 0)
    found = await beta.found()
    server, agent, brew = (found[kind, f"a-{kind}"] for kind in ("server", "agent", "skill"))
    assert (server["description"], server["enabled"], server["rating"]["count"]) == ("second", False, 1)
    # What an agent or a skill is defined by waits for an approval here, wherever it changed.
    assert (agent["description"], agent["held"].keys()) == ("first", {"card"})
    assert brew["description"] == "first"


async def test_what_is_registered_here_keeps_its_path_and_the_peers_is_refused_with_the_reason(
    two: list[Node],
) -> None:
    alpha, beta = two
    await beta.put("server", "weather", "ours")
    await alpha.put("server", "weather", "theirs")
    await alpha.put("server", "news", "theirs")
    run = await beta.take_from(alpha)
    assert (run["added"], run["refused"], run["codes"]) == (1, 1, {"conflict": 1})
    assert run["refusals"][0]["id"] == "server/weather"
    assert "was registered here" in run["refusals"][0]["reason"]
    assert (await beta.found())["server", "weather"]["description"] == "ours"
    await alpha.change("server", "weather", "theirs again")
    await beta.sync(alpha)
    assert (await beta.found())["server", "weather"]["description"] == "ours"


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_is_gone_there_is_retired_here_by_the_next_pass_and_back_when_it_is(
    two: list[Node], restarted: bool
) -> None:
    alpha, beta = two
    await alpha.put("server", "weather", "first")
    await alpha.put("skill", "brew", "first")
    await beta.take_from(alpha)
    await alpha.delete("server", "weather")
    if restarted:
        beta.registry.restart()
    run = await beta.sync(alpha)
    assert (run["whole"], run["retired"]) == (restarted, 1)
    assert (await beta.found()).keys() == {("skill", "brew")}
    await alpha.put("server", "weather", "again")
    run = await beta.sync(alpha)
    assert run["changed"] == 1
    assert (await beta.found())["server", "weather"]["description"] == "again"


async def test_an_unchanged_peer_costs_one_request_and_one_write(two: list[Node]) -> None:
    alpha, beta = two
    for number in range(5):
        await alpha.put("skill", f"s-{number}", "first")
    await beta.take_from(alpha)
    exports = len((await alpha.ask("query_audit", action="registry:export"))["events"])
    run = await beta.sync(alpha)
    assert [run[count] for count in ("added", "changed", "retired", "refused", "offers")] == [0] * 5
    assert len((await alpha.ask("query_audit", action="registry:export"))["events"]) == exports + 1


async def test_a_restricted_caller_sees_of_a_peers_assets_what_policy_here_says(two: list[Node]) -> None:
    alpha, beta = two
    await beta.put("server", "local-open", "ours")
    token = await a_token(beta, "guest", {"assets": ["a-open*"], "actions": ["list", "read"]})
    before = await ask(beta.registry.mcp, token, "list_services", limit=1000)
    await alpha.put("server", "a-open", "theirs")
    await alpha.put("server", "a-closed", "theirs")
    source = {"name": "alpha", "kind": "peer", "url": alpha.registry.url, "visibility": "private", "interval": 86_400}
    await beta.ask("add_source", secrets={"token": alpha.registry.token}, **source)
    await beta.sync(alpha)
    after = await ask(beta.registry.mcp, token, "list_services", limit=1000)
    paths = [[each["path"] for each in answer["services"]] for answer in (before, after)]
    assert paths == [["local-open"], ["a-open", "local-open"]]


async def test_a_restricted_token_makes_a_restricted_feed(two: list[Node]) -> None:
    alpha, beta = two
    await alpha.put("server", "a-open", "theirs")
    await alpha.put("server", "a-closed", "theirs", visibility="private")
    token = await a_token(alpha, "for-beta", {"assets": ["a-open"], "actions": ["list", "read"]})
    await beta.take_from(alpha, secrets={"token": token})
    assert (await beta.found()).keys() == {("server", "a-open")}
    await alpha.ask("delete_asset", kind="server", path="a-closed")
    assert not (await beta.sync(alpha))["retired"]


async def test_no_page_of_the_feed_follows_a_token_that_was_revoked(two: list[Node]) -> None:
    alpha, _ = two
    made = await alpha.ask("create_token", name="for-beta")
    await alpha.ask("revoke_token", id=made["id"])
    url, headers = f"{alpha.registry.url}/api/v1/federation/changes", {"authorization": f"Bearer {made['token']}"}
    assert httpx2.get(url, headers=headers, timeout=30, trust_env=False).status_code == 401
