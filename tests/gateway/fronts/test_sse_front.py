"""Clients over HTTP+SSE (2024-11-05), raw; the SDK's own client is in `test_matrix`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import anyio
import pytest

from airegistry.core.assets import Json
from airegistry.core.errors import AccessDenied
from tests.gateway.fronts.backends import signals
from tests.gateway.fronts.world import FrontsWorld, messages
from tests.gateway.world import call, until

pytestmark = pytest.mark.anyio


class Streaming:
    """One stream and the way to talk."""

    def __init__(self, http: aiohttp.ClientSession, url: str, stream: AsyncIterator[Any]) -> None:
        self.http = http
        self.url = url
        self.stream = stream

    async def say(self, message: Any, subject: str = "ann") -> int:
        headers = {"content-type": "application/json", "x-test-subject": subject}
        sent: dict[str, Any] = {"data": message} if isinstance(message, bytes) else {"json": message}
        async with self.http.post(self.url, headers=headers, **sent) as answer:
            return answer.status

    async def ask(self, method: str, params: Json | None = None) -> Any:
        assert await self.say(call(method, params)) == 202
        with anyio.fail_after(5):
            return await anext(self.stream)


@asynccontextmanager
async def streaming(world: FrontsWorld, path: str, capabilities: Json | None = None) -> AsyncIterator[Streaming]:
    async with aiohttp.ClientSession() as http, http.get(f"{world.url}/{path}/sse") as answer:
        assert answer.content_type == "text/event-stream"
        assert await answer.content.readline() == b"event: endpoint\n"
        endpoint = (await answer.content.readline()).decode().removeprefix("data: ").strip()
        assert endpoint.startswith(f"/{path}/sse?session=")
        client = Streaming(http, world.url + endpoint, messages(answer))
        params: Json = {
            "protocolVersion": "2024-11-05", "capabilities": capabilities or {},
            "clientInfo": {"name": "t", "version": "0"},
        }  # fmt: skip
        opened = await client.ask("initialize", params)
        assert opened["result"]["protocolVersion"] == "2024-11-05"
        assert await client.say({"jsonrpc": "2.0", "method": "notifications/initialized"}) == 202
        yield client


async def test_everything_comes_on_the_stream(world: FrontsWorld) -> None:
    async with streaming(world, "b2026", {"roots": {}}) as client:
        assert (await client.ask("ping"))["result"] == {}
        params: Json = {"name": "canary", "arguments": {"text": "x"}, "_meta": {"progressToken": 9}}
        first = await client.ask("tools/call", params)
        assert first["params"]["progressToken"] == 9
        assert (await anext(client.stream))["id"] == 1


async def test_refusals_come_on_the_stream_too(world: FrontsWorld) -> None:
    async with streaming(world, "b2026") as client:
        assert (await client.ask("initialize"))["error"]["code"] == -32600
        assert (await client.ask("server/discover"))["error"]["code"] == -32601
        world.desk.refusal = AccessDenied("no")
        assert (await client.ask("tools/list"))["error"]["data"]["code"] == "access_denied"


async def test_a_session_is_no_credential_and_ends_with_its_stream(world: FrontsWorld) -> None:
    async with streaming(world, "b2026") as client:
        assert await client.say(call("ping"), subject="bob") == 404
        assert await Streaming(client.http, f"{world.url}/b2026/sse", client.stream).say(call("ping")) == 400
        url = client.url
    await until(lambda: world.serving == 0)
    async with aiohttp.ClientSession() as http:
        assert await Streaming(http, url, client.stream).say(call("ping")) == 404
        async with http.delete(url) as answer:
            assert answer.status == 405


async def test_a_client_that_hangs_up_cancels_what_is_under_way(world: FrontsWorld) -> None:
    for path in ("b2024", "b2025-06", "b2026"):
        signals.reset()
        async with streaming(world, path) as client:
            await client.say(call("tools/call", {"name": "hang", "arguments": {}}))
            await signals.arrived.wait()
        with anyio.fail_after(5):
            await signals.cancelled.wait()
        await until(lambda: ("tools/call", "hang", "cancelled", None) in world.desk.left)
        world.desk.left.clear()


async def test_a_stream_of_someone_quarantined_is_cut(world: FrontsWorld) -> None:
    async with streaming(world, "b2026") as client:
        for permit in world.desk.permits:
            permit.cut()
        with anyio.fail_after(2):
            assert [each async for each in client.stream] == []


async def test_a_question_is_a_request_on_the_stream(world: FrontsWorld) -> None:
    async with streaming(world, "b2024", {"elicitation": {}}) as client:
        question = await client.ask("tools/call", {"name": "ask", "arguments": {}})
        answer: Json = {"jsonrpc": "2.0", "id": question["id"], "result": {"action": "decline"}}
        assert await client.say(answer) == 202
        assert "decline" in str(await anext(client.stream))


async def test_the_stream_is_refused_to_who_may_not_listen(world: FrontsWorld) -> None:
    world.desk.refusal = AccessDenied("no")
    async with aiohttp.ClientSession() as http, http.get(f"{world.url}/b2026/sse") as answer:
        assert answer.status == 403
