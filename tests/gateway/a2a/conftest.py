"""One agent on loopback for a module; the core and the gateway in front of it are each test's own."""

from collections.abc import AsyncIterator

import pytest

from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from tests.core import wiring
from tests.gateway.a2a import clerk as clerks
from tests.gateway.a2a.clerk import Clerk
from tests.gateway.a2a.world import ALL, World, build, clerk_card
from tests.gateway.stub import Stub
from tests.support.asgi import serve


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def client(anyio_backend: object) -> AsyncIterator[StreamClient]:
    async with StreamClient(Guard(loopback=True)) as client:
        yield client


@pytest.fixture(scope="module")
async def built(client: StreamClient) -> AsyncIterator[World]:
    clerk = Clerk()
    world = build(await wiring.build(), client, clerk, "")
    async with serve(clerks.build(clerk)) as agent, serve(world) as gateway:
        world.agent, world.url = agent, gateway
        yield world


@pytest.fixture
async def world(built: World, client: StreamClient) -> World:
    """The clerk at `clerk` (1.0 and 0.3) and `older` (0.3); ann and bob may do everything, cleo nothing."""
    fresh = build(await wiring.build(), client, built.clerk, built.url)
    built.core, built.gateway, built.handles, built.callers = fresh.core, fresh.gateway, fresh.handles, {}
    built.clerk.reset()
    await built.let("ann", ALL)
    await built.let("bob", ALL)
    await built.let("cleo")
    await built.put("clerk", clerk_card(built.agent))
    await built.put("older", clerks.older_card(built.agent))
    return built


@pytest.fixture(scope="module")
async def stubbed(anyio_backend: object) -> AsyncIterator[tuple[Stub, str]]:
    stub = Stub()
    async with serve(stub) as url:
        yield stub, url


@pytest.fixture
async def stub(stubbed: tuple[Stub, str], world: World) -> Stub:
    """An agent at `stub` that answers what a test wants."""
    stub, url = stubbed
    stub.reset()
    card = clerk_card(url)
    await world.put("stub", card)
    return stub
