"""What a backend or the way to it does wrong; beside those of `tests/support/bad_backends.py`."""

import random
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc

from tests.support.bad_backends import answering, misbehaving, read_head

EVENT = (
    b'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n\n'
)
SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

wrong_type = answering(b"<html><title>It works!</title></html>", "Content-Type: text/html")
no_type = answering(b"It works!", "Content-Type: ")
cut_short = answering(b'{"jsonrpc":"2.0"', length=500)
server_error = answering(b"Traceback (most recent call last)", "Content-Type: text/plain", status="500 Oops")


async def reset_in_stream(stream: anyio.abc.SocketStream) -> None:
    """Sends half an event stream and resets the connection."""
    await read_head(stream)
    await stream.send(SSE_HEAD + _chunk(EVENT) + _chunk(EVENT[:20]))
    reset(stream)


async def endless(stream: anyio.abc.SocketStream) -> None:
    """Sends events as fast as they are taken, for ever."""
    await read_head(stream)
    await stream.send(SSE_HEAD)
    many = _chunk(EVENT) * 500
    while True:
        await stream.send(many)


def reset(stream: anyio.abc.SocketStream) -> None:
    """Close with a RST instead of a FIN."""
    reset_socket(stream.extra(anyio.abc.SocketAttribute.raw_socket))


def reset_socket(raw: socket.socket) -> None:
    """The same for a socket that is not a stream."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


@asynccontextmanager
async def lossy(port: int, share: float, seed: int) -> AsyncIterator[tuple[str, Callable[[bool], None]]]:
    """A way to a backend on which each piece of data is, with some probability, the last of its connection.

    Gives its MCP URL and a switch, which is off at first.
    """
    dice, cutting = random.Random(seed), False

    def switch(on: bool) -> None:
        nonlocal cutting
        cutting = on

    async def pump(source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream, scope: anyio.CancelScope) -> None:
        try:
            async for piece in source:
                if cutting and dice.random() < share:
                    await sink.send(piece[: dice.randrange(len(piece))])
                    reset(sink)
                    reset(source)
                    break
                await sink.send(piece)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # the other direction was cut
        scope.cancel()

    async def relay(stream: anyio.abc.SocketStream) -> None:
        async with await anyio.connect_tcp("127.0.0.1", port) as backend, anyio.create_task_group() as tasks:
            tasks.start_soon(pump, stream, backend, tasks.cancel_scope)
            tasks.start_soon(pump, backend, stream, tasks.cancel_scope)

    async with misbehaving(relay) as url:
        yield url, switch
