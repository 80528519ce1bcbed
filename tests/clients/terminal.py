"""A terminal for clients that insist on one."""

import contextlib
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*(?:\x07|\x1b\\)|[\r\x00]")


class Terminal:
    """A command in a pseudo-terminal, very wide so that addresses are not broken into lines."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self._ours, theirs = pty.openpty()
        wide = {**env, "COLUMNS": "5000", "LINES": "200"}
        subprocess.run(["stty", "rows", "200", "cols", "5000"], stdin=theirs, check=False)
        self._process = subprocess.Popen(
            command, env=wide, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.printed = ""

    def wait_for(self, pattern: str, seconds: float = 60) -> str:
        """The first group of a pattern in what it prints, as soon as it is there."""
        deadline = time.monotonic() + seconds
        while not (found := re.search(pattern, self.printed)):
            assert time.monotonic() < deadline, f"no {pattern} in {seconds} s:\n{self.printed}"
            assert self._read(deadline), f"it ended without {pattern}:\n{self.printed}"
        return found[1]

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._ours, text.encode() + b"\r")

    def wait_end(self, seconds: float = 60) -> int:
        """Its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            assert time.monotonic() < deadline, f"still runs after {seconds} s:\n{self.printed}"
        return self._process.wait(10)

    def close(self) -> None:
        """End it, if it runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait(10)
        os.close(self._ours)

    def _read(self, deadline: float) -> bool:
        if not select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return True
        try:
            chunk = os.read(self._ours, 65_536)
        except OSError:  # what Linux says when the other end is closed
            return False
        self.printed += _CONTROL.sub("", chunk.decode("utf-8", "replace"))
        return bool(chunk)
