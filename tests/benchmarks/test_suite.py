"""All benchmarks in turn: what each printed is kept, and one that fails is told."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks import __main__ as suite


def test_a_suite_reports_how_each_benchmark_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(suite.SUITES, "quick", [("audit", "--rounds", "1", "--records", "200"), ("audit", "--wrong")])
    assert suite.main(["--suite", "quick", "--to", str(tmp_path / "results")]) == 1
    told = json.loads((tmp_path / "results" / "report.json").read_text())
    assert [(each["benchmark"], each["output"]) for each in told["benchmarks"]] == [
        ("audit --rounds 1 --records 200", "audit-rounds-1-records-200.txt"), ("audit --wrong", "audit-wrong.txt"),
    ]  # fmt: skip
    assert told["benchmarks"][1]["status"] == 2
    assert "unrecognized arguments: --wrong" in (tmp_path / "results" / "audit-wrong.txt").read_text()
    assert told["machine"]["cores"] >= 1
    assert "| `audit --wrong` | FAIL 2 |" in (tmp_path / "results" / "report.md").read_text()


def test_every_benchmark_of_a_suite_is_there() -> None:
    names = {command[0] for commands in suite.SUITES.values() for command in commands}
    assert all(find_spec(f"benchmarks.{name}") for name in names)
