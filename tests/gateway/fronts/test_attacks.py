"""Callers and backends that do not behave, before the fronts: where messages are read and written anew."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.core.calls import Call
from airegistry.core.pleas import Plea
from airegistry.core.principals import Principal
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.test_sse_front import streaming
from tests.gateway.fronts.world import FrontsDesk, FrontsWorld, messages, modern
from tests.gateway.stub import JSON, SSE
from tests.gateway.world import MODERN, call, server_at, until
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
CANARY: Json = {"name": "canary", "arguments": {"text": "x"}}


class Gate:
    """Holds up whoever is being admitted to a call, as a credential that is refreshed does."""

    def __init__(self, desk: FrontsDesk, method: str) -> None:
        self.arrived, self.go = anyio.Event(), anyio.Event()
        self._desk = desk
        self._method = method

    async def enter(
        self, who: Principal, path: str, method: str, name: str | None = None, *, version: str | None = None,
        found: Server | None = None, plea: Plea | None = None,
    ) -> Call:  # fmt: skip
        if method == self._method:
            self.arrived.set()
            await self.go.wait()
        return await FrontsDesk.enter(self._desk, who, path, method, name, version=version, found=found)


@pytest.fixture
def hold(world: FrontsWorld, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(world.desk, "tools/call")
    monkeypatch.setattr(world.desk, "enter", gate.enter)
    return gate


def cancelled(id: int = 1) -> Json:
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}}


@pytest.mark.parametrize("path", ["b2025-11", "b2026"])
async def test_a_request_taken_back_while_it_is_admitted_reaches_no_backend(
    world: FrontsWorld,
    hold: Gate,
    path: str,
) -> None:
    async with world.legacy(path) as client, anyio.create_task_group() as group:
        answers: list[Json] = []

        async def ask() -> None:
            async with client.post(call("tools/call", {"name": "hang", "arguments": {}})) as response:
                answers.extend([message async for message in messages(response)])

        group.start_soon(ask)
        await hold.arrived.wait()
        assert await client.say(cancelled()) == 202
        hold.go.set()
        await until(lambda: bool(answers))
    assert [answer["error"]["code"] for answer in answers] == [-32800]  # type: ignore[index, call-overload]
    assert ("tools/call", "hang", "cancelled", None) in world.desk.left
    assert not signals.arrived.is_set()


@pytest.mark.parametrize("hangs_up", [False, True], ids=["cancelled", "stream-closed"])
async def test_over_the_older_transport_it_reaches_no_backend_either(
    world: FrontsWorld,
    hold: Gate,
    hangs_up: bool,
) -> None:
    sessions = len(world.fronts.registry)
    async with streaming(world, "b2025-11") as client:
        assert await client.say(call("tools/call", {"name": "hang", "arguments": {}})) == 202
        await hold.arrived.wait()
        if not hangs_up:
            assert await client.say(cancelled()) == 202
            hold.go.set()
            assert (await client.ask("ping"))["result"] == {}
    if hangs_up:
        await until(lambda: len(world.fronts.registry) == sessions)
        hold.go.set()
    await until(lambda: ("tools/call", "hang", "cancelled", None) in world.desk.left)
    assert not signals.arrived.is_set()
    await until(lambda: [len(permit.released) for permit in world.desk.permits] == [1] * len(world.desk.permits))


@pytest.mark.parametrize("path", ["b2025-11", "b2026"])
async def test_a_session_that_ends_while_it_begins_to_listen_leaves_nothing_open(
    world: FrontsWorld,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
) -> None:
    async with world.legacy(path) as client:
        gate = Gate(world.desk, "subscriptions/listen")
        monkeypatch.setattr(world.desk, "enter", gate.enter)
        before = world.connections
        async with anyio.create_task_group() as group:

            async def listen() -> None:
                async with client.get() as stream:
                    await stream.read()

            group.start_soon(listen)
            await gate.arrived.wait()
            async with client.delete() as answer:
                assert answer.status == 204
            gate.go.set()
    await until(lambda: [len(permit.released) for permit in world.desk.permits] == [1] * len(world.desk.permits))
    await until(lambda: world.connections <= before)


async def test_an_id_that_is_used_twice_is_the_clients_fault(
    world: FrontsWorld,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with streaming(world, "b2025-11") as client:
        for _ in range(2):
            assert await client.say(call("tools/call", {"name": "hang", "arguments": {}})) == 202
        with anyio.fail_after(5):
            answer = await anext(client.stream)
            while "method" in answer:
                answer = await anext(client.stream)
    assert answer["error"]["data"]["code"] == "invalid"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class Lingering:
    """A backend of the older era that lets its answers hang open for a while after the result."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        body = b""
        while scope["method"] == "POST":
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        asked = json.loads(body) if body else {}
        if "id" not in asked:
            await send({"type": "http.response.start", "status": 202, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        result: Json = {"content": []}
        if asked["method"] == "initialize":
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "l", "version": "0"}}
        said = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        if asked["method"] != "tools/call":
            await send({"type": "http.response.start", "status": 200, "headers": [JSON]})
            await send({"type": "http.response.body", "body": said})
            return
        await anyio.sleep(0.04)
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        await send({"type": "http.response.body", "body": b"data: %b\n\n" % said, "more_body": True})
        await anyio.sleep(0.03)
        await send({"type": "http.response.body", "body": b""})


@asynccontextmanager
async def lingering(world: FrontsWorld) -> AsyncIterator[None]:
    async with serve(Lingering()) as url:
        tools: list[Json] = [{"name": "slow"}]
        world.desk.servers["late"] = server_at("late", f"{url}/mcp", protocol_version="2025-11-25", tools=tools)
        yield


async def test_an_answer_that_its_client_has_got_is_recorded_as_one(world: FrontsWorld) -> None:
    """The end of an answer looks to the gateway like a client that hangs up: that is no cancellation."""
    async with lingering(world), modern(world, "late") as client:
        for _ in range(3):
            assert (await client.call("slow"))["result"]["content"] == []
        slow = ("tools/call", "slow")
        await until(lambda: [left[:2] for left in world.desk.left].count(slow) == 3)
    assert {left[2] for left in world.desk.left if left[:2] == slow} == {"ok"}


@pytest.mark.parametrize("deep", [300, 900])
async def test_a_deep_retry_is_refused_and_no_fault_of_ours(world: FrontsWorld, deep: int) -> None:
    nested = b"[" * deep + b"]" * deep
    message = call("tools/call", {"name": "echo", "arguments": {"text": "NEST"}, "requestState": "x", "_meta": META})
    body = json.dumps(message).encode().replace(b'"NEST"', nested)
    headers = {
        "content-type": "application/json", "accept": "application/json, text/event-stream",
        "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "echo",
    }  # fmt: skip
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{world.url}/b2025-11/mcp", data=body, headers=headers) as answer,
    ):
        assert answer.status in (200, 400)
        assert (await answer.json())["error"]["code"] == -32602


META: Json = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
}


@pytest.mark.parametrize("path", ["b2024", "b2025-11"])
async def test_two_hundred_callers_of_a_bridge_with_equal_ids_and_tokens_get_their_own(
    world: FrontsWorld,
    path: str,
) -> None:
    """Modern clients, one backend of the older era: progress and results of 200 subjects under one id."""
    found: dict[int, list[str]] = {}
    slots = anyio.CapacityLimiter(50)

    async def one(http: aiohttp.ClientSession, number: int) -> None:
        params: Json = {
            "name": "canary", "arguments": {"text": f"canary-{number:03}"}, "_meta": {**META, "progressToken": 1},
        }  # fmt: skip
        headers = {
            "content-type": "application/json", "accept": "application/json, text/event-stream",
            "mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "canary",
            "x-test-subject": f"user-{number}",
        }  # fmt: skip
        url = f"{world.url}/{path}/mcp"
        async with slots, http.post(url, json=call("tools/call", params), headers=headers) as answer:
            found[number] = [json.dumps(message) async for message in messages(answer)]

    with anyio.fail_after(30):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(one, http, number)
    for number, seen in found.items():
        text = "".join(seen)
        assert text.count(f"canary-{number:03}") == text.count("canary-") >= 2, (number, seen)
    assert len(found) == 200
