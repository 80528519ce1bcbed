"""The gateway, watched: each message is a span below that of its request, or of what its `_meta` says."""

from starlette.types import Receive, Scope

from airegistry.gateway.app import Gateway
from airegistry.gateway.envelope import Envelope, Inbound
from airegistry.gateway.errors import Reply
from airegistry.telemetry.live import Live
from airegistry.telemetry.messages import attributes_of, context_in

_SPAN = "airegistry.span"
"""Where a request has what its message's span is left by."""


class WatchedGateway(Gateway):
    """See `Gateway`."""

    telemetry: Live

    async def _serve(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        try:
            await super()._serve(scope, receive, reply)
        except BaseException as error:
            _leave(scope, error)
            raise
        _leave(scope)

    async def _message(
        self, scope: Scope, receive: Receive, reply: Reply, inbound: Inbound
    ) -> tuple[Envelope, bytes | None]:
        envelope, body = await super()._message(scope, receive, reply, inbound)
        carrier = {} if body is None else context_in(body)
        if carrier or self.telemetry.recording:
            name, attributes = attributes_of(envelope.method, envelope.name, envelope.id)
            attributes["airegistry.server"] = scope["path"].rpartition("/")[0][1:]
            if inbound.session is not None:
                attributes["mcp.session.id"] = inbound.session[:100]
            if inbound.version is not None:
                attributes["mcp.protocol.version"] = inbound.version[:100]
            if (span := self.telemetry.message(carrier, name, "server", attributes)) is not None:
                scope[_SPAN] = entered = self.telemetry.within(span)
                entered.__enter__()
        return envelope, body


def _leave(scope: Scope, error: BaseException | None = None) -> None:
    if (entered := scope.get(_SPAN)) is not None:
        entered.__exit__(None if error is None else type(error), error, None)
