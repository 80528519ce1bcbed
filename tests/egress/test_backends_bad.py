"""Servers that are down, lie, stall, flood or answer nonsense: one clear error each, in time."""

import asyncio
import gzip
import json
from collections.abc import Callable
from itertools import count

import anyio
import pytest
from starlette.types import Receive, Scope, Send

from airegistry.core.assets import Server
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.egress.backends import MAX_ITEMS, MAX_TEXT, McpBackends
from airegistry.egress.guard import Guard
from tests.egress.conftest import Connects
from tests.egress.scripted import Json, Scripted
from tests.egress.servers import (
    Answers,
    Handler,
    always,
    dripping,
    free_port,
    plain,
    raw_server,
    read_request,
    silent,
)
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio

BACKENDS = McpBackends(Guard(loopback=True), deadline=10)
HASTY = McpBackends(Guard(loopback=True), deadline=0.3)
SECRET = "token=secret"


def server_at(port: int, scheme: str = "http", transport: str = "streamable-http") -> Server:
    url = f"{scheme}://127.0.0.1:{port}/mcp?{SECRET}"
    return Server.model_validate({"path": "bad", "name": "Bad", "url": url, "transport": transport})


def every_request(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Handler:
    """Answers each request with the same body, `@id` replaced by the request's id."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, sent = await read_request(reader)
            message = json.loads(sent) if sent else {}
            answer = body.replace(b"@id", json.dumps(message.get("id")).encode())
            head = "".join(f"{header}\r\n" for header in headers)
            size = len(answer) if length is None else length
            writer.write(f"HTTP/1.1 {status}\r\n{head}content-length: {size}\r\n\r\n".encode() + answer)
            await writer.drain()
            if length is not None:
                return

    return handler


def flood(head: bytes, prefix: bytes) -> Handler:
    """Sends 50 MB without saying so before."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\nconnection: close\r\n\r\n" + prefix)
        for _ in range(50):
            writer.write(b"x" * 2**20)
            await writer.drain()

    return handler


async def open_stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n")
    await reader.read()


JSON = "content-type: application/json"
LONG = b"content-type: application/json\r\ncontent-length: 100000\r\n\r\n"
ERROR = b'{"jsonrpc": "2.0", "id": @id, "error": {"code": -32000, "message": "%s"}}'
RESULT = b'{"jsonrpc": "2.0", "id": @id, "result": %s}'

BAD: list[tuple[str, Handler, str]] = [
    ("never answers", silent, r"did not answer within 0\.3 s"),
    ("sends its head drop by drop", dripping(b"", b"x-slow: 1\r\n"), r"did not answer within 0\.3 s"),
    ("sends its body drop by drop", dripping(LONG, b" "), r"did not answer within 0\.3 s"),
    ("opens a stream and is silent", open_stream, r"did not answer within 0\.3 s"),
    ("answers another id", every_request(b'{"jsonrpc": "2.0", "id": "x", "result": {}}', JSON), "did not answer"),
    ("closes at once", always(b""), "broke off or does not speak HTTP"),
    ("is no HTTP", always(b"SSH-2.0-OpenSSH_9.6\r\n"), "broke off or does not speak HTTP"),
    ("lies about its length", every_request(b'{"jsonrpc"', JSON, length=5000), "broke off or does not speak HTTP"),
    ("is no JSON", every_request(b"<html>secret stack</html>", JSON), "something that is no JSON-RPC message"),
    ("is no JSON-RPC", every_request(b'{"hello": "secret stack"}', JSON), "something that is no JSON-RPC message"),
    ("is a batch", every_request(b"[" + RESULT % b"{}" + b"]", JSON), "something that is no JSON-RPC message"),
    ("nests without end", every_request(b"[" * 100_000, JSON), "something that is no JSON-RPC message"),
    ("is a result of another kind", every_request(RESULT % b'{"tools": 1}', JSON), "against the MCP specification"),
    ("is HTML", every_request(b"<html>secret stack</html>", "content-type: text/html"), "content type text/html"),
    ("has no type", every_request(b"secret stack"), "does not follow MCP|against|no JSON-RPC|content type"),
    ("accepts and never answers", every_request(b"", status="202 Accepted"), "answered with error .*202 Accepted"),
    ("is compressed", every_request(gzip.compress(b"{}"), JSON, "content-encoding: gzip"), "encoding gzip"),
    (
        "ends its stream without an answer",
        always(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: bye\n\n"),
        "broke off before it had answered$",
    ),
    (
        "breaks off and asks to come back in an hour",
        always(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 999\r\n\r\n"
            b"retry: 3600000\nid: 1\ndata: \n\n"
        ),
        "broke off or does not speak HTTP",
    ),
    ("says 401", every_request(b"secret stack", status="401 No"), "answered HTTP 401: it asks for credentials$"),
    ("says 403", every_request(b"secret stack", status="403 No"), "answered HTTP 403: it forbids access$"),
    ("says 404", every_request(b"secret stack", status="404 No"), r"answered HTTP 404: is the path right\?$"),
    ("says 405", every_request(b"secret stack", status="405 No"), "answered HTTP 405$"),
    ("says 500", every_request(b"secret stack", status="500 No"), "answered HTTP 500$"),
    ("says 503 with words", every_request(b"secret stack", JSON, status="503 No"), "answered HTTP 503$"),
    (
        "says an error",
        every_request(
            b'{"jsonrpc": "2.0", "id": @id, "error": {"code": -32000, "message": "no\\u001b[31m licence"}}', JSON
        ),
        r"answered with error -32000: no\\x1b\[31m licence$",
    ),
    (
        "says a very long error",
        every_request(ERROR % (b"a" * 9000), JSON),
        "answered with error -32000: a{199}…$",
    ),
    (
        "redirects to metadata",
        every_request(b"", "location: http://169.254.169.254/?secret", status="307 Temporary Redirect"),
        r"HTTP 307, a redirect to http://169\.254\.169\.254/: use that address",
    ),
    (
        "redirects to itself",
        every_request(b"", "location: /mcp/", status="308 Moved"),
        r"a redirect to http://127.*/mcp/:",
    ),
    ("promises 50 MB", every_request(b"", JSON, length=50 * 2**20), "wants to send 50 MB, more than 20$"),
    ("sends 50 MB", flood(b"content-type: application/json", b""), "sent more than 20 MB$"),
    ("sends 50 MB in an event", flood(b"content-type: text/event-stream", b"data: "), "sent more than 20 MB$"),
    ("sends 50 MB of comments", flood(b"content-type: text/event-stream", b": "), "sent more than 20 MB$"),
]


@pytest.mark.parametrize(("handler", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
async def test_a_bad_server_is_one_clear_error(handler: Handler, message: str, connects: Connects) -> None:
    backends = HASTY if "did not answer" in message else BACKENDS
    async with raw_server(handler) as port:
        with anyio.fail_after(8), pytest.raises(UpstreamFailed, match=message) as caught:
            await backends.describe(server_at(port))
    assert f"127.0.0.1:{port}" in caught.value.message
    assert "secret" not in caught.value.message
    assert set(connects.tried) == {"127.0.0.1"}


@pytest.mark.parametrize("row", ["never answers", "is HTML", "says 500", "redirects to metadata"])
async def test_a_bad_server_fails_a_ping_with_the_same_error(row: str) -> None:
    handler, message = next(given[1:] for given in BAD if given[0] == row)
    async with raw_server(handler) as port:
        with pytest.raises(UpstreamFailed, match=message):
            await HASTY.ping(server_at(port))


BAD_STREAMS: list[tuple[str, Handler, str]] = [
    ("never answers", silent, r"did not answer within 0\.3 s"),
    ("never names its endpoint", open_stream, r"did not answer within 0\.3 s"),
    ("is JSON", every_request(b"{}", JSON), "content type application/json, not with an event stream"),
    ("has no type", every_request(b"{}"), "content type none, not with an event stream"),
    ("says 404", every_request(b"", status="404 No"), r"answered HTTP 404: is the path right\?$"),
    (
        "sends 50 MB",
        flood(b"content-type: text/event-stream", b": "),
        "exceeded the 1048576 byte limit",
    ),
    (
        "names an endpoint elsewhere",
        always(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
            b"event: endpoint\ndata: http://169.254.169.254/latest?secret\n\n"
        ),
        r"did not answer within 0\.3 s",
    ),
    (
        "ends before it names an endpoint",
        always(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: bye\n\n"),
        "does not follow MCP",
    ),
]


@pytest.mark.parametrize(("handler", "message"), [row[1:] for row in BAD_STREAMS], ids=[row[0] for row in BAD_STREAMS])
async def test_a_bad_server_of_the_oldest_transport_is_one_clear_error(
    handler: Handler, message: str, connects: Connects
) -> None:
    async with raw_server(handler) as port:
        with anyio.fail_after(8), pytest.raises(UpstreamFailed, match=message) as caught:
            await HASTY.describe(server_at(port, transport="sse"))
    assert f"127.0.0.1:{port}" in caught.value.message
    assert "secret" not in caught.value.message
    assert set(connects.tried) == {"127.0.0.1"}


async def odd_session(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Speaks the older era and gives a session id that no header may carry."""
    info = (
        b'{"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": {"name": "n", "version": "1"}}'
    )
    answer = every_request(RESULT % info, JSON, "mcp-session-id: \u00e9")
    await answer(reader, writer)


async def test_a_session_id_that_cannot_be_sent_back_is_one_clear_error() -> None:
    async with raw_server(odd_session) as port:
        with anyio.fail_after(8), pytest.raises(UpstreamFailed, match=r"127\.0\.0\.1:\d+"):
            await HASTY.describe(server_at(port))


def a_tool(name: str = "t", description: str = "") -> Json:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}}


def new_cursors() -> Callable[[Json], Json]:
    numbers = count()
    return lambda params: {"tools": [], "nextCursor": str(next(numbers))}


TOO_MUCH: list[tuple[str, Scripted, str]] = [
    ("tools", Scripted({"tools/list": {"tools": [a_tool()] * (MAX_ITEMS + 1)}}), "more than 5000 tools"),
    ("the same cursor", Scripted({"tools/list": {"tools": [], "nextCursor": "a"}}), "a cursor came twice"),
    (
        "description",
        Scripted({"tools/list": {"tools": [a_tool("n\n", "x" * (MAX_TEXT + 1))]}}),
        r"description of n\\n is longer",
    ),
    ("instructions", Scripted(instructions="x" * (MAX_TEXT + 1)), "its instructions are longer"),
    (
        "no name",
        Scripted({"tools/list": {"tools": [{"inputSchema": {"type": "object"}}]}}),
        "against the MCP specification: tools.0.name: Field required",
    ),
    ("no list", Scripted({"tools/list": {}}), "against the MCP specification: tools"),
    (
        "a member in disguise",
        Scripted({"tools/list": {"tools": [{**a_tool(), "output_schema": {"type": "string"}}]}}),
        "t has a member output_schema, which is not outputSchema and passes for it",
    ),
    ("not a number", Scripted({"tools/list": {"tools": [{**a_tool(), "x": float("nan")}]}}), "a finite number"),
    (
        "a second page that does not exist",
        Scripted({"tools/list": lambda params: None if "cursor" in params else {"tools": [], "nextCursor": "2"}}),
        r"answered HTTP 404: is the path right\? \(Method not found\)",
    ),
    ("a version nobody knows", Scripted(modern=False, version="1999-01-01"), "Unsupported protocol version"),
]


@pytest.mark.parametrize(("app", "message"), [row[1:] for row in TOO_MUCH], ids=[row[0] for row in TOO_MUCH])
async def test_a_server_that_offers_too_much_or_nonsense_is_refused(app: Scripted, message: str) -> None:
    async with serve(app) as url:
        with anyio.fail_after(8), pytest.raises(UpstreamFailed, match=message) as caught:
            await BACKENDS.describe(server_at(int(url.rpartition(":")[2])))
    assert "127.0.0.1:" in caught.value.message


async def test_a_list_of_too_many_pages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airegistry.egress.backends.MAX_PAGES", 20)  # the thousand would take ten seconds
    async with serve(Scripted({"tools/list": new_cursors()})) as url:
        with pytest.raises(UpstreamFailed, match="its tools take more than 20 pages"):
            await BACKENDS.describe(server_at(int(url.rpartition(":")[2])))


async def test_answers_that_are_small_each_and_too_much_together_are_refused() -> None:
    numbers = count()

    def page(params: Json) -> Json:
        return {"tools": [], "nextCursor": str(next(numbers)), "_meta": {"pad": "x" * 15 * 2**20}}

    app = Scripted({"tools/list": page})
    async with serve(app) as url:
        with pytest.raises(UpstreamFailed, match="sent more than 64 MB"):
            await BACKENDS.describe(server_at(int(url.rpartition(":")[2])))


async def test_a_server_that_is_down_is_named() -> None:
    with pytest.raises(UpstreamFailed, match=r"no connection to 127\.0\.0\.1:\d+: .*refused"):
        await BACKENDS.describe(server_at(free_port()))


async def test_a_name_that_does_not_exist_is_named() -> None:
    backends = McpBackends(Guard(resolve=Answers([])))
    with pytest.raises(UpstreamFailed, match=r"nowhere\.example: the name does not resolve"):
        await backends.describe(Server(path="x", name="x", url="https://nowhere.example/mcp"))


async def test_a_server_without_tls_behind_https_is_named() -> None:
    async with raw_server(plain) as port:
        with pytest.raises(UpstreamFailed, match=r"TLS with 127\.0\.0\.1:\d+ failed"):
            await BACKENDS.describe(server_at(port, scheme="https"))


async def test_a_name_that_turns_private_after_the_check_is_not_asked(connects: Connects) -> None:
    answers = Answers(["93.184.216.34"], ["127.0.0.1"])
    guard = Guard(resolve=answers)
    async with serve(Scripted()) as url:
        await guard.resolve("rebinding.example", 80)
        server = Server(path="x", name="x", url=url.replace("127.0.0.1", "rebinding.example"))
        with pytest.raises(Invalid, match="not public"):
            await McpBackends(guard).describe(server)
    assert connects.tried == []


@pytest.mark.parametrize("transport", ["streamable-http", "sse"])
async def test_a_cancelled_caller_leaves_no_connection_and_no_task(transport: str) -> None:
    arrived, closed = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        arrived.set()
        assert await reader.read() == b""
        closed.set()

    async with raw_server(handler) as port:
        before = asyncio.all_tasks()
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(BACKENDS.describe, server_at(port, transport=transport))
                await arrived.wait()
                group.cancel_scope.cancel()
            await closed.wait()
        assert {task for task in asyncio.all_tasks() - before if "raw_server" not in repr(task)} == set()


async def test_a_slow_farewell_does_not_lose_the_description() -> None:
    class Clinging(Scripted):
        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "http" and scope["method"] == "DELETE":
                await asyncio.Event().wait()
            await super().__call__(scope, receive, send)

    async with serve(Clinging({"tools/list": {"tools": [a_tool()]}}, modern=False)) as url:
        found = await McpBackends(Guard(loopback=True), deadline=1).describe(server_at(int(url.rpartition(":")[2])))
    assert [tool.name for tool in found.tools] == ["t"]
