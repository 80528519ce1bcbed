"""Drives the real Codex as an MCP client, without any model: `codex app-server`, JSON-RPC on its standard streams."""

import contextlib
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class AppServer:
    """An initialized `codex app-server` with one thread."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._ids = itertools.count(1)
        self._buffer = b""
        self.request("initialize", {"clientInfo": {"name": "tests", "title": "tests", "version": "0"}})
        self._send({"method": "initialized"})
        self.thread: str = self.request("thread/start", {})["thread"]["id"]

    def call_tool(self, server: str, tool: str, arguments: Json) -> Json:
        """`tools/call` by Codex at one of its configured MCP servers; the result."""
        params = {"threadId": self.thread, "server": server, "tool": tool, "arguments": arguments}
        return self.request("mcpServer/tool/call", params)

    def request(self, method: str, params: Json, seconds: float = 60) -> Json:
        """The result of one request.

        Raises:
            AssertionError: Codex answered with an error, or not in time.
        """
        number = next(self._ids)
        self._send({"id": number, "method": method, "params": params})
        for message in self._messages(time.monotonic() + seconds):
            if message.get("id") == number and "method" not in message:
                assert "result" in message, message
                result: Json = message["result"]
                return result
        raise AssertionError(f"no answer to {method} in {seconds} s")

    def _send(self, message: Json) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _messages(self, deadline: float) -> Iterator[Json]:
        """Messages as they come, answers and notifications alike, until the deadline."""
        assert self._process.stdout is not None
        stdout = self._process.stdout.fileno()
        while True:
            line, found, rest = self._buffer.partition(b"\n")
            if found:
                self._buffer = rest
                yield json.loads(line)
                continue
            if not select.select([stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return
            chunk = os.read(stdout, 65_536)
            assert chunk, "codex app-server ended"
            self._buffer += chunk


@contextmanager
def app_server(command: Sequence[str], env: Mapping[str, str], errors: Path) -> Iterator[AppServer]:
    """A running app-server, ended at the end; what it prints as errors goes to a file."""
    with (
        errors.open("wb") as log,
        subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            yield AppServer(process)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
