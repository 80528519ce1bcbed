"""The gateway's way out, watched: requests to backends are timed, and carry on the trace that they are part of.

What goes on is the W3C context, `traceparent` and `tracestate`, in headers and in `_meta` of the message. Of a trace
that is not recorded here the client's own goes on as it came, unless the settings say that none does.
"""

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Literal
from urllib.parse import urlsplit

import orjson
from pydantic import JsonValue

from airegistry.core.errors import AirError
from airegistry.egress.guard import Guard
from airegistry.egress.stream import Body, StreamClient, StreamResponse
from airegistry.telemetry.described import BACKEND_REQUESTS
from airegistry.telemetry.live import Live, LiveSpan
from airegistry.telemetry.messages import about, is_of_mcp

LONGEST = 262_144
"""Bytes of a message up to which the context is put into it as well."""
_CONTEXT = frozenset(("traceparent", "tracestate"))
Propagation = Literal["none", "trace"]


class WatchedStreamClient(StreamClient):
    """See `StreamClient`."""

    def __init__(
        self, guard: Guard, live: Live, propagation: Propagation, *, first_byte_timeout: float, idle_timeout: float
    ) -> None:
        super().__init__(guard, first_byte_timeout=first_byte_timeout, idle_timeout=idle_timeout)
        self._live = live
        self._propagates = propagation == "trace"
        self._duration = live.figures.of(BACKEND_REQUESTS)

    async def request(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: Body | None = None, *,
        first_byte_timeout: float | None = None, endless: bool = False,
    ) -> StreamResponse:  # fmt: skip
        """See `StreamClient`."""
        if not self._propagates:
            headers = [header for header in headers if header[0] not in _CONTEXT]
        span = None
        if self._live.recording:
            span = self._begun(method, url, body)
            if self._propagates:
                headers, body = _carrying(self._live.carrier_of(span), headers, body)
        began, status, error = perf_counter(), "", "cancelled"
        try:
            response = await super().request(
                method, url, headers, body, first_byte_timeout=first_byte_timeout, endless=endless
            )
            status, error = str(response.status), ""
        except AirError as failure:
            error = failure.code
            raise
        finally:
            self._duration.record(perf_counter() - began, (method, status, error))
            if span is not None:
                _end(span, status, error)
        return response

    def _begun(self, method: str, url: str, body: Body | None) -> LiveSpan:
        name, attributes = about(body) if isinstance(body, bytes) and len(body) <= LONGEST else ("", {})
        where = urlsplit(url)
        attributes |= {"http.request.method": method, "server.address": where.hostname or ""}
        if where.port is not None:
            attributes["server.port"] = where.port
        return self._live.begin(name or method, "client", attributes)


def _end(span: LiveSpan, status: str, error: str) -> None:
    if status:
        span.set({"http.response.status_code": int(status)})
    if error or status >= "4":
        span.fail(error or status)
    span.end()


def _carrying(
    carrier: Mapping[str, str], headers: Sequence[tuple[str, str]], body: Body | None
) -> tuple[Sequence[tuple[str, str]], Body | None]:
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
