"""What ends a command other than success, and the status the process ends with."""

from enum import IntEnum

from pydantic import JsonValue

from airegistry.core.errors import AirError


class Status(IntEnum):
    """Exit statuses; docs/cli.md promises them."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    IN_USE = 3
    NO_ANSWER = 4
    INTERRUPTED = 130
    BROKEN_PIPE = 141


class Usage(Exception):
    """The command line itself is wrong; `hint` says what would be right."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Told(Exception):
    """A command ends with a status, and has said why."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status


class Refused(AirError):
    """The registry answered with an error, or the tool that was called did; then `code` is empty.

    `structured` is the answer's structuredContent, for `--json`.
    """

    def __init__(self, code: str, message: str, structured: JsonValue = None) -> None:
        super().__init__(message)
        self.code = code
        self.structured = structured


class NoAnswer(AirError):
    """No registry answered, or not to this caller; `code` is `unreachable` or `unauthenticated`."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint
