"""HTTP servers that break the rules, each a coroutine that gets one connection."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc

Misbehaviour = Callable[[anyio.abc.SocketStream], Awaitable[None]]
BIG = 50 * 1024 * 1024


def answering(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Misbehaviour:
    """Answers every request alike; `length` is the Content-Length it claims, if not the true one."""
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body) if length is None else length}"]
    if not any(header.lower().startswith("content-type") for header in headers):
        lines.append("Content-Type: application/json")
    answer = "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body

    async def behave(stream: anyio.abc.SocketStream) -> None:
        await read_head(stream)
        await stream.send(answer)

    return behave


async def silent(stream: anyio.abc.SocketStream) -> None:
    """Takes the request and never answers."""
    await anyio.sleep_forever()


async def silent_body(stream: anyio.abc.SocketStream) -> None:
    """Sends the head of an event stream and never an event."""
    await read_head(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    await anyio.sleep_forever()


async def dripping(stream: anyio.abc.SocketStream) -> None:
    """Sends a byte now and then, for ever: each read succeeds, the answer never ends."""
    await read_head(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        await stream.send(b" ")
        await anyio.sleep(0.2)  # the misbehaviour itself


async def flooding(stream: anyio.abc.SocketStream) -> None:
    """Sends 50 MB of a JSON string."""
    await read_head(stream)
    head = b'{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"'
    await stream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (BIG + len(head) + 6)
    )
    await stream.send(head)
    for _ in range(BIG // 65_536):
        await stream.send(b"a" * 65_536)
    await stream.send(b'"}]}}}')


async def hanging_up(stream: anyio.abc.SocketStream) -> None:
    """Closes the connection in the middle of the answer's head."""
    await read_head(stream)
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-")


async def gibberish(stream: anyio.abc.SocketStream) -> None:
    """Speaks no HTTP."""
    await read_head(stream)
    await stream.send(b"220 mail.example ESMTP\r\n")


async def read_head(stream: anyio.abc.SocketStream) -> None:
    """Wait for the first bytes of a request."""
    await stream.receive()


@asynccontextmanager
async def misbehaving(behave: Misbehaviour) -> AsyncIterator[str]:
    """A server on a loopback port that treats every connection so; gives its MCP URL."""

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                await behave(stream)
            except (anyio.BrokenResourceError, anyio.EndOfStream):
                pass  # the client had enough

    async with await anyio.create_tcp_listener(local_host="127.0.0.1", family=socket.AF_INET) as listener:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            yield f"http://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/mcp"
            tasks.cancel_scope.cancel()


@asynccontextmanager
async def turning(url: str, behave: Misbehaviour) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """A relay to a good backend that misbehaves on every connection after it was told to turn."""
    port = int(url.split(":")[2].split("/", maxsplit=1)[0])
    bad = False
    relays: set[anyio.CancelScope] = set()

    async def relay(stream: anyio.abc.SocketStream) -> None:
        if bad:
            await behave(stream)
            return
        with anyio.CancelScope() as scope:
            relays.add(scope)
            async with await anyio.connect_tcp("127.0.0.1", port) as upstream, anyio.create_task_group() as tasks:
                tasks.start_soon(pump, stream, upstream)
                tasks.start_soon(pump, upstream, stream)

    def turn() -> None:
        nonlocal bad
        bad = True
        for scope in relays:
            scope.cancel()

    async with misbehaving(relay) as relayed:
        yield relayed, turn


async def pump(source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream) -> None:
    """Bytes from one stream to the other until either ends."""
    try:
        async for chunk in source:
            await sink.send(chunk)
        await sink.send_eof()
    except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        pass  # one side is gone: the other one notices
