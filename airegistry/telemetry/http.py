"""Requests to the registry: a span, if the trace is recorded, and their figures."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter

from opentelemetry import context, trace
from starlette.types import Scope

from airegistry.core.telemetry import Value
from airegistry.telemetry.described import HTTP_ACTIVE, HTTP_REQUESTS
from airegistry.telemetry.figures import Series
from airegistry.telemetry.live import Carrier, Live, LiveSpan

_METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())
RouteOf = Callable[[Scope], str]
"""The template that a request's path fits; empty where there is none."""


class Requests:
    """What watches each request. Nothing of a path, a query or a header but the context is told."""

    def __init__(self, live: Live, route_of: RouteOf) -> None:
        self._live = live
        self._route_of = route_of
        self._requests = live.figures.of(HTTP_REQUESTS)
        self._active = live.figures.of(HTTP_ACTIVE)
        self._known: dict[tuple[str, str], tuple[Series, Mapping[str, Value]]] = {}

    def __call__(self, scope: Scope) -> Callable[[int], None]:
        """A request begins; what comes back is called with its status when it has ended."""
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        scheme: str = scope["scheme"]
        active, about = self._known.get((method, scheme)) or self._known_now(method, scheme)
        active.sum += 1
        carrier = None
        for name, value in scope["headers"]:
            if name == b"traceparent":
                carrier = _context(value, scope["headers"])
                break
        if carrier is None:
            span = self._live.entered(method, "server", about)
        else:
            span = self._live.continued(carrier, method, "server", about)
        token = None if span is None else context.attach(trace.set_span_in_context(span.inner))
        began = perf_counter()

        def ended(status: int) -> None:
            route = self._route_of(scope)
            active.sum -= 1
            self._requests.record(perf_counter() - began, (method, route, str(status) if status else "", scheme))
            if span is not None and token is not None:
                context.detach(token)
                _end(span, method, route, status)

        return ended

    def _known_now(self, method: str, scheme: str) -> tuple[Series, Mapping[str, Value]]:
        """Where the open requests of a method are counted, and what is said of its spans from the start."""
        found = self._active.at((method, scheme)), {"http.request.method": method, "url.scheme": scheme}
        self._known[method, scheme] = found
        return found


def _context(parent: bytes, headers: Sequence[tuple[bytes, bytes]]) -> Carrier:
    state = next((value for name, value in headers if name == b"tracestate"), b"")
    return {"traceparent": parent.decode("latin-1"), "tracestate": state.decode("latin-1")}


def _end(span: LiveSpan, method: str, route: str, status: int) -> None:
    if route:
        span.named(f"{method} {route}")
        span.set({"http.route": route})
    if status:
        span.set({"http.response.status_code": status})
    if status >= 500 or not status:
        span.fail(str(status or "cancelled"))
    span.end()
