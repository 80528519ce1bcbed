"""The whole way with real backends: register, find, call, be refused, see it in the trail, restart, all still there."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import httpx2
import pytest

from tests.contract.acts import Desk, Json
from tests.support import http, mcp, node
from tests.support.backends import Backend, start_everything, start_python
from tests.support.registry import Registry, serving

pytestmark = [pytest.mark.anyio, pytest.mark.node]

LONG = "trigger-long-running-operation"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    """A registry of this test's own: it is restarted."""
    node.require_node()
    with serving(tmp_path) as started:
        yield started


@pytest.fixture
def everything(tmp_path: Path, registry: Registry) -> Iterator[Backend]:
    """The official example server from npm."""
    started = start_everything(tmp_path)
    yield started
    started.close()


@pytest.fixture
def parcels(tmp_path: Path) -> Iterator[Backend]:
    """The Python backend."""
    started = start_python(tmp_path)
    yield started
    started.close()


async def test_from_registration_to_restart(registry: Registry, everything: Backend, parcels: Backend) -> None:
    desk = Desk(registry)
    await register_both(desk, everything, parcels)
    await find_in_plain_words(desk)
    await call_through_the_registry(desk)
    await call_python_directly(registry, parcels)
    await call_everything_directly(registry)
    denied = await be_refused(registry, desk)
    trail = await see_it_all_in_the_trail(desk)
    registry.restart()
    await find_in_plain_words(desk)
    await call_through_the_registry(desk)
    assert http.call_tool(registry.gateway("parcels"), "secret", {}, token=denied).status_code == 403
    after = (await desk.ask("query_audit", limit=200))["events"]
    assert {event["id"] for event in trail} <= {event["id"] for event in after}


async def register_both(desk: Desk, everything: Backend, parcels: Backend) -> None:
    stored = await desk.register("everything", everything.url)
    # Offered only to clients that can be asked: the registry must not store less than the best of clients sees.
    assert {"trigger-elicitation-request", "trigger-sampling-request"} <= {tool["name"] for tool in stored["tools"]}
    assert {"echo", "get-sum", LONG} <= {tool["name"] for tool in stored["tools"]}
    stored = await desk.register("parcels", parcels.url)
    assert "quote_freight" in {tool["name"] for tool in stored["tools"]}
    with mcp.refused("conflict"):
        await desk.register("parcels", parcels.url)


async def find_in_plain_words(desk: Desk) -> None:
    for words, server, tool in (
        ("add two numbers", "everything", "get-sum"),
        ("what would it cost to send a box of 3 kilos to Norway", "parcels", "quote_freight"),
    ):
        found = await desk.ask("search_registry", query=words, kinds=["tool"], limit=3)
        assert (server, tool) in {(hit["server"], hit["tool"]) for hit in found["results"]}, found
        tools = (await desk.ask("intelligent_tool_finder", task=words, limit=3))["tools"]
        assert (server, tool) in {(hit["server"], hit["tool"]) for hit in tools}


async def call_through_the_registry(desk: Desk) -> None:
    async with mcp.connect(desk.registry.mcp, desk.registry.token, "legacy") as client:
        asked = {"server": "everything", "tool": "get-sum", "arguments": {"a": 2, "b": 3}}
        assert "5" in mcp.text_of(await client.call_tool("call_tool", asked))
    asked = {"server": "parcels", "tool": "quote_freight", "arguments": {"destination": "Oslo", "kilograms": 2}}
    assert await desk.ask("call_tool", **asked) == {"destination": "Oslo", "euros": 9.0}


async def call_python_directly(registry: Registry, parcels: Backend) -> None:
    """Both eras; the tool goes to its next step only when the last one's progress has arrived."""

    async def release(progress: float, total: float | None, message: str | None) -> None:
        async with httpx2.AsyncClient(trust_env=False) as outside:
            await outside.post(f"{parcels.origin}/release")

    for mode in mcp.ERAS:
        async with mcp.connect(registry.gateway("parcels"), registry.token, mode) as client:
            with anyio.fail_after(20):
                done = await client.call_tool("paced", {"steps": 3}, progress_handler=release)
            assert mcp.text_of(done) == "3 steps done"


async def call_everything_directly(registry: Registry) -> None:
    """A backend of the older era, by a client of that era and by one that speaks both."""
    for mode in ("legacy", "auto"):
        progress: list[tuple[float, float]] = []

        async def keep(
            step: float, total: float | None, message: str | None, into: list[tuple[float, float]] = progress
        ) -> None:
            into.append((step, anyio.current_time()))

        async with mcp.connect(registry.gateway("everything"), registry.token, mode) as client:
            done = await client.call_tool(LONG, {"duration": 0.6, "steps": 3}, progress_handler=keep)
            assert "completed" in mcp.text_of(done)
            assert [step for step, _ in progress] == [1, 2, 3]
            assert progress[-1][1] - progress[0][1] >= 0.2, "all progress arrived at the end"
            echoed = await client.call_tool("echo", {"message": "grüß"})
            assert mcp.text_of(echoed) == "Echo: grüß"


async def be_refused(registry: Registry, desk: Desk) -> str:
    """A token for one tool: sees it alone, calls it, is refused another; returns the token."""
    token = await desk.token({"kinds": ["server"], "assets": ["parcels", "everything"], "tools": ["echo"]})
    for mode in mcp.ERAS:
        async with mcp.connect(registry.gateway("parcels"), token, mode) as client:
            assert [tool.name for tool in await client.list_tools()] == ["echo"]
            assert await mcp.call(client, "echo", text="hi") == {"result": "hi"}
    async with mcp.connect(registry.gateway("everything"), token, "legacy") as client:
        assert [tool.name for tool in await client.list_tools()] == ["echo"]
    answer = http.call_tool(registry.gateway("parcels"), "secret", {}, token=token)
    assert answer.status_code == 403
    assert answer.json()["error"]["data"]["code"] == "access_denied"
    with mcp.refused("access_denied"):
        await mcp.ask(registry.mcp, token, "call_tool", server="everything", tool="get-env", arguments={})
    return token


async def see_it_all_in_the_trail(desk: Desk) -> list[Json]:
    events: list[Json] = (await desk.ask("query_audit", limit=200))["events"]
    seen = {(path_of(event), event["tool"], event["decision"], event["outcome"] == "ok") for event in events}
    assert seen >= {
        ("everything", "get-sum", "allow", True),
        ("everything", LONG, "allow", True),
        ("everything", "get-env", "deny", False),
        ("parcels", "quote_freight", "allow", True),
        ("parcels", "paced", "allow", True),
        ("parcels", "secret", "deny", False),
    }
    assert {"everything", "parcels"} <= {path_of(event) for event in events if event["action"] == "server:register"}
    calls = [event for event in events if event["tool"]]
    assert all(event["latency_ms"] is not None and event["subject"] for event in calls)
    return events


def path_of(event: Json) -> str:
    """The asset an event is about, its kind left out."""
    return str(event["asset"]).removeprefix("server/")
