"""Dashboards and alerts, held against what a registry that does all it can tells a real Prometheus."""

import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from airegistry.telemetry.described import METRICS
from tests.observability.exposition import CONTENT_TYPE, openmetrics
from tests.observability.expressions import (
    PROCESS,
    RESOURCE,
    TARGET,
    alert_files,
    dashboards,
    every_expression,
    labels_by_name,
    names_of,
    shown,
    watched,
)
from tests.observability.prometheus import Prometheus, prometheus
from tests.support import mcp
from tests.support.asgi import serve
from tests.telemetry.test_table import Doing, changing
from tests.telemetry.world import World, telling

pytestmark = pytest.mark.anyio
LATER = 90
"""Seconds after what was told last, for what is asked by the minute."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A Prometheus that was told everything, when, and what it has."""

    prometheus: Prometheus
    at: float
    series: dict[str, set[str]]


@pytest.fixture(scope="module")
async def seen(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Seen]:
    text = openmetrics(await told_by_a_registry(tmp_path_factory.mktemp("registry")))

    async def metrics(request: Request) -> Response:
        return Response(text, headers={"content-type": CONTENT_TYPE})

    async with serve(Starlette(routes=[Route("/metrics", metrics)])) as shown_at:
        target = shown_at.removeprefix("http://")
        async with prometheus(tmp_path_factory.mktemp("prometheus"), target) as asked:
            with anyio.fail_after(20):
                while not await asked.query("count_over_time(target_info[1m]) >= 3"):  # noqa: ASYNC110  # no event tells it
                    await anyio.sleep(0.2)
            yield Seen(asked, time.time(), await asked.series())


async def told_by_a_registry(folder: Path) -> ExportMetricsServiceRequest:
    """What a registry told of itself at the end, that somebody had do everything."""
    server, app = changing()
    chosen: dict[str, object] = {
        "embedder": "minilm", "approval_seconds": 20, "approval_by_caller": True, "approval_by_machine": True,
    }  # fmt: skip
    async with telling(folder, given=chosen) as world, serve(app) as behind:
        await Doing(world, behind, server).all()
        await unwelcome(world, behind)
        wanted = {metric.name for metric in METRICS}
        await world.collector.until(lambda: wanted <= world.collector.figures.keys(), 10)
        already = len(world.collector.metrics)
        await world.collector.until(lambda: len(world.collector.metrics) >= already + 2)
        return world.collector.metrics[-1]


async def unwelcome(world: World, behind: str) -> None:
    """What nobody wishes for: a stranger, a refusal, and a skill that a scan holds; and somebody who reads along."""
    await world.http.get(f"{world.url}/v0.1/servers")
    await world.http.post(f"{world.url}/mcp", json={})
    doing = Doing(world, behind, changing()[0])
    with mcp.refused("not_found"):
        await doing.ask("get_server_details", path="nowhere")


async def test_names_and_labels_are_those_that_the_tests_of_dashboards_go_by(seen: Seen) -> None:
    known = labels_by_name()
    assert {*seen.series} == {name for metric in METRICS for name in names_of(metric)} | {TARGET}
    scope = {"otel_scope_name", "otel_scope_version"}
    ours = {name: labels - scope for name, labels in seen.series.items() if name != TARGET}
    assert {name: labels - known[name] for name, labels in ours.items() if labels - known[name]} == {}
    assert all(labels >= PROCESS for labels in seen.series.values())
    assert seen.series[TARGET] >= RESOURCE


async def test_everything_that_is_named_was_seen(seen: Seen) -> None:
    for each in every_expression():
        for name, chosen in each.selectors():
            assert name in seen.series, f"{each.where}: {name}"
            assert chosen.keys() <= seen.series[name], f"{each.where}: {name} {chosen}"
        labels = [seen.series[name] for name, _ in each.selectors()]
        assert all(any(label in those for those in labels) for label in each.grouped), each.where


@pytest.mark.parametrize("name", dashboards())
async def test_every_panel_shows_something(seen: Seen, name: str) -> None:
    asked = [(each.where, each.of_any_value()) for each in shown(dashboards()[name])]
    found = {where: await seen.prometheus.query(text, seen.at + LATER) for where, text in asked}
    assert [where for where, series in found.items() if not series] == []


async def test_prometheus_evaluates_every_alert(seen: Seen) -> None:
    groups = (await seen.prometheus.ask("rules"))["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == {each.where for file in alert_files() for each in watched(file)}
    assert {rule["name"]: rule for rule in rules if rule["health"] == "err"} == {}
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert {"AiregistryCircuitOpen", "AiregistryDefinitionHeld", "AiregistryQuarantinedCalled"} <= firing


async def test_a_call_leads_to_its_trace(seen: Seen) -> None:
    query = "airegistry_gateway_call_duration_seconds_bucket"
    asked = {"query": query, "start": str(seen.at - 600), "end": str(seen.at + 600)}
    found = await seen.prometheus.ask("query_exemplars", **asked)
    assert len(found[0]["exemplars"][0]["labels"]["trace_id"]) == 32
