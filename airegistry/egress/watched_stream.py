"""What watches the gateway's way out: requests to backends are timed, and carry on the trace that they are part of.

What goes on is the W3C context, `traceparent` and `tracestate`, in headers and in `_meta` of the message. Of a trace
that is not recorded here the client's own goes on as it came, unless the settings say that none does.
"""

from collections.abc import Mapping
from time import perf_counter
from typing import Literal
from urllib.parse import urlsplit

import orjson
from pydantic import JsonValue

from airegistry.core.errors import AirError
from airegistry.egress.stream import Body, Ended, Headers
from airegistry.telemetry.described import BACKEND_REQUESTS
from airegistry.telemetry.live import Live, LiveSpan
from airegistry.telemetry.messages import about, is_of_mcp

LONGEST = 262_144
"""Bytes of a message up to which the context is put into it as well."""
_CONTEXT = frozenset(("traceparent", "tracestate"))
Propagation = Literal["none", "trace"]


class Exchanges:
    """Requests to backends. One that is recorded tells of its span, where the settings let it."""

    def __init__(self, live: Live, propagation: Propagation) -> None:
        self._live = live
        self._propagates = propagation == "trace"
        self._duration = live.figures.of(BACKEND_REQUESTS)

    def __call__(
        self, method: str, url: str, headers: Headers, body: Body | None
    ) -> tuple[Headers, Body | None, Ended]:
        """A request begins; see `Watch`."""
        if not self._propagates:
            headers = [header for header in headers if header[0] not in _CONTEXT]
        span = None
        if self._live.open.count and self._live.recording:
            span = self._begun(method, url, body)
            if self._propagates:
                headers, body = _carrying(self._live.carrier_of(span), headers, body)
        began = perf_counter()

        def ended(status: int, error: BaseException | None) -> None:
            told = "" if error is None else error.code if isinstance(error, AirError) else "cancelled"
            self._duration.record(perf_counter() - began, (method, str(status) if status else "", told))
            if span is not None:
                _end(span, status, told)

        return headers, body, ended

    def _begun(self, method: str, url: str, body: Body | None) -> LiveSpan:
        name, attributes = about(body) if isinstance(body, bytes) and len(body) <= LONGEST else ("", {})
        where = urlsplit(url)
        attributes |= {"http.request.method": method, "server.address": where.hostname or ""}
        if where.port is not None:
            attributes["server.port"] = where.port
        return self._live.begin(name or method, "client", attributes)


def _end(span: LiveSpan, status: int, error: str) -> None:
    if status:
        span.set({"http.response.status_code": status})
    if error or status >= 400:
        span.fail(error or str(status))
    span.end()


def _carrying(carrier: Mapping[str, str], headers: Headers, body: Body | None) -> tuple[Headers, Body | None]:
    """A request that tells of the span it is made for, and of no other."""
    kept = [header for header in headers if header[0] not in _CONTEXT]
    if isinstance(body, bytes) and len(body) <= LONGEST:
        body = in_meta(body, carrier)
    return [*kept, *carrier.items()], body


def in_meta(body: bytes, carrier: Mapping[str, str]) -> bytes:
    """A message of MCP with the context in `_meta`. One that would not print back as it came goes on as it is: it is
    the caller's, byte for byte."""
    try:
        message: JsonValue = orjson.loads(body)
        if not isinstance(message, dict) or not is_of_mcp(message.get("method")) or orjson.dumps(message) != body:
            return body
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return body
    params = message.setdefault("params", {})
    if not isinstance(params, dict):
        return body
    meta = params.setdefault("_meta", {})
    if not isinstance(meta, dict):
        return body
    for name in ("traceparent", "tracestate"):
        meta.pop(name, None)
    meta.update(carrier)
    return orjson.dumps(message)
