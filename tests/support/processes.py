"""Real processes under test: started, waited for without sleeping blindly, stopped, killed, their output kept."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
BYTECODE = {"PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode")}
"""As for what is installed: over a hundred starts, none compiles the product anew, and the tree stays clean."""
_LIVE: list["Process"] = []
_SERVED: dict[Path, None] = {}


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on.

    Below the range from which systems give ports to outgoing connections: it stays free over a restart.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def python_env(extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process without settings of the product, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIREGISTRY_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **BYTECODE, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **extra}


class Process:
    """A child in a process group of its own, working in the folder of `log`, which takes what it prints."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
        self.command = list(command)
        self.log = log
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                cwd=log.parent,
                start_new_session=True,
            )
        _LIVE.append(self)
        if {"airegistry", "serve"} <= {*self.command}:
            _SERVED[log] = None

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._child.poll()

    def output(self) -> str:
        """Everything it has printed, over all starts that shared the log."""
        return self.log.read_text(errors="replace")

    def wait_until(self, ready: Callable[[], bool], seconds: float = 30) -> None:
        """Return as soon as `ready` holds.

        Raises:
            AssertionError: the process ended before, or time is up; with its output.
        """
        deadline = time.monotonic() + seconds
        while not ready():
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(0.02)  # the pause between two looks; ends at once when the process does
                raise AssertionError(f"{self.command} ended with {self._child.returncode}:\n{self.output()}")
            assert time.monotonic() < deadline, f"{self.command} not ready in {seconds} s:\n{self.output()}"

    def wait_end(self, seconds: float = 30) -> int:
        """The exit status.

        Raises:
            AssertionError: it still runs after `seconds`; it is killed then.
        """
        try:
            status = self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not end in {seconds} s:\n{self.output()}") from None
        self._forget()
        return status

    def stop(self) -> int:
        """Ask it to end, as a service manager does, and return the exit status."""
        self._signal(signal.SIGTERM)
        return self.wait_end(15)

    def kill(self) -> None:
        """kill -9, for the whole process group."""
        self._signal(signal.SIGKILL)
        self._child.wait(10)
        self._forget()

    def close(self) -> None:
        """End it one way or the other; fine when it has ended."""
        if self._child.poll() is None:
            with contextlib.suppress(AssertionError):
                self.stop()
        self._forget()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _forget(self) -> None:
        with contextlib.suppress(ValueError):
            _LIVE.remove(self)


def live() -> Sequence[Process]:
    """Processes started here that have not been stopped: their output explains a failing test."""
    return tuple(_LIVE)


def served() -> Sequence[Path]:
    """The logs of all registries that were started here, be they stopped by now."""
    return tuple(_SERVED)


def run_module(
    module: str, *args: str, env: Mapping[str, str], seconds: float = 60
) -> "subprocess.CompletedProcess[str]":
    """`python -m module args` to its end, its output captured."""
    return subprocess.run(
        [sys.executable, "-m", module, *args],
        env=python_env(env), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
