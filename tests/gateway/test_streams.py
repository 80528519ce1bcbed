"""How answers pass: at once, whole or visibly broken, to the right client, and with what the audit makes of them."""

import asyncio
import gzip
import json

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Json
from tests.gateway.stub import JSON, SSE, Stub
from tests.gateway.world import ACCEPT, LEGACY, META, MODERN, World, call, modern, tool, until

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"


def event(message: object, *, id: str = "") -> bytes:
    head = f"id: {id}\n" if id else ""
    return f"{head}event: message\ndata: {json.dumps(message)}\n\n".encode()


def result(**members: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


async def test_events_pass_one_by_one_and_at_once(world: World, stub: Stub) -> None:
    go = [anyio.Event() for _ in range(3)]

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        for number, event_ in enumerate(go):
            await send({"type": "http.response.body", "body": b"data: %d\n\n" % number, "more_body": True})
            await event_.wait()
        await send({"type": "http.response.body", "body": b""})

    stub.answer = answer
    message, headers = tool("echo")
    headers |= {"accept": ACCEPT, "content-type": "application/json"}
    with anyio.fail_after(5):
        async with aiohttp.ClientSession() as session:
            async with session.post(world.url + STUB, json=message, headers=headers) as response:
                assert response.headers["x-accel-buffering"] == "no"
                assert "no-transform" in response.headers["cache-control"]
                for number, event_ in enumerate(go):
                    assert await response.content.readuntil(b"\n\n") == b"data: %d\n\n" % number
                    event_.set()
                assert await response.content.read() == b""


@pytest.mark.parametrize("kind", [JSON, SSE])
async def test_five_megabytes_pass_both_ways(world: World, stub: Stub, kind: tuple[bytes, bytes]) -> None:
    text = "a\n" * 1_700_000
    stub.headers = [kind]
    stub.body = json.dumps(result(text=text)).encode()
    if kind == SSE:
        stub.body = b"data: " + stub.body + b"\n\n"
    message, headers = tool("echo", {"text": text})
    answer = await world.post(message, path=STUB, headers=headers)
    assert answer.body == stub.body
    assert len(answer.body) > 5_000_000
    assert json.loads(stub.requests[0][2]) == message


async def test_a_client_that_reads_slowly_slows_the_backend_down(world: World, stub: Stub) -> None:
    sent = 0
    stalled = anyio.Event()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        for _ in range(64):
            with anyio.move_on_after(0.5) as wait:
                await send({"type": "http.response.body", "body": b": " + b"x" * 2**20 + b"\n\n", "more_body": True})
                sent += 1
            if wait.cancelled_caught:
                stalled.set()
                return
        await send({"type": "http.response.body", "body": b""})

    stub.answer = answer
    message, headers = tool("echo")
    headers |= {"accept": ACCEPT, "content-type": "application/json"}
    async with aiohttp.ClientSession(read_bufsize=1024) as session:
        async with session.post(world.url + STUB, json=message, headers=headers):
            with anyio.fail_after(20):
                await stalled.wait()
    assert sent < 40


@pytest.mark.parametrize("era", [MODERN, LEGACY])
async def test_two_hundred_clients_with_equal_ids_get_their_own_answers_only(world: World, era: str) -> None:
    async def one(session: aiohttp.ClientSession, number: int) -> None:
        canary = f"canary-{number:03}"
        headers = {"accept": ACCEPT, "content-type": "application/json", "x-test-subject": f"user-{number}"}
        params: Json = {"name": "canary", "arguments": {"text": canary}, "_meta": {**META, "progressToken": 1}}
        if era == LEGACY:
            headers["mcp-session-id"] = await initialize(session, world, headers)
        else:
            headers |= {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "canary"}
        message = call("tools/call", params)
        async with session.post(f"{world.url}/full/mcp", json=message, headers=headers) as response:
            body = (await response.read()).decode()
        assert response.status == 200, body
        assert body.count(canary) >= 2
        assert body.count("canary-") == body.count(canary)

    with anyio.fail_after(50):
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            async with anyio.create_task_group() as group:
                for number in range(200):
                    group.start_soon(one, session, number)


async def initialize(session: aiohttp.ClientSession, world: World, headers: dict[str, str]) -> str:
    offer: Json = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    async with session.post(f"{world.url}/full/mcp", json=call("initialize", offer), headers=headers) as response:
        await response.read()
        return response.headers["mcp-session-id"]


async def test_a_client_that_leaves_takes_its_request_to_the_backend_along(world: World, stub: Stub) -> None:
    arrived, gone = anyio.Event(), anyio.Event()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        arrived.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        gone.set()

    stub.answer = answer
    for listen in (False, True):
        arrived, gone = anyio.Event(), anyio.Event()
        message, headers = modern("subscriptions/listen", {"notifications": {}}) if listen else tool("echo")
        async with anyio.create_task_group() as group:
            group.start_soon(lambda m, h: world.post(m, path=STUB, headers=h), message, headers)
            with anyio.fail_after(5):
                await arrived.wait()
            group.cancel_scope.cancel()
        with anyio.fail_after(5):
            await gone.wait()
    await until(lambda: len(world.desk.left) == 2)
    assert [outcome for *_, outcome, _ in world.desk.left] == ["cancelled", "ok"]


async def test_a_client_that_leaves_before_its_body_is_there_reaches_nobody(world: World, stub: Stub) -> None:
    port = int(world.url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /stub/mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert (await world.post(call("ping"), path=STUB)).status == 200
    assert len(stub.requests) == len(world.desk.entered) == 1


async def test_of_the_backends_headers_only_those_of_the_protocol_come_back(world: World, stub: Stub) -> None:
    stub.headers += [
        (b"set-cookie", b"a=b"), (b"www-authenticate", b"Bearer"), (b"server", b"evil"), (b"x-powered-by", b"evil"),
        (b"access-control-allow-origin", b"*"), (b"location", b"http://evil"), (b"cache-control", b"public"),
        (b"clear-site-data", b"*"), (b"alt-svc", b"h3"), (b"mcp-session-id", b"unasked"), (b"refresh", b"0"),
    ]  # fmt: skip
    answer = await world.post(call("ping"), path=STUB)
    assert set(answer.headers) <= {
        "content-type",
        "content-length",
        "cache-control",
        "date",
        "server",
        "transfer-encoding",
    }
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["server"] == "uvicorn"


OUTCOMES: list[tuple[int, bytes, tuple[str, str | None]]] = [
    (200, json.dumps(result(content=[])).encode(), ("ok", None)),
    (200, json.dumps(result(content=[], isError=True)).encode(), ("tool_error", None)),
    (200, json.dumps(result(isError=False, text='"error"')).encode(), ("ok", None)),
    (200, json.dumps(result(pad="x" * 70_000, isError=True)).encode(), ("ok", None)),
    (200, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"secret"}}', ("error", "JSON-RPC -32602")),
    (404, b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}', ("error", "JSON-RPC -32601")),
    (500, b'{"oops":1}', ("error", "HTTP 500")),
    (500, b'["error"]', ("error", "HTTP 500")),
    (200, b'{"error":', ("ok", None)),
    (200, b"", ("ok", None)),
]


@pytest.mark.parametrize(("status", "body", "outcome"), OUTCOMES, ids=range(len(OUTCOMES)))
async def test_the_record_says_how_a_json_answer_ended(
    world: World, stub: Stub, status: int, body: bytes, outcome: tuple[str, str | None]
) -> None:
    stub.status, stub.body = status, body
    answer = await world.post(call("ping"), path=STUB)
    assert (answer.status, answer.body) == (status, body)
    assert world.desk.left == [("ping", None, *outcome)]


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([result(isError=True)], ("tool_error", None)),
        ([{"method": "notifications/error"}, result()], ("ok", None)),
        ([{"method": "n", "params": {"error": 1}}, {"id": 1, "error": {"code": 5}}], ("error", "JSON-RPC 5")),
        ([{"params": "x" * 50_000}, {"params": "x" * 50_000}, result(isError=True)], ("tool_error", None)),
        ([{"params": "x" * 90_000}, result(isError=True)], ("tool_error", None)),
        ([result(isError=True), {"method": "late"}], ("tool_error", None)),
    ],
)
async def test_the_record_says_how_a_stream_ended(
    world: World, stub: Stub, events: list[object], outcome: tuple[str, str | None]
) -> None:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        for each in events:
            await send({"type": "http.response.body", "body": event(each), "more_body": True})
            await anyio.lowlevel.checkpoint()
        await send({"type": "http.response.body", "body": b""})

    stub.answer = answer
    answer_ = await world.post(call("ping"), path=STUB)
    assert answer_.body == b"".join(event(each) for each in events)
    assert world.desk.left == [("ping", None, *outcome)]


async def test_an_answer_of_known_length_is_complete_and_the_connection_goes_on(world: World, stub: Stub) -> None:
    body = json.dumps(call("ping")).encode()
    head = b"POST /stub/mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.url.rpartition(":")[2]))
    with anyio.fail_after(5):
        for stub.body in (b'{"jsonrpc":"2.0","id":1,"result":{}}', b"", b"{}"):
            stub.headers = [JSON, (b"content-length", b"%d" % len(stub.body))]
            writer.write(head % len(body) + body)
            assert b"content-length: %d\r\n" % len(stub.body) in await reader.readuntil(b"\r\n\r\n")
            assert await reader.readexactly(len(stub.body)) == stub.body
    writer.close()
    assert [left[2] for left in world.desk.left] == ["ok"] * 3


async def test_a_compressed_answer_passes_as_it_is(world: World, stub: Stub) -> None:
    stub.headers.append((b"content-encoding", b"gzip"))
    stub.body = gzip.compress(b'{"jsonrpc":"2.0","id":1,"result":{}}')
    answer = await world.post(call("ping"), path=STUB)  # aiohttp unpacks it
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")
    assert json.loads(answer.body) == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert "accept-encoding" not in stub.requests[0][1]


async def test_a_notification_is_accepted_without_a_body(world: World, stub: Stub) -> None:
    for status, headers, body in (
        (202, [], b""),
        (200, [(b"content-type", b"text/plain")], b"Accepted"),
        (204, [], b""),
    ):
        stub.status, stub.headers, stub.body = status, list(headers), body
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        answer = await world.post(dict(message), path=STUB)
        assert (answer.status, answer.body) == (202 if status == 202 else 200, b"")
    assert {left[2] for left in world.desk.left} == {"ok"}


async def test_a_list_is_filtered_while_what_comes_before_it_passes_at_once(world: World, stub: Stub) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    question = {"jsonrpc": "2.0", "id": "s1", "method": "ping"}
    tools = [{"name": "echo"}, {"name": "secret"}, {"title": "nameless"}, "odd"]
    answered = anyio.Event()

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [SSE]})
        await send({"type": "http.response.body", "body": b": hi\n\n" + event(question), "more_body": True})
        await answered.wait()
        last = event(result(tools=tools, nextCursor="c", cacheScope="public"), id="e7")
        await send({"type": "http.response.body", "body": last[:40], "more_body": True})
        await anyio.wait_all_tasks_blocked()
        await send({"type": "http.response.body", "body": last[40:]})

    stub.answer = answer
    headers = {"accept": ACCEPT, "content-type": "application/json"}
    with anyio.fail_after(20):
        async with aiohttp.ClientSession() as session:
            async with session.post(world.url + STUB, json=call("prompts/list"), headers=headers) as response:
                assert await response.content.readuntil(b"\n\n") == b": hi\n\n"
                assert b'"ping"' in await response.content.readuntil(b"\n\n")
                answered.set()
                rest = await response.content.read()
    assert rest.startswith(b"id: e7\nevent: message\ndata: ")
    assert json.loads(rest.split(b"data: ")[1]) == result(
        tools=[{"name": "echo"}], nextCursor="c", cacheScope="private"
    )


async def test_a_list_replayed_on_a_get_stream_is_filtered_too(world: World, stub: Stub) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    stub.headers = [SSE, (b"mcp-session-id", b"s-replay")]
    stub.body = event(result(), id="8")
    offer: Json = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    await world.post(call("initialize", offer), path=STUB)
    session = {"mcp-session-id": "s-replay"}
    await world.post(call("ping"), path=STUB, headers=session)
    stub.requests.clear()
    world.desk.left.clear()
    stub.body = event(result(tools=[{"name": "echo"}, {"name": "secret"}]), id="9")
    answer = await world.send("GET", path=STUB, headers={**session, "last-event-id": "8"})
    assert answer.status == 200
    assert b"echo" in answer.body
    assert b"secret" not in answer.body
    assert stub.requests[0][1]["last-event-id"] == "8"
    assert world.desk.left == [("stream/open", None, "ok", None)]
