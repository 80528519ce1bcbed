"""What never reaches a backend, and what the caller is told instead."""

import asyncio
import json

import anyio
import pytest
from pydantic import JsonValue

from airegistry.core.errors import (
    AirError,
    ApprovalRequired,
    Conflict,
    GateRejected,
    Internal,
    Quarantined,
    RateLimited,
    ScanFailed,
    UnknownTool,
    Unsupported,
    UpstreamFailed,
)
from tests.gateway.stub import Stub
from tests.gateway.world import LEGACY, MODERN, World, call, modern, tool

pytestmark = pytest.mark.anyio
STUB = "/stub/mcp"


async def test_a_denied_tool_is_403_with_the_missing_scopes(world: World, stub: Stub) -> None:
    world.desk.denied.add(("tools/call", "secret"))
    message, headers = tool("secret", id="seven")
    answer = await world.post(message, path=STUB, headers=headers)
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.body) == {
        "jsonrpc": "2.0",
        "id": "seven",
        "error": {
            "code": -32003,
            "message": "ann may not use secret",
            "data": {"missing": ["tools-all"], "code": "access_denied"},
        },
    }
    assert not stub.requests
    assert not world.desk.left


async def test_a_hidden_server_and_none_at_all_answer_with_the_same_bytes(world: World, stub: Stub) -> None:
    world.desk.hidden_from.add(("bob", "stub"))
    message, headers = tool("echo")
    odd = [
        "/no-such/mcp", "/stub@0.0.0/mcp", "/stub", "/stub/mcp/", "//stub/mcp", "/stub//mcp", "/./stub/mcp",
        "/stub/../stub/mcp", "/stub%2fmcp", "/%73tub/mcp", "/stub/mcp;x", "/STUB/mcp", "/stub/x/mcp", "/stub@/mcp",
        "/stub@../mcp", "/a/stub/mcp", "/stub/sse/", "/stub%00/mcp", "/st%C3%BCb/mcp", "/" + "a" * 65 + "/mcp",
    ]  # fmt: skip
    answers = [await raw(world, path, message, headers, "ann") for path in odd]
    answers.append(await raw(world, STUB, message, headers, "bob"))
    assert set(answers) == {(404, b'{"jsonrpc":"2.0","id":1,"error":' + NOT_FOUND + b"}")}
    assert not stub.requests
    assert (await raw(world, STUB, message, headers, "ann"))[0] == 200


async def raw(world: World, path: str, message: JsonValue, headers: dict[str, str], subject: str) -> tuple[int, bytes]:
    """POST with a request line that no client library tidies; the id is put in only where a body was read."""
    body = json.dumps(message).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in {**headers, "x-test-subject": subject}.items()]
    status, answer = await talk(world, "\r\n".join([*lines, "", ""]).encode() + body)
    return status, answer.replace(b'"id":null', b'"id":1')


NOT_FOUND = b'{"code":-32003,"message":"not found","data":{"code":"not_found"}}'


async def talk(world: World, request: bytes) -> tuple[int, bytes]:
    """Send bytes; the status and body of the first answer."""
    port = int(world.url.rpartition(":")[2])
    with anyio.fail_after(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            lengths = [int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
            return int(head.split(b" ")[1]), await reader.readexactly(lengths[0]) if lengths else b""
        finally:
            writer.close()


async def test_without_a_caller_nothing_is_answered(world: World, stub: Stub) -> None:
    for verb in ("POST", "GET", "DELETE"):
        answer = await world.send(verb, call("ping"), path=STUB, subject="nobody")
        assert (answer.status, answer.code) == (401, "unauthenticated")
    assert not stub.requests
    assert not world.desk.entered


@pytest.mark.parametrize("verb", ["PUT", "PATCH", "OPTIONS", "QUERY"])
async def test_other_verbs_are_405(world: World, stub: Stub, verb: str) -> None:
    answer = await world.send(verb, path=STUB)
    assert (answer.status, answer.headers["allow"]) == (405, "GET, POST, DELETE")
    assert not stub.requests


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ApprovalRequired("ask"), 403),
        (ScanFailed("held"), 403),
        (Quarantined("cut"), 403),
        (GateRejected("no"), 403),
        (Conflict("late"), 409),
        (Unsupported("stdio"), 501),
        (UpstreamFailed("10.0.0.7 is down"), 502),
        (Internal("oops"), 500),
        (RateLimited("slow", retry_after=1.2), 429),
    ],
)
async def test_every_refusal_has_its_status_and_code(world: World, stub: Stub, error: AirError, status: int) -> None:
    world.desk.refusals["stub"] = error
    answer = await world.post(call("ping"), path=STUB)
    assert (answer.status, answer.code) == (status, error.code)
    assert answer.headers.get("retry-after") == ("2" if status == 429 else None)
    assert "10.0.0.7" not in answer.body.decode()
    assert not stub.requests


async def test_an_unknown_tool_is_an_error_in_the_message_alone_for_older_clients(world: World, stub: Stub) -> None:
    world.desk.refusals["stub"] = UnknownTool("there is no frobnicate")
    older = await world.post(call("tools/call", {"name": "frobnicate"}), path=STUB)
    message, headers = tool("frobnicate")
    newer = await world.post(message, path=STUB, headers=headers)
    assert (older.status, newer.status) == (200, 400)
    assert json.loads(older.body) == json.loads(newer.body)
    assert json.loads(older.body)["error"]["code"] == -32602
    assert (older.code, stub.requests) == ("not_found", [])


async def test_a_fault_of_our_own_is_500_in_the_protocols_form(
    world: World, stub: Stub, caplog: pytest.LogCaptureFixture
) -> None:
    def explode() -> None:
        raise ValueError("private detail")

    world.desk.denied.add(("ping", "*"))
    world.desk.on_enter = explode
    answer = await world.post(call("ping"), path=STUB)
    assert (answer.status, answer.code) == (500, "internal")
    assert b"private" not in answer.body
    assert "private detail" in caplog.text


async def test_a_fault_while_an_answer_passes_is_recorded(world: World, stub: Stub) -> None:
    def explode() -> None:
        raise ValueError("private detail")

    world.desk.on_use = explode
    stub.body = b'{"jsonrpc":"2.0","id":1,"result":{"prompts":[{"name":"t"}]}}'
    answer = await world.post(call("prompts/list"), path=STUB)
    assert (answer.status, answer.code) == (500, "internal")
    assert world.desk.left == [("prompts/list", None, "error", "internal")]


async def test_a_version_is_pinned_by_path_or_header_and_by_both_only_when_they_agree(world: World, stub: Stub) -> None:
    pin = {"x-mcp-server-version": "2.0.0"}
    await world.post(call("ping"), path=STUB, headers=pin)
    await world.post(call("ping"), path="/stub@2.0.0/mcp", headers=pin)
    assert [entered[4] for entered in world.desk.entered] == ["2.0.0", "2.0.0"]
    assert all("x-mcp-server-version" not in request[1] for request in stub.requests)
    answer = await world.post(call("ping"), path="/stub@1.0.0/mcp", headers=pin)
    assert (answer.status, answer.code) == (400, "invalid")


MESSAGES: list[tuple[bytes, int]] = [
    (b"", -32700),
    (b"{", -32700),
    (b"\xef\xbb\xbf{}", -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}', -32700),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping"} {}', -32700),
    (b"[" * 5000 + b"]" * 5000, -32700),
    (b"[]", -32600),
    (b'[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"secret"}}]', -32600),
    (b"3", -32600),
    (b'"ping"', -32600),
    (b"{}", -32600),
    (b'{"id":1,"method":"ping"}', -32600),
    (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"result":{},"error":{}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}', -32600),
    (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":""}', -32600),
    (b'{"jsonrpc":"2.0","method":"tools/call","params":{"name":"secret"}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"notifications/cancelled"}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":""}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"x"}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{}}}', -32602),
    (b'{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","uri":"b"}}}', -32602),
    (
        b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":'
        b'{"resourceSubscriptions":[7]}}}',
        -32602,
    ),
    # Parsers differ over these: the one here and the one of the backend must not.
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call","params":{"name":"secret"}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"secret"}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","n\\u0061me":"secret"}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call","params":{"name":"secret"}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","Name":"secret"}}', -32600),
    ('{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"param\u017f":{"name":"secret"}}'.encode(), -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"name":"a","URI":"b"}}}', -32600),
    (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"} ", -32600),
]  # fmt: skip


@pytest.mark.parametrize(("body", "rpc"), MESSAGES, ids=[str(index) for index in range(len(MESSAGES))])
async def test_a_message_that_could_be_read_in_two_ways_or_none_is_400(
    world: World, stub: Stub, body: bytes, rpc: int
) -> None:
    answer = await world.post(body or b" ", path=STUB)
    assert (answer.status, answer.error["code"], answer.code) == (400, rpc, "invalid")
    if rpc == -32602:
        assert json.loads(answer.body)["id"] == 1
    assert not stub.requests
    assert not world.desk.entered


HEADERS: list[dict[str, str]] = [
    {"mcp-method": "tools/list"},
    {"mcp-method": ""},
    {"mcp-name": "secret"},
    {"mcp-name": "Echo"},
    {"mcp-name": "=?base64?c2VjcmV0?="},
    {"mcp-name": "=?base64?not base64?="},
    {"mcp-protocol-version": "2027-01-01"},
    {"mcp-protocol-version": LEGACY},
]


@pytest.mark.parametrize("changed", HEADERS, ids=str)
async def test_headers_that_disagree_with_the_body_are_400(world: World, stub: Stub, changed: dict[str, str]) -> None:
    message, headers = tool("echo", {"text": "x"})
    answer = await world.post(message, path=STUB, headers={**headers, **changed})
    assert (answer.status, answer.error["code"]) == (400, -32020)
    assert not stub.requests


@pytest.mark.parametrize("left_out", ["mcp-method", "mcp-name"])
async def test_a_modern_request_without_its_mirror_headers_is_400(world: World, stub: Stub, left_out: str) -> None:
    message, headers = tool("echo")
    del headers[left_out]
    answer = await world.post(message, path=STUB, headers=headers)
    assert (answer.status, answer.error["code"]) == (400, -32020)


async def test_a_name_header_on_a_method_without_a_name_is_400(world: World, stub: Stub) -> None:
    message, headers = modern("tools/list")
    answer = await world.post(message, path=STUB, headers={**headers, "mcp-name": "echo"})
    assert (answer.status, answer.error["code"]) == (400, -32020)


async def test_encoded_and_padded_mirror_headers_agree_with_what_they_mean(world: World, stub: Stub) -> None:
    message, headers = tool("größe")
    answer = await world.post(message, path=STUB, headers={**headers, "mcp-name": " =?base64?Z3LDtsOfZQ==?= "})
    assert answer.status == 200
    assert world.desk.entered[-1][3] == "größe"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json; charset=utf-16", 200), ("text/plain", 415), ("application/x-www-form-urlencoded", 415)],
)
async def test_a_body_is_json_in_utf8_for_the_backend_too(
    world: World, stub: Stub, content_type: str, status: int
) -> None:
    answer = await world.post(call("ping"), path=STUB, headers={"content-type": content_type})
    assert answer.status == status
    assert [request[1]["content-type"] for request in stub.requests] == ["application/json"] * (status == 200)


async def test_a_body_over_the_limit_is_413_whether_it_says_so_or_not(world: World, stub: Stub) -> None:
    big = b"x" * (8 * 2**20 + 1)
    answer = await world.post(big, path=STUB)
    assert (answer.status, answer.code) == (413, "invalid")
    port = int(world.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /stub/mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for _ in range(9):
        writer.write(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
    with anyio.fail_after(5):
        assert b" 413 " in await reader.readline()
    writer.close()
    assert not stub.requests


SMUGGLED: list[str] = [
    "Authorization: Bearer a\r\nAuthorization: Bearer b\r\nContent-Length: {length}",
    "Mcp-Method: ping\r\nmcp-method: tools/call\r\nContent-Length: {length}",
    "Mcp-Session-Id: a\r\nMcp-Session-Id: b\r\nContent-Length: {length}",
    "Mcp-Param-Region: a\r\nMcp-Param-Region: b\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nContent-Length: 0",
    "Content-Length: {length}\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nTransfer-Encoding : chunked",
    "Content-Length: +{length}",
    "Content-Type: text/plain\r\nContent-Length: {length}",
    "Host: y\r\nContent-Length: {length}",
    "Mcp-Name: caf\u00e9\r\nContent-Length: {length}",
    "Mcp-Method: ping\r\n tools/call\r\nContent-Length: {length}",
]


@pytest.mark.parametrize("lines", SMUGGLED, ids=range(len(SMUGGLED)))
async def test_headers_that_two_servers_could_read_differently_are_400(world: World, stub: Stub, lines: str) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
    head = "POST /stub/mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + lines + "\r\n\r\n"
    status, _ = await talk(world, head.format(length=len(body)).encode() + body)
    assert status == 400
    assert not stub.requests


async def test_headers_with_underscores_are_nobodys(world: World, stub: Stub) -> None:
    await world.post(call("ping"), path=STUB, headers={"mcp_method": "tools/call", "mcp_session_id": "x"})
    assert not {"mcp_method", "mcp_session_id", "mcp-method"} & set(stub.requests[0][1])


async def test_what_a_listener_watches_is_asked_for_resource_by_resource(world: World, stub: Stub) -> None:
    world.desk.denied.add(("resources/subscribe", "note://shut"))
    wanted: JsonValue = {"resourceSubscriptions": ["note://open", "note://shut"]}
    message, headers = modern("subscriptions/listen", {"notifications": wanted})
    answer = await world.post(message, path=STUB, headers=headers)
    assert (answer.status, answer.code) == (403, "access_denied")
    assert not stub.requests
    assert world.desk.left == [("resources/subscribe", "note://open", "ok", None)]


async def test_a_completion_is_about_its_prompt_or_resource(world: World, stub: Stub) -> None:
    for ref in ({"type": "ref/prompt", "name": "greet"}, {"type": "ref/resource", "uri": "page://{n}"}):
        await world.post(call("completion/complete", {"ref": dict(ref), "argument": {}}), path=STUB)
    assert [entered[2:4] for entered in world.desk.entered] == [
        ("completion/complete", "greet"),
        ("completion/complete", "page://{n}"),
    ]


async def test_the_body_goes_on_byte_for_byte(world: World, stub: Stub) -> None:
    body = b'{ "jsonrpc":"2.0", "id":18446744073709551616e0, "method":"ping" }'.replace(b"e0", b"")
    precise = (
        b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"n","arguments":{"i":98765432109876543210}}}'
    )
    assert (await world.post(precise, path=STUB)).status == 200
    assert stub.requests[-1][2] == precise
    assert (await world.post(body, path=STUB)).status == 400
    assert world.desk.left[-1][2] == "ok"


async def test_a_websocket_is_closed(world: World) -> None:
    sent: list[object] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    await world.gateway({"type": "websocket", "path": "/stub/mcp"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_modern_versions_that_nobody_knows_are_for_the_backend_to_refuse(world: World) -> None:
    message, headers = modern("server/discover")
    params = message["params"]
    assert isinstance(params, dict)
    params["_meta"] = {**dict(params["_meta"]), "io.modelcontextprotocol/protocolVersion": "2027-01-01"}  # type: ignore[arg-type]
    answer = await world.post(message, headers={**headers, "mcp-protocol-version": "2027-01-01"})
    assert (answer.status, answer.error["code"]) == (400, -32022)
    assert MODERN in answer.body.decode()
