"""An answer whose result goes on as it comes, without being read into objects and printed again."""

import re
from collections.abc import Awaitable, Callable
from typing import Final

import orjson

from airegistry.core.assets import Json
from airegistry.gateway.errors import BadAnswer

_BEGINS: Final = re.compile(
    rb"(?P<framed>(?:event: ?message\r?\n)?data: ?)?"
    rb'\{"jsonrpc": ?"2\.0", ?"id": ?(?P<id>[1-9][0-9]{0,17}), ?"result": ?'
)
_LINE_END: Final = re.compile(rb"[\r\n]")

Read = Callable[[], Awaitable[bytes | None]]
"""Gives the next piece of a body, None at its end."""


class Passage:
    """The result of an answer in pieces. The last one comes only when all of them are known to be one result: nobody
    can take for an answer what is none, nor for the answer to another request.

    `framed` is whether the answer is an event, and so ends with its line. `over` is set with the last piece.
    """

    __slots__ = ("_first", "_framed", "_over", "_parts", "_read", "over", "result")

    def __init__(self, first: bytes, read: Read, on_over: Callable[[], None], *, framed: bool) -> None:
        self._first: bytes | None = first
        self._read = read
        self._over = on_over
        self._framed = framed
        self._parts: list[bytes] = []
        self.over = False
        self.result: Json = {}
        """What it said, when it is over."""

    async def piece(self) -> bytes:
        """The next piece, perhaps an empty one.

        Raises:
            BadAnswer: this is no result.
            UpstreamFailed: the backend broke off.
        """
        piece, self._first = self._first, None
        if piece is None:
            piece = await self._read()
        if piece is None:
            if self._framed:
                raise BadAnswer("the backend ended its answer in the middle")
            piece, self.over = b"", True
        elif self._framed and (end := _LINE_END.search(piece)) is not None:
            piece, self.over = piece[: end.start()], True
        self._parts.append(piece)
        if self.over:
            self.result = _result_in(b"".join(self._parts))
            self._over()
        return piece

    async def whole(self) -> bytes:
        """All that is left."""
        pieces = []
        while not self.over:
            pieces.append(await self.piece())
        return b"".join(pieces)


def passage_of(
    chunk: bytes, request_id: int, read: Read, on_over: Callable[[], None], *, framed: bool
) -> Passage | None:
    """The answer to a request whose first bytes these are; None where it has to be read to know what it is."""
    begins = _BEGINS.match(chunk)
    if begins is None or (begins["framed"] is not None) != framed or int(begins["id"]) != request_id:
        return None
    return Passage(chunk[begins.end() :], read, on_over, framed=framed)


def _result_in(text: bytes) -> Json:
    """The object that is all there is before the brace that ends the message. A second member beside it, an id of
    another request say, would go on to the client."""
    text = text.rstrip()
    try:
        result = orjson.loads(memoryview(text)[:-1]) if text.endswith(b"}") else None
    except orjson.JSONDecodeError:
        result = None
    if not isinstance(result, dict):
        raise BadAnswer("the backend's answer is not JSON, or has more in it than a result")
    return result
