"""The load generator as the benchmark holds it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import IO

import orjson

from benchmarks.rig.traffic import Job, Outcome
from tests.support.processes import python_env


class Generator:
    """Runs jobs one after the other."""

    def __init__(self, child: "subprocess.Popen[bytes]", given: IO[bytes], told: IO[bytes]) -> None:
        self._child, self._given, self._told = child, given, told

    def run(self, job: Job, *, before: Callable[[], None] = lambda: None) -> Outcome:
        """The outcome of a job; `before` is called when all callers are connected and nothing is measured yet.

        Raises:
            SystemExit: an answer was wrong.
        """
        self._say(orjson.dumps(asdict(job)))
        self._hear(job)
        before()
        self._say(b"go")
        return Outcome(**orjson.loads(self._hear(job)))

    def _say(self, line: bytes) -> None:
        self._given.write(line + b"\n")
        self._given.flush()

    def _hear(self, job: Job) -> bytes:
        line = self._told.readline()
        if not line:
            raise SystemExit(f"the run is void: the load generator ended with {self._child.wait()} at {job}")
        return line


@contextmanager
def generating() -> Iterator[Generator]:
    """A load generator, ended at the end."""
    command = [sys.executable, "-m", "benchmarks.rig.traffic"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=python_env({})) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            yield Generator(child, child.stdin, child.stdout)
        finally:
            child.terminate()
