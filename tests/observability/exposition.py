"""Metrics as the Prometheus exporter of a collector shows them, with `enable_open_metrics: true`, all else by default:
OpenMetrics text with units and kinds in names, `job` and `instance` of the resource, and the name of the scope."""

import re
from collections.abc import Iterator

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Exemplar, HistogramDataPoint, Metric

from tests.support.otlp import attributes

CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
Labels = dict[str, object]
_UNITS = {"s": "_seconds", "By": "_bytes"}


def openmetrics(message: ExportMetricsServiceRequest) -> str:
    """One message as text."""
    lines = []
    for told in message.resource_metrics:
        about = dict(attributes(told.resource))
        process: Labels = {"job": about.pop("service.name"), "instance": about.pop("service.instance.id")}
        lines += ["# TYPE target info", f"target_info{_braces({**about, **process})} 1"]
        for scope in told.scope_metrics:
            where = {"otel_scope_name": scope.scope.name, "otel_scope_version": scope.scope.version, **process}
            lines += [line for metric in scope.metrics for line in _lines(metric, where)]
    return "\n".join([*lines, "# EOF\n"])


def _lines(metric: Metric, where: Labels) -> Iterator[str]:
    # What a unit has in braces says what is counted and is no unit.
    name = re.sub(r"[^a-zA-Z0-9_]", "_", metric.name) + _UNITS.get(re.sub(r"\{.*\}", "", metric.unit), "")
    if metric.HasField("histogram"):
        yield f"# TYPE {name} histogram"
        for point in metric.histogram.data_points:
            yield from _histogram(name, point, {**attributes(point), **where})
        return
    counter = metric.HasField("sum") and metric.sum.is_monotonic
    yield f"# TYPE {name} {'counter' if counter else 'gauge'}"
    points = metric.sum.data_points if metric.HasField("sum") else metric.gauge.data_points
    for each in points:
        yield f"{name}{'_total' if counter else ''}{_braces({**attributes(each), **where})} {each.as_double}"


def _histogram(name: str, point: HistogramDataPoint, labels: Labels) -> Iterator[str]:
    bounds, below, least = [*point.explicit_bounds, float("inf")], 0, float("-inf")
    for bound, count in zip(bounds, point.bucket_counts, strict=True):
        below += count
        seen = [each for each in point.exemplars if least < each.as_double <= bound]
        le = "+Inf" if bound == bounds[-1] else repr(bound)
        yield f"{name}_bucket{_braces({**labels, 'le': le})} {below}{_exemplar(seen)}"
        least = bound
    yield f"{name}_sum{_braces(labels)} {point.sum}"
    yield f"{name}_count{_braces(labels)} {point.count}"


def _exemplar(seen: list[Exemplar]) -> str:
    if not seen:
        return ""
    ids: Labels = {"trace_id": seen[-1].trace_id.hex(), "span_id": seen[-1].span_id.hex()}
    return f" # {_braces(ids)} {seen[-1].as_double} {seen[-1].time_unix_nano / 1e9}"


def _braces(labels: Labels) -> str:
    shown = ((re.sub(r"[^a-zA-Z0-9_]", "_", name), str(value)) for name, value in labels.items())
    return "{" + ",".join(f'{name}="{value}"' for name, value in shown) + "}"
