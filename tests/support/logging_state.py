"""Logging as it was: for tests of what takes it over for a whole process."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

LOGGERS = ("", "airegistry", "fastmcp", "httpx2", "mcp", "mcp.client", "uvicorn")


@contextmanager
def logging_restored() -> Iterator[None]:
    """Have handlers, levels and the hooks for what nobody catches be afterwards what they are now."""
    logging.captureWarnings(False)  # else it may count as done, where another test has put the hook back
    loggers = [logging.getLogger(name) for name in LOGGERS]
    states = [(logger, [*logger.handlers], logger.level, logger.propagate) for logger in loggers]
    with pytest.MonkeyPatch.context() as patched:
        for module, name in ((sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook")):
            patched.setattr(module, name, getattr(module, name))
        try:
            yield
        finally:
            logging.captureWarnings(False)
            for logger, handlers, level, propagate in states:
                logger.handlers[:], logger.propagate = handlers, propagate
                logger.setLevel(level)
