"""Figures as they are added up, bounded and encoded; and which traces are recorded."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.trace import SpanContext, TraceFlags

from airegistry.telemetry.described import METRICS, Metric
from airegistry.telemetry.encoding import metrics_of
from airegistry.telemetry.figures import Figures
from airegistry.telemetry.live import Live
from airegistry.telemetry.sampling import Sampling
from tests.support.otlp import attributes

TABLE = (
    Metric("calls", "counter", "{call}", ("path", "outcome"), "Calls."),
    Metric("time", "histogram", "s", ("path",), "Time.", (0.1, 1.0)),
    Metric("open", "up-down counter", "{call}", (), "Open."),
    Metric("depth", "gauge", "{call}", ("queue",), "Depth."),
)


def told(figures: Figures) -> dict[str, list[tuple[dict[str, object], object]]]:
    """Each metric as a collector reads it: attributes, and the value or the buckets."""
    message = ExportMetricsServiceRequest.FromString(metrics_of(figures, {"service.name": "x"}))
    found: dict[str, list[tuple[dict[str, object], object]]] = {}
    for metric in message.resource_metrics[0].scope_metrics[0].metrics:
        points = getattr(metric, str(metric.WhichOneof("data"))).data_points
        found[metric.name] = [
            (dict(attributes(point)), list(point.bucket_counts) if metric.HasField("histogram") else point.as_double)
            for point in points
        ]
    return found


def test_what_is_added_up_is_what_is_sent() -> None:
    figures = Figures(10, TABLE)
    figures.add("calls", 2, {"path": "a", "outcome": "ok"})
    figures.add("calls", 1, {"path": "a", "outcome": "ok"})
    figures.add("open", 3, {})
    figures.add("open", -1, {})
    for seconds in (0.05, 0.1, 0.5, 7):
        figures.record("time", seconds, {})
    figures.watch_each("depth", lambda: {("out",): 7})
    figures.look()
    assert told(figures) == {
        "calls": [({"path": "a", "outcome": "ok"}, 3.0)], "time": [({}, [2, 1, 1])], "open": [({}, 2.0)],
        "depth": [({"queue": "out"}, 7.0)],
    }  # fmt: skip


def test_values_beyond_the_bound_are_counted_as_others() -> None:
    figures = Figures(3, TABLE)
    for number in range(1000):
        figures.add("calls", 1, {"path": f"server-{number}", "outcome": "ok"})
    figures.add("calls", 1, {"path": "server-1", "outcome": "ok"})
    by_path = {str(about["path"]): value for about, value in told(figures)["calls"]}
    assert by_path == {"server-0": 1.0, "server-1": 2.0, "server-2": 1.0, "other": 997.0}


def test_what_no_table_has_is_not_sent_and_is_known() -> None:
    figures = Figures(3, TABLE)
    figures.add("unheard", 1, {})
    figures.add("calls", 1, {"colour": "red"})
    assert told(figures) == {}
    assert figures.strangers == {"unheard", "calls colour"}


def test_a_bucket_names_a_trace_in_which_such_a_value_was_seen() -> None:
    live = Live(Sampling("always_on", 1), {}, most=10)
    with live.span("work"):
        live.record("airegistry.scan.duration", 0.2, kind="server")
    (span,) = live.spans.take(10)
    message = ExportMetricsServiceRequest.FromString(metrics_of(live.figures, {}))
    (point,) = message.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points
    (exemplar,) = point.exemplars
    assert span.context is not None
    assert int.from_bytes(exemplar.trace_id, "big") == span.context.trace_id
    assert exemplar.as_double == 0.2


def test_histograms_have_buckets_and_nothing_is_in_the_table_twice() -> None:
    assert all(bool(metric.buckets) is (metric.instrument == "histogram") for metric in METRICS)
    assert all(list(metric.buckets) == sorted(set(metric.buckets)) for metric in METRICS)
    assert len({metric.name for metric in METRICS}) == len(METRICS)


@pytest.mark.parametrize("recorded", [True, False])
def test_a_callers_decision_holds_unless_the_sampler_says_otherwise(recorded: bool) -> None:
    flags = TraceFlags(TraceFlags.SAMPLED if recorded else 0)
    caller = SpanContext(1 << 100 | 1 << 63, 1, is_remote=True, trace_flags=flags)
    assert Sampling("parentbased_traceidratio", 0).goes_on(caller) is recorded
    assert Sampling("parentbased_always_off", 1).goes_on(caller) is recorded
    assert Sampling("always_on", 0).goes_on(caller)
    assert not Sampling("always_off", 1).goes_on(caller)
    assert Sampling("traceidratio", 0.6).goes_on(caller), "its id lies in the middle"
    assert not Sampling("traceidratio", 0.4).goes_on(caller)


def test_under_load_so_many_traces_a_second_are_recorded() -> None:
    now = [0.0]
    sampling = Sampling("parentbased_traceidratio", 0.999999, most=5, clock=lambda: now[0])
    assert sum(sampling.begins() for _ in range(1000)) == 5
    now[0] += 1
    assert sum(sampling.begins() for _ in range(1000)) == 5
    assert all(Sampling("always_on", 0, most=1).begins() for _ in range(100))
