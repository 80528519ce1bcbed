"""Backends of each era that matters, and of both, behind the fronts; all on loopback in one loop."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from tests.gateway.fronts.backends import Only, build, signals
from tests.gateway.fronts.world import FrontsDesk, FrontsWorld, running
from tests.gateway.world import server_at
from tests.support.asgi import serve

SPOKEN = {
    "b2024": ("2024-11-05",),
    "b2025-06": ("2024-11-05", "2025-03-26", "2025-06-18"),
    "b2025-11": ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"),
    "b2026": ("2026-07-28",),
    "both": ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"),
}


@pytest.fixture(scope="package")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="package")
async def built(anyio_backend: object) -> AsyncIterator[FrontsWorld]:
    desk = FrontsDesk()
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(running(desk))
        for path, versions in SPOKEN.items():
            sse = path == "b2024"
            backend = build()
            app = Only(backend.http_app(path="/sse" if sse else "/mcp", transport="sse" if sse else "http"), *versions)
            world.backends[path] = app
            url = await stack.enter_async_context(serve(app))
            tools = [{"name": tool.name, "inputSchema": tool.parameters} for tool in await backend.list_tools()]
            desk.standing[path] = server_at(
                path, f"{url}/{'sse' if sse else 'mcp'}", transport="sse" if sse else "streamable-http",
                protocol_version=versions[-1], tools=tools, server_info={"name": "desk", "version": "1"},
            )  # fmt: skip
        desk.standing["scripted"] = server_at(
            "scripted", "http://127.0.0.1:1/mcp", protocol_version="2025-11-25", tools=[{"name": "echo"}]
        )
        desk.reset()
        yield world


@pytest.fixture
def world(built: FrontsWorld) -> FrontsWorld:
    """The world, with nothing denied and an empty record."""
    built.desk.reset()
    for backend in built.backends.values():
        backend.token = None
    signals.reset()
    return built
