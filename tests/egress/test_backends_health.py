"""How a live backend is asked whether it answers and what it lists, in each era and transport, and what that costs."""

from collections.abc import AsyncIterator

import pytest
from fastmcp import FastMCP
from starlette.responses import PlainTextResponse

from airegistry.clock import SystemClock
from airegistry.core.assets import Server
from airegistry.core.calls import NoCredentials
from airegistry.core.definitions import changes_of, parts_of
from airegistry.core.errors import UpstreamFailed
from airegistry.core.fetching import described
from airegistry.core.principals import SYSTEM
from airegistry.egress.backends import McpBackends
from airegistry.egress.guard import Guard
from tests.egress.servers import older
from tests.egress.test_backends import server_at, weather
from tests.support.asgi import serve
from tests.support.processes import free_port

pytestmark = pytest.mark.anyio
BACKENDS = McpBackends(Guard(loopback=True), deadline=5)


@pytest.fixture(params=["modern", "legacy", "sse"])
async def live(request: pytest.FixtureRequest) -> AsyncIterator[tuple[FastMCP, Server]]:
    """A real server in one of the ways that backends speak, as it was fetched."""
    mcp = weather()
    sse = request.param == "sse"
    app = mcp.http_app(transport="sse" if sse else "http")
    async with serve(older(app) if request.param == "legacy" else app) as origin:
        server = server_at(f"{origin}/sse" if sse else f"{origin}/mcp", transport="sse" if sse else "streamable-http")
        yield mcp, await described(BACKENDS, SystemClock(), server, SYSTEM, NoCredentials())


async def test_the_same_server_lists_the_same_tools(live: tuple[FastMCP, Server]) -> None:
    _, server = live
    await BACKENDS.ping(server)
    for _ in range(2):
        tools = await BACKENDS.list_tools(server)
        assert len(tools) == 55
        assert changes_of(parts_of(server), parts_of(server.model_copy(update={"tools": list(tools)}))) == []


async def test_a_tool_that_changed_and_one_that_went_are_found(live: tuple[FastMCP, Server]) -> None:
    mcp, server = live
    mcp.local_provider.remove_tool("forecast_1")
    mcp.local_provider.remove_tool("forecast_2")

    @mcp.tool(name="forecast_1")
    def forecast(city: str) -> str:
        """Something else."""
        return city

    now = server.model_copy(update={"tools": list(await BACKENDS.list_tools(server))})
    changed, gone = changes_of(parts_of(server), parts_of(now))
    assert (changed.part, gone.part, gone.said) == (
        "tools/forecast_1",
        "tools/forecast_2",
        "tools/forecast_2: it is gone",
    )
    assert "description: the words are others" in changed.said


@pytest.mark.parametrize("status", [200, 401, 404, 405])
async def test_whatever_answers_is_reached(status: int) -> None:
    async with serve(PlainTextResponse("", status)) as origin:
        await BACKENDS.reach(f"{origin}/agent")


async def test_what_is_broken_or_not_there_is_not_reached() -> None:
    async with serve(PlainTextResponse("", 502)) as origin:
        with pytest.raises(UpstreamFailed, match="answered HTTP 502"):
            await BACKENDS.reach(f"{origin}/agent")
    with pytest.raises(UpstreamFailed):
        await BACKENDS.reach(f"http://127.0.0.1:{free_port()}/agent")
