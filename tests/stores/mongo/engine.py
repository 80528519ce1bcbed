"""A real database behind the MongoDB wire protocol: SecantusDB in a process of its own.

With AIREGISTRY_TEST_ENGINE=documentdb it is the open-source engine DocumentDB instead, which has no change streams.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest

INSTALLED = find_spec("secantus") is not None and find_spec("pymongo") is not None
MISSING = "needs secantusdb and pymongo: pip install 'airegistry[dev]'"
ENGINE = os.environ.get("AIREGISTRY_TEST_ENGINE") or "secantusdb"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(check: Callable[[], bool]) -> None:
    """Wait for something that no event tells of; callers bound it."""
    while not check():  # noqa: ASYNC110  # nothing tells
        await anyio.sleep(0.01)


class Engine:
    """One process over one folder. `options` are those of `secantusd-py`."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(), stdout=log, stderr=log, cwd=self.folder, env=self._environment()
            )
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.05)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()

    def _command(self) -> list[str]:
        (self.folder / "empty.toml").touch()
        return [
            sys.executable, "-c", "import sys; from secantus.cli import main; sys.exit(main())",
            "--config", str(self.folder / "empty.toml"), "--host", "127.0.0.1", "--port", str(self.port),
            "--storage-path", str(self.folder / "data"), "--cache-size", "128M", "--log-level", "ERROR", *self._options,
        ]  # fmt: skip

    def _environment(self) -> dict[str, str] | None:
        return None


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[Engine]:
    if not INSTALLED:
        pytest.skip(MISSING)
    engine = _engine(folder, *options)
    try:
        engine.start()
        yield engine
    finally:
        engine.close()


def _engine(folder: Path, *options: str) -> Engine:
    if ENGINE == "secantusdb":
        return Engine(folder, *options)
    if ENGINE != "documentdb":
        raise RuntimeError(f"AIREGISTRY_TEST_ENGINE is secantusdb or documentdb, not {ENGINE!r}")
    from tests.stores.mongo.documentdb.server import DocumentDB  # which is an `Engine`

    return DocumentDB(folder, *options)
