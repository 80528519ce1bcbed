"""Real MCP servers to register: one from npm, one of our own."""

import sys
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from tests.support import node
from tests.support.processes import Process, free_port, listens, python_env

LOOPBACK = (
    "import net from 'node:net'; const listen = net.Server.prototype.listen;"
    "net.Server.prototype.listen = function (port, ...rest) { return listen.call(this, port, '127.0.0.1', ...rest); };"
)
"""Loaded before a server that would listen on every interface."""


class Backend:
    """A started MCP server; `url` is its streamable-HTTP endpoint."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/mcp"
        process.wait_until(lambda: listens(port))

    def close(self) -> None:
        """Stop it."""
        self.process.close()


def start_python(folder: Path, port: int | None = None) -> Backend:
    """`tests/support/backend.py`: speaks both eras."""
    port = port or free_port()
    command = [sys.executable, "-m", "tests.support.backend", str(port)]
    return Backend(Process(command, folder / "python-backend.log", python_env({})), port)


def start_everything(folder: Path, mode: Literal["streamableHttp", "sse"] = "streamableHttp") -> Backend:
    """`@modelcontextprotocol/server-everything` from npm over streamable HTTP or HTTP+SSE: speaks the older era."""
    port = free_port()
    script = node.MODULES / "@modelcontextprotocol" / "server-everything" / "dist" / "index.js"
    command = [str(node.NODE), f"--import=data:text/javascript,{quote(LOOPBACK)}", str(script), mode]
    env = {**node.env(folder), "PORT": str(port)}
    return Backend(Process(command, folder / "everything.log", env), port)
