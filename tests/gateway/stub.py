"""A backend that answers whatever a test wants, and the raw servers that break HTTP itself."""

import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import anyio
from anyio.abc import SocketAttribute, SocketStream
from starlette.types import Receive, Scope, Send

Handler = Callable[[SocketStream], Awaitable[None]]
JSON = (b"content-type", b"application/json")
SSE = (b"content-type", b"text/event-stream")


class Stub:
    """An ASGI backend: `answer` is the next answer, `requests` are those that came."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[Scope, Receive, Send], Awaitable[None]] = self.plain
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = [JSON]
        self.body = b'{"jsonrpc":"2.0","id":1,"result":{}}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append((scope["method"], headers, body))
        await self.answer(scope, receive, send)

    async def plain(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


@contextlib.asynccontextmanager
async def raw_server(handler: Handler, *, port: int = 0) -> AsyncIterator[str]:
    """A TCP server on loopback; yields its URL."""

    async def handle(stream: SocketStream) -> None:
        async with stream:
            with contextlib.suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                await handler(stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, handle)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/mcp"
        group.cancel_scope.cancel()


async def read_request(stream: SocketStream) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += await stream.receive()
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += await stream.receive()
    return head + b"\r\n\r\n" + body


def always(answer: bytes, *, reset: bool = False) -> Handler:
    """Reads a request, answers these bytes, and hangs up; rudely with `reset`."""

    async def handler(stream: SocketStream) -> None:
        await read_request(stream)
        await stream.send(answer)
        if reset:
            raw = stream.extra(SocketAttribute.raw_socket)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handler


async def silent(stream: SocketStream) -> None:
    """Never answers."""
    while True:
        await stream.receive()
