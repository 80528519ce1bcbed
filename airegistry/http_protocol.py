"""uvicorn's HTTP protocol with limits on the head of a request, which uvicorn itself does not have."""

import asyncio
from typing import cast

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD = 65_536
"""Bytes of request line and headers."""

HEAD_SECONDS = 20.0
"""Within which they have arrived, from the first byte on or from the opening of the connection."""

_LARGE = 65_536
_ANSWER = b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Corked:
    """A transport that sends what is written in one turn of the loop in one go: head and body of most answers.

    Flow control sees the bytes a turn later; how much one turn may write is bounded by what it reads.
    """

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send soon."""
        if len(data) > _LARGE:
            self._flush()
            self._transport.write(data)
            return
        if not self._held:
            self._loop.call_soon(self._flush)
        self._held.append(data)

    def close(self) -> None:
        """Send what is held, then close."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close, and drop what is held."""
        self._held.clear()
        self._transport.abort()

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def _flush(self) -> None:
        if self._held:
            held, self._held = self._held, []
            if self._transport.is_closing():
                return
            self._transport.write(held[0] if len(held) == 1 else b"".join(held))


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request head is too long (431) or too slow (408): both need no token."""

    _in_head = True
    _head = 0
    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn's own
        """Begin to wait for a head."""
        super().connection_made(cast(asyncio.Transport, Corked(transport, self.loop)))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head stays within its limits."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """A request begins."""
        self._head_ended()
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._head_ended()
        super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        super()._start_asgi_task(cycle, _breaking_off(cycle, app))

    def _await_head(self) -> None:
        self._in_head, self._head = True, 0
        self._patience = self.loop.call_later(HEAD_SECONDS, self._refuse, b"408 Request Timeout")

    def _head_ended(self) -> None:
        self._in_head = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _refuse(self, status: bytes) -> None:
        self._head_ended()
        if not self.transport.is_closing():
            self.transport.write(_ANSWER % status)
            self.transport.close()


def _breaking_off(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """The application, whose unfinished answers close the connection: the client shall see them broken.

    For uvicorn they were faults, to be logged as such.
    """

    async def answered(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        await app(scope, receive, send)
        if cycle.response_started and not cycle.response_complete and not cycle.disconnected:
            cycle.disconnected = True
            cycle.transport.close()

    return answered
