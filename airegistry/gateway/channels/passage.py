"""An answer whose result goes on as it comes, without being read into objects and printed again."""

from collections.abc import Awaitable, Callable

import orjson

from airegistry.gateway.errors import BadAnswer
from airegistry.gateway.result_text import HEAD, TAIL, ResultText
from airegistry.gateway.sse import line_end

Read = Callable[[], Awaitable[bytes | None]]
"""Gives the next piece of a body, None at its end."""


class Passage:
    """The result of an answer in pieces. The last one comes only when all of them are known to be one result: nobody
    can take for an answer what is none, nor for the answer to another request.

    `framed` is whether the answer is an event, and so ends with its line. `over` is set with the last piece.
    """

    __slots__ = ("_first", "_framed", "_over", "_read", "_text", "failed", "over")

    def __init__(self, first: bytes, read: Read, on_over: Callable[[], None], *, framed: bool) -> None:
        self._first: bytes | None = first
        self._read = read
        self._over = on_over
        self._framed = framed
        self._text: ResultText | None = None
        self.over = False
        self.failed = False
        """When it is over, whether it said that a tool failed."""

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
        elif self._framed and (end := line_end(piece)) is not None:
            piece, self.over = piece[:end], True
        if self._text is None and self.over:
            self.failed = _in_one(piece)
        else:
            self._follow(piece)
        if self.over:
            self._over()
        return piece

    async def whole(self) -> bytes:
        """All that is left."""
        pieces = []
        while not self.over:
            pieces.append(await self.piece())
        return b"".join(pieces)

    def _follow(self, piece: bytes) -> None:
        text = self._text = self._text or ResultText()
        text.feed(piece)
        if self.over and (text.rest is None or not TAIL.fullmatch(text.rest)):
            raise _not_one()
        self.failed = text.failed


def passage_of(
    chunk: bytes, request_id: int, read: Read, on_over: Callable[[], None], *, framed: bool
) -> Passage | None:
    """The answer to a request whose first bytes these are; None where it has to be read to know what it is."""
    begins = HEAD.match(chunk)
    if begins is None or (begins["framed"] is not None) != framed or begins["id"] != b"%d" % request_id:
        return None
    return Passage(chunk[begins.end() :], read, on_over, framed=framed)


def _in_one(text: bytes) -> bool:
    """Whether a result, which is all there is before the brace that ends its message, says that a tool failed. A second
    member beside it, an id of another request say, would go on to the client."""
    text = text.rstrip()
    try:
        result = orjson.loads(memoryview(text)[:-1]) if text.endswith(b"}") else None
    except orjson.JSONDecodeError:
        result = None
    if not isinstance(result, dict):
        raise _not_one()
    return result.get("isError") is True


def _not_one() -> BadAnswer:
    return BadAnswer("the backend's answer is not JSON, or has more in it than a result")
