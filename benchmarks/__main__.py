"""All benchmarks, one after the other: `python -m benchmarks --suite quick`, or `full`.

Each is a process of its own; what it prints goes to a file in `--to`, and `report.md` and `report.json` say on which
machine, in what time and how each ended. Exit status 1 when one missed a target or broke.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from airegistry import __version__

SUITES: Final[dict[str, Sequence[Sequence[str]]]] = {
    "quick": (
        ("start", "--rounds", "3"),
        ("access", "--rounds", "3"),
        ("audit",),
        ("find", "--assets", "1000"),
        ("lists",),
        ("gateway", "--quick", "--only", "ours"),
        ("scale", "--quick"),
    ),
    "full": (
        ("start",),
        ("access",),
        ("audit",),
        ("find",),
        ("search",),
        ("scan",),
        ("lists",),
        ("gateway", "--rounds", "5"),
        ("gateway", "--soak"),
        ("gateway", "--streams"),
        ("sync",),
        ("web",),
        ("scale",),
    ),
}
"""Benchmarks with their arguments: the quick ones take a few minutes, all of them some three hours."""


@dataclass(frozen=True)
class Outcome:
    """How a benchmark ended: its arguments, exit status, and seconds."""

    benchmark: str
    status: int
    seconds: float
    output: str
    """The name of the file with what it printed."""


def measured(command: Sequence[str], folder: Path) -> Outcome:
    """Run a benchmark to its end, its output shown and kept."""
    name = " ".join(command)
    output = folder / f"{'-'.join(part.strip('-') for part in command)}.txt"
    began = time.monotonic()
    ran = [sys.executable, "-m", f"benchmarks.{command[0]}", *command[1:]]
    with (
        output.open("w") as kept,
        subprocess.Popen(ran, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child,
    ):
        assert child.stdout is not None
        for line in child.stdout:
            kept.write(line)
            _show(line.rstrip("\n"))
        status = child.wait()
    return Outcome(name, status, round(time.monotonic() - began, 1), output.name)


def machine() -> dict[str, str | int]:
    """Where it was measured."""
    return {
        "airegistry": __version__, "python": platform.python_version(), "system": platform.platform(),
        "cores": os.cpu_count() or 0, "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def report(suite: str, outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write `report.json` and `report.md`."""
    where = machine()
    facts = {"suite": suite, "machine": where, "benchmarks": [asdict(each) for each in outcomes]}
    (folder / "report.json").write_text(json.dumps(facts, indent=2) + "\n")
    rows = [
        f"| `{each.benchmark}` | {_word(each.status)} | {each.seconds:.0f} s | [{each.output}]({each.output}) |"
        for each in outcomes
    ]
    said = ", ".join(f"{name} {value}" for name, value in where.items())
    head = [f"# Benchmarks: {suite}", "", said, "", "| benchmark | | took | output |", "|---|---|---|---|"]
    (folder / "report.md").write_text("\n".join([*head, *rows]) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a suite; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--suite", choices=sorted(SUITES), default="quick")
    parser.add_argument("--to", type=Path, default=Path("benchmark-results"), help="a folder, made if it is missing")
    given = parser.parse_args(arguments)
    given.to.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    for command in SUITES[given.suite]:
        _show(f"\n== {' '.join(command)}")
        outcomes.append(measured(command, given.to))
        report(given.suite, outcomes, given.to)  # after each: what was measured outlives an interruption
    for each in outcomes:
        _show(f"{_word(each.status):6} {each.seconds:7.1f} s  {each.benchmark}")
    return int(any(each.status for each in outcomes))


def _word(status: int) -> str:
    return "PASS" if status == 0 else f"FAIL {status}"


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
