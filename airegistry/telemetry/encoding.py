"""Figures and spans as OTLP (protobuf). Of what is sent on, nothing but this is known to those who carry it."""

import time
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.sdk.trace import ReadableSpan

from airegistry import __version__
from airegistry.telemetry.described import Metric
from airegistry.telemetry.figures import Figures, Key, Series

SCOPE = "airegistry"
_CUMULATIVE = otlp.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_NUMBERS = frozenset(("http.response.status_code",))


def metrics_of(figures: Figures, resource: Mapping[str, str]) -> bytes:
    """An ExportMetricsServiceRequest of everything that was added up since the start."""
    now = time.time_ns()
    found = [_metric(metric, series, figures.began, now) for metric, series in figures]
    scope = otlp.ScopeMetrics(scope=InstrumentationScope(name=SCOPE, version=__version__), metrics=found)
    about = Resource(attributes=[_attribute(name, value) for name, value in resource.items()])
    sent = otlp.ResourceMetrics(resource=about, scope_metrics=[scope])
    return ExportMetricsServiceRequest(resource_metrics=[sent]).SerializeToString()


def spans_of(spans: Sequence[ReadableSpan]) -> bytes:
    """An ExportTraceServiceRequest."""
    return encode_spans(spans).SerializeToString()


def _metric(metric: Metric, series: Sequence[tuple[Key, Series]], began: int, now: int) -> otlp.Metric:
    made = otlp.Metric(name=metric.name, unit=metric.unit, description=metric.meaning)
    if metric.instrument == "histogram":
        points = [_histogram(metric, key, each, began, now) for key, each in series]
        made.histogram.CopyFrom(otlp.Histogram(data_points=points, aggregation_temporality=_CUMULATIVE))
        return made
    numbers = [
        otlp.NumberDataPoint(
            attributes=_attributes(metric, key), start_time_unix_nano=began, time_unix_nano=now, as_double=each.sum
        )
        for key, each in series
    ]
    if metric.instrument == "gauge":
        made.gauge.CopyFrom(otlp.Gauge(data_points=numbers))
    else:
        rises = metric.instrument == "counter"
        made.sum.CopyFrom(
            otlp.Sum(data_points=numbers, aggregation_temporality=_CUMULATIVE, is_monotonic=rises)
        )  # fmt: skip
    return made


def _histogram(metric: Metric, key: Key, series: Series, began: int, now: int) -> otlp.HistogramDataPoint:
    seen = [
        otlp.Exemplar(
            as_double=each.value,
            time_unix_nano=each.at,
            trace_id=each.trace.to_bytes(16),
            span_id=each.span.to_bytes(8),
        )
        for each in list(series.exemplars.values())
    ]
    counts = list(series.counts)  # the sum of them is the count, whatever is added meanwhile
    return otlp.HistogramDataPoint(
        attributes=_attributes(metric, key), start_time_unix_nano=began, time_unix_nano=now, count=sum(counts),
        sum=series.sum, bucket_counts=counts, explicit_bounds=metric.buckets, exemplars=seen,
    )  # fmt: skip


def _attributes(metric: Metric, key: Key) -> list[KeyValue]:
    return [_attribute(name, value) for name, value in zip(metric.attributes, key, strict=True) if value]


def _attribute(name: str, value: str) -> KeyValue:
    if name in _NUMBERS and value.isdigit():
        return KeyValue(key=name, value=AnyValue(int_value=int(value)))
    return KeyValue(key=name, value=AnyValue(string_value=value))
