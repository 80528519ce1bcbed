"""Server-sent events, as the HTML standard has them: bytes in, messages out."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LINE = re.compile(r"(.*?)(?:\r\n|\n|\r(?!$))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Message:
    """One event: its name, and its data as text."""

    event: str
    data: str


class Reader:
    """Takes a stream in pieces, however they are cut. `last_id` is what a client that comes back names, `retry` the
    seconds after which it should, where the stream said them."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        self.retry: float | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, piece: bytes) -> Iterator[Message]:
        """The messages that are whole with this piece."""
        text, end = self._rest + self._decoder.decode(piece), 0
        for line in _LINE.finditer(text):
            end = line.end()
            if line[1]:
                self._field(*_parted(line[1]))
            else:
                yield from self._message()
        self._rest = text[end:]

    def _field(self, name: str, value: str) -> None:
        match name:
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
            case "id" if "\0" not in value:
                self.last_id = value
            case "retry" if value.isdecimal():
                self.retry = int(value) / 1000

    def _message(self) -> Iterator[Message]:
        if self._data:
            yield Message(self._event or "message", "\n".join(self._data))
        self._event, self._data = "", []


def _parted(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")
