"""How far an answer is, so that one which is cut on purpose can be ended as its protocol has it."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import suppress

from starlette.types import Message, Send

FAREWELL_SECONDS = 1.0
"""How long a client may take to read the end of a stream that is cut."""

FOLLOWS = "airegistry.follows"
"""Set on `http.response.start`: the first part of the body follows at once, and our server sends both together."""


def is_event_stream(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether an answer with these headers is one: it can end at any event, and its client knows what to do."""
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


class Sending:
    """An ASGI `send` that remembers the head of the answer and whether all of it was sent."""

    __slots__ = ("_head", "_last", "_send")

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._last: Message | None = None

    def __call__(self, message: Message) -> Awaitable[None]:
        if self._head is None:
            self._head = message
        self._last = message
        return self._send(message)

    @property
    def started(self) -> bool:
        """Whether the client was sent anything."""
        return self._head is not None

    @property
    def streams(self) -> bool:
        """Whether it is an event stream that goes on."""
        if self._head is None or self._last is None or not is_event_stream(self._head.get("headers", ())):
            return False
        return self._last is self._head or bool(self._last.get("more_body"))

    async def finish(self) -> None:
        """End an event stream; anything else that has begun stays unfinished, so that the client sees it broken."""
        if self.streams:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_SECONDS):
                    await self._send({"type": "http.response.body", "body": b"", "more_body": False})
