"""A real agent of the A2A SDK, both versions and both bindings, that does what a message says."""

from collections.abc import Mapping

import anyio
from a2a.helpers.proto_helpers import new_task_from_user_message, new_text_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandlerV2
from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryPushNotificationConfigStore, InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from a2a.types.a2a_pb2 import Role
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.assets import Json


class Clerk(AgentExecutor):
    """`say` answers with a message; `work` with a task that ends, `wait` with one that waits for `go`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.go = anyio.Event()
        self.started = anyio.Event()
        self.cancelled = anyio.Event()
        self.seen: list[Mapping[str, str]] = []
        self.ran = 0

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.ran += 1
        self.seen.append(context.call_context.state["headers"])
        said = context.get_user_input()
        if said == "say":
            await event_queue.enqueue_event(
                new_text_message("said", context_id=context.context_id, role=Role.ROLE_AGENT)
            )
            return
        assert context.message is not None
        if context.current_task is None:
            task = new_task_from_user_message(context.message)
            task.id, task.context_id = context.task_id or "", context.context_id or ""
            await event_queue.enqueue_event(task)
        updater = TaskUpdater(event_queue, context.task_id or "", context.context_id or "")
        await updater.start_work()
        self.started.set()
        if said == "wait":
            await self.go.wait()
        if said == "ask":
            await updater.requires_input()
            return
        await updater.add_artifact([new_text_part(f"{said} is done")])
        await updater.complete()

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.cancelled.set()
        await TaskUpdater(event_queue, context.task_id or "", context.context_id or "").cancel()


def card(url: str, *, older: bool = False) -> AgentCard:
    """The card of the clerk at a URL, with the interfaces of 1.0, or those of 0.3 alone."""
    versions = ["0.3"] if older else ["1.0", "0.3"]
    return AgentCard(
        name="Clerk",
        description="Does what it is told.",
        version="1.2.0",
        supported_interfaces=[
            AgentInterface(url=f"{url}/{place}", protocol_binding=binding, protocol_version=version)
            for version in versions
            for binding, place in (("JSONRPC", "rpc"), ("HTTP+JSON", "rest"))
        ],
        capabilities=AgentCapabilities(streaming=True, push_notifications=True, extended_agent_card=True),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[
            AgentSkill(id=id, name=id, description=f"To {id}.", tags=["desk"], examples=[id]) for id in ("say", "work")
        ],
    )


def build(clerk: Clerk) -> Starlette:
    """The clerk as a web application: JSON-RPC at /rpc, HTTP+JSON below /rest."""
    shown = card("http://clerk.test")
    handler = DefaultRequestHandlerV2(
        clerk, InMemoryTaskStore(), shown, push_config_store=InMemoryPushNotificationConfigStore(),
        extended_agent_card=shown,
    )  # fmt: skip

    async def own_card(request: Request) -> Response:
        return JSONResponse(agent_card_to_dict(card(str(request.base_url).rstrip("/"))))

    return Starlette(
        routes=[
            Route("/card", own_card),
            *create_agent_card_routes(shown),
            *create_jsonrpc_routes(handler, "/rpc", enable_v0_3_compat=True),
            *create_rest_routes(handler, path_prefix="/rest", enable_v0_3_compat=True),
        ]
    )


def older_card(url: str) -> Json:
    """The card as a publisher of 0.3 writes it."""
    return {
        "protocolVersion": "0.3.0", "name": "Clerk", "description": "Does what it is told.", "version": "1.2.0",
        "url": f"{url}/rpc", "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": f"{url}/rpc", "transport": "JSONRPC"}, {"url": f"{url}/rest", "transport": "HTTP+JSON"},
            {"url": "grpc.clerk.test:443", "transport": "GRPC"},
        ],
        "capabilities": {"streaming": True, "pushNotifications": True},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "provider": {"organization": "Desk", "url": "https://desk.test"},
        "securitySchemes": {"own": {"type": "http", "scheme": "bearer"}}, "security": [{"own": []}],
        "signatures": [{"protected": "e30", "signature": "x"}],
        "skills": [
            {"id": id, "name": id, "description": f"To {id}.", "tags": ["desk"], "security": [{"own": []}]}
            for id in ("say", "work")
        ],
    }  # fmt: skip
