"""`call_tool` of the registry's own server over real backends: progress, cancellation, and what backends ask."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from fastmcp.client.elicitation import ElicitResult
from fastmcp.exceptions import ToolError

from airegistry.core.assets import Json, Server, Tool
from airegistry.core.ports import NOBODY, Audience, Description, Renew, UpstreamResult
from airegistry.core.principals import SYSTEM
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.pool import Channels
from airegistry.gateway.upstream import PooledUpstream
from airegistry.tools.server import build as build_server
from airegistry.tools.server import catalog_tools
from tests.core.network import FakeNetwork
from tests.core.wiring import asset, build
from tests.gateway.desk import TOOLS, build_backend, signals
from tests.gateway.world import LEGACY, MODERN
from tests.support.asgi import serve
from tests.tools.wiring import World, served

pytestmark = pytest.mark.anyio
CLIENTS = pytest.mark.parametrize("mode", [MODERN, "legacy"])
BACKENDS = pytest.mark.parametrize("backend", ["new", "old"])


class Network(FakeNetwork):
    """Descriptions by hand, calls over the wire; `old` is fetched in the older era."""

    def __init__(self, upstream: PooledUpstream) -> None:
        super().__init__()
        self.upstream = upstream

    def check_url(self, url: str) -> None:
        return None

    async def describe(self, server: Server, headers: Mapping[str, str] = {}) -> Description:
        described = await super().describe(server, headers)
        return replace(described, protocol_version=LEGACY if server.path == "old" else MODERN)

    async def request(
        self, server: Server, headers: Mapping[str, str], method: str, params: Json, *, timeout: float,
        owner: str | None = None, audience: Audience = NOBODY, renew: Renew | None = None,
    ) -> UpstreamResult:  # fmt: skip
        return await self.upstream.request(
            server, headers, method, params, timeout=timeout, owner=owner, audience=audience, renew=renew
        )


@asynccontextmanager
async def registry_over(client: StreamClient, url: str) -> AsyncIterator[World]:
    async with Channels(client, Eras(client)) as channels:
        network = Network(PooledUpstream(channels))
        network.tools[url] = [Tool(name=tool.__name__, description="A tool.") for tool in TOOLS]
        core = await build(network=network)
        for path in ("new", "old"):
            await core.services.catalog.register(SYSTEM, asset("server", path, url=url))
        async with served(build_server(core.services, catalog_tools(core.services)), core) as world:
            yield world


@pytest.fixture(scope="module")
async def built_registry(client: StreamClient) -> AsyncIterator[World]:
    async with serve(build_backend().http_app(path="/mcp")) as url, registry_over(client, f"{url}/mcp") as world:
        yield world


@pytest.fixture
def registry(built_registry: World) -> World:
    signals.reset()
    return built_registry


def call(server: str, tool: str, **arguments: object) -> Json:
    return {"server": server, "tool": tool, "arguments": arguments}  # type: ignore[dict-item]  # JSON, as each test gives it


async def accept(message: str, kind: Any, params: Any, context: Any) -> ElicitResult[dict[str, str]]:
    assert message == "name?"
    return ElicitResult(action="accept", content={"value": "Ann"})


@CLIENTS
@BACKENDS
async def test_progress_of_the_backend_reaches_the_caller(registry: World, mode: str, backend: str) -> None:
    seen: list[tuple[float, float | None, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        seen.append((progress, total, message))

    async with registry.client("operator", mode) as session:
        result = await session.call_tool("call_tool", call(backend, "canary", text="c"), progress_handler=hear)
    assert result.structured_content == {"result": "c"}
    assert seen == [(1, 2, "c")]


@CLIENTS
@BACKENDS
async def test_cancelling_the_call_cancels_it_at_the_backend(registry: World, mode: str, backend: str) -> None:
    async with registry.client("operator", mode) as session:
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(session.call_tool, "call_tool", call(backend, "hang"))
                await signals.arrived.wait()
                group.cancel_scope.cancel()
            await signals.cancelled.wait()


ASKING = [("legacy", "old", "ask"), ("legacy", "new", "ask_modern"), (MODERN, "new", "ask_modern")]


@pytest.mark.parametrize(("mode", "backend", "tool"), ASKING)
async def test_what_a_backend_asks_is_asked_of_the_caller(registry: World, mode: str, backend: str, tool: str) -> None:
    session = registry.client("operator", mode)
    session.set_elicitation_callback(accept)
    async with session:
        result = await session.call_tool("call_tool", call(backend, tool))
    assert result.structured_content is not None
    assert "Ann" in result.structured_content["result"]


async def test_a_caller_who_cannot_be_asked_is_told_where_it_can(registry: World) -> None:
    async with registry.client("operator") as session:
        with pytest.raises(ToolError, match="/new/mcp"):
            await session.call_tool("call_tool", call("new", "ask_modern"))
