"""Event streams (HTML, server-sent events) as bytes: split into events, read and replace their data.

All three line endings, fields over several `data` lines, comments and a byte order mark are understood; what is not
replaced stays as it came.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from airegistry.gateway.errors import BadAnswer

_BOM = b"\xef\xbb\xbf"
_CR, _COLON = b"\r", b":"
_LONGEST_NAME = 16
Bytes = bytes | bytearray
_SHORT = 4096
"""Bytes of an event up to which it is quicker to cut it into lines at once than to look for each end."""


class Events:
    """Cuts a stream into events, each with the blank line that ends it.

    Raises:
        BadAnswer: one event is longer than `limit` bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._line = 0
        """Where the line begins that is being read."""
        self._seen = 0
        """Up to where that line does not end."""
        self._at_start = True

    def feed(self, chunk: bytes) -> list[Bytes]:
        """The events that `chunk` completes."""
        buffer = self._buffer
        if not buffer and _is_one(chunk):
            self._at_start = False
            return [chunk]
        buffer += chunk
        if self._at_start and (len(buffer) >= len(_BOM) or not _BOM.startswith(bytes(buffer))):
            self._at_start = False  # also before a stream of two empty lines and a BOM, which is none there
            if buffer.startswith(_BOM):
                del buffer[: len(_BOM)]
        ends = list(self._ends())
        if ends == [len(buffer)]:
            self._buffer, self._line, self._seen = bytearray(), 0, 0
            return [buffer]
        events: list[Bytes] = []
        start = 0
        with memoryview(buffer) as view:
            for end in ends:
                events.append(bytes(view[start:end]))
                start = end
        del buffer[:start]
        self._line -= start
        self._seen -= start
        if len(buffer) > self._limit:
            raise BadAnswer(f"the backend sent an event of more than {self._limit} bytes")
        return events

    @property
    def begun(self) -> int:
        """How many bytes of an event were fed that has not ended."""
        return len(self._buffer)

    def taken(self) -> bytes:
        """Those bytes, which are forgotten here."""
        begun = bytes(self._buffer)
        self._buffer, self._line, self._seen = bytearray(), 0, 0
        return begun

    def _ends(self) -> Iterator[int]:
        """Where events end: behind an empty line that is not their first one."""
        buffer, begin = self._buffer, 0
        while (line := _line(buffer, self._line, self._seen)) is not None:
            end, after = line
            empty = end == self._line
            if after == len(buffer) and buffer[end : end + 1] == _CR and not empty:
                self._seen = end  # LF may follow, and belong to it
                return
            empty = empty and end > begin
            self._line = self._seen = after
            if empty:
                begin = after
                yield after
        self._seen = len(buffer)

    def rest(self) -> bytes:
        """What is left when the stream has ended: an event without its blank line, or nothing."""
        return bytes(self._buffer)


@dataclass(slots=True)
class Fields:
    """What one event says: its data lines joined by LF, and the last value of each other field that it has.

    `data` is a view into a long event, which is not copied for it.
    """

    data: bytes | memoryview = b""
    event: bytes | None = None
    id: bytes | None = None
    retry: bytes | None = None


def fields_of(event: Bytes) -> Fields:
    """The fields of one event, read in one go; those of no meaning are left out."""
    fields, data = Fields(), []
    for name, value in _fields(event):
        if name == b"data":
            data.append(value)
        elif name == b"id":
            fields.id = bytes(value)
        elif name == b"event":
            fields.event = bytes(value)
        elif name == b"retry":
            fields.retry = bytes(value)
    fields.data = data[0] if len(data) == 1 else b"\n".join(data)
    return fields


def data_of(event: Bytes) -> bytes:
    """The data of one event, its lines joined by LF; empty for comments and priming events."""
    return bytes(fields_of(event).data)


def with_data(event: Bytes, data: bytes) -> bytes:
    """The event with other data on a single line in place of the first one; all else as it was."""
    parts: list[bytes] = []
    placed = False
    for line in bytes(event).splitlines(keepends=True):
        text = line.rstrip(b"\r\n")
        if not _is(b"data", text):
            parts.append(line)
        elif not placed:
            parts += (b"data: ", data, line[len(text) :])
            placed = True
    return b"".join(parts)


def _fields(event: Bytes) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Names and values of the lines of an event; what is long is not copied."""
    if len(event) < _SHORT:
        for text in bytes(event).splitlines():
            name, _, value = text.partition(_COLON)
            yield name, value.removeprefix(b" ")
        return
    view, start = memoryview(event), 0
    while start < len(event):
        end, after = _line(event, start, start) or (len(event), len(event))
        colon = event.find(_COLON, start, end)
        colon = end if colon < 0 else colon
        blank = event[colon + 1 : colon + 2] == b" " and colon + 1 < end
        yield bytes(event[start : min(colon, start + _LONGEST_NAME)]), view[min(colon + 1 + blank, end) : end]
        start = after


def _line(text: Bytes, start: int, seen: int) -> tuple[int, int] | None:
    """Where the line from `start` on ends, and where the next one begins; None when it does not end.

    No line ends between `start` and `seen`. Lines may be megabytes long, for which a regular expression takes a hundred
    times as long.
    """
    end = text.find(b"\n", seen)
    other = text.find(b"\r", seen, None if end < 0 else end)
    if other < 0:
        return None if end < 0 else (end, end + 1)
    return (other, other + 2) if end == other + 1 else (other, other + 1)


def line_end(text: Bytes) -> int | None:
    """Where the first line of a text ends, if it does."""
    found = _line(text, 0, 0)
    return None if found is None else found[0]


def _is(name: bytes, line: bytes) -> bool:
    """Whether a line is of a field; one without a colon is of the field that it names."""
    return line.startswith(name) and (len(line) == len(name) or line[len(name) : len(name) + 1] == _COLON)


def _is_one(chunk: bytes) -> bool:
    """Whether this is one whole event with line ends of one kind, which is how nearly all events come."""
    if chunk.endswith(b"\r\n\r\n"):
        pairs = chunk.count(b"\r\n")
        whole = chunk.find(b"\r\n\r\n") == len(chunk) - 4 and chunk.count(b"\n") == pairs == chunk.count(b"\r")
    else:
        whole = chunk.endswith(b"\n\n") and chunk.find(b"\n\n") == len(chunk) - 2 and b"\r" not in chunk
    return whole and not chunk.startswith((b"\r", b"\n", _BOM))
