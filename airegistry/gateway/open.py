"""Puts the gateway together: the data path of servers, virtual servers and agents over one pool of connections."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
from starlette.types import ASGIApp

from airegistry.core.access import Access
from airegistry.core.assets import Server, VirtualServer
from airegistry.core.documents import DocumentStore
from airegistry.core.events import Events
from airegistry.core.invocation import Invocation
from airegistry.core.parts import Parts
from airegistry.core.ports import Clock
from airegistry.core.shelf import Shelf
from airegistry.core.telemetry import OFF, Telemetry
from airegistry.core.versions import sunset_headers
from airegistry.core.visibility import Visibility
from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from airegistry.gateway.a2a.app import AgentGateway
from airegistry.gateway.a2a.handles import OF_SERVERS, Handles
from airegistry.gateway.app import Gateway
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.fronts.front import Fronts
from airegistry.gateway.fronts.listening import OnToolsChanged
from airegistry.gateway.outermost import Challenge
from airegistry.gateway.proxy import Proxy
from airegistry.gateway.virtual import VirtualServers
from airegistry.gateway.ways import Ways


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes and seconds that bound what passes."""

    max_body: int
    first_byte_timeout: float


@dataclass(frozen=True, slots=True)
class Rules:
    """What of the core the gateway stands on."""

    invocation: Invocation
    access: Access
    visibility: Visibility
    shelf: Shelf
    parts: Parts
    events: Events
    store: DocumentStore
    clock: Clock
    stamp: Callable[[], object]
    """Differs whenever somebody's rights may have changed."""
    shared: bool = False
    """Whether other processes work on the store, too."""
    telemetry: Telemetry = OFF


@dataclass(frozen=True, slots=True)
class Gateways:
    """The applications of the data path: MCP servers, and agents."""

    servers: ASGIApp
    agents: ASGIApp
    end_streams: Callable[[], None] = lambda: None
    """Ends what is open without an end of its own: called when the registry is asked to stop."""


@asynccontextmanager
async def open_gateway(
    rules: Rules,
    client: StreamClient,
    channels: Channels,
    guard: Guard,
    *,
    url: str,
    limits: Limits,
    challenge: Challenge,
    on_tools_changed: OnToolsChanged,
) -> AsyncIterator[Gateways]:
    """The data path, from open pools to closed ones; sessions that were opened at backends are ended.

    `on_tools_changed` is told of a backend that says that its tools are others.
    """
    invocation, timeout = rules.invocation, limits.first_byte_timeout
    eras = channels.eras
    virtual = VirtualServers(
        rules.shelf, rules.access, rules.visibility, invocation, rules.parts, rules.clock, stamp=rules.stamp
    )
    rules.events.subscribe(virtual.on_event)
    invocation.composed = virtual
    of_servers = Handles(rules.store, rules.clock, collection=OF_SERVERS) if rules.shared else None
    proxy = Proxy(client, of_servers)
    fronts = Fronts(invocation, channels, eras, proxy, first_byte_timeout=timeout, on_tools_changed=on_tools_changed)
    ways = Ways(invocation, channels, eras, fronts, virtual, partial(_server, rules.shelf))
    handles = Handles(rules.store, rules.clock)

    def announced(asset: Server | VirtualServer) -> list[tuple[bytes, bytes]]:
        return sunset_headers(asset, rules.clock.now())

    servers = _of_servers(rules.telemetry)(
        invocation, client, max_body=limits.max_body, first_byte_timeout=timeout, challenge=challenge, elsewhere=ways,
        announce=announced, on_tools_changed=on_tools_changed, proxy=proxy,
    )  # fmt: skip
    agents = _of_agents(rules.telemetry)(
        invocation, client, guard, handles, url=url, max_body=limits.max_body, first_byte_timeout=timeout,
        challenge=challenge,
    )  # fmt: skip
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(fronts.run)
        tasks.start_soon(virtual.changes.run)
        for kept in filter(None, (handles, of_servers)):
            tasks.start_soon(kept.run)
        try:
            yield Gateways(servers, agents, partial(_end_streams, servers, fronts))
        finally:
            with anyio.CancelScope(shield=True):
                await fronts.close()
            tasks.cancel_scope.cancel()


def _of_servers(telemetry: Telemetry) -> type[Gateway]:
    """The gateway to servers, or the one that tells of its work."""
    if not telemetry.on:
        return Gateway
    from airegistry.gateway.watched import WatchedGateway  # whose SDK is an extra
    from airegistry.telemetry.kinds import telling

    return telling(WatchedGateway, telemetry)


def _of_agents(telemetry: Telemetry) -> type[AgentGateway]:
    """The same to agents."""
    if not telemetry.on:
        return AgentGateway
    from airegistry.gateway.a2a.watched import WatchedAgentGateway  # as above
    from airegistry.telemetry.kinds import telling

    return telling(WatchedAgentGateway, telemetry)


async def _server(shelf: Shelf, path: str, version: str | None) -> Server | None:
    found = await shelf.get("server", path, version)
    return found[0] if found is not None and isinstance(found[0], Server) else None


def _end_streams(servers: Gateway, fronts: Fronts) -> None:
    servers.end_streams()
    fronts.end_streams()
