"""A collector of OpenTelemetry: takes OTLP by HTTP (protobuf) and gRPC, and keeps what it got."""

import gzip
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import anyio
import grpc
from google.protobuf.message import Message
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as trace_service
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]

_SERVICES = {
    "traces": ("opentelemetry.proto.collector.trace.v1.TraceService", trace_service.ExportTraceServiceRequest),
    "metrics": ("opentelemetry.proto.collector.metrics.v1.MetricsService", metrics_service.ExportMetricsServiceRequest),
}


class Collector:
    """What came: every message, by signal, and the headers it came with."""

    def __init__(self) -> None:
        self.traces: list[trace_service.ExportTraceServiceRequest] = []
        self.metrics: list[metrics_service.ExportMetricsServiceRequest] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""
        self.grpc_url = ""

    def take(self, signal: str, body: bytes, headers: dict[str, str]) -> None:
        """Keep one message."""
        message = _SERVICES[signal][1]()
        assert isinstance(message, Message)
        message.ParseFromString(body)
        getattr(self, signal).append(message)
        self.headers.append(headers)

    @property
    def spans(self) -> list[Span]:
        """Every span so far."""
        return [
            span for sent in self.traces for resource in sent.resource_spans for scope in resource.scope_spans
            for span in scope.spans
        ]  # fmt: skip

    @property
    def figures(self) -> dict[str, Metric]:
        """Each metric as it was told last."""
        return {
            metric.name: metric for sent in self.metrics for resource in sent.resource_metrics
            for scope in resource.scope_metrics for metric in scope.metrics
        }  # fmt: skip

    def text(self) -> str:
        """All that came, printed."""
        return "\n".join(str(message) for message in (*self.traces, *self.metrics))

    async def until(self, seen: Callable[[], bool], seconds: float = 15) -> None:
        """Return as soon as something was seen."""
        with anyio.fail_after(seconds):
            while not seen():  # noqa: ASYNC110  # it comes from another thread
                await anyio.sleep(0.02)


def attributes(of: Span | object) -> dict[str, str | int | float | bool]:
    """The attributes of a span or a data point."""
    found: list[KeyValue] = list(of.attributes)  # type: ignore[union-attr]
    return {each.key: getattr(each.value, str(each.value.WhichOneof("value"))) for each in found}


@contextmanager
def collecting(tls: tuple[bytes, bytes] | None = None) -> Iterator[Collector]:
    """A collector that listens on loopback ports, by gRPC with a certificate and its key, as `localhost`, if given."""
    collector = Collector()
    with _http(collector) as collector.url, _grpc(collector, tls) as collector.grpc_url:
        yield collector


@contextmanager
def _http(collector: Collector) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            collector.take(self.path.rpartition("/")[2], body, {k.lower(): v for k, v in self.headers.items()})
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def _grpc(collector: Collector, tls: tuple[bytes, bytes] | None) -> Iterator[str]:
    class Services(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # it takes none when it runs
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> "Handler | None":
            signals = [signal for signal, (name, _) in _SERVICES.items() if name in handler_call_details.method]

            def export(request: bytes, context: grpc.ServicerContext) -> bytes:
                collector.take(signals[0], request, {str(k): str(v) for k, v in context.invocation_metadata()})
                return b""

            return grpc.unary_unary_rpc_method_handler(export) if signals else None

    server = grpc.server(ThreadPoolExecutor(2), handlers=[Services()])
    if tls is None:
        url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    else:
        certificate, key = tls
        credentials = grpc.ssl_server_credentials([(key, certificate)])
        url = f"https://localhost:{server.add_secure_port('127.0.0.1:0', credentials)}"
    server.start()
    try:
        yield url
    finally:
        server.stop(None).wait()
