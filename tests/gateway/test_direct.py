"""The way of bytes: tool lists from the catalog, tasks bound to their callers, requests that are sent again."""

import json
import socket

import anyio
import pytest
from anyio.abc import SocketStream
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json, Server
from airegistry.gateway.attempts import RETRIES
from airegistry.gateway.tool_lists import ByteLists
from tests.gateway.stub import JSON, Stub, always, raw_server
from tests.gateway.world import LEGACY, World, call, modern, server_at, tool

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"
TOOLS: list[Json] = [
    {"name": "look", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}, "_meta": {"k": 1}},
    {"name": "push", "description": "Pushes.", "inputSchema": {"type": "object"}, "icons": [{"src": "data:,"}]},
]


def described(world: World, **members: object) -> Server:
    stub = world.desk.servers["stub"]
    world.desk.servers["stub"] = server_at("stub", str(stub.url), tools=TOOLS, server_info={"name": "s"}, **members)
    return world.desk.servers["stub"]


async def test_tools_are_listed_as_they_were_described_without_asking_the_backend(world: World, stub: Stub) -> None:
    described(world)
    legacy = await world.post(call("tools/list", id="a"), path=STUB)
    assert json.loads(legacy.body) == {"jsonrpc": "2.0", "id": "a", "result": {"tools": TOOLS}}
    message, headers = modern("tools/list")
    result = json.loads((await world.post(message, path=STUB, headers=headers)).body)["result"]
    assert result == {
        "tools": TOOLS, "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "s"}},
    }  # fmt: skip
    assert not stub.requests
    assert [left[2] for left in world.desk.left] == ["ok", "ok"]


async def test_a_list_follows_what_the_caller_may_and_what_is_described_at_once(world: World, stub: Stub) -> None:
    described(world)

    async def names() -> list[str]:
        answer = await world.post(call("tools/list"), path=STUB)
        return [tool["name"] for tool in json.loads(answer.body)["result"]["tools"]]

    assert await names() == ["look", "push"]
    world.desk.denied.add(("tools/call", "push"))
    assert await names() == ["look"]
    world.desk.servers["stub"] = world.desk.servers["stub"].model_copy(update={"tools": []})
    assert await names() == []


async def test_a_cursor_that_the_list_never_gave_is_refused(world: World, stub: Stub) -> None:
    described(world)
    answer = await world.post(call("tools/list", {"cursor": "2"}), path=STUB)
    assert (answer.status, answer.error["code"]) == (400, -32602)


def test_lists_are_made_once_and_the_ones_used_longest_ago_are_dropped() -> None:
    lists, made = ByteLists(limit=250), []
    assets = [server_at(str(number), "http://127.0.0.1:1/mcp") for number in range(4)]

    def get(number: int) -> None:
        lists.get(assets[number], "all", lambda: made.append(number) or b"x" * 100)  # type: ignore[func-returns-value]

    for number in (0, 0, 1, 0, 2, 0, 1):
        get(number)
    assert made == [0, 1, 2, 1]


TASK = b'{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"%b","status":"working"}}}'


async def begun(world: World, stub: Stub, task: str, subject: str = "ann") -> None:
    stub.body = TASK % task.encode()
    answer = await world.post(call("tools/call", {"name": "push", "task": {}}), path=STUB, subject=subject)
    assert answer.status == 200
    stub.reset()


async def test_a_task_is_for_the_caller_who_began_it(world: World, stub: Stub) -> None:
    await begun(world, stub, "t-1")
    for method in ("tasks/get", "tasks/result", "tasks/cancel"):
        strange = await world.post(call(method, {"taskId": "t-1"}), path=STUB, subject="bob")
        none = await world.post(call(method, {"taskId": "t-none"}), path=STUB, subject="ann")
        assert (strange.status, strange.code, strange.body) == (404, "not_found", none.body)
        assert not stub.requests
        own = await world.post(call(method, {"taskId": "t-1"}), path=STUB)
        assert own.status == 200
        stub.requests.clear()
    assert ("ann", "stub", "tasks/get", "push", None) in world.desk.entered


async def test_tasks_are_listed_to_those_who_began_them(world: World, stub: Stub) -> None:
    await begun(world, stub, "t-ann")
    await begun(world, stub, "t-bob", "bob")
    stub.body = b'{"jsonrpc":"2.0","id":1,"result":{"tasks":[{"taskId":"t-ann"},{"taskId":"t-bob"},{"taskId":"t-x"}]}}'
    answer = await world.post(call("tasks/list"), path=STUB)
    assert json.loads(answer.body)["result"]["tasks"] == [{"taskId": "t-ann"}]


async def test_a_task_id_that_two_parsers_could_read_differently_is_refused(world: World, stub: Stub) -> None:
    await begun(world, stub, "t-own")
    params: tuple[Json, ...] = ({}, {"taskId": 1}, {"taskId": "t-own", "taskID": "t-other"})
    for each in params:
        answer = await world.post(call("tasks/get", each), path=STUB)
        assert (answer.status, answer.error["code"]) == (400, -32602)
    assert not stub.requests


async def test_a_backend_that_comes_back_soon_is_waited_for(world: World, stub: Stub) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world.desk.servers["late"] = server_at("late", f"http://127.0.0.1:{port}/mcp")
    answers = []

    async def ask() -> None:
        message, headers = tool("echo")
        answers.append(await world.post(message, path="/late/mcp", headers=headers))

    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\n\r\n"
    answer = always(head + b'{"jsonrpc":"2.0","id":1,"result":{}}')
    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(RETRIES[0])
        async with raw_server(answer, port=port):
            with anyio.fail_after(5):
                while not answers:  # noqa: ASYNC110  # the list is no event
                    await anyio.sleep(0.01)
    assert answers[0].status == 200


async def test_a_refused_credential_is_renewed_once(world: World, stub: Stub) -> None:
    world.desk.headers, world.desk.next_headers = {"authorization": "Bearer old"}, {"authorization": "Bearer new"}
    given: list[str | None] = []

    async def picky(scope: Scope, receive: Receive, send: Send) -> None:
        given.append(dict(scope["headers"]).get(b"authorization", b"").decode())
        status = 200 if given[-1] == "Bearer new" else 401
        headers = [JSON, (b"www-authenticate", b'Bearer resource_metadata="http://x"')]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"jsonrpc":"2.0","id":1,"result":{}}'})

    stub.answer = picky
    message, headers = tool("echo")
    answer = await world.post(message, path=STUB, headers=headers)
    assert (answer.status, given) == (200, ["Bearer old", "Bearer new"])
    assert "www-authenticate" not in answer.headers
    answer = await world.post(message, path=STUB, headers=headers)
    assert (answer.status, answer.code, len(given)) == (502, "upstream_failed", 3)
    assert "www-authenticate" not in answer.headers
    assert [left[2] for left in world.desk.left] == ["ok", "upstream_failed"]


@pytest.mark.parametrize(("name", "tries"), [("look", 2), ("push", 1)])
async def test_only_what_changes_nothing_is_sent_again_when_the_backend_hung_up(
    world: World, stub: Stub, name: str, tries: int
) -> None:
    seen = 0

    async def hangs_up(stream: SocketStream) -> None:
        nonlocal seen
        await stream.receive()
        seen += 1

    async with raw_server(hangs_up) as url:
        world.desk.servers["rude"] = server_at("rude", url, tools=TOOLS)
        message, headers = tool(name)
        answer = await world.post(message, path="/rude/mcp", headers=headers)
    assert (answer.status, answer.code, seen) == (502, "upstream_failed", tries)


async def test_a_session_stays_with_the_version_it_was_opened_at(world: World, stub: Stub) -> None:
    described(world, version="1.5.0")
    stub.headers = [JSON, (b"mcp-session-id", b"s-version")]
    params: Json = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    await world.post(call("initialize", params), path=STUB)
    stub.reset()
    await world.post(call("ping"), path=STUB, headers={"mcp-session-id": "s-version"})
    assert world.desk.entered[-1][4] == "1.5.0"
