"""Backends that are down, lie, break off or want something: the client always learns it, in the protocol's form."""

import json
import socket

import aiohttp
import anyio
import pytest

from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.app import Gateway
from airegistry.gateway.lists import MAX_LIST
from tests.gateway.stub import JSON, SSE, Stub, always, raw_server, silent
from tests.gateway.world import ACCEPT, World, call, server_at
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"
HTML = (b"content-type", b"text/html")
OK_JSON = b'{"jsonrpc":"2.0","id":1,"result":{}}'

BAD: list[tuple[int, list[tuple[bytes, bytes]], bytes]] = [
    (401, [JSON, (b"www-authenticate", b"Bearer")], OK_JSON),
    (403, [JSON], OK_JSON),
    (301, [(b"location", b"http://127.0.0.1:1/")], b""),
    (302, [JSON, (b"location", b"/mcp2")], OK_JSON),
    (307, [(b"location", b"http://169.254.169.254/")], b""),
    (304, [], b""),
    (200, [HTML], b"<script>alert(1)</script>"),
    (200, [], OK_JSON),
    (200, [(b"content-type", b"application/jsonp")], OK_JSON),
    (202, [], b""),
    (500, [HTML], b"<h1>Stack trace</h1>"),
    (503, [], b""),
]


@pytest.mark.parametrize(("status", "headers", "body"), BAD, ids=range(len(BAD)))
async def test_an_answer_against_the_protocol_is_502(
    world: World, stub: Stub, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    stub.status, stub.headers, stub.body = status, headers, body
    answer = await world.post(call("ping"), path=STUB)
    assert (answer.status, answer.code, answer.headers["content-type"]) == (502, "upstream_failed", "application/json")
    assert not {"www-authenticate", "location"} & set(answer.headers)
    assert b"<" not in answer.body
    assert [left[2] for left in world.desk.left] == ["upstream_failed"]


@pytest.mark.parametrize("status", [400, 404, 405, 406, 410, 429])
async def test_a_refusal_in_no_form_keeps_its_status_and_gets_the_form(world: World, stub: Stub, status: int) -> None:
    stub.status, stub.headers, stub.body = status, [HTML, (b"retry-after", b"7")], b"<h1>No</h1>"
    answer = await world.post(call("ping"), path=STUB)
    assert (answer.status, answer.code) == (status, "upstream_failed")
    assert world.desk.left == [("ping", None, "error", f"HTTP {status}")]


async def test_a_backend_that_is_down_is_502_and_its_address_is_for_the_audit_alone(world: World, stub: Stub) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    world.desk.servers["down"] = server_at("down", f"http://127.0.0.1:{port}/mcp")
    answer = await world.post(call("ping"), path="/down/mcp")
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert str(port) not in answer.body.decode()
    assert str(port) in str(world.desk.left[0][3])
    assert world.desk.left[0][2] == "upstream_failed"


async def test_an_address_that_may_not_be_reached_is_the_backends_failure(world: World, stub: Stub) -> None:
    world.desk.servers["inner"] = server_at("inner", "http://169.254.169.254/mcp")
    answer = await world.post(call("ping"), path="/inner/mcp")
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert "169.254" not in answer.body.decode()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
    ],
)
async def test_a_backend_that_does_not_speak_http_is_502(world: World, stub: Stub, answer: bytes) -> None:
    async with raw_server(always(answer)) as url:
        world.desk.servers["raw"] = server_at("raw", url)
        seen = await world.post(call("ping"), path="/raw/mcp")
    assert (seen.status, seen.code) == (502, "upstream_failed")


BROKEN = [
    HEAD + b"Content-Length: 1000\r\n\r\n" + OK_JSON,
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n",
]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("answer", BROKEN, ids=range(len(BROKEN)))
async def test_an_answer_that_breaks_off_never_looks_complete(
    world: World, stub: Stub, answer: bytes, reset: bool
) -> None:
    async with raw_server(always(answer, reset=reset)) as url:
        world.desk.servers["raw"] = server_at("raw", url)
        try:
            seen = await world.post(call("ping"), path="/raw/mcp")
        except aiohttp.ClientPayloadError:
            pass
        else:
            assert (seen.status, seen.code) == (502, "upstream_failed")
    assert [left[2] for left in world.desk.left] == ["upstream_failed"]


async def test_a_backend_that_never_answers_is_given_up(world: World, stub: Stub) -> None:
    async with StreamClient(Guard(loopback=True)) as client:
        impatient = World(world.desk, client)
        impatient.gateway = Gateway(world.desk, client, first_byte_timeout=0.05)
        async with serve(impatient) as url, raw_server(silent) as silent_url:
            impatient.url = url
            world.desk.servers["silent"] = server_at("silent", silent_url)
            with anyio.fail_after(5):
                answer = await impatient.post(call("ping"), path="/silent/mcp")
    assert (answer.status, answer.code) == (502, "upstream_failed")


LISTS: list[tuple[list[tuple[bytes, bytes]], bytes]] = [
    ([JSON], b"not json"),
    ([JSON], b'{"jsonrpc":"2.0","id":1,"result":{"tools":{"name":"secret"}}}'),
    ([JSON], b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"secret","x":NaN}]}}'),
    ([JSON], b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 300 + b"]" * 300 + b"}"),
    ([JSON], b""),
    ([JSON, (b"content-encoding", b"gzip")], b"\x1f\x8b"),
]


@pytest.mark.parametrize(("headers", "body"), LISTS, ids=range(len(LISTS)))
async def test_a_list_that_cannot_be_read_is_not_shown(
    world: World, stub: Stub, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    stub.headers, stub.body = headers, body
    answer = await world.post(call("prompts/list"), path=STUB)
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert b"secret" not in answer.body


async def test_a_list_event_that_cannot_be_read_breaks_the_stream(world: World, stub: Stub) -> None:
    stub.headers, stub.body = [SSE], b'data: {"result":{"tools":[{"name":"secret","x":NaN}]}}\n\n'
    with pytest.raises(aiohttp.ClientPayloadError):
        await world.post(call("prompts/list"), path=STUB)
    assert world.desk.left[0][2:] == ("upstream_failed", "the backend's answer is not JSON")


async def test_a_list_in_a_batch_and_with_members_given_twice_is_filtered(world: World, stub: Stub) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    stub.body = (
        b'[{"id":1,"result":{"tools":[{"name":"secret"}],"tools":[{"name":"secret"},{"name":"echo"}]}},'
        b'{"id":2,"result":{"tools":[{"name":"secret"}]},"result":{}}]'
    )
    answer = await world.post(call("prompts/list"), path=STUB)
    assert json.loads(answer.body) == [{"id": 1, "result": {"tools": [{"name": "echo"}]}}, {"id": 2, "result": {}}]
    assert b"secret" not in answer.body


async def test_an_endless_list_is_given_up(world: World, stub: Stub) -> None:
    stub.body = b'{"pad":"' + b"x" * MAX_LIST + b'"}'
    answer = await world.post(call("prompts/list"), path=STUB, headers={"accept": ACCEPT})
    assert (answer.status, answer.code) == (502, "upstream_failed")
