"""Event streams to clients of the older era: numbered events, one reader at a time, the last ones kept for replay."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Final

import anyio

from airegistry.gateway.errors import Reply

SSE_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]
JSON_HEADERS: Final = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
KEEP_ALIVE: Final = b": \n\n"
KEEP_ALIVE_SECONDS: Final = 15.0


def event(data: bytes, id: bytes | None = None) -> bytes:
    """One event with a JSON-RPC message, which has no line break in it."""
    head = b"" if id is None else b"id: %b\n" % id
    return b"%bevent: message\ndata: %b\n\n" % (head, data)


class EventStream:
    """A stream that outlives its readers: what nobody reads waits, and so does the writer when it is much.

    At most `events` and about `size` bytes are kept, for the next reader and for replay. `finished` is whether nothing
    will follow; `deserted` is since when (monotonic) nobody reads, None while somebody does.
    """

    def __init__(
        self, name: str, *, events: int = 100, size: int = 2**20, clock: Callable[[], float] = monotonic
    ) -> None:
        self.name = name
        self.finished = False
        self.deserted: float | None = clock()
        self._clock = clock
        self._max_events = events
        self._max_size = size
        self._kept: deque[bytes] = deque()
        self._size = 0
        self._last = 0
        self._written = 0
        self._reader: Reply | None = None
        self._changed = anyio.Event()
        self._lock = anyio.Lock()

    async def put(self, data: bytes) -> None:
        """Write a message; waits for the reader, and for one to come when enough is waiting already."""
        self._last += 1
        framed = event(data, b"%b.%d" % (self.name.encode(), self._last))
        self._kept.append(framed)
        self._size += len(framed)
        await self._flush()
        while self._reader is None and not self.finished and self._over():
            await self._changed.wait()
            await self._flush()

    def attach(self, reply: Reply, after: int | None = None) -> None:
        """Make `reply` the reader in place of any other, from event number `after` on, or of what was not written."""
        if after is not None:
            self._written = min(max(after, self._last - len(self._kept)), self._last)
        self._reader, self.deserted = reply, None
        self._wake()

    def detach(self, reply: Reply) -> None:
        """The reader is gone; nothing happens when it was another already."""
        if self._reader is reply:
            self._reader, self.deserted = None, self._clock()
            self._wake()

    def finish(self) -> None:
        """Nothing follows: the reader's answer ends."""
        self.finished = True
        self._wake()

    def dismiss(self) -> None:
        """Send the reader away; it may come back."""
        if self._reader is not None:
            self.detach(self._reader)

    async def keep_alive(self, reply: Reply) -> None:
        """Show `reply`, if it is the reader, that the stream lives."""
        async with self._lock:
            if self._reader is reply:
                await reply.body(KEEP_ALIVE, more=True)

    async def end(self, reply: Reply) -> None:
        """Nothing follows; `reply` is over if it is the reader."""
        self.finish()
        if self._reader is reply:
            async with self._lock:
                await reply.body(b"", more=False)

    async def read(self, reply: Reply) -> None:
        """Write to an attached reader until the stream is finished or has another reader; then the answer is over."""
        await self._flush()
        while self._reader is reply and not self.finished:
            with anyio.move_on_after(KEEP_ALIVE_SECONDS) as patience:
                await self._changed.wait()
            if patience.cancelled_caught:
                async with self._lock:
                    await reply.body(KEEP_ALIVE, more=True)
        async with self._lock:
            await reply.body(b"", more=False)

    async def _flush(self) -> None:
        async with self._lock:
            while (reader := self._reader) is not None and self._written < self._last:
                number = self._written = self._written + 1
                await reader.body(self._kept[number - 1 - (self._last - len(self._kept))], more=True)
            while len(self._kept) > self._last - self._written and self._over():
                self._size -= len(self._kept.popleft())

    def _over(self) -> bool:
        return len(self._kept) > self._max_events or self._size > self._max_size

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
