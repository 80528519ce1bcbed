"""One world for the tests of a module: two FastMCP backends and the gateway in front, all on loopback in one loop."""

from collections.abc import AsyncIterator

import pytest
from fastmcp.server.event_store import EventStore

from airegistry.egress.guard import Guard
from airegistry.egress.stream import StreamClient
from tests.gateway.desk import build_backend
from tests.gateway.stub import Stub
from tests.gateway.world import Desk, World, server_at
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
    """`full` keeps sessions and streams, `plain` is stateless and answers in JSON; both serve both eras."""
    full = build_backend().http_app(path="/mcp", event_store=EventStore(), retry_interval=200)
    plain = build_backend().http_app(path="/mcp", stateless_http=True, json_response=True)
    tools = [tool.to_mcp_tool().model_dump(mode="json", by_alias=True) for tool in await build_backend().list_tools()]
    desk = Desk()
    world = World(desk, client)
    async with serve(full) as full_url, serve(plain) as plain_url, serve(world) as gateway_url:
        world.url = gateway_url
        desk.standing = {
            "full": server_at("full", f"{full_url}/mcp", tools=tools),
            "plain": server_at("plain", f"{plain_url}/mcp", tools=tools),
        }
        yield world


@pytest.fixture
def world(built: World) -> World:
    """The world, with nothing denied and an empty record."""
    built.desk.reset()
    return built


@pytest.fixture(scope="module")
async def stubbed(built: World) -> AsyncIterator[Stub]:
    stub = Stub()
    async with serve(stub) as url:
        built.desk.standing["stub"] = server_at("stub", f"{url}/mcp")
        yield stub


@pytest.fixture
def stub(stubbed: Stub, world: World) -> Stub:
    """A backend at `/stub/mcp` that answers an empty result until told otherwise."""
    stubbed.reset()
    world.desk.reset()
    return stubbed
