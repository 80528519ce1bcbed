"""A stand-in registry a worker, and the command line run in this process against it."""

import logging
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from fastmcp.tools.base import ToolResult

from airegistry.cli.main import main
from tests.cli.registry import TOKEN, FakeRegistry


class Ran(NamedTuple):
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def served() -> Iterator[FakeRegistry]:
    # It shares this process and its stderr with the commands.
    logging.getLogger("fastmcp").setLevel(logging.CRITICAL)
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def fake(served: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> FakeRegistry:
    """The stand-in with nothing recorded, and an environment that names it."""
    served.calls.clear()
    served.answer = ToolResult(structured_content={})
    monkeypatch.setenv("AIREGISTRY_URL", served.url)
    monkeypatch.setenv("AIREGISTRY_TOKEN", TOKEN)
    return served


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command line."""
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")

    def command(*argv: str) -> Ran:
        status = main(argv)
        return Ran(status, *capsys.readouterr())

    return command
