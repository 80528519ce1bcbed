"""Figures and spans as OTLP (protobuf). Of what is sent on, nothing but this is known to those who carry it."""

import time
from collections.abc import Mapping, Sequence

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.util.types import AttributeValue

from airegistry import __version__
from airegistry.telemetry.described import Metric
from airegistry.telemetry.figures import Figures, Key, Series

SCOPE = "airegistry"
_CUMULATIVE = otlp.AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_REMOTE_KNOWN = trace.SpanFlags.SPAN_FLAGS_CONTEXT_HAS_IS_REMOTE_MASK
_REMOTE = trace.SpanFlags.SPAN_FLAGS_CONTEXT_IS_REMOTE_MASK
_NUMBERS = frozenset(("http.response.status_code",))


def metrics_of(figures: Figures, resource: Mapping[str, str]) -> bytes:
    """An ExportMetricsServiceRequest of everything that was added up since the start."""
    now = time.time_ns()
    found = [_metric(metric, series, figures.began, now) for metric, series in figures]
    scope = otlp.ScopeMetrics(scope=InstrumentationScope(name=SCOPE, version=__version__), metrics=found)
    sent = otlp.ResourceMetrics(resource=_about(resource), scope_metrics=[scope])
    return ExportMetricsServiceRequest(resource_metrics=[sent]).SerializeToString()


def spans_of(spans: Sequence[ReadableSpan], resource: Mapping[str, str]) -> bytes:
    """An ExportTraceServiceRequest.

    The exporter of OpenTelemetry takes three times as long: it looks for resource and scope of each span anew.
    """
    scope = InstrumentationScope(name=SCOPE, version=__version__)
    found = trace.ScopeSpans(scope=scope, spans=[_span(each) for each in spans])
    sent = trace.ResourceSpans(resource=_about(resource), scope_spans=[found])
    return ExportTraceServiceRequest(resource_spans=[sent]).SerializeToString()


def _about(resource: Mapping[str, str]) -> Resource:
    return Resource(attributes=[_attribute(name, value) for name, value in resource.items()])


def _span(span: ReadableSpan) -> trace.Span:
    """A span as it is sent; ours have neither events nor links."""
    context, parent = span.get_span_context(), span.parent
    assert context is not None
    return trace.Span(
        trace_id=context.trace_id.to_bytes(16),
        span_id=context.span_id.to_bytes(8),
        trace_state=context.trace_state.to_header(),
        parent_span_id=b"" if parent is None else parent.span_id.to_bytes(8),
        name=span.name,
        kind=span.kind.value + 1,  # type: ignore[arg-type]  # OTLP counts from "unspecified"
        start_time_unix_nano=span.start_time or 0,
        end_time_unix_nano=span.end_time or 0,
        attributes=[KeyValue(key=name, value=_value(value)) for name, value in (span.attributes or {}).items()],
        status=trace.Status(code=span.status.status_code.value),  # type: ignore[arg-type]  # the numbers are the same
        dropped_attributes_count=span.dropped_attributes,
        flags=_REMOTE_KNOWN | (_REMOTE if parent is not None and parent.is_remote else 0),
    )


def _value(value: AttributeValue) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    assert isinstance(value, float), "the port takes no others"
    return AnyValue(double_value=value)


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
