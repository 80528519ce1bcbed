"""Modern clients before a backend that reports and asks on its event stream, as servers on the Python SDK 1.x do."""

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport
from mcp_types import TextContent

from tests.gateway.channels.play import Apart
from tests.gateway.fronts.world import FrontsWorld, modern
from tests.gateway.stub import Stub
from tests.gateway.world import MODERN, server_at, until
from tests.support.asgi import serve

pytestmark = pytest.mark.anyio
TOOLS = [{"name": name, "inputSchema": {"type": "object"}} for name in ("report", "ask")]


@pytest.fixture
async def apart(world: FrontsWorld) -> AsyncIterator[Apart]:
    stub = Stub()
    async with serve(stub) as url:
        world.desk.servers["apart"] = server_at("apart", f"{url}/mcp", protocol_version="2025-06-18", tools=TOOLS)
        yield Apart(stub)


@pytest.fixture
async def client(world: FrontsWorld, apart: Apart) -> AsyncIterator[Client[StreamableHttpTransport]]:
    async def answer(message: str, response_type: Any, params: Any, context: Any) -> dict[str, str]:
        return {"value": "Ann"}

    transport = StreamableHttpTransport(f"{world.url}/apart/mcp")
    async with Client(transport, mode=MODERN, elicitation_handler=answer) as client:
        yield client


async def test_progress_and_questions_reach_a_modern_client(
    apart: Apart, client: Client[StreamableHttpTransport]
) -> None:
    seen: list[float] = []

    async def on_progress(progress: float, total: float | None, message: str | None) -> None:
        seen.append(progress)

    with anyio.fail_after(5):
        await client.call_tool("report", {}, progress_handler=on_progress)
        assert seen == [0, 1, 2]
        (said,) = (await client.call_tool("ask", {})).content
    assert isinstance(said, TextContent)
    assert '"value": "Ann"' in said.text
    assert apart.opened == 1


async def test_a_call_that_is_given_up_while_it_asks_leaves_the_next_one_alone(
    world: FrontsWorld, apart: Apart
) -> None:
    async with modern(world, "apart", capabilities={"elicitation": {"form": {}}}) as client:
        with anyio.fail_after(5):
            asked = [(await client.call("ask"))["result"] for _ in range(3)]
            assert [result["resultType"] for result in asked] == ["input_required"] * 3
            (key,) = asked[2]["inputRequests"]
            answer = {key: {"action": "accept", "content": {"value": "Ann"}}}
            said = await client.call("ask", requestState=asked[2]["requestState"], inputResponses=answer)
    assert '"value": "Ann"' in said["result"]["content"][0]["text"]
    assert len(world.fronts.parking) == 2
    world.fronts.parking.close()
    # Nobody is left who would answer: the backend is told, and no longer waits.
    await until(lambda: apart.seen().count("notifications/cancelled") == 2)
    await until(lambda: len(apart.replies) == 0 and apart.seen().count("reply") == 3)
