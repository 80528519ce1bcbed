"""Conversations with a server of another make, over both transports of the older era."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal

import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.egress.stream import StreamClient
from airegistry.gateway.channels.eras import Eras
from airegistry.gateway.channels.exchange import Channel, Client, Notice, Question
from airegistry.gateway.channels.pool import Channels
from tests.gateway.channels.play import progress, told
from tests.gateway.world import server_at
from tests.support.backends import Backend, start_everything
from tests.support.node import require_node

pytestmark = [pytest.mark.anyio, pytest.mark.node]
ASKED = Client({"name": "t", "version": "0"}, {"elicitation": {"form": {}}, "sampling": {}})
NOTE = "demo://resource/dynamic/text/1"


@pytest.fixture(scope="module", params=["streamableHttp", "sse"])
def everything(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Backend, Literal["streamable-http", "sse"]]]:
    require_node()
    backend = start_everything(tmp_path_factory.mktemp("everything"), request.param)
    yield backend, "sse" if request.param == "sse" else "streamable-http"
    backend.close()


@pytest.fixture
async def channel(
    everything: tuple[Backend, Literal["streamable-http", "sse"]], client: StreamClient
) -> AsyncIterator[Channel]:
    backend, transport = everything
    path = "sse" if transport == "sse" else "mcp"
    server = server_at("all", f"{backend.origin}/{path}", transport=transport, protocol_version=None)
    async with Channels(client, Eras(client)) as channels:
        channel = await channels.open(server, {}, ASKED)
        yield channel
        await channel.close()


def tool(name: str, **arguments: object) -> Json:
    return {"name": name, "arguments": arguments, "_meta": {"progressToken": "t"}}  # type: ignore[dict-item]  # JSON, as each test gives it


async def test_progress_questions_and_results_pass(channel: Channel) -> None:
    assert (await channel.open()).server_info["name"] == "mcp-servers/everything"
    with anyio.fail_after(20):
        before, answer = await told(
            channel, "tools/call", tool("trigger-long-running-operation", duration=0.1, steps=3)
        )
        assert answer.result is not None
        reported = [
            event for event in before if isinstance(event, Notice) and "progress" in str(event.message["method"])
        ]
        assert progress(list(reported)) == [("t", 1), ("t", 2), ("t", 3)]
        before, answer = await told(channel, "tools/call", tool("trigger-elicitation-request"))
        assert [event.method for event in before if isinstance(event, Question)] == ["elicitation/create"]
        assert answer.result is not None
        assert "isError" not in answer.result


async def test_an_update_of_a_watched_resource_is_heard(channel: Channel) -> None:
    with anyio.fail_after(20):
        async with channel.listen({"resourceSubscriptions": [NOTE]}) as events:
            async with anyio.create_task_group() as group:
                group.start_soon(told, channel, "tools/call", tool("toggle-subscriber-updates"))
                async for event in events:
                    if isinstance(event, Notice) and event.message["method"] == "notifications/resources/updated":
                        assert event.message["params"] == {"uri": NOTE}
                        break
                group.cancel_scope.cancel()
