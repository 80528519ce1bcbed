"""`AIREGISTRY_GATEWAY=false`: the registry finds, governs, scans and checks; calls go to the servers themselves."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.acts import Desk, register
from tests.support import http, mcp
from tests.support.backends import Backend
from tests.support.registry import Registry, serving

pytestmark = pytest.mark.anyio
PATHS = ["/freight/mcp", "/freight/sse", "/freight@1.0.0/mcp", "/agents/planner", "/agents/x/y"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry without a gateway."""
    with serving(tmp_path_factory.mktemp("alone"), {"AIREGISTRY_GATEWAY": "false"}) as started:
        yield started


@pytest.fixture
async def freight(alone: Registry, backend: Backend) -> str:
    """The URL of the server `freight`, registered once."""
    listed = await mcp.ask(alone.mcp, alone.token, "list_services")
    if not any(server["path"] == "freight" for server in listed["services"]):
        await register(alone, "freight", backend.url)
    return backend.url


async def test_servers_are_shown_with_their_own_url(alone: Registry, freight: str) -> None:
    desk = Desk(alone)
    details = await desk.ask("get_server_details", path="freight")
    (listed,) = (await desk.ask("list_services"))["services"]
    found = await desk.ask("search_registry", query="freight price")
    tools = await desk.ask("intelligent_tool_finder", task="freight price")
    assert details["endpoint"] == listed["endpoint"] == freight
    assert endpoints(found) == {freight}
    assert endpoints(tools) == {freight}


@pytest.mark.parametrize("path", PATHS)
async def test_the_paths_of_the_gateway_are_unknown(alone: Registry, freight: str, path: str) -> None:
    with http.client() as client:
        for verb in ("GET", "POST", "DELETE"):
            unknown = client.request(verb, f"{alone.url}/no/such/path", headers=http.bearer(alone.token))
            answer = client.request(verb, alone.url + path, headers=http.bearer(alone.token))
            assert (answer.status_code, answer.content) == (404, unknown.content)
            assert client.request(verb, alone.url + path).status_code == 401


async def test_a_call_is_refused_as_unsupported_and_recorded(alone: Registry, freight: str) -> None:
    desk = Desk(alone)
    with mcp.refused("unsupported") as caught:
        await desk.ask("call_tool", server="freight", tool="echo", arguments={"text": "x"})
    assert "own URL" in str(caught.value)
    events = (await desk.ask("query_audit", asset="freight", action="tools/call"))["events"]
    assert [event["tool"] for event in events] == ["echo"]


async def test_everything_else_works(alone: Registry, freight: str) -> None:
    desk = Desk(alone)
    assert (await desk.ask("check_health", kind="server", path="freight"))["health"] == "healthy"
    assert (await desk.ask("scan_asset", kind="server", path="freight"))["verdict"] == "pass"
    assert (await desk.ask("refresh_service", path="freight"))["path"] == "freight"
    assert (await desk.ask("get_service_tools", path="freight"))["tools"]


def endpoints(answer: Any) -> set[str]:
    """Every endpoint that an answer names, however deep."""
    if isinstance(answer, list):
        return {each for item in answer for each in endpoints(item)}
    if not isinstance(answer, dict):
        return set()
    own = {answer["endpoint"]} if isinstance(answer.get("endpoint"), str) else set()
    return own.union(*(endpoints(value) for value in answer.values()))
