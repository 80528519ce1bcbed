"""Clients of four eras before backends of four, and one of all: each lists, calls, reports, asks, fails and cancels."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio
import mcp_types as types
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp import ClientSession, MCPError
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.conftest import SPOKEN
from tests.gateway.fronts.world import FrontsWorld
from tests.gateway.world import MODERN, until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.filterwarnings("ignore::mcp.shared.exceptions.MCPDeprecationWarning"),
]

CLIENTS = ("2024-11-05", "2025-06-18", "2025-11-25", MODERN)


class Speaker(Protocol):
    """What each of the clients can do, in the same words."""

    async def tools(self) -> list[str]: ...

    async def call(self, name: str, arguments: dict[str, Any], seen: list[float]) -> types.CallToolResult: ...


async def on_elicit(context: object, params: types.ElicitRequestParams) -> types.ElicitResult:
    return types.ElicitResult(action="accept", content={"value": "Ann"})


class InSession:
    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def tools(self) -> list[str]:
        return [tool.name for tool in (await self.session.list_tools()).tools]

    async def call(self, name: str, arguments: dict[str, Any], seen: list[float]) -> types.CallToolResult:
        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await self.session.call_tool(name, arguments, progress_callback=on_progress)
        assert isinstance(result, types.CallToolResult)
        return result


class Stateless:
    def __init__(self, client: Client[StreamableHttpTransport]) -> None:
        self.client = client

    async def tools(self) -> list[str]:
        return [tool.name for tool in await self.client.list_tools()]

    async def call(self, name: str, arguments: dict[str, Any], seen: list[float]) -> types.CallToolResult:
        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            seen.append(progress)

        result = await self.client.call_tool(name, arguments, progress_handler=on_progress, raise_on_error=False)
        return types.CallToolResult(content=result.content, is_error=result.is_error)


@asynccontextmanager
async def speaking(world: FrontsWorld, version: str, path: str) -> AsyncIterator[Speaker]:
    """A client of the SDK that is at home in one version."""
    if version == MODERN:

        async def answer(message: str, response_type: Any, params: Any, context: Any) -> dict[str, str]:
            return {"value": "Ann"}

        transport = StreamableHttpTransport(f"{world.url}/{path}/mcp")
        async with Client(transport, mode=MODERN, elicitation_handler=answer) as client:
            yield Stateless(client)
        return
    streams: Any
    if version == "2024-11-05":
        streams = sse_client(f"{world.url}/{path}/sse")
    else:
        streams = streamable_http_client(f"{world.url}/{path}/mcp")
    async with streams as (read, write, *_), ClientSession(read, write, elicitation_callback=on_elicit) as session:
        # The SDK always offers its newest version.
        initialize = types.InitializeRequest(params=types.InitializeRequestParams(
            protocol_version=version,
            capabilities=types.ClientCapabilities(
                elicitation=None if version == "2024-11-05" else types.ElicitationCapability()
            ),
            client_info=types.Implementation(name="t", version="0"),
        ))  # fmt: skip
        opened = await session.send_request(initialize, types.InitializeResult)
        assert opened.protocol_version == version
        session.adopt(opened)
        await session.send_notification(types.InitializedNotification())
        yield InSession(session)


@pytest.mark.parametrize("path", SPOKEN)
@pytest.mark.parametrize("version", CLIENTS)
async def test_each_client_uses_each_backend(world: FrontsWorld, version: str, path: str) -> None:
    signals.reset()
    with anyio.fail_after(10):
        async with speaking(world, version, path) as client:
            assert {"echo", "canary"} <= set(await client.tools())
            progress: list[float] = []
            said = await client.call("canary", {"text": "tweet"}, progress)
            assert isinstance(said.content[0], types.TextContent)
            assert (said.content[0].text, progress) == ("tweet", [1])
            assert (await client.call("fail", {}, [])).is_error
            await check_elicitation(client, version, path)
            await check_cancellation(client)
    await until(lambda: len(world.desk.left) >= 5)
    outcomes = [outcome for method, name, outcome, _ in world.desk.left if name in ("canary", "fail", "hang")]
    assert outcomes == ["ok", "tool_error", "cancelled"]
    await until(lambda: [len(permit.released) for permit in world.desk.permits] == [1] * len(world.desk.permits))


async def check_elicitation(client: Speaker, version: str, path: str) -> None:
    """2024-11-05 has no elicitation: its clients get an error that says so, whatever the backend is."""
    name = "ask_modern" if path == "b2026" or (path, version) == ("both", MODERN) else "ask"
    if version != "2024-11-05":
        answer = await client.call(name, {}, [])
        assert isinstance(answer.content[0], types.TextContent)
        assert answer.content[0].text in ("accept:Ann", "accept:{'value': 'Ann'}")
    elif path == "b2026":
        with pytest.raises(MCPError, match="elicitation"):
            await client.call(name, {}, [])
    else:
        refused = await client.call(name, {}, [])
        assert refused.is_error


async def check_cancellation(client: Speaker) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(client.call, "hang", {}, [])
        await signals.arrived.wait()
        group.cancel_scope.cancel()
    await signals.cancelled.wait()
