"""The alerts: of metrics that there are, with a page that says what to do, and cases that show each."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from airegistry.core.approval_requests import Status
from airegistry.core.assets import Health
from airegistry.core.breaker import CircuitState
from airegistry.core.calls import Outcome
from airegistry.core.errors import AirError
from airegistry.core.findings import Severity, Verdict
from airegistry.core.schema_changes import Grade
from airegistry.core.source_records import Run
from tests.observability.expressions import ALERTS, alert_files, every_expression, rules, strangers, watched
from tests.support.processes import ROOT

FILES = alert_files()
every_file = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.stem))
PAGE = ROOT / "docs" / "alerts.md"


def codes(of: type[AirError] = AirError) -> set[str]:
    """The code of an error and of all below it."""
    return {of.code}.union(*(codes(each) for each in of.__subclasses__()))


WORDS: dict[tuple[str, str], set[str]] = {
    ("airegistry_gateway_call_duration_seconds", "decision"): {"allow", "deny"},
    ("airegistry_gateway_call_duration_seconds", "outcome"): {*get_args(Outcome), "refused"},
    ("airegistry_gateway_refusals_total", "code"): codes(),
    ("airegistry_gateway_circuit_changes_total", "state"): {*get_args(CircuitState)},
    ("airegistry_approvals_total", "outcome"): {*get_args(Status), "asked"},
    ("airegistry_scans_total", "verdict"): {*get_args(Verdict), "failed"},
    ("airegistry_scan_findings_total", "severity"): {*get_args(Severity)},
    ("airegistry_definitions_pending_total", "grade"): {*get_args(Grade)},
    ("airegistry_sync_runs_total", "outcome"): {"ok", "failed", "cancelled"},
    ("airegistry_sync_changes_total", "change"): {*Run.model_fields},
    ("airegistry_catalog_health", "health"): {*get_args(Health)},
    ("airegistry_webhook_deliveries_total", "outcome"): {"ok", "failed"},
    ("airegistry_store_operation_duration_seconds", "operation"): {"get", "put", "delete", "find"},
    ("mcp_server_operation_duration_seconds", "error_type"): {*codes(), "tool_error"},
}
"""Values that labels may have, by the metric's name without `_bucket`, `_sum` and `_count`."""


@every_file
def test_an_alert_asks_for_metrics_and_labels_of_the_table(file: Path) -> None:
    assert {each.where: found for each in watched(file) if (found := strangers(each))} == {}


def test_labels_are_compared_with_values_that_they_may_have() -> None:
    compared = 0
    for each in every_expression():
        for name, chosen in each.selectors():
            metric = re.sub(r"_(bucket|sum|count)$", "", name)
            for label, value in chosen.items():
                if (metric, label) in WORDS and re.fullmatch(r"[\w|]+", value):
                    assert {*value.split("|")} <= WORDS[metric, label], f"{each.where}: {label} {value}"
                    compared += 1
    assert compared > 50


@every_file
def test_an_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on(file: Path) -> None:
    headings = {heading.lower() for heading in re.findall(r"^### (\w+)$", PAGE.read_text("utf-8"), re.MULTILINE)}
    for rule in rules(file):
        assert rule["labels"].keys() == {"severity"}, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}, rule["alert"]
        about = rule["annotations"]
        assert about.keys() == {"summary", "description", "runbook_url"}, rule["alert"]
        assert all(about.values()), rule["alert"]
        assert about["runbook_url"] == f"docs/alerts.md#{rule['alert'].lower()}"
        assert rule["alert"].lower() in headings, rule["alert"]


def test_the_page_has_the_alerts_that_there_are_by_their_severity() -> None:
    page = PAGE.read_text("utf-8")
    stated = dict(re.findall(r"^### (\w+)\n\n(\w+)\.", page, re.MULTILINE))
    assert stated == {
        rule["alert"]: rule["labels"]["severity"].capitalize() for file in FILES for rule in rules(file)
    }  # fmt: skip


def test_the_runbook_and_the_page_of_metrics_name_every_alert() -> None:
    every = {str(rule["alert"]) for file in FILES for rule in rules(file)}
    for page in ("runbook.md", "metrics.md"):
        text = (PAGE.parent / page).read_text("utf-8")
        assert {*re.findall(r"\bAiregistry\w+", text)} == every, page


@every_file
def test_each_alert_is_shown_firing_and_quiet(file: Path) -> None:
    cases = yaml.safe_load((ALERTS / "tests" / f"{file.stem}_test.yaml").read_text("utf-8"))
    assert cases["rule_files"] == [f"../{file.name}"]
    shown = {fires: {named for case in cases["tests"] for named in _named(case, fires)} for fires in (True, False)}
    assert shown[True] == shown[False] == {rule["alert"] for rule in rules(file)}


def _named(case: dict[str, list[dict[str, object]]], fires: bool) -> set[object]:
    return {each["alertname"] for each in case["alert_rule_test"] if bool(each.get("exp_alerts")) is fires}
