"""The text of a long result, followed to its end in pieces of which none is kept.

Five megabytes that are kept and read cost four times as much as sending them on.
"""

import re
from itertools import accumulate
from typing import Final

from airegistry.gateway.errors import BadAnswer

_FRAME = rb"(?P<framed>(?:event: ?message\r?\n)?data: ?)?"
_ID = rb'(?P<id>"[^"\\]*"|-?[0-9]+)'
HEAD: Final = re.compile(_FRAME + rb'\{"jsonrpc": ?"2\.0", ?"id": ?' + _ID + rb', ?"result": ?(?=\{)')
TAIL: Final = re.compile(rb"\s*\}\s*")
HEAD_RESULT_FIRST: Final = re.compile(_FRAME + rb'\{"result": ?(?=\{)')
TAIL_RESULT_FIRST: Final = re.compile(rb'\s*, ?"jsonrpc": ?"2\.0", ?"id": ?' + _ID + rb"\s*\}\s*")
"""Both orders of members that servers of the SDKs print."""

_STEPS: Final = {ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}
_OTHERS: Final = bytes(byte for byte in range(256) if byte not in _STEPS)
_FAILED_FIRST: Final = re.compile(rb'\{\s*"isError": ?true')
_FAILED_LAST: Final = re.compile(rb'"isError": ?true\s*\}\Z')
_LATEST: Final = 64
_LONGEST_REST: Final = 4096


class ResultText:
    """One object. What is told apart are strings and brackets: whatever else is wrong with it is no JSON to anybody.

    `rest` is what comes behind the object, None as long as it has not ended.
    """

    __slots__ = ("_depth", "_escaped", "_latest", "_quoted", "failed", "rest")

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = False
        """Whether a string goes on over the end of a piece."""
        self._escaped = False
        """Whether a backslash was the last of a piece."""
        self._latest: bytes | None = None
        self.failed = False
        """Whether it says that a tool failed, at one of its ends where that is said."""
        self.rest: bytes | None = None

    def feed(self, piece: bytes) -> None:
        """Follow it through the next piece.

        Raises:
            BadAnswer: too much comes behind it.
        """
        if self.rest is not None:
            self._end(self.rest + piece)
            return
        self._look(piece)
        if self._escaped:
            piece = piece[1:]
        self._escaped = (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1
        plain = piece.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in piece else piece
        parts = plain.split(b'"')
        brackets = b"".join(parts[self._quoted :: 2]).translate(None, _OTHERS)
        closing = brackets.count(b"}") + brackets.count(b"]")
        if closing >= self._depth:
            depths = list(accumulate(map(_STEPS.__getitem__, brackets), initial=self._depth))
            if 0 in depths[1:]:
                self._end(piece[_place(parts, self._quoted, depths.index(0, 1)) + 1 :])
        self._depth += len(brackets) - 2 * closing
        self._quoted ^= len(parts) % 2 == 0

    def _look(self, piece: bytes) -> None:
        if self._latest is None:
            self._latest = b""
            self.failed = _FAILED_FIRST.match(piece) is not None
        self._latest = (self._latest + piece[-_LATEST:])[-_LATEST:]

    def _end(self, rest: bytes) -> None:
        if len(rest) > _LONGEST_REST:
            raise BadAnswer("the backend's answer has more in it than a result")
        before = (self._latest or b"").removesuffix(rest)
        self.failed = self.failed or (self.rest is None and _FAILED_LAST.search(before) is not None)
        self.rest = rest


def _place(parts: list[bytes], quoted: bool, wanted: int) -> int:
    """Where a bracket is in a text that was cut at its quotes, by its number."""
    start = 0
    for number, part in enumerate(parts):
        if number % 2 == quoted:
            found = len(part.translate(None, _OTHERS))
            if found >= wanted:
                return start + [at for at, byte in enumerate(part) if byte in _STEPS][wanted - 1]
            wanted -= found
        start += len(part) + 1
    raise AssertionError("it was counted before")
