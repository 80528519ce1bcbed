"""The gateway to agents, watched: each message is a span below that of its request."""

from starlette.types import Receive, Scope

from airegistry.gateway.a2a.app import AgentGateway, AgentRequest, target_of
from airegistry.gateway.a2a.operations import SENDS
from airegistry.gateway.a2a.replies import AgentReply
from airegistry.gateway.envelope import Inbound
from airegistry.gateway.watched import SPAN, enter, leave
from airegistry.telemetry.live import Live
from airegistry.telemetry.messages import LONGEST, Attributes


class WatchedAgentGateway(AgentGateway):
    """See `AgentGateway`."""

    telemetry: Live

    def _left(self, scope: Scope) -> None:
        if SPAN in scope:
            leave(scope)

    async def _read(
        self, scope: Scope, rest: str, inbound: Inbound, receive: Receive, reply: AgentReply
    ) -> AgentRequest:
        request = await super()._read(scope, rest, inbound, receive, reply)
        if self.telemetry.recording:
            asked = request.asked
            attributes: Attributes = {
                "a2a.method.name": asked.operation, "a2a.protocol.version": asked.version, "a2a.binding": asked.binding,
                "airegistry.agent": target_of(scope)[0],
            }  # fmt: skip
            if asked.operation in SENDS:
                attributes["gen_ai.operation.name"] = "invoke_agent"
            if isinstance(asked.id, str | int):
                attributes["jsonrpc.request.id"] = str(asked.id)[:LONGEST]
            enter(self.telemetry, scope, self.telemetry.message({}, asked.operation, "server", attributes))
        return request
