"""Event streams (HTML, server-sent events) as bytes: split into events, read and replace their data.

All three line endings, fields over several `data` lines, comments and a byte order mark are understood; what is not
replaced stays as it came.
"""

import re

from airegistry.gateway.errors import BadAnswer

_BOM = b"\xef\xbb\xbf"
# Atomic groups: CR LF is one line ending, never two.
_BLANK = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LINE = re.compile(rb"[^\r\n]*(?>\r\n|\n|\r)|[^\r\n]+")


class Events:
    """Cuts a stream into events, each with the blank line that ends it.

    Raises:
        BadAnswer: one event is longer than `limit` bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The events that `chunk` completes."""
        buffer = self._buffer
        buffer += chunk
        if self._at_start and len(buffer) >= len(_BOM):
            self._at_start = False
            if buffer.startswith(_BOM):
                del buffer[: len(_BOM)]
        events: list[bytes] = []
        start = 0
        for blank in _BLANK.finditer(buffer, max(0, self._searched - 3)):
            events.append(bytes(buffer[start : blank.end()]))
            start = blank.end()
        del buffer[:start]
        self._searched = len(buffer)
        if len(buffer) > self._limit:
            raise BadAnswer(f"the backend sent an event of more than {self._limit} bytes")
        return events

    def rest(self) -> bytes:
        """What is left when the stream has ended: an event without its blank line, or nothing."""
        return bytes(self._buffer)


def data_of(event: bytes) -> bytes:
    """The data of one event, its lines joined by LF; empty for comments and priming events."""
    lines = (line.rstrip(b"\r\n") for line in _LINE.findall(event))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if _is_data(line))


def field_of(event: bytes, name: bytes) -> bytes | None:
    """The last value of a field (`id`, `event`, `retry`) in one event."""
    found = None
    for line in _LINE.findall(event):
        field, _, value = line.rstrip(b"\r\n").partition(b":")
        if field == name:
            found = value.removeprefix(b" ")
    return found


def with_data(event: bytes, data: bytes) -> bytes:
    """The event with other data on a single line in place of the first one; all else as it was."""
    parts: list[bytes] = []
    placed = False
    for line in _LINE.findall(event):
        bare = line.rstrip(b"\r\n")
        if not _is_data(bare):
            parts.append(line)
        elif not placed:
            parts += (b"data: ", data, line[len(bare) :])
            placed = True
    return b"".join(parts)


def _is_data(line: bytes) -> bool:
    return line.startswith(b"data:") or line == b"data"
