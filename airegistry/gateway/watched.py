"""The gateway, watched: each message is a span below that of its request, or of what its `_meta` says."""

import sys

from starlette.types import Scope

from airegistry.gateway.app import Gateway
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.telemetry.live import Live, LiveSpan, Within
from airegistry.telemetry.messages import TRACED, attributes_of, context_in

SPAN = "airegistry.span"
"""Where a request has what its message's span is left by."""


class WatchedGateway(Gateway):
    """See `Gateway`."""

    telemetry: Live

    def _understood(self, scope: Scope, inbound: Inbound, envelope: Envelope, body: bytes | None) -> None:
        if not self.telemetry.open.count and (body is None or TRACED not in body):
            return
        carrier = {} if body is None else context_in(body)
        if not carrier and not self.telemetry.recording:
            return
        name, attributes = attributes_of(envelope.method, envelope.name, envelope.id)
        attributes["airegistry.server"] = scope["path"].rpartition("/")[0][1:]
        if inbound.session is not None:
            attributes["mcp.session.id"] = inbound.session[:100]
        if inbound.version is not None:
            attributes["mcp.protocol.version"] = inbound.version[:100]
        enter(self.telemetry, scope, self.telemetry.message(carrier, name, "server", attributes))

    def _left(self, scope: Scope) -> None:
        if SPAN in scope:
            leave(scope)


def enter(telemetry: Live, scope: Scope, span: LiveSpan | None) -> None:
    """Have a request be served within the span of its message, if that is recorded."""
    if span is not None:
        scope[SPAN] = entered = telemetry.within(span)
        entered.__enter__()


def leave(scope: Scope) -> None:
    """End the span of a request's message."""
    entered: Within = scope[SPAN]
    error = sys.exception()
    entered.__exit__(None if error is None else type(error), error, None)
