"""Log records on their way into the store: bounded, taken on from any thread, at once or not at all."""

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airegistry.core.documents import Json

MOST, MOST_CHARACTERS = 10_000, 8 << 20
"""Records that wait at most, and the characters of their texts."""
_FIXED = 200
"""Characters that a record has beside its texts."""


class LogQueue(logging.Handler):
    """A handler that keeps lines until they are taken; what comes while it is full is counted and dropped."""

    def __init__(
        self, describe: Callable[[logging.LogRecord], Json], *, most: int = MOST, characters: int = MOST_CHARACTERS
    ) -> None:
        super().__init__()
        self._describe = describe
        self._most = most
        self._characters = characters
        self._lines: deque[tuple[int, Json]] = deque()
        self._size = 0
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._lines)

    def emit(self, record: logging.LogRecord) -> None:
        """Take on a record; the lock of the handler is held."""
        if len(self._lines) >= self._most or self._size >= self._characters:
            self._dropped += 1
            return
        try:
            line = self._describe(record)
        except Exception:  # noqa: BLE001  # the stack may be at its end, the memory too: logging ends nothing
            self._dropped += 1
            return
        size = _FIXED + len(str(line["message"])) + len(str(line.get("exception", "")))
        self._size += size
        self._lines.append((size, line))

    def take(self, most: int) -> list[Json]:
        """The oldest lines, at most so many: they wait no longer."""
        assert self.lock is not None, "every handler has one"
        with self.lock:
            taken = [self._lines.popleft() for _ in range(min(most, len(self._lines)))]
            self._size -= sum(size for size, _ in taken)
        return [line for _, line in taken]

    def take_dropped(self) -> int:
        """How many were dropped since this was asked last."""
        assert self.lock is not None, "every handler has one"
        with self.lock:
            dropped, self._dropped = self._dropped, 0
        return dropped


@contextmanager
def listening(queue: LogQueue) -> Iterator[LogQueue]:
    """Have everything that is logged go into a queue, too."""
    root = logging.getLogger()
    root.addHandler(queue)
    try:
        yield queue
    finally:
        root.removeHandler(queue)
