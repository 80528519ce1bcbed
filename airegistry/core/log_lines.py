"""What is kept of a record of Python's `logging`: one object, bounded, without secrets, and how it is printed."""

import json
import logging
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from airegistry.core.assets import Model
from airegistry.core.audit_events import Moment
from airegistry.core.correlation import Trace, current_request
from airegistry.core.documents import Json, Where
from airegistry.core.masked_text import masked_text

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: Final[Sequence[Level]] = ("debug", "info", "warning", "error", "critical")
MESSAGE, TRACEBACK, NAME = 8192, 16_384, 200
"""Characters that are kept of a message, a traceback and a name."""
_BEGINNING = 4096
"""Of a traceback that is too long: its end tells more."""
# What ends a line somewhere, steers a terminal or turns the direction of writing.
_STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMATTER: Final = logging.Formatter()
_ABOUT: Final = ("request_id", "subject", "trace_id", "replica")
GetTrace = Callable[[], Trace | None]


class LogLine(Model):
    """One record. `replica` is the process that logged it, where several share a store."""

    time: datetime
    level: Level
    logger: str
    message: str
    exception: str | None = None
    request_id: str | None = None
    subject: str | None = None
    trace_id: str | None = None
    span_id: str | None = None
    replica: str | None = None


class LogFilter(Model):
    """Which records to answer; fields left out do not narrow.

    `level` is the least, `logger` a name or the beginning of one up to a dot; `text` is in message or traceback, in
    whatever case.
    """

    since: Moment | None = None
    until: Moment | None = None
    level: Level | None = None
    logger: str | None = None
    request_id: str | None = None
    subject: str | None = None
    text: str | None = None

    @property
    def where(self) -> Where:
        """What a store can narrow by."""
        levels = {} if self.level in (None, "debug") else {"level": [*LEVELS[LEVELS.index(self.level) :]]}
        named = {"request_id": self.request_id, "subject": self.subject}
        return {**levels, **{name: value for name, value in named.items() if value is not None}}

    def fits(self, body: Json) -> bool:
        """Whether a record that meets `where` is among those asked for."""
        time = time_of(body)
        if (self.since and time < self.since) or (self.until and time > self.until):
            return False
        logger = str(body["logger"])
        if self.logger is not None and logger != self.logger and not logger.startswith(f"{self.logger}."):
            return False
        if self.text is None:
            return True
        said = f"{body['message']}\n{body.get('exception') or ''}"
        return self.text.casefold() in said.casefold()


def time_of(body: Json) -> datetime:
    """When a record was made."""
    return datetime.fromisoformat(str(body["time"]))


class Describe:
    """Makes lines of records. `known` secrets are masked wherever they stand; `trace` names the span under way."""

    def __init__(self, known: Sequence[str] = (), trace: GetTrace = lambda: None) -> None:
        self._known = sorted(known, key=len, reverse=True)
        self._trace = trace

    def __call__(self, record: logging.LogRecord) -> Json:
        """The fields of a record, empty ones left out; never fails, whatever it holds."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        line: Json = {
            "time": time.replace("+00:00", "Z"), "level": _level(record.levelno),
            "logger": _plain(record.name)[:NAME], "message": self._text(_message(record), MESSAGE, 0),
        }  # fmt: skip
        if exception := _exception(record):
            line["exception"] = self._text(exception, TRACEBACK, TRACEBACK - _BEGINNING)
        if (request := current_request()) is not None:
            line["request_id"] = request.id
            if subject := request.subject:
                line["subject"] = _plain(subject)[:NAME]
        if (trace := self._trace()) is not None:
            line["trace_id"], line["span_id"] = trace
        return line

    def _text(self, text: str, most: int, end: int) -> str:
        """A text masked first, then cut: half a secret would not be known for one. What is huge is cut before, too."""
        text = masked_text(_cut(_plain(text), 4 * most, 4 * end), self._known)
        return _cut(text, most, end)


def printed_json(line: Json) -> str:
    """A line as JSON in ASCII: nothing in it ends the line for whoever reads it, whichever way."""
    return json.dumps(line, separators=(",", ":"))


def printed_text(line: Json) -> str:
    """A line for people. What follows it is set in, so that no value can look like a record of its own."""
    about = " ".join(
        f"{name}={line[name]}" for name in ("request_id", "subject", "trace_id", "replica") if line.get(name)
    )
    time = f"{str(line['time']).removesuffix('Z')[:23]}Z"
    head = f"{time} {str(line['level']).upper():<8} {one_line(str(line['logger']))}: {one_line(str(line['message']))}"
    lines = [f"{head} [{one_line(about)}]" if about else head]
    exception = line.get("exception")
    if isinstance(exception, str):
        lines += [f"    | {one_line(each)}" for each in exception.split("\n")]
    return "\n".join(lines)


def one_line(text: str) -> str:
    """A text with everything escaped that would end a line or steer a terminal."""
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _level(number: int) -> Level:
    return LEVELS[min(max(number // 10, 1), len(LEVELS)) - 1]


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  # whatever an argument raises when it is printed: logging ends nothing
        return (
            f"{record.msg!s:.200} (its arguments cannot be printed)" if isinstance(record.msg, str) else "(unprintable)"
        )


def _exception(record: logging.LogRecord) -> str:
    parts = [record.exc_text or ""]
    try:
        if not parts[0] and record.exc_info and record.exc_info[0] is not None:
            parts = [_FORMATTER.formatException(record.exc_info)]
    except Exception:  # noqa: BLE001  # as above: an exception may fail to print itself
        parts = ["(a traceback that cannot be printed)"]
    return "\n".join(part for part in (*parts, record.stack_info or "") if part)


def _plain(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _cut(text: str, most: int, end: int) -> str:
    """The beginning of a text that is too long, and so many characters of its end."""
    if len(text) <= most:
        return text
    said = f" … ({len(text) - most} characters left out) … "
    return text[: most - end] + said + (text[-end:] if end else "")
