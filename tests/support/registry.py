"""The product as a user runs it: `python -m airegistry serve` on a loopback port and a data folder."""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.support.commands import run_command
from tests.support.processes import Process, free_port, python_env, run_module
from tests.support.tls import TLS


class Registry:
    """One data folder and the process that serves it, if any. `token` is the operator's."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.data = folder / "data"
        self.token = "operator-" + secrets.token_urlsafe(32)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # No health checks by themselves: tests count what their backends get.
        # Logs as people read them: tests look for words in them.
        quiet = {"AIREGISTRY_HEALTH_INTERVAL": "0", "AIREGISTRY_LOG_FORMAT": "console"}
        self.env = {"HOME": str(folder), "AIREGISTRY_ADMIN_TOKEN": self.token, **quiet, **(env or {})}
        self.python = sys.executable
        self._log = folder / "registry.log"
        self._process: Process | None = None

    @property
    def mcp(self) -> str:
        """The URL of the registry's own MCP server."""
        return f"{self.url}/mcp"

    @property
    def process(self) -> Process:
        assert self._process is not None, "the registry is not started"
        return self._process

    def gateway(self, path: str) -> str:
        """The URL of a registered server behind the gateway."""
        return f"{self.url}/{path}/mcp"

    def spawn(self, host: str = "127.0.0.1") -> Process:
        """Start it and do not wait."""
        command = ["serve", "--host", host, "--port", str(self.port), "--data", str(self.data)]
        self._process = Process([self.python, "-m", "airegistry", *command], self._log, python_env(self.env))
        return self._process

    def start(self) -> None:
        """Start it and wait for /readyz."""
        self.spawn().wait_until(self.is_ready)

    def restart(self) -> None:
        """Stop it as a service manager does, start it again on the same folder."""
        self.process.stop()
        self.start()

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5, trust_env=False, verify=TLS).status_code == 200
        except httpx2.TransportError:
            return False

    def cli(self, *args: str, token: str | None = None) -> "subprocess.CompletedProcess[str]":
        """`airegistry ...` against this registry, as the operator unless another token is given."""
        return run_module("airegistry", *args, env=self._client(token))

    def command(self, *args: str, token: str | None = None) -> "subprocess.CompletedProcess[str]":
        """As `cli`, but in this process; see `tests.support.commands`."""
        return run_command(*args, env=self._client(token))

    def _client(self, token: str | None) -> dict[str, str]:
        return {"HOME": self.env["HOME"], "AIREGISTRY_URL": self.url, "AIREGISTRY_TOKEN": token or self.token}

    def close(self) -> None:
        """Stop the process, if one runs."""
        if self._process is not None:
            self._process.close()


@contextmanager
def serving(folder: Path, env: Mapping[str, str] | None = None) -> Iterator[Registry]:
    """A started registry, stopped at the end."""
    registry = Registry(folder, env)
    try:
        registry.start()
        yield registry
    finally:
        registry.close()
