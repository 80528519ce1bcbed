"""Real backends of every era and transport, and a stub: nothing of the gateway stands before them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from anyio import create_task_group
from anyio.abc import TaskGroup
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler
from mcp_types import SubscriptionsListenRequestParams

from airegistry.core.assets import Server
from airegistry.egress.stream import StreamClient
from tests.gateway.desk import build_backend, signals
from tests.gateway.stub import Stub
from tests.gateway.world import LEGACY, MODERN, server_at, until
from tests.support.asgi import serve


@dataclass
class Backends:
    """`full` speaks both eras over streamable HTTP, `sse` HTTP+SSE; `bus` tells `full` what has changed."""

    full: Server
    sse: Server
    bus: InMemorySubscriptionBus

    @property
    def older(self) -> Server:
        return self.full.model_copy(update={"protocol_version": LEGACY})


@pytest.fixture(scope="module")
async def built_backends(anyio_backend: object) -> AsyncIterator[Backends]:
    mcp, bus = build_backend(), InMemorySubscriptionBus()
    mcp._mcp_server.add_request_handler("subscriptions/listen", SubscriptionsListenRequestParams, ListenHandler(bus))
    sse = build_backend().http_app(path="/sse", transport="sse")
    async with serve(mcp.http_app(path="/mcp")) as full_url, serve(sse) as sse_url:
        yield Backends(
            server_at("full", f"{full_url}/mcp", protocol_version=MODERN),
            server_at("sse", f"{sse_url}/sse", transport="sse", protocol_version="2024-11-05"),
            bus,
        )


@pytest.fixture
async def backends(built_backends: Backends, client: StreamClient) -> AsyncIterator[Backends]:
    """The backends; afterwards no connection to any of them is in use."""
    signals.reset()
    yield built_backends
    await until(lambda: busy(client) == 0)


@pytest.fixture(scope="module")
async def built_stub(anyio_backend: object) -> AsyncIterator[tuple[Stub, str]]:
    stub = Stub()
    async with serve(stub) as url:
        yield stub, url


@pytest.fixture
async def stub(built_stub: tuple[Stub, str], client: StreamClient) -> AsyncIterator[Stub]:
    """A backend that answers what a test wants; afterwards no connection to it is in use."""
    built_stub[0].reset()
    yield built_stub[0]
    await until(lambda: busy(client) == 0)


@pytest.fixture
def stubbed(built_stub: tuple[Stub, str]) -> Server:
    """The stub as a modern server of the catalog."""
    return server_at("stub", f"{built_stub[1]}/mcp")


@pytest.fixture
async def tasks(anyio_backend: object) -> AsyncIterator[TaskGroup]:
    """Where streams are read; a task that outlives its channel fails the test."""
    async with create_task_group() as group:
        yield group
        left = getattr(group, "_tasks", ())
        await until(lambda: not left)


def busy(client: StreamClient) -> int:
    """Connections on which a request is under way."""
    return client.connections - sum(len(idle) for idle in client._idle.values())
