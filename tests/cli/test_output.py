"""What is different when stdout is a terminal."""

import io
import sys

import pytest
from fastmcp.tools.base import ToolResult

from airegistry.cli.main import main
from tests.cli.registry import FakeRegistry


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Makes stdout a terminal of 60 columns without styles; not a fixture, for pytest replaces stdout after those."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "dumb")
    return screen


def test_a_table_fits_a_terminal(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    fake.says(
        {"services": [{"path": "weather", "stage": "approved_dev", "enabled": True, "description": "word " * 99}]}
    )
    assert main(["list"]) == 0
    assert screen.getvalue().splitlines() == [
        "PATH     STAGE         ENABLED  HEALTH  DESCRIPTION",
        "weather  approved_dev  yes              word word word word…",
    ]


def test_colors_are_left_out_where_the_person_says_so(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    fake.says({"services": [{"path": "weather"}]})
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["list"]) == 0
    assert "\x1b[3" not in screen.getvalue()


def test_the_text_of_a_tool_cannot_steer_a_terminal(fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    fake.answer = ToolResult(content="one\ttwo\n\x1b]0;owned\x07\u2066three")
    assert main(["call", "parcel", "echo"]) == 0
    assert screen.getvalue() == "one\ttwo\n\\x1b]0;owned\\x07\\u2066three\n"
