"""The real core, gateway and tools over backends of each era, one of whose tools waits for approval."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import anyio
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from starlette.types import ASGIApp, Receive, Scope, Send

from airegistry.core.approval_requests import ApprovalRequest, Status
from airegistry.core.assets import Json, Server
from airegistry.core.grants import Grant
from airegistry.core.ports import NOBODY, Audience, Renew, UpstreamResult
from airegistry.core.principals import SYSTEM, Principal
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.fronts.listening import ignore
from airegistry.gateway.open import Gateways, Limits, Rules, open_gateway
from airegistry.gateway.upstream import PooledUpstream
from airegistry.oauth.identity import AGAIN, PRINCIPAL
from airegistry.tools.server import build as build_server
from airegistry.tools.server import catalog_tools
from tests.core.network import FakeNetwork
from tests.core.virtual import compose
from tests.core.wiring import World as Core
from tests.core.wiring import build
from tests.gateway.fronts.backends import Only
from tests.gateway.fronts.backends import build as build_backend
from tests.gateway.fronts.world import Legacy, Modern
from tests.gateway.world import server_at
from tests.support.asgi import serve

SPOKEN = {
    "both": ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"),
    "old": ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"),
    "new": ("2026-07-28",),
}
"""Backends, and the versions that they speak. Each is also behind the virtual server `desk-PATH`, its tool as `w`."""

MARKED = ("wipe", "ask", "ask_modern")
FORMS: Json = {"elicitation": {"form": {}}}


class Network(FakeNetwork):
    """Calls of `call_tool` go over the wire."""

    def __init__(self, upstream: PooledUpstream) -> None:
        super().__init__()
        self.upstream = upstream

    def check_url(self, url: str) -> None:
        return None

    async def request(
        self, server: Server, headers: Mapping[str, str], method: str, params: Json, *, timeout: float,
        owner: str | None = None, audience: Audience = NOBODY, renew: Renew | None = None,
    ) -> UpstreamResult:  # fmt: skip
        return await self.upstream.request(
            server, headers, method, params, timeout=timeout, owner=owner, audience=audience, renew=renew
        )


async def messages(response: aiohttp.ClientResponse) -> AsyncIterator[Any]:
    """The JSON-RPC messages of an answer as they arrive, however its lines end."""
    if response.content_type == "application/json":
        yield await response.json()
        return
    async for line in response.content:
        text = line.decode().strip()
        if text.startswith("data: {"):
            yield json.loads(text.removeprefix("data: "))


class Older(Legacy):
    """A raw client of the older era that takes any answer to `initialize`."""

    async def initialize(self, version: str, capabilities: Json) -> None:
        params: Json = {
            "protocolVersion": version, "capabilities": capabilities, "clientInfo": {"name": "t", "version": "0"},
        }  # fmt: skip
        async with self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}) as response:
            self.headers["mcp-session-id"] = response.headers["mcp-session-id"]
            (self.opened,) = [message["result"] async for message in messages(response)]
        self.headers["mcp-protocol-version"] = version
        assert await self.say({"jsonrpc": "2.0", "method": "notifications/initialized"}) == 202

    async def ask(self, method: str, params: Json | None = None, *, id: Any = 1) -> Any:
        async with self.post({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}) as response:
            async for message in messages(response):
                if message.get("id") == id and "method" not in message:
                    return message
        raise AssertionError("no response")


@dataclass
class World:
    """`callers` are who may stand in the header `x-test-subject`; `wiped` is what reached a backend."""

    core: Core
    url: str = ""
    callers: dict[str, Principal] = field(default_factory=dict)
    wiped: list[str] = field(default_factory=list)
    gone: set[str] = field(default_factory=set)
    gateways: Gateways | None = None
    tools: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        subject = dict(scope["headers"])[b"x-test-subject"].decode()
        who = scope[PRINCIPAL] = self.callers[subject]
        scope[AGAIN] = lambda: None if subject in self.gone else who
        assert self.gateways is not None
        assert self.tools is not None
        app = self.tools if scope["path"] == "/mcp" else self.gateways.servers
        await app(scope, receive, send)

    @property
    def approvals(self) -> Any:
        return self.core.services.approvals

    def client(self, path: str, mode: str, subject: str = "ann") -> "Client[StreamableHttpTransport]":
        """A real FastMCP client; an empty path is that of the registry's own tools."""
        url = f"{self.url}/{path}/mcp" if path else f"{self.url}/mcp"
        return Client(StreamableHttpTransport(url, headers={"x-test-subject": subject}), mode=mode)

    @asynccontextmanager
    async def legacy(self, path: str, capabilities: Json | None = None, subject: str = "ann") -> AsyncIterator[Legacy]:
        """A raw client with a session."""
        async with aiohttp.ClientSession() as http:
            client = Older(http, f"{self.url}/{path}/mcp", subject)
            await client.initialize("2025-11-25", capabilities or {})
            yield client

    @asynccontextmanager
    async def modern(self, path: str, capabilities: Json | None = None, subject: str = "ann") -> AsyncIterator[Modern]:
        """A raw client of the modern era."""
        async with aiohttp.ClientSession() as http:
            yield Modern(http, f"{self.url}/{path}/mcp", subject, capabilities or {})

    async def requests(self, status: Status | None = "pending") -> list[ApprovalRequest]:
        """The requests for approval."""
        found, _ = await self.core.services.approvals.list(SYSTEM, status=status)
        return list(found)

    async def waiting(self, count: int = 1) -> list[ApprovalRequest]:
        """Those in the queue, once there are so many."""
        with anyio.fail_after(5):
            while len(found := await self.requests()) < count:  # noqa: ASYNC110  # what others write to a store has no event
                await anyio.sleep(0.01)
        return found

    async def settled(self, status: Status) -> ApprovalRequest:
        """The one request, once it is settled so."""
        with anyio.fail_after(5):
            while not (found := await self.requests(status)):  # noqa: ASYNC110  # as above
                await anyio.sleep(0.01)
        (request,) = found
        return request

    async def decide(self, decision: Any = "approve", subject: str = "bob") -> ApprovalRequest:
        """Decide on the first that waits."""
        (request, *_) = await self.waiting()
        decided: ApprovalRequest = await self.approvals.decide(self.callers[subject], request.id, decision, "so be it")
        return decided

    async def acts(self, id: str) -> list[tuple[str, str, str]]:
        """What the audit trail has of a request, oldest first: subject, act and outcome."""
        found = [event for event in reversed(await self.core.events()) if event.reason.startswith(id)]
        return [(event.subject, event.action, event.outcome) for event in found]

    async def reset(self) -> None:
        """Forget all requests, and what was wiped."""
        for request in await self.requests(None):
            await self.core.store.delete("approvals", request.id)
        self.wiped.clear()
        self.gone.clear()


@asynccontextmanager
async def opened(*, paths: Sequence[str] = tuple(SPOKEN), seconds: float = 5.0) -> AsyncIterator[World]:
    """A world in which calls wait so many seconds for approval."""
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(StreamClient(Guard(loopback=True)))
        channels = await stack.enter_async_context(Channels(client, Eras(client)))
        core = await build(network=Network(PooledUpstream(channels)), approval_seconds=seconds)
        world = World(core)
        for path in paths:
            await _put(stack, world, path)
        services = core.services
        rules = Rules(
            services.invocation, services.access, core.visibility, core.shelf, services.parts, services.events,
            core.store, core.clock, lambda: services.access.revision,
        )  # fmt: skip
        opening = open_gateway(
            rules, client, channels, Guard(loopback=True), url="http://registry.test", limits=Limits(2**20, 10),
            challenge=lambda scope, who, scopes: b"", on_tools_changed=ignore,
        )  # fmt: skip
        world.gateways = await stack.enter_async_context(opening)
        tools = build_server(services, catalog_tools(services)).http_app(path="/mcp")
        await stack.enter_async_context(tools.lifespan(tools))
        world.tools = tools
        await _people(world)
        world.url = await stack.enter_async_context(serve(world))
        yield world


async def _put(stack: AsyncExitStack, world: World, path: str) -> None:
    backend = build_backend()

    async def wipe(what: str) -> str:
        """Wipe it."""
        world.wiped.append(what)
        return f"{what} is gone"

    backend.tool(wipe)
    url = await stack.enter_async_context(serve(Only(backend.http_app(path="/mcp"), *SPOKEN[path])))
    tools = [{"name": tool.name, "inputSchema": tool.parameters} for tool in await backend.list_tools()]
    await world.core.shelf.create(server_at(
        path, f"{url}/mcp", protocol_version=SPOKEN[path][-1], tools=tools, requires_approval=[*MARKED]
    ))  # fmt: skip
    await compose(world.core, f"desk-{path}", [
        {"server": path, "tool": "wipe", "alias": "w"}, {"server": path, "tool": "echo"},
    ], requires_approval=["echo"])  # fmt: skip


async def _people(world: World) -> None:
    calls = Grant(kinds=["server", "virtual_server"], actions=["call"])
    approves = Grant(kinds=["server", "virtual_server"], actions=["approve"])
    for name, who, grant in (
        ("ann", Principal("user:ann", "person", "editor"), calls),
        ("robot", Principal("token:robot", "machine", "ci"), calls),
        ("bob", Principal("user:bob", "person", "browser"), approves),
        ("cat", Principal("user:cat", "person", "browser"), approves),
        ("guard", Principal("token:guard", "machine"), approves),
        ("eve", Principal("user:eve", "person"), Grant(actions=["read"])),
    ):
        world.callers[name] = await world.core.holding(grant, who=who, name=f"of-{name}")
