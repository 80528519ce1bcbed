"""Limits on the head of a request, against a real server on a real socket."""

import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry import http_protocol
from airegistry.http_protocol import MAX_HEAD, BoundedHttp
from airegistry.oauth.sending import FOLLOWS

pytestmark = pytest.mark.anyio


async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    answer = b"%d" % len(body)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(answer))]})
    await send({"type": "http.response.body", "body": answer})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})


@asynccontextmanager
async def connected(app: ASGIApp = hello) -> AsyncIterator[anyio.abc.SocketStream]:
    config = uvicorn.Config(app, port=0, http=BoundedHttp, loop="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.serve)
        with anyio.fail_after(10):
            while not server.started:
                await anyio.lowlevel.checkpoint()
        port = server.servers[0].sockets[0].getsockname()[1]
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            yield stream
        server.should_exit = True


async def status(stream: anyio.abc.SocketStream) -> bytes:
    with anyio.fail_after(10):
        return (await stream.receive()).split()[1]


async def whole(stream: anyio.abc.SocketStream) -> bytes:
    """All that comes until the connection ends."""
    found = b""
    with anyio.fail_after(10), contextlib.suppress(anyio.EndOfStream):
        while True:
            found += await stream.receive()
    return found


async def test_a_head_over_the_limit_is_431_and_the_connection_ends() -> None:
    async with connected() as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * MAX_HEAD)
        assert await status(stream) == b"431"
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


@pytest.mark.parametrize(
    "sent", [b"GET /?" + b"a" * 65_600 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"nothing of that kind\r\n"]
)
async def test_what_cannot_be_read_is_refused_with_problem_details(sent: bytes) -> None:
    async with connected() as stream:
        await stream.send(sent)
        head, _, body = (await whole(stream)).partition(b"\r\n\r\n")
    assert head.split()[1] in {b"400", b"431"}
    assert b"content-type: application/problem+json" in head
    said = json.loads(body)
    assert (said["status"], said["code"]) == (int(head.split()[1]), "invalid")
    assert b"content-length: %d" % len(body) in head


async def test_a_long_request_line_is_a_long_head() -> None:
    async with connected() as stream:
        await stream.send(b"GET /" + b"a" * (MAX_HEAD + 1))
        assert await status(stream) in {b"431", b"400"}


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: "])
async def test_a_head_that_does_not_end_is_408(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.2)
    async with connected() as stream:
        if begun:
            await stream.send(begun)
        assert await status(stream) == b"408"


async def test_a_long_body_behind_a_short_head_passes_on_a_kept_connection() -> None:
    async with connected() as stream:
        for _ in range(2):
            body = b"b" * (2 * MAX_HEAD)
            await stream.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            assert await status(stream) == b"200"


async def test_an_idle_kept_connection_is_not_late() -> None:
    async with connected() as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await status(stream) == b"200"
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await status(stream) == b"200"


async def test_an_answer_that_is_left_unfinished_breaks_off_and_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async with connected(broken) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with anyio.fail_after(5):
            async for part in stream:
                got += part
    assert got.endswith(b"4\r\nhalf\r\n")
    assert caplog.records == []


async def late(scope: Scope, receive: Receive, send: Send) -> None:
    """Sends the head, then a piece, then the rest, each when the client has what came before."""
    first = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"8")]}
    await send(first | ({FOLLOWS: True} if scope["path"] == "/held" else {}))
    if scope["path"] == "/slow":
        await anyio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    await anyio.sleep(0.2)
    await send({"type": "http.response.body", "body": b"full"})


async def pieces(stream: anyio.abc.SocketStream, end: bytes) -> list[bytes]:
    got: list[bytes] = []
    with anyio.fail_after(5):
        while not b"".join(got).endswith(end):
            got.append(await stream.receive())
    return got


async def test_a_head_waits_for_its_body_only_where_that_follows() -> None:
    async with connected(late) as stream:
        await stream.send(b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
        first, rest = await pieces(stream, b"halffull")
        assert first.startswith(b"HTTP/1.1 200 OK")
        assert first.endswith(b"\r\n\r\nhalf")
        assert rest == b"full"
        await stream.send(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        head, *_ = await pieces(stream, b"halffull")
        assert head.endswith(b"\r\n\r\n")


async def test_pipelined_requests_are_answered_in_order() -> None:
    async with connected() as stream:
        posts = [b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (n, b"b" * n) for n in (3, 1, 2)]
        await stream.send(b"".join(posts))
        got = b"".join(await pieces(stream, b"\r\n\r\n2"))
    assert [each[:1] for each in got.split(b"\r\n\r\n")[1:]] == [b"3", b"1", b"2"]


async def test_a_client_that_expects_100_is_told_to_go_on() -> None:
    async with connected() as stream:
        await stream.send(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        with anyio.fail_after(5):
            assert (await stream.receive()).startswith(b"HTTP/1.1 100 Continue")
        await stream.send(b"bb")
        assert await status(stream) == b"200"


@pytest.mark.parametrize(
    ("method", "headers", "body", "framing"),
    [
        (b"GET", [], b"abc", b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
        (b"HEAD", [(b"content-length", b"3")], b"abc", b"content-length: 3\r\n\r\n"),
        (b"GET", [(b"connection", b"close"), (b"content-length", b"0")], b"", b"connection: close\r\n\r\n"),
    ],
)
async def test_answers_are_framed_as_http_has_it(
    method: bytes, headers: list[tuple[bytes, bytes]], body: bytes, framing: bytes
) -> None:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with connected(answering) as stream:
        await stream.send(b"%b / HTTP/1.1\r\nHost: x\r\n\r\n" % method)
        assert b"".join(await pieces(stream, framing)).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("fault", ["raises", "says nothing", "a header with a line break", "more than it said"])
async def test_a_faulty_application_is_500_or_breaks_off(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    async def faulty(scope: Scope, receive: Receive, send: Send) -> None:
        if fault == "raises":
            raise ValueError("x")
        if fault == "a header with a line break":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b\r\nc: d")]})
        if fault == "more than it said":
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            await send({"type": "http.response.body", "body": b"ab"})

    async with connected(faulty) as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        got = b""
        with anyio.fail_after(5), contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                got += await stream.receive()
    assert b"c: d" not in got
    assert b"ab" not in got
    assert got.startswith(b"HTTP/1.1 500") or got == b"" or fault == "more than it said"
    assert caplog.records
