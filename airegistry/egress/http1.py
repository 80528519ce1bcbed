"""One HTTP/1.1 connection as a client of it: a request goes out in one write, its answer comes back in pieces.

Parsing is llhttp's, through httptools, in its strict mode. What the gateway does not need is not there: redirects,
cookies, decompression, proxies, HEAD and upgrades.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

import httptools

from airegistry.egress.timers import Deadline, Patience, Waiting

MAX_HEAD = 65_536
"""Bytes of the head of an answer, of its trailers, and of what else is there between two pieces of its body."""

_PAUSE_AT = 256 * 1024
_RESUME_AT = 64 * 1024
_LITTLE = 64 * 1024
"""Bytes of a piece up to which it is joined with the next ones: copying more takes longer than handing it on."""
_NO_BODY = (204, 304)


class NotHttp(Exception):
    """The other side does not speak HTTP, or breaks its rules."""


class Closed(Exception):
    """The connection ended before the answer did. `began` is whether any of it had come."""

    def __init__(self, began: bool, error: Exception | None = None) -> None:
        super().__init__()
        self.began = began
        self.error = error


class Idle(Exception):
    """Nothing came for longer than allowed."""


class Http1(asyncio.Protocol):
    """A connection that carries one exchange at a time. `free` is called when it may carry the next one."""

    def __init__(self, free: Callable[["Http1"], None], gone: Callable[["Http1"], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._free = free
        self._gone = gone
        self._transport: asyncio.Transport | None = None
        self._writable: asyncio.Future[None] | None = None
        self._paused_writing = False
        self._error: Exception | None = None
        self._first_byte = Deadline(self._loop, self._expired)
        self._silence = Deadline(self._loop, self._fell_silent)
        self.closed = False
        self.used = False
        self._reset()

    def _reset(self) -> None:
        self._parser: httptools.HttpResponseParser | None = None
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._beside_body = 0
        self._in_head = True
        self._complete = False
        self._delimited = False
        self._sending = False
        self._keep = False
        self._moment: Patience | None = None
        self._held_back: Waiting | None = None
        self._ending: Waiting | None = None
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is over: an answer that ends with it is whole, any other is broken."""
        self.closed = True
        self._first_byte.close()
        self._silence.close()
        if self._parser is not None and not self._complete:
            if not self._in_head and not self._delimited and exc is None and self._error is None:
                self._complete = True
            else:
                self._error = self._error or Closed(began=bool(self.status or self._beside_body), error=exc)
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._wake()
        self._gone(self)

    def pause_writing(self) -> None:
        """The other side reads slowly."""
        self._paused_writing = True
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        """It has caught up."""
        self._paused_writing = False
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; bytes that nobody asked for end the connection."""
        parser = self._parser
        if parser is None or self._complete:
            self.abort()
            return
        self._beside_body += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(NotHttp("it wants to change the protocol"))
        except httptools.HttpParserError as error:
            # What came after a whole answer is not part of it.
            if self._complete:
                self._keep = False
            else:
                self._fail(NotHttp(str(error)))
        if self._beside_body > MAX_HEAD and not self._complete:
            self._fail(NotHttp("its head, or what follows its body, is too long"))
        if self._ending is not None:
            self._end()
        elif self._moment is None or self._in_head or self._chunks or self._complete or self._error is not None:
            self._wake()
        elif self._held_back is None:
            # Only the head is there. Whoever waits for it is woken once, for the first piece as well.
            self._held_back = self._moment.then(self._wake)

    def _end(self) -> None:
        """The rest of an answer that nobody reads: it is whole, or too long, or there is more to come."""
        if self._complete or self._error is not None or self._held > _RESUME_AT:
            if self._ending is not None:
                self._ending.cancel()
            self._chunks.clear()
            self._leave()

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; the second one was not asked for."""
        if self._complete:
            self._keep = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; a trailer is none, and may not become one (RFC 9110 section 6.5.1)."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The head is whole; one of an interim answer (1xx) is dropped when that ends."""
        if self._complete or self._parser is None:
            return
        status = self._parser.get_status_code()
        if status < 200:
            return
        self.status = status
        self._in_head = False
        self._first_byte.clear()
        lengths = {value for name, value in self.headers if name == b"content-length"}
        encodings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if len(lengths) > 1 or (lengths and encodings) or any(value.lower() != b"chunked" for value in encodings):
            self._fail(NotHttp("the length of its answer is ambiguous"))
        self._delimited = bool(lengths or encodings) or status in _NO_BODY

    def on_body(self, body: bytes) -> None:
        """A piece of the body; an interim answer has none that counts."""
        if self._complete or self._in_head:
            return
        self._beside_body = 0
        self._chunks.append(body)
        self._held += len(body)
        if self._held > _PAUSE_AT and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole, or an interim one is over."""
        if self._complete or self._parser is None:
            return
        if self._in_head:
            self.headers.clear()
            return
        self._complete = True
        self._keep = self._parser.should_keep_alive()

    # What the pool and the answer call.

    async def send(
        self, head: bytes, body: bytes | AsyncIterator[bytes] | None, limit: float, moment: Patience | None = None
    ) -> None:
        """Send a request and wait for the head of its answer, at most `limit` seconds for both; and for a `moment` more
        for the first piece of the body, which mostly follows at once.

        Raises:
            Closed, NotHttp, Idle: there is none.
        """
        self._error = None
        self._parser = httptools.HttpResponseParser(self)
        transport = self._transport
        assert transport is not None
        self._first_byte.set(limit)
        self._moment = moment
        if body is None or isinstance(body, bytes):
            await self._send_whole(transport, head, body)
        else:
            transport.write(head)
            self._sending = True
            async for part in body:
                if part:
                    transport.write(b"%x\r\n%b\r\n" % (len(part), part))
                    await self._drained()
            transport.write(b"0\r\n\r\n")
            self._sending = False
        while self._in_head:
            self._check()
            await self._wait()
        self._moment = None
        if self._held_back is not None:
            self._held_back.cancel()
        self._check()

    async def _send_whole(self, transport: asyncio.Transport, head: bytes, body: bytes | None) -> None:
        if body is None:
            transport.write(head)
        elif len(body) <= _RESUME_AT:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)
            self._sending = True
            await self._drained()
            self._sending = False

    async def read(self, idle: float | None) -> bytes | None:
        """The next piece of the body, None at its end. `idle` is how many seconds may pass without one.

        Raises:
            Closed, NotHttp, Idle: the body breaks off.
        """
        while True:
            if self._chunks:
                if len(self._chunks) == 1 or len(self._chunks[0]) > _LITTLE:
                    piece = self._chunks.popleft()
                else:
                    piece = b"".join(self._chunks)
                    self._chunks.clear()
                self._held -= len(piece)
                if self._paused and self._held <= _PAUSE_AT and self._transport is not None:
                    self._paused = False
                    self._transport.resume_reading()
                return piece
            if self._complete:
                return None
            self._check()
            if idle is not None:
                self._silence.set(idle)
            try:
                await self._wait()
            finally:
                self._silence.clear()

    async def settle(self, patience: Patience) -> None:
        """Wait a moment for the next piece of the body, or its end."""
        if self.has_piece or self._complete or self._error is not None:
            return
        waiting = patience.then(self._wake)
        try:
            await self._wait()
        finally:
            waiting.cancel()

    @property
    def has_piece(self) -> bool:
        """Whether a piece of the body is there to be read at once."""
        return bool(self._chunks)

    @property
    def ended(self) -> bool:
        """Whether the answer is whole, and all of it was read."""
        return self._complete and not self._chunks

    def finish(self, moment: Patience | None = None) -> None:
        """The exchange is over: the connection goes back to the pool, or is closed when the answer was not read.

        With a `moment` the rest of the answer may come within it, if it is little.
        """
        self.used = True
        if self.closed:
            self._parser = None
        elif moment is not None and not self._complete and self._error is None and not self._paused:
            self._chunks.clear()
            self._ending = moment.then(self.abort)
        else:
            self._leave()

    def _leave(self) -> None:
        whole = self._complete and not self._chunks and self._keep and not self._sending
        self._parser = None
        if whole and not self._paused_writing:
            self._reset()
            self._free(self)
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _drained(self) -> None:
        while self._paused_writing and not self.closed and self._in_head and self._writable is not None:
            await asyncio.wait((self._writable,), timeout=0.5)  # an answer may come before all is sent
        if self.closed:
            self._check()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if self.closed and not self._complete:
            raise Closed(began=bool(self.status))

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        self.abort()

    def _expired(self) -> None:
        self._fail(Idle())
        self._wake()

    def _fell_silent(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(Idle())

    async def _wait(self) -> None:
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
