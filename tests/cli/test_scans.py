"""`scan`, `scan-eval` and `scans`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

BAD = {"tools": [{"name": "x", "description": "harmless\u202egnihtemos"}]}
FINE = {"tools": [{"name": "x", "description": "The time in a time zone."}]}
REPORT: Json = {
    "asset": "server/weather", "version": "1.0.0", "verdict": "review", "scanned_at": "2026-11-20T12:00:00Z",
    "ruleset": "abc", "error": None, "findings": [
        {"tier": "review", "severity": "medium", "rule": "r.x", "field": "/name", "fingerprint": "f1", "message": "m"},
        {"tier": "none", "severity": "high", "rule": "r.y", "field": "", "fingerprint": "f2", "message": "m",
         "waiver": {"by": "ann"}},
    ],
}  # fmt: skip
WAIVED: Json = {
    "asset": "server/weather", "rule": "r.x", "fingerprint": "f1", "until": "2027-02-18T12:00:00Z", "by": "ann",
    "reason": "known", "enabled": True, "tags": [],
}  # fmt: skip


def written(folder: Path, value: object) -> str:
    path = folder / "tools.json"
    path.write_text(json.dumps(value))
    return str(path)


def test_a_file_with_something_in_it_that_blocks_ends_with_status_1(tmp_path: Path, run: Run) -> None:
    ran = run("scan", written(tmp_path, BAD))
    assert ran.status == 1
    heading, row = ran.out.splitlines()
    assert heading.split() == ["VERDICT", "ASSET", "SEVERITY", "RULE", "FIELD", "MESSAGE"]
    assert row.split()[:5] == ["block", "server/tools", "high", "hidden-unicode.bidi", "/tools/0/description"]
    assert ran.err == "server/tools: block\nerror[scan_failed]: 1 of 1 assets: block\n"
    assert run("scan", written(tmp_path, BAD), "--fail-on", "never").status == 0


def test_a_file_without_findings_ends_with_status_0(tmp_path: Path, run: Run) -> None:
    assert run("scan", written(tmp_path, FINE), "--fail-on", "review") == (0, "", "server/tools: pass\n")


def test_reports_come_as_json_or_as_sarif(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, BAD)
    (report,) = json.loads(run("scan", path, "--json").out)
    assert (report["source"], report["verdict"], report["asset"]) == (path, "block", "server/tools")
    document = json.loads(run("scan", path, "--sarif", "--fail-on", "never").out)
    (result,) = document["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == path
    assert run("scan", path, "--json", "--sarif").status == 2


def test_what_cannot_be_read_or_fetched_is_a_usage_error(tmp_path: Path, run: Run) -> None:
    for source in (str(tmp_path / "none.json"), written(tmp_path, 3), "ftp://x.test/card.json"):
        ran = run("scan", source)
        assert (ran.status, ran.out) == (2, "")


def test_companions_that_are_no_text_are_named(tmp_path: Path, run: Run) -> None:
    (tmp_path / "SKILL.md").write_text("---\nname: a\ndescription: Adds numbers.\n---\nAdd them.")
    (tmp_path / "x.png").write_bytes(b"\x00")
    assert "not read as text: x.png" in run("scan", str(tmp_path)).err


def test_verdicts_of_cases_are_written_by_id(tmp_path: Path, run: Run) -> None:
    cases, verdicts = tmp_path / "cases.jsonl", tmp_path / "verdicts.json"
    lines = [
        {
            "id": name,
            "kind": "mcp_tool",
            "payload": {"server": {"name": "s"}, "tool": document["tools"][0]},
            "label": "?",
        }
        for name, document in (("a", BAD), ("b", FINE))
    ]
    cases.write_text("\n".join(map(json.dumps, lines)))
    for tier in ("block", "review"):
        ran = run("scan-eval", "--cases", str(cases), "--verdicts", str(verdicts), "--tier", tier)
        assert (ran.status, ran.err.splitlines()[-1]) == (0, "1 of 2 cases flagged")
        assert json.loads(verdicts.read_text()) == {"a": True, "b": False}
    cases.write_text("{oops")
    ran = run("scan-eval", "--cases", str(cases), "--verdicts", str(verdicts), "--tier", "block")
    assert (ran.status, f"{cases}:1: Invalid JSON" in ran.err) == (2, True)
    ran = run("scan-eval", "--cases", str(cases), "--verdicts", str(tmp_path / "no" / "v"), "--tier", "block")
    assert "there is no such folder" in ran.err


@pytest.mark.parametrize(("command", "tool"), [("run", "scan_asset"), ("report", "get_scan_report")])
def test_a_report_is_shown_with_what_is_waived(fake: FakeRegistry, run: Run, command: str, tool: str) -> None:
    fake.says(REPORT)
    lines = [line.split() for line in run("scans", command, "weather").out.splitlines()]
    assert lines[:3] == [["asset", "server/weather"], ["version", "1.0.0"], ["verdict", "review"]]
    assert [line[0] for line in lines[-2:]] == ["review", "waived"]
    assert fake.calls == [(tool, {"kind": "server", "path": "weather"})]


def test_a_report_is_shown_as_sarif(fake: FakeRegistry, run: Run) -> None:
    fake.says({**REPORT, "sarif": {"version": "2.1.0"}})
    assert json.loads(run("scans", "report", "a", "--kind", "agent", "--sarif").out) == {"version": "2.1.0"}
    assert fake.calls == [("get_scan_report", {"kind": "agent", "path": "a", "sarif": True})]
    assert run("scans", "report", "a", "--sarif", "--json").status == 2


def test_findings_are_listed_and_narrowed(fake: FakeRegistry, run: Run) -> None:
    findings = REPORT["findings"]
    fake.says({"findings": [{"asset": "server/weather", **each} for each in findings], "next_cursor": "1/x"})
    ran = run("scans", "list", "--verdict", "review", "--severity", "medium", "--rule", "r", "--limit", "2")
    assert [line.split()[1] for line in ran.out.splitlines()] == ["TIER", "review", "waived"]
    assert ran.err == "more with `--cursor 1/x`\n"
    assert fake.calls == [("list_findings", {"severity": "medium", "rule": "r", "verdict": "review", "limit": 2})]
    fake.says({"findings": [], "next_cursor": None})
    assert run("scans", "list").err == "no findings\n"


def test_a_finding_is_waived_and_counts_again(fake: FakeRegistry, run: Run) -> None:
    fake.says(WAIVED)
    ran = run("scans", "waive", "weather", "f1", "--reason", "known", "--days", "7")
    assert ran.err == "waived `r.x` of server/weather until 2027-02-18T12:00:00Z; it is enabled\n"
    assert run("scans", "unwaive", "weather", "f1").err == "`r.x` of server/weather counts again; it is enabled\n"
    named = {"kind": "server", "path": "weather", "fingerprint": "f1"}
    assert fake.calls == [
        ("waive_finding", {**named, "reason": "known", "days": 7}), ("unwaive_finding", named),
    ]  # fmt: skip
    fake.says({"waivers": [WAIVED]})
    assert run("scans", "waivers").out.splitlines()[1].split()[:3] == ["server/weather", "r.x", "f1"]


def test_everything_is_scanned_again_and_followed(fake: FakeRegistry, run: Run) -> None:
    status: Json = {
        "ruleset": "abc", "why": "asked", "started": "2026-11-20T12:00:00Z", "ended": None, "total": 9, "done": 3,
        "held": 0, "failures": 0, "failed": {},
    }  # fmt: skip
    fake.says(status)
    assert run("scans", "all").err == "scanning everything under rules abc; follow it with `airegistry scans status`\n"
    assert [line.split() for line in run("scans", "status").out.splitlines()] == [
        ["ruleset", "abc"], ["why", "asked"], ["started", "2026-11-20T12:00:00Z"], ["total", "9"], ["done", "3"],
    ]  # fmt: skip
    assert fake.calls == [("rescan_all", {}), ("scan_status", {})]
