"""What running calls and open streams see of the end of the process: SIGTERM, as a service manager sends it."""

import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import anyio
import orjson
import pytest
from anyio.abc import TaskGroup
from fastmcp import Context, FastMCP

from tests.contract.acts import Desk
from tests.support import http
from tests.support.asgi import serve
from tests.support.processes import listens
from tests.support.registry import Registry, serving

pytestmark = pytest.mark.anyio
WAIT: http.Json = {"name": "wait", "arguments": {}}
LISTEN: http.Json = {"notifications": {"toolsListChanged": True}}


class Waiting:
    """A backend in this process with one tool, which answers when the test says so."""

    def __init__(self) -> None:
        self.arrived = 0
        self.go = anyio.Event()
        self.mcp = FastMCP("slow", version="1")
        self.mcp.tool(self.wait)

    async def wait(self, ctx: Context) -> str:
        """Waits."""
        self.arrived += 1
        await ctx.report_progress(1, 2)
        await self.go.wait()
        return "finished"


class Stop:
    """A registry before a Waiting, what is open at it, and what became of that: texts of answers by name."""

    def __init__(self, registry: Registry, waiting: Waiting, client: aiohttp.ClientSession, tasks: TaskGroup) -> None:
        self.registry = registry
        self.waiting = waiting
        self.calls: dict[str, str] = {}
        self.streams: dict[str, str] = {}
        self._client = client
        self._tasks = tasks

    async def read(self, into: dict[str, str], name: str, verb: str, path: str, **sent: Any) -> None:
        """Send a request and read its answer to the end in the background, once its head is there."""
        opened = anyio.Event()

        async def answer() -> None:
            async with self._client.request(verb, self.registry.url + path, **sent) as response:
                assert response.status in (200, 202), (name, await response.text())
                opened.set()
                into[name] = await response.text()

        self._tasks.start_soon(answer)
        with anyio.fail_after(10):
            await opened.wait()

    async def modern(self, into: dict[str, str], path: str, method: str, params: http.Json) -> None:
        """A request of the modern era that is answered by a stream."""
        message = http.message(method, params)
        message["params"]["_meta"]["progressToken"] = 1
        headers = {**http.modern_headers(message, self.registry.token), "content-type": "application/json"}
        await self.read(into, f"{method} {path}", "POST", path, data=orjson.dumps(message), headers=headers)

    async def get(self, path: str) -> dict[str, str]:
        """Open the stream of a new session of the older era; returns the session's headers."""
        session = await anyio.to_thread.run_sync(http.session, self.registry.url + path, self.registry.token)
        headers = http.legacy_headers(self.registry.token, session)
        await self.read(self.streams, f"GET {path}", "GET", path, headers=headers)
        return headers

    async def sse(self, path: str) -> None:
        """Open a session of 2024-11-05, and call in it: the answer comes on its stream, which ends with that."""
        headers = {**http.bearer(self.registry.token), "content-type": "application/json"}
        endpoint, told = anyio.Event(), [""]

        async def stream() -> None:
            async with self._client.get(self.registry.url + path, headers=headers) as response:
                async for line in response.content:
                    told[0] += line.decode()
                    if line.startswith(b"data: /"):
                        endpoint.set()
            self.calls[path] = told[0]

        async def say(message: http.Json) -> None:
            where = told[0].partition("data: ")[2].partition("\n")[0]
            url = self.registry.url + where
            async with self._client.post(url, data=orjson.dumps(message), headers=headers) as said:
                assert said.status == 202

        self._tasks.start_soon(stream)
        await endpoint.wait()
        client = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        await say({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client})
        await until(lambda: '"id":0' in told[0])
        await say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        await say({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": WAIT})

    async def end(self) -> int:
        """The exit status of the process, which was told to end."""
        return await anyio.to_thread.run_sync(self.registry.process.wait_end, 15)

    @property
    def complaints(self) -> list[str]:
        """Lines of the log that speak of a fault."""
        lines = self.registry.process.output().splitlines()
        return [line for line in lines if " ERROR " in line or " WARNING " in line or "Traceback" in line]


@asynccontextmanager
async def stopping(folder: Path, env: dict[str, str]) -> AsyncIterator[Stop]:
    waiting = Waiting()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(serve(waiting.mcp.http_app(path="/mcp")))
        registry = stack.enter_context(serving(folder, env))
        await Desk(registry).register("slow", f"{url}/mcp")
        parts = [{"server": "slow", "tool": "wait"}]
        await Desk(registry).ask("create_virtual_server", name="desk", path="desk", tools=parts)
        client = await stack.enter_async_context(aiohttp.ClientSession())
        async with anyio.create_task_group() as tasks:
            yield Stop(registry, waiting, client, tasks)


async def until(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(5):
        while not condition():  # noqa: ASYNC110  # the condition is anything
            await anyio.sleep(0.01)


async def test_calls_finish_and_streams_end_at_once_and_nobody_else_gets_in(tmp_path: Path) -> None:
    async with stopping(tmp_path, {}) as stop:
        token = stop.registry.token
        for path in ("/slow/mcp", "/desk/mcp"):
            await stop.modern(stop.calls, path, "tools/call", WAIT)
        through: http.Json = {"name": "call_tool", "arguments": {"server": "slow", "tool": "wait", "arguments": {}}}
        await stop.modern(stop.calls, "/mcp", "tools/call", through)
        await stop.sse("/slow/sse")
        for path in ("/mcp", "/desk/mcp"):
            await stop.modern(stop.streams, path, "subscriptions/listen", LISTEN)
        for path in ("/mcp", "/slow/mcp", "/desk/mcp"):
            await stop.get(path)
        await until(lambda: stop.waiting.arrived == 4)
        assert stop.streams == {}

        os.kill(stop.registry.process.pid, signal.SIGTERM)
        await until(lambda: len(stop.streams) == 5)
        assert stop.calls == {}
        assert not listens(stop.registry.port)
        stop.waiting.go.set()
        assert await stop.end() == 0
        assert len(stop.calls) == 4
        assert all("finished" in text for text in stop.calls.values())
        for path in ("/mcp", "/desk/mcp"):
            assert "resultType" in stop.streams[f"subscriptions/listen {path}"]
        assert stop.complaints == []
        assert token not in stop.registry.process.output()


async def test_calls_that_take_too_long_are_cut_off_and_ctrl_c_is_an_orderly_end_too(tmp_path: Path) -> None:
    async with stopping(tmp_path, {"AIREGISTRY_SHUTDOWN_SECONDS": "0.2"}) as stop:
        await stop.modern(stop.calls, "/slow/mcp", "tools/call", WAIT)
        silent = http.message("tools/call", WAIT)
        refused: list[int] = []

        async def ask() -> None:
            answer = await anyio.to_thread.run_sync(
                http.post, f"{stop.registry.url}/desk/mcp", silent, http.modern_headers(silent, stop.registry.token)
            )
            refused.append(answer.status_code)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await until(lambda: stop.waiting.arrived == 2)
            os.kill(stop.registry.process.pid, signal.SIGINT)
            assert await stop.end() == 0
        assert refused == [503]
        assert "finished" not in stop.calls["tools/call /slow/mcp"]
        assert stop.complaints == []
        stop.waiting.go.set()
