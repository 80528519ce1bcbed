"""The registry seen from outside while something breaks: its sockets, its tasks, and how others fare meanwhile."""

import json
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx2

from tests.support import http
from tests.support.processes import Process, free_port, python_env
from tests.support.registry import Registry
from tests.support.tls import TLS

PATIENCE = 10.0
"""Seconds until everything must be given back."""
LATE = 3.0
"""Seconds that a call of somebody else may take on a busy machine."""


class WatchedRegistry(Registry):
    """A registry that can be asked what it holds."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, env)
        self._window = free_port()

    def spawn(self, host: str = "127.0.0.1") -> Process:
        command = ["serve", "--host", host, "--port", str(self.port), "--data", str(self.data)]
        run = [sys.executable, "-m", "tests.chaos.serve", str(self._window), *command]
        self._process = Process(run, self._log, python_env(self.env))
        return self._process

    def dns(self, *, up: bool) -> None:
        """Whether moving.test is found from now on."""
        assert self._ask("dns up" if up else "dns down") == "ok"

    def tasks(self) -> dict[str, int]:
        """What its event loop has to do."""
        found = self._ask("tasks")
        assert isinstance(found, dict)
        return found

    def sockets(self) -> int:
        """How many sockets it has open, but for those of the window."""
        names = [_link(entry) for entry in Path(f"/proc/{self.process.pid}/fd").iterdir()]
        return sum(name.startswith("socket:") for name in names)

    def files(self) -> int:
        """How many other file descriptors."""
        names = [_link(entry) for entry in Path(f"/proc/{self.process.pid}/fd").iterdir()]
        return sum(not name.startswith("socket:") for name in names)

    def _ask(self, line: str) -> object:
        with socket.create_connection(("127.0.0.1", self._window), timeout=10) as asking:
            asking.sendall(line.encode() + b"\n")
            return json.loads(b"".join(iter(lambda: asking.recv(65_536), b"")))


def _link(entry: Path) -> str:
    try:
        return str(entry.readlink())
    except FileNotFoundError:
        return ""  # closed since the folder was listed


@asynccontextmanager
async def undisturbed(registry: WatchedRegistry, canary: str) -> AsyncIterator[None]:
    """What happens in the block disturbs no caller of the server at `canary`, and leaves nothing behind."""
    async with httpx2.AsyncClient(trust_env=False, timeout=LATE, verify=TLS) as client:
        await _sing(client, registry, canary, 0)
        sockets, files, tasks = registry.sockets(), registry.files(), sum(registry.tasks().values())
        async with anyio.create_task_group() as group:
            group.start_soon(_keep_singing, client, registry, canary)
            yield
            group.cancel_scope.cancel()
        await _sing(client, registry, canary, 1)
        await _settled(registry, sockets, files, tasks)


async def _settled(registry: WatchedRegistry, sockets: int, files: int, tasks: int) -> None:
    """Wait until it holds no more than before."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = registry.sockets(), registry.files(), registry.tasks()
        if now[0] <= sockets + 1 and now[1] <= files + 1 and sum(now[2].values()) <= tasks + 1:
            return  # one more: the canary's connection to the backend may have been made anew
        assert time.monotonic() < deadline, f"{now} after, before: {sockets} sockets, {files} files, {tasks} tasks"
        await anyio.sleep(0.05)


async def _keep_singing(client: httpx2.AsyncClient, registry: WatchedRegistry, path: str) -> None:
    number = 2
    while True:
        await _sing(client, registry, path, number)
        number += 1
        await anyio.sleep(0.01)


async def _sing(client: httpx2.AsyncClient, registry: WatchedRegistry, path: str, number: int) -> None:
    answer = await call(client, registry.gateway(path), "add", {"a": number, "b": 1}, registry.token)
    assert "result" in http.body(answer), answer.text
    assert http.body(answer)["result"]["structuredContent"] == {"result": number + 1}, answer.text


async def call(client: httpx2.AsyncClient, url: str, tool: str, arguments: http.Json, token: str) -> httpx2.Response:
    """One `tools/call` of the modern era."""
    request = http.message("tools/call", {"name": tool, "arguments": arguments})
    headers = {"Content-Type": "application/json", **http.modern_headers(request, token)}
    return await client.post(url, content=json.dumps(request), headers=headers)
