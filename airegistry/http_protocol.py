"""uvicorn's HTTP protocol with limits on the head of a request, which it does not have, at half the cost of a call.

Timers are left alone while requests come and go, and head and body of an answer leave in one write.
"""

import asyncio
import logging
import urllib.parse
from collections.abc import Callable
from functools import lru_cache, partial
from http import HTTPStatus
from typing import cast

import httptools
import orjson
from starlette.types import Message
from uvicorn._types import ASGI3Application, ASGIReceiveEvent, ASGISendEvent, HTTPScope
from uvicorn.protocols.http.flow_control import FlowControl, service_unavailable
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from airegistry.egress.timers import Deadline
from airegistry.oauth.sending import FOLLOWS

MAX_HEAD = 65_536
"""Bytes of request line and headers."""

HEAD_SECONDS = 20.0
"""Within which they have arrived, from the first byte on or from the opening of the connection."""

_TOGETHER = 65_536
"""Bytes of a body up to which it is copied behind its head."""

_LOG = logging.getLogger(__name__)
_ANSWER = b"HTTP/1.1 %s\r\nconnection: close\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n\r\n%b"
_END = b"0\r\n\r\n"

# What stands in most answers, and is no secret.
_COMMON = frozenset((b"content-type", b"cache-control", b"content-length", b"x-accel-buffering", b"server"))


class BoundedHttp(HttpToolsProtocol):
    """Closes a connection whose request head is too long (431) or too slow (408): both need no token."""

    _in_head = True
    _timed = True
    _head = 0
    _deadline: Deadline

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn's own
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._deadline = Deadline(self.loop, self._expired)
        self._deadline.set(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._deadline.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, as long as the head stays within its limits."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._in_head:
            self._head += len(data)
            if self._head > MAX_HEAD:
                self._refuse(431, f"request line and headers are longer than {MAX_HEAD} bytes")
            elif not self._timed:
                self._timed = True
                self._deadline.set(HEAD_SECONDS)

    def on_message_begin(self) -> None:
        """A request begins; most heads come whole, and need no timer."""
        self._in_head, self._timed, self._head = True, False, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there: answer it when those before it are."""
        self._in_head = False
        self._deadline.clear()
        version = self.parser.get_http_version()
        self._fill_scope(version)
        full = self.limit_concurrency
        crowded = full is not None and (len(self.connections) >= full or len(self.tasks) >= full)
        before = self.cycle
        cycle = Cycle(
            self.scope,
            self.transport,
            self.flow,
            self.server_state.default_headers,
            self.on_response_complete,
            expects_100=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
        )
        self.cycle = cast(RequestResponseCycle, cycle)
        app = service_unavailable if crowded else self.app
        if before is None or before.response_complete:
            self._start_asgi_task(self.cycle, app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, app))

    def on_response_complete(self) -> None:
        """Answer the next request, or wait for it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif not self._in_head:
            self._deadline.set(self.timeout_keep_alive)

    def _fill_scope(self, version: str) -> None:
        scope = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = version
        url = httptools.parse_url(self.url)
        raw_path = url.path
        path = raw_path.decode("ascii")
        scope["path"] = self.root_path + (urllib.parse.unquote(path) if "%" in path else path)
        scope["raw_path"] = self.root_path.encode("ascii") + raw_path
        scope["query_string"] = url.query or b""

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        task = self.loop.create_task(cycle.run_asgi(app))
        # Not by a callback of the task: that would cost a turn of the loop.
        cast(Cycle, cycle).ended = partial(self.tasks.discard, task)
        self.tasks.add(task)

    def _should_upgrade(self) -> bool:
        return False

    def _unset_keepalive_if_required(self) -> None:
        """uvicorn's own timer is never set: `_deadline` serves."""

    def _expired(self) -> None:
        if self._in_head:
            self._refuse(408, f"request line and headers did not arrive within {HEAD_SECONDS:g} seconds")
        else:
            self.timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or has a longer URL than is read."""
        self._refuse(400, "this is no HTTP request that can be read, or its URL is too long")

    def _refuse(self, status: int, detail: str) -> None:
        """Answer with problem details (RFC 9457), as everything else that refuses does."""
        self._deadline.clear()
        if not self.transport.is_closing():
            title = HTTPStatus(status).phrase
            said = {"type": "about:blank", "title": title, "status": status, "code": "invalid", "detail": detail}
            body = orjson.dumps(said)
            self.transport.write(_ANSWER % (f"{status} {title}".encode(), len(body), body))
            self.transport.close()


class Cycle:
    """One request and its answer, in the place of uvicorn's own. An answer that is left unfinished closes the
    connection: the client shall see it broken."""

    __slots__ = (
        "_chunked", "_default_headers", "_event", "_expects_100", "_flow", "_head_only", "_held", "_left", "_news",
        "_on_response", "_started", "_transport", "body", "disconnected", "ended", "keep_alive", "more_body",
        "response_complete", "scope",
    )  # fmt: skip

    def __init__(
        self, scope: HTTPScope, transport: asyncio.Transport, flow: FlowControl,
        default_headers: list[tuple[bytes, bytes]], on_response: Callable[[], None],
        *, expects_100: bool, keep_alive: bool,
    ) -> None:  # fmt: skip
        self.scope = scope
        self._transport = transport
        self._flow = flow
        self._default_headers = default_headers
        self._on_response = on_response
        self._expects_100 = expects_100
        self._head_only = scope["method"] == "HEAD"
        self._started = False
        self._chunked = False
        self._left = 0
        self._held = b""
        self._news = False
        self._event: asyncio.Event | None = None
        self.keep_alive = keep_alive
        self.body = bytearray()
        self.more_body = True
        self.disconnected = False
        self.response_complete = False
        self.ended: Callable[[], object] = _nothing
        """Is called when the application is done."""

    @property
    def message_event(self) -> "Cycle":
        """What uvicorn's protocol calls `set` on."""
        return self

    def set(self) -> None:
        """There is something to receive."""
        self._news = True
        if self._event is not None:
            self._event.set()

    async def receive(self) -> ASGIReceiveEvent:
        """What has come of the body, when something has; or that the client is gone, or has its answer."""
        if self._expects_100 and not self._transport.is_closing():
            self._expects_100 = False
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if not self.disconnected and not self.response_complete:
            self._flow.resume_reading()
            if not self._news:
                if self._event is None:
                    self._event = asyncio.Event()
                await self._event.wait()
            self._news = False
            if self._event is not None:
                self._event.clear()
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body = bytes(self.body)
        self.body.clear()
        return {"type": "http.request", "body": body, "more_body": self.more_body}

    async def run_asgi(self, app: ASGI3Application) -> None:
        """Have the application answer; what it raises is logged, and answered with 500."""
        try:
            await app(self.scope, self.receive, self.send)
            if self._started and not self.response_complete and not self.disconnected:
                self.disconnected = True
                self._transport.close()
            elif not self._started and not self.disconnected:
                _LOG.error("the application returned without an answer")
                await self._fail()
        except BaseException as error:  # noqa: BLE001  # the outermost handler, as uvicorn's own: it ends one request
            _LOG.error("Exception in ASGI application\n", exc_info=error)
            if self._started:
                self._transport.close()
            else:
                await self._fail()
        finally:
            self._on_response = _nothing
            self.ended()

    async def send(self, message: ASGISendEvent) -> None:
        """Send head, or a part of the body; waits while the client reads slowly."""
        if self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            raise RuntimeError("the answer is complete already")
        if self._started:
            self._go_on(cast(Message, message))
        else:
            self._start(cast(Message, message))

    async def _fail(self) -> None:
        head = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"21"), (b"connection", b"close")]
        await self.send({"type": "http.response.start", "status": 500, "headers": head})
        await self.send({"type": "http.response.body", "body": b"Internal Server Error", "more_body": False})

    def _start(self, message: Message) -> None:
        if message["type"] != "http.response.start":
            raise RuntimeError(f"an answer begins with its head, not with {message['type']}")
        self._started = True
        self._expects_100 = False
        status, length = message["status"], None
        parts = [STATUS_LINE[status]]
        for name, value in (*self._default_headers, *message.get("headers", ())):
            if name == b"connection":
                self.keep_alive = self.keep_alive and b"close" not in value.lower()
                continue
            parts.append(_common(name, value) if name in _COMMON else _printed(name, value))
            if name == b"content-length":
                length = int(value)
        if not self.keep_alive:
            parts.append(b"connection: close\r\n")
        if length is not None:
            self._left = length
        elif not self._head_only and status not in (204, 304):
            self._chunked = True
            parts.append(b"transfer-encoding: chunked\r\n")
        parts.append(b"\r\n")
        self._held = b"".join(parts)
        if not message.get(FOLLOWS):
            self._write(b"")

    def _go_on(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            raise RuntimeError(f"a head is followed by the body, not by {message['type']}")
        body, more = message.get("body", b""), message.get("more_body", False)
        if self._head_only:
            self._left = 0
            self._write(b"")
        elif self._chunked:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self._write(chunk if more else chunk + _END)
        else:
            self._left -= len(body)
            if self._left < 0:
                raise RuntimeError("the body is longer than its Content-Length")
            self._write(body)
        if not more:
            self._finish()

    def _finish(self) -> None:
        if self._left:
            raise RuntimeError("the body is shorter than its Content-Length")
        self.response_complete = True
        self.set()
        if not self.keep_alive:
            self._transport.close()
        self._on_response()

    def _write(self, data: bytes) -> None:
        """Send, with the head before it if that is still held."""
        held, self._held = self._held, b""
        if held and len(data) <= _TOGETHER:
            data = held + data
        elif held:
            self._transport.write(held)
        if data:
            self._transport.write(data)


@lru_cache(1024)
def _common(name: bytes, value: bytes) -> bytes:
    return _printed(name, value)


def _printed(name: bytes, value: bytes) -> bytes:
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError("a header is malformed")
    return b"%b: %b\r\n" % (name, value)


def _nothing() -> None:
    """For an answer that is over."""
