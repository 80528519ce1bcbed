"""What tools answer with, brought past the models of FastMCP and of the SDK: in what the registry made itself they find
nothing wrong, and they copy a page of a list six times.

A tool leaves its answer where `bring` finds it, when its result has been through FastMCP; and that leaves it where
`Brought` finds it, which puts it into the bytes that go out.
"""

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from secrets import token_hex
from typing import Any

import orjson
from fastmcp.tools.base import ToolResult
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp_types import TextContent
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.tools.shapes import Shape

_STANDS_IN = f"the answer of the tool {token_hex(16)}"
"""Nobody else can say this."""
_TEXT = re.compile(f'"{_STANDS_IN}"'.encode())
_CONTENT = re.compile(f'\\{{\\s*"{_STANDS_IN}"\\s*:\\s*0\\s*\\}}'.encode())


class _Place:
    """Where the answer to a request is left; open until somebody has taken it."""

    __slots__ = ("answer", "open")

    def __init__(self) -> None:
        self.answer: Json | None = None
        self.open = True


_PLACE: ContextVar[_Place | None] = ContextVar("place of the answer of a tool", default=None)
_WAY_OUT: ContextVar[_Place | None] = ContextVar("place of the answer to an HTTP request", default=None)


def answered(shape: Shape) -> ToolResult:
    """The result of a tool: what stands in for it, where somebody brings the answer, and else all of it."""
    answer = shape.told()
    place = _PLACE.get()
    if place is None or not place.open:
        return ToolResult(content=_encoded(answer).decode(), structured_content=answer)
    place.answer = answer
    return ToolResult(content=[TextContent(text=_STANDS_IN)], structured_content={_STANDS_IN: 0})


async def bring(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """For a server's middleware: what comes after it sees whole results, or what stands in for them where `Brought`
    is on the way out; what comes before only that."""
    if ctx.method != "tools/call":
        return await call_next(ctx)
    place, way_out = _Place(), _WAY_OUT.get()
    tokens = _PLACE.set(place), _WAY_OUT.set(None)
    try:
        result = await call_next(ctx)
    finally:
        place.open = False
        _PLACE.reset(tokens[0])
        _WAY_OUT.reset(tokens[1])
    if place.answer is None or not isinstance(result, dict) or not _stands_in(result):
        return result
    if way_out is not None and way_out.open:
        way_out.answer = place.answer
        return result
    result["content"][0]["text"] = _encoded(place.answer).decode()
    if "structuredContent" in result:  # older eras have none
        result["structuredContent"] = place.answer
    return result


class Brought:
    """Puts answers into what an ASGI application sends, in place of what stands in for them.

    For requests that name their method in a header, which are those that are answered where they are received; others
    are handled in the session that an earlier request opened.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or (b"mcp-method", b"tools/call") not in scope["headers"]:
            await self._app(scope, receive, send)
            return
        place = _Place()
        token = _WAY_OUT.set(place)
        try:
            await self._app(scope, receive, _Sent(send, place).take)
        finally:
            place.open = False
            _WAY_OUT.reset(token)


class _Sent:
    """What is sent for one request; how it begins waits for the first of its body, whose length may change."""

    __slots__ = ("_begins", "_place", "_send")

    def __init__(self, send: Send, place: _Place) -> None:
        self._send = send
        self._place = place
        self._begins: Message | None = None

    async def take(self, message: Message) -> None:
        """Send a message, when it is whole."""
        if message["type"] == "http.response.start":
            self._begins = message
            return
        begins, self._begins = self._begins, None
        if message["type"] == "http.response.body":
            whole = not message.get("more_body", False)
            if whole:
                self._place.open = False
            body = _filled(message.get("body", b""), self._place)
            message = {**message, "body": body}
            if begins is not None and whole:  # of one that goes on nobody here knows the length
                begins = {**begins, "headers": [*map(_sized(len(body)), begins.get("headers", ()))]}
        if begins is not None:
            await self._send(begins)
        await self._send(message)


def _filled(body: bytes, place: _Place) -> bytes:
    """What is sent, with the answer in the places of what stands in for it."""
    if place.answer is None or _STANDS_IN.encode() not in body:
        return body
    answer = _encoded(place.answer)
    text = orjson.dumps(answer.decode())
    return _CONTENT.sub(lambda _: answer, _TEXT.sub(lambda _: text, body, count=1), count=1)


def _sized(length: int) -> Callable[[tuple[bytes, bytes]], tuple[bytes, bytes]]:
    """A header as it is, but for that of a length."""
    return lambda header: (header[0], b"%d" % length) if header[0].lower() == b"content-length" else header


def _stands_in(result: dict[str, Any]) -> bool:
    """Whether a result is that of the tool, and no failure that took its place."""
    content = result.get("content")
    return isinstance(content, list) and [each.get("text") for each in content] == [_STANDS_IN]


def _encoded(answer: Json) -> bytes:
    try:
        return orjson.dumps(answer)
    except TypeError:  # a number too large for it, or half a letter
        return json.dumps(answer, separators=(",", ":")).encode()
