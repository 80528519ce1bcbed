"""Logs, put together: every record of whatever library becomes one line on the standard error, and one in the store."""

import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import TextIO

from pydantic import SecretStr

from airegistry.core.documents import AppendLog, Json
from airegistry.core.log_lines import Describe, printed_json, printed_text
from airegistry.core.log_places import LogPlaces
from airegistry.core.log_queue import LogQueue, listening
from airegistry.core.logs import LogRules, Logs
from airegistry.core.masked_text import SHORTEST
from airegistry.oauth.server import Foundation
from airegistry.settings import Settings
from airegistry.telemetry.current import current_trace

QUIET = ("fastmcp", "httpx2", "mcp", "uvicorn")
"""Libraries that set a level of their own, or might."""
SAID = "said_to_people"
"""An attribute of records that tell what people at the console see anyway: their lines are left out there."""
OpenLogs = Callable[[Foundation, AppendLog], Logs]
"""Makes what keeps the logs in a store, and tells them."""
log = logging.getLogger(__name__)


class LineHandler(logging.Handler):
    """Writes each record as a line, at once; one that cannot be written is lost, and nothing fails."""

    def __init__(
        self, stream: TextIO, describe: Callable[[logging.LogRecord], Json], form: Callable[[Json], str]
    ) -> None:
        super().__init__()
        self._stream = stream
        self._describe = describe
        self._form = form

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; the lock of the handler is held."""
        try:
            self._stream.write(f"{self._form(self._describe(record))}\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001, S110  # the reader may be gone, the stack at its end: logging ends nothing
            pass


def log_to_stderr(settings: Settings) -> None:
    """Have everything that is logged go to the standard error: the registry's own records from the level of the
    settings on, those of libraries from warnings up, with warnings and what nobody catches."""
    form = printed_json if writes_json(settings) else printed_text
    root, level = logging.getLogger(), logging.getLevelNamesMapping()[settings.log_level.upper()]
    for former in [each for each in root.handlers if isinstance(each, LineHandler)]:
        root.removeHandler(former)
    lines = LineHandler(sys.stderr, Describe(secrets_of(settings), current_trace), form)
    if not writes_json(settings):
        lines.addFilter(lambda record: not hasattr(record, SAID))
    root.addHandler(lines)
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("airegistry").setLevel(level)
    fastmcp_log = logging.getLogger("fastmcp")
    for handler in list(fastmcp_log.handlers):
        fastmcp_log.removeHandler(handler)
    fastmcp_log.propagate = True
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.WARNING)
    # It logs what hostile backends say, with a traceback each; the registry reports them in a sentence of its own.
    logging.getLogger("mcp.client").setLevel(logging.CRITICAL)
    logging.captureWarnings(True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def writes_json(settings: Settings) -> bool:
    """Whether lines are JSON objects."""
    return settings.log_format == "json" or (settings.log_format == "auto" and not sys.stderr.isatty())


def secrets_of(settings: Settings) -> list[str]:
    """Every secret in the settings that is long enough to be told from an ordinary word."""
    given = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    parts = [part.rpartition("=")[2].strip() for text in given for part in (f"={text}", *text.split(","))]
    return sorted({part for part in parts if len(part) >= SHORTEST})


@contextmanager
def gathering(settings: Settings) -> Iterator[LogQueue]:
    """A queue that takes what is logged meanwhile for the store, if anything is kept there."""
    queue = LogQueue(Describe(secrets_of(settings), current_trace))
    if not settings.log_days:
        yield queue
        return
    with listening(queue):
        yield queue


@contextmanager
def keeping_logs(settings: Settings) -> Iterator[OpenLogs]:
    """Gather what is logged meanwhile, from before there is a store to keep it; yields what opens that."""
    with gathering(settings) as queue:
        yield partial(_open_logs, settings, queue)


def _open_logs(settings: Settings, queue: LogQueue, rules: Foundation, store: AppendLog) -> Logs:
    replica = f"{os.uname().nodename[:60]}:{os.getpid()}" if rules.shared else None
    places = None if replica is None else LogPlaces(rules.store, rules.clock, replica)
    kept = LogRules(settings.log_days, settings.log_megabytes << 20, settings.log_seconds)
    return Logs(store, queue, rules.access, rules.clock, kept, places, replica)


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    log.critical("the registry ends by an error", exc_info=(kind, error, trace))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        log.error("a thread ended by an error", exc_info=args.exc_value)


def _unraisable(args: "sys.UnraisableHookArgs") -> None:
    log.error("%s", args.err_msg or "an error where nobody can catch it", exc_info=args.exc_value)
