"""How far long work is: seen on a terminal, and nowhere that a program reads."""

import os
import pty
import subprocess
import sys

import pytest
from fastmcp.tools.base import ToolResult

from airegistry.cli import progress as progress_module
from airegistry.cli.progress import follow, progress
from airegistry.cli.values import Json
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry
from tests.support.processes import python_env

WORK = """
from airegistry.cli.progress import progress
with progress() as tell:
    tell("carrying [b]things", 1234, 5000)
    tell("carrying [b]things", 5000, 5000)
print("the answer")
"""


def test_on_a_terminal_there_is_a_bar_that_is_gone_at_the_end() -> None:
    ours, theirs = pty.openpty()
    env = python_env({"TERM": "xterm", "COLUMNS": "100"})
    env.pop("NO_COLOR", None)
    ran = subprocess.run(
        [sys.executable, "-c", WORK], env=env, stdout=subprocess.PIPE, stderr=theirs, text=True, timeout=30, check=True
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 65_536):
            seen += chunk
    except OSError:  # Linux says so that the other side is closed
        pass
    os.close(ours)
    assert ran.stdout == "the answer\n"
    assert b"carrying [b]things" in seen, "nobody's text is markup"
    assert b"5,000 of 5,000" in seen
    assert b"\x1b[2K" in seen, "the line is erased"


def test_elsewhere_there_is_a_line_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_module, "EVERY", 0.0)
    with progress() as tell:
        tell("exported", 3)
        tell("scanning", 3, 10)
    with progress(lines=False) as tell:
        tell("quiet", 1)
    assert capsys.readouterr() == ("", "exported 3\nscanning 3 of 10\n")


def test_a_job_is_followed_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "PAUSE", 0.0)
    looks: list[Json] = [{"running": True, "done": number, "total": 2} for number in range(2)]
    looks.append({"running": False, "done": 2, "total": 2})
    assert follow(lambda: looks.pop(0)) == {"running": False, "done": 2, "total": 2}
    assert looks == []


@pytest.mark.parametrize(("state", "status"), [("done", 0), ("failed", 1)])
def test_whoever_waits_for_the_index_is_told_how_it_ended(
    run: Run, fake: FakeRegistry, state: str, status: int
) -> None:
    job = {"act": "reindex", "of": "", "state": state, "done": 2, "total": 2, "error": None}
    fake.answer = ToolResult(structured_content={**job, "job": job})
    ran = run("index", "reindex", "--wait")
    assert (ran.status, ran.out) == (status, "")
    assert ran.err.startswith(f"reindex: {state}, 2 of 2 assets\n")


def test_without_a_terminal_nobody_waits_unasked(run: Run, fake: FakeRegistry) -> None:
    fake.answer = ToolResult(structured_content={"ruleset": "r1", "started": "x", "ended": None})
    ran = run("scans", "all")
    assert (ran.status, [call[0] for call in fake.calls]) == (0, ["rescan_all"])
    fake.answer = ToolResult(structured_content={"ruleset": "r1", "started": "x", "ended": "y", "done": 3})
    ran = run("scans", "all", "--wait")
    assert ran.status == 0
    assert "done     3" in ran.out
