"""A proxy before the database that loses answers: the request arrives, its answer does not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream

from tests.stores.mongo.engine import Engine


@dataclass
class Losing:
    """`lose(command)` makes the next such command's answer be lost; `lost` counts them."""

    port: int = 0
    lost: int = 0
    hold: anyio.Event | None = None
    """Until then the connection stays open on which an answer was lost."""
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


@asynccontextmanager
async def before(engine: Engine) -> AsyncIterator[Losing]:
    losing = Losing()

    async def serve(client: SocketStream) -> None:
        async with client, await anyio.connect_tcp("127.0.0.1", engine.port) as server:
            try:
                while True:
                    request = await _message(client)
                    await server.send(request)
                    answer = await _message(server)
                    if losing.takes(request):
                        if losing.hold is not None:
                            await losing.hold.wait()
                        return
                    await client.send(answer)
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener, anyio.create_task_group() as group:
        losing.port = listener.extra(anyio.abc.SocketAttribute.local_port)
        group.start_soon(listener.serve, serve)
        yield losing
        group.cancel_scope.cancel()
