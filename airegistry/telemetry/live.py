"""The core's `Telemetry` port where telemetry is on: figures that are added up here, spans by OpenTelemetry's SDK.

Whether a trace is recorded is decided before anything of a span is made; most are not, and cost a look at a context
variable.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from airegistry import __version__
from airegistry.core.errors import AirError
from airegistry.core.telemetry import NO_SPAN, NOTHING, Histogram, Kind, Span, Value
from airegistry.telemetry.encoding import SCOPE
from airegistry.telemetry.figures import Figures, OpenSpans
from airegistry.telemetry.sampling import Sampling

QUEUE = 4096
"""Spans that wait to be sent; what comes beyond them is given up."""

Carrier = Mapping[str, str]
"""W3C trace context: `traceparent`, perhaps `tracestate`."""

_KINDS = {
    "internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT, "server": SpanKind.SERVER, "producer": SpanKind.PRODUCER,
}  # fmt: skip
_W3C = TraceContextTextMapPropagator()
_passed: ContextVar[bool] = ContextVar("airegistry_passed", default=False)
"""Whether it was decided that nothing here belongs to a recorded trace."""


class LiveSpan:
    """The `Span` port over one of the SDK's. `end` is called once."""

    __slots__ = ("inner",)

    def __init__(self, inner: trace.Span) -> None:
        self.inner = inner

    def set(self, attributes: Mapping[str, Value]) -> None:
        """See `Span`."""
        self.inner.set_attributes(attributes)

    def fail(self, error_type: str) -> None:
        """See `Span`."""
        self.inner.set_attribute("error.type", error_type)
        self.inner.set_status(Status(StatusCode.ERROR))

    def named(self, name: str) -> None:
        """Give it another name, known by now."""
        self.inner.update_name(name)

    def end(self) -> None:
        """It is over."""
        self.inner.end()


class Within:
    """A block whose present span is this one. An error that leaves it makes the span failed."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: LiveSpan) -> None:
        self._span = span

    def __enter__(self) -> LiveSpan:
        self._token = context.attach(trace.set_span_in_context(self._span.inner))
        return self._span

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            self._span.fail(error.code if isinstance(error, AirError) else type(error).__name__)
        context.detach(self._token)
        self._span.end()


class Spans(SpanProcessor):
    """Keeps what is over until it is sent."""

    def __init__(self, open: OpenSpans, most: int = QUEUE) -> None:
        self._open = open
        self._ended: deque[ReadableSpan] = deque()
        self._most = most
        self.dropped = 0

    def on_start(self, span: trace.Span, parent_context: Context | None = None) -> None:
        """Count one."""
        self._open.change(1)

    def on_end(self, span: ReadableSpan) -> None:
        """Take one, if there is room."""
        self._open.change(-1)
        if len(self._ended) < self._most:
            self._ended.append(span)
        else:
            self.dropped += 1

    def take(self, most: int) -> list[ReadableSpan]:
        """The oldest of those that wait, which wait no more."""
        return [self._ended.popleft() for _ in range(min(most, len(self._ended)))]


class Live:
    """See `Telemetry`. `most` bounds how many values of an attribute are told apart."""

    on = True

    def __init__(self, sampling: Sampling, resource: Mapping[str, str], *, most: int) -> None:
        self.figures = Figures(most)
        self.open = self.figures.open
        self.spans = Spans(self.open)
        self.resource = resource
        self._sampling = sampling
        provider = TracerProvider(sampler=ALWAYS_ON, resource=Resource(dict(resource)), shutdown_on_exit=False)
        provider.add_span_processor(self.spans)
        self._tracer = provider.get_tracer(SCOPE, __version__)

    def count(self, name: str, value: int = 1, **attributes: str) -> None:
        """See `Telemetry`."""
        self.figures.add(name, value, attributes)

    def record(self, name: str, value: float, **attributes: str) -> None:
        """See `Telemetry`."""
        self.figures.record(name, value, attributes)

    def histogram(self, name: str, *attributes: str) -> Histogram:
        """See `Telemetry`."""
        adding = self.figures.of(name)
        assert adding.metric.attributes == attributes, f"{name} has {adding.metric.attributes}"
        return adding.record

    def change(self, name: str, by: int, **attributes: str) -> None:
        """See `Telemetry`."""
        self.figures.add(name, by, attributes)

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, Value] = NOTHING, kind: Kind = "internal") -> Iterator[Span]:
        """See `Telemetry`."""
        if not self.wanted:
            yield NO_SPAN
            return
        with self.within(self.begin(name, kind, attributes)) as span:
            yield span

    def annotate(self, attributes: Mapping[str, Value]) -> None:
        """See `Telemetry`."""
        if self.open.count:
            trace.get_current_span().set_attributes(attributes)

    @property
    def recording(self) -> bool:
        """Whether what is under way is being recorded by this process."""
        return self.open.count > 0 and trace.get_current_span().is_recording()

    @property
    def wanted(self) -> bool:
        """Whether a piece of work that begins here is recorded, as a part of what is under way or on its own."""
        span = trace.get_current_span()
        if span.is_recording():
            return True
        above = span.get_span_context()
        if above.is_valid:
            return self._sampling.goes_on(above)
        return not _passed.get() and self._sampling.begins()

    def begin(self, name: str, kind: Kind, attributes: Mapping[str, Value], parent: Context | None = None) -> LiveSpan:
        """A span that is recorded, below the present one unless it has another `parent`; whoever began it ends it."""
        return LiveSpan(self._tracer.start_span(name, parent, _KINDS[kind], attributes))

    def looked_back(self, name: str, seconds: float, attributes: Mapping[str, Value]) -> None:
        """Tell of a piece of work after it, where what it was part of is recorded: a request to something else."""
        if self.recording:
            now = time.time_ns()
            span = self._tracer.start_span(name, None, SpanKind.CLIENT, attributes, start_time=now - int(seconds * 1e9))
            span.end(now)

    def within(self, span: LiveSpan) -> "Within":
        """Have a span be the present one for the block, and end with it."""
        return Within(span)

    def entered(self, name: str, kind: Kind, attributes: Mapping[str, Value]) -> LiveSpan | None:
        """The span of a request from outside; None when it is not recorded, which holds for everything that is done for
        it, for as long as its task lives."""
        if self._sampling.begins():
            return self.begin(name, kind, attributes)
        _passed.set(True)
        return None

    def continued(self, carrier: Carrier, name: str, kind: Kind, attributes: Mapping[str, Value]) -> LiveSpan | None:
        """As `entered`, below what the caller says the request belongs to."""
        parent = _W3C.extract(carrier)
        above = trace.get_current_span(parent).get_span_context()
        if not above.is_valid:
            return self.entered(name, kind, attributes)
        if self._sampling.goes_on(above):
            return self.begin(name, kind, attributes, parent)
        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(above)))
        return None

    def message(self, carrier: Carrier, name: str, kind: Kind, attributes: Mapping[str, Value]) -> LiveSpan | None:
        """The span of a message: below what the message itself says it belongs to, else below the present one."""
        if carrier:
            parent = _W3C.extract(carrier)
            above = trace.get_current_span(parent).get_span_context()
            if above.is_valid:
                goes_on = self._sampling.goes_on(above)
                return self.begin(name, kind, attributes, parent) if goes_on else None
        return self.begin(name, kind, attributes) if self.wanted else None

    @staticmethod
    def carrier_of(span: LiveSpan) -> dict[str, str]:
        """What tells the next process that it works for a span."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, trace.set_span_in_context(span.inner))
        return carrier
