"""Limits on the head of a request, against a real server on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry import http_protocol
from airegistry.http_protocol import MAX_HEAD, BoundedHttp

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


async def test_a_head_over_the_limit_is_431_and_the_connection_ends() -> None:
    async with connected() as stream:
        await stream.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * MAX_HEAD)
        assert await status(stream) == b"431"
        with pytest.raises(anyio.EndOfStream):
            await stream.receive()


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
