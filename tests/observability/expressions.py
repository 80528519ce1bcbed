"""What dashboards and alerts ask for: their expressions, the metrics and labels in them, and what the table has."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airegistry.telemetry.described import METRICS, Metric
from tests.support.processes import ROOT

DASHBOARDS = ROOT / "observability" / "dashboards"
ALERTS = ROOT / "observability" / "alerts"
Json = dict[str, Any]

TARGET = "target_info"
RESOURCE = frozenset(("service_version", "process_runtime_version", "deployment_environment_name"))
"""Labels of `target_info`, of which there is one for each process."""
PROCESS = frozenset(("job", "instance"))
_VARIABLES = {"$__rate_interval": "5m", "$__interval": "1m", "$__range": "1h"}
_TEXT = r'"(?:[^"\\]|\\.)*"'
_SELECTOR = re.compile(rf'\b([a-z]\w*_\w+)(?:\{{((?:[^"}}]|{_TEXT})*)\}})?(?=[\s,)\[]|$)')
_MATCHER = re.compile(rf"(\w+)\s*(=~|!~|!=|=)\s*({_TEXT})")
_GROUPING = re.compile(r"\b(?:by|on) \(([\w, ]*)\)")
_WORDS = frozenset(
    "group_left group_right histogram_quantile quantile_over_time last_over_time min_over_time max_over_time clamp_min"
    .split()
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expression:
    """One expression, and where it stands."""

    where: str
    text: str
    legend: str = ""

    @property
    def grouped(self) -> set[str]:
        """The labels that sums and the like are told apart by."""
        return {label for found in _GROUPING.findall(self.text) for label in re.findall(r"\w+", found)}

    def selectors(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Each metric with the labels that it is chosen by, and their values as they are written."""
        for name, inside in _SELECTOR.findall(_GROUPING.sub("", self.text)):
            if name not in _WORDS and not name.startswith("__"):
                yield name, {label: json.loads(text) for label, _, text in _MATCHER.findall(inside)}

    def of_any_value(self) -> str:
        """The same whatever values labels have, with Grafana's variables filled in."""
        text = _MATCHER.sub(r'\1=~".*"', self.text)
        for variable, value in _VARIABLES.items():
            text = text.replace(variable, value)
        return text


def dashboards() -> dict[str, Json]:
    """The dashboards by their file's name."""
    return {file.name: json.loads(file.read_text("utf-8")) for file in sorted(DASHBOARDS.glob("*.json"))}


def shown(dashboard: Json) -> Iterator[Expression]:
    """What its panels ask for."""
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield Expression(panel["title"], target["expr"], target["legendFormat"])


def rules(file: Path) -> list[Json]:
    """The alerts of a file."""
    return [rule for group in yaml.safe_load(file.read_text("utf-8"))["groups"] for rule in group["rules"]]


def alert_files() -> list[Path]:
    """The files of alerts."""
    return sorted(ALERTS.glob("*.yaml"))


def watched(file: Path) -> Iterator[Expression]:
    """What its alerts ask for."""
    return (Expression(rule["alert"], rule["expr"]) for rule in rules(file))


def every_expression() -> list[Expression]:
    """All of them."""
    return [
        *(each for dashboard in dashboards().values() for each in shown(dashboard)),
        *(each for file in alert_files() for each in watched(file)),
    ]


def names_of(metric: Metric) -> list[str]:
    """What the Prometheus exporter of a collector calls a metric: dots as `_`, its unit, and what kind it is."""
    name = metric.name.replace(".", "_") + {"s": "_seconds", "By": "_bytes"}.get(metric.unit, "")
    if metric.instrument == "histogram":
        return [name + part for part in ("_bucket", "_sum", "_count")]
    return [name + "_total"] if metric.instrument == "counter" else [name]


def labels_by_name() -> Mapping[str, set[str]]:
    """Every name in Prometheus with the labels that it may have."""
    known: dict[str, set[str]] = {TARGET: {*RESOURCE, *PROCESS}}
    for metric in METRICS:
        labels = {attribute.replace(".", "_") for attribute in metric.attributes} | PROCESS
        known |= {name: labels | ({"le"} if name.endswith("_bucket") else set()) for name in names_of(metric)}
    return known


def strangers(expression: Expression) -> set[str]:
    """What an expression names that the table does not have."""
    known, found = labels_by_name(), set[str]()
    for name, chosen in expression.selectors():
        missing = chosen.keys() - known[name] if name in known else {""}
        found |= {f"{name} {label}".strip() for label in missing}
    used = [known.get(name, set()) for name, _ in expression.selectors()]
    return found | {label for label in expression.grouped if not all(label in labels for labels in used)}
