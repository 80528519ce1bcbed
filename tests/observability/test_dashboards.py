"""The dashboards: as the script writes them, and of metrics that there are."""

import re

import pytest
import yaml

from airegistry.telemetry.described import METRICS
from scripts.write_dashboards import files
from tests.observability.expressions import (
    DASHBOARDS,
    Expression,
    Json,
    dashboards,
    every_expression,
    names_of,
    shown,
    strangers,
)
from tests.support.processes import ROOT

PAGES = dashboards()
every_page = pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)


def test_dashboards_are_what_the_script_writes() -> None:
    assert {file.name: file.read_text("utf-8") for file in DASHBOARDS.iterdir()} == dict(files())


@every_page
def test_a_panel_asks_for_metrics_and_labels_of_the_table(page: Json) -> None:
    assert {each.where: found for each in shown(page) if (found := strangers(each))} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sum by (kind) (airegistry_scans_total)", set()),
        ("sum by (colour) (airegistry_scans_total)", {"colour"}),
        ('airegistry_scans_total{verdict="}"} - airegistry_scan_total', {"airegistry_scan_total"}),
        ('rate(airegistry_scans_total{colour="red"}[5m])', {"airegistry_scans_total colour"}),
    ],
)
def test_what_is_not_in_the_table_is_noticed(text: str, found: set[str]) -> None:
    assert strangers(Expression("here", text)) == found


@every_page
def test_series_are_called_by_labels_that_they_have(page: Json) -> None:
    for each in shown(page):
        assert {*re.findall(r"\{\{(\w+)\}\}", each.legend)} <= each.grouped, each.where


@every_page
def test_panels_say_what_they_show_and_lie_side_by_side(page: Json) -> None:
    taken = set[tuple[int, int]]()
    for panel in page["panels"]:
        assert panel["title"]
        assert panel["type"] == "row" or panel["description"], panel["title"]
        place = panel["gridPos"]
        covered = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not covered & taken, panel["title"]
        assert max(x for x, _ in covered) < 24, panel["title"]
        taken |= covered
    assert len({panel["id"] for panel in page["panels"]}) == len(page["panels"])


def test_every_metric_is_shown_somewhere() -> None:
    asked = {name for page in PAGES.values() for each in shown(page) for name, _ in each.selectors()}
    assert [metric.name for metric in METRICS if not asked & {*names_of(metric)}] == []


def test_latencies_lead_to_traces() -> None:
    led = {
        name for page in PAGES.values() for panel in page["panels"] for target in panel.get("targets", ())
        if target["exemplar"] for name, _ in Expression("", target["expr"]).selectors()
    }  # fmt: skip
    assert {"airegistry_gateway_call_duration_seconds_bucket", "airegistry_search_duration_seconds_bucket"} <= led


def test_pages_have_names_of_their_own() -> None:
    assert len({page["uid"] for page in PAGES.values()}) == len({page["title"] for page in PAGES.values()}) == 4
    assert every_expression()


def test_compose_shows_these_dashboards_and_watches_these_alerts() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text("utf-8"))["services"]
    (grafana,) = (each for each in services["grafana"]["volumes"] if each.startswith("../observability/dashboards:"))
    (alerts,) = (each for each in services["prometheus"]["volumes"] if each.startswith("../observability/alerts:"))
    folder = ROOT / "docker" / "observability"
    provider = yaml.safe_load((folder / "grafana" / "dashboards" / "airegistry.yaml").read_text("utf-8"))["providers"]
    assert provider[0]["options"]["path"] == grafana.split(":")[1]
    read = yaml.safe_load((folder / "prometheus.yaml").read_text("utf-8"))["rule_files"]
    assert f"{alerts.split(':')[1]}/*.yaml" in read
