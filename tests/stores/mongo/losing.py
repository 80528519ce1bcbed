"""A proxy before the database that loses answers: the request arrives, or arrives late, its answer does not."""

import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import bson
from anyio.abc import SocketStream

from tests.stores.mongo.engine import Engine


@dataclass
class Losing:
    """`lose(command)` makes the next such command's answer be lost; `lost` counts them."""

    port: int = 0
    lost: int = 0
    hold: anyio.Event | None = None
    """Until then the connection stays open on which an answer was lost."""
    late: anyio.Event | None = None
    """Until then a request whose answer is lost does not reach the database."""
    over: anyio.Event = field(default_factory=anyio.Event)
    """A late request was carried out."""
    silent: bool = False
    """An answer is not lost but says of a row that there is none."""
    _commands: list[bytes] = field(default_factory=list)

    def lose(self, command: str) -> None:
        self._commands.append(command.encode() + b"\0")

    def forget(self) -> None:
        """Lose no more answers."""
        self._commands.clear()

    def takes(self, request: bytes) -> bool:
        # A command's name is the first element of its document, right after the header.
        for command in self._commands:
            if command in request[:64]:
                self._commands.remove(command)
                self.lost += 1
                return True
        return False


async def _message(stream: SocketStream) -> bytes:
    data = await stream.receive(4)
    while len(data) < 4:
        data += await stream.receive(4 - len(data))
    size = int.from_bytes(data[:4], "little")
    while len(data) < size:
        data += await stream.receive(size - len(data))
    return data


def _nothing(answer: bytes) -> bytes:
    """The answer of `findAndModify` to the same request when it found nothing."""
    body = bson.encode({"lastErrorObject": {"n": 1, "updatedExisting": False}, "value": None, "ok": 1.0})
    return struct.pack("<i", 21 + len(body)) + answer[4:16] + bytes(5) + body


@asynccontextmanager
async def before(engine: Engine) -> AsyncIterator[Losing]:
    losing = Losing()

    async def serve(client: SocketStream) -> None:
        async with client, await anyio.connect_tcp("127.0.0.1", engine.port) as server:
            try:
                while True:
                    request = await _message(client)
                    lost = losing.takes(request)
                    if lost and losing.late is not None:
                        await client.aclose()
                        await losing.late.wait()
                    await server.send(request)
                    answer = await _message(server)
                    if lost and losing.late is not None:
                        losing.over.set()
                    if lost and losing.hold is not None:
                        await losing.hold.wait()
                    if lost and not losing.silent:
                        return
                    await client.send(_nothing(answer) if lost else answer)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        losing.port = listener.extra(anyio.abc.SocketAttribute.local_port)
        group.start_soon(listener.serve, serve)
        yield losing
        group.cancel_scope.cancel()
