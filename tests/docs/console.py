"""Follows a page as a reader would: runs its commands against real processes and compares what they print.

On a page `…` stands for what differs from run to run, and a command without output under it only has to succeed.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from airegistry.cli.main import main
from tests.support.processes import ROOT, Process, free_port, listens, python_env
from tests.support.registry import Registry

REGISTRY_PORT, BACKEND_PORT = "8080", "9000"
"""The ports on the pages; the processes here have free ones."""
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(r"air_[0-9a-f]{16}_[\w-]{43}")
_ASSIGNMENT = re.compile(r"([A-Z_]+)=(.*)", re.DOTALL)
_SCORE = re.compile(r"\b[01]\.\d{3}\b")
_CLOSE = 0.05
"""How far a score may be from the one on the page: quantised models differ a little between processors."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str


class Step(NamedTuple):
    """A command, and the lines under it."""

    command: str
    shown: list[str]


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found) for found in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def every_step(page: Path) -> list[Step]:
    """The commands of a page, in order."""
    return [step for block in blocks(page) if block.language == "console" for step in steps(block.text)]


def steps(text: str) -> Iterator[Step]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").split("\n")
        yield Step(command, shown)


def alike(shown: list[str], printed: list[str]) -> bool:
    """Whether a page shows what was printed: spaces at will, scores nearly, `…` for anything."""
    if len(shown) != len(printed):
        return False
    return all(_alike(page, line) for page, line in zip(shown, printed, strict=True))


def _alike(page: str, line: str) -> bool:
    scores = list(zip(_SCORE.findall(page), _SCORE.findall(line), strict=False))
    if any(abs(float(one) - float(other)) > _CLOSE for one, other in scores):
        return False
    page, line = (" ".join(_SCORE.sub("SCORE", text).split()) for text in (page, line))
    return re.fullmatch(".*".join(map(re.escape, page.split("…"))), line) is not None


@dataclass
class Reader:
    """Somebody with two terminals in a folder of their own. `close` ends what they started."""

    folder: Path
    capsys: pytest.CaptureFixture[str]
    patch: pytest.MonkeyPatch
    backend_port: int = field(default_factory=free_port)
    backends: list[Process] = field(default_factory=list)
    seen: str = ""

    def __post_init__(self) -> None:
        self.registry = Registry(self.folder)
        del self.registry.env["AIREGISTRY_ADMIN_TOKEN"]
        self.registry.data = self.folder / ".airegistry"
        for name in [name for name in os.environ if name.startswith("AIREGISTRY_")]:
            self.patch.delenv(name)
        for name, value in {"HOME": str(self.folder), "AIREGISTRY_URL": self.registry.url, "NO_COLOR": "1"}.items():
            self.patch.setenv(name, value)
        self.patch.chdir(self.folder)

    def follow(self, page: Path) -> None:
        """Do what a page says, from top to bottom.

        Raises:
            AssertionError: a command prints something else than the page shows, or fails and the page shows nothing.
        """
        for language, text in blocks(page):
            if language == "python":
                name = text.partition("\n")[0].removeprefix("# ")
                (self.folder / name).write_text(self._here(text), encoding="utf-8")
            for step in steps(text) if language == "console" else ():
                self._take(step)

    def serve(self) -> str:
        """Start the registry as the first terminal does; what it printed."""
        self.registry.start()
        printed = self.registry.process.output()
        self.seen += printed
        return printed

    def close(self) -> None:
        """End every process."""
        self.registry.close()
        for backend in self.backends:
            backend.close()

    def run(self, command: str) -> str:
        """What a command that must succeed prints."""
        failed, printed = self._run(command)
        assert not failed, printed
        return printed

    def _take(self, step: Step) -> None:
        failed, printed = self._run(step.command)
        if step.shown:
            lines = [line.rstrip() for line in self._page(printed).strip().splitlines()]
            assert alike(step.shown, lines), "\n".join([f"$ {step.command}", *lines])
        else:
            assert not failed, printed
        self.seen += printed

    def _run(self, command: str) -> tuple[bool, str]:
        words = shlex.split(self._here(command), comments=True)
        match words:
            case ["airegistry", "serve"]:
                return False, self.serve()
            case ["python", "examples/weather.py", "&"]:
                return False, self._start_backend()
            case ["export", assignment]:
                name, _, value = assignment.partition("=")
                self.patch.setenv(name, _TOKEN.findall(self.seen)[-1] if value == "air_…" else value)
                return False, ""
        given = {}
        while words and (found := _ASSIGNMENT.fullmatch(words[0])):
            given[found[1]] = os.path.expandvars(found[2])
            words.pop(0)
        with self.patch.context() as patch:
            for name, value in given.items():
                patch.setenv(name, value)
            return self._python(words[1]) if words[0] == "python" else self._airegistry(words)

    def _airegistry(self, words: list[str]) -> tuple[bool, str]:
        assert words[0] == "airegistry", words
        if words[1:3] == ["audit", "verify"]:
            self.registry.process.stop()
        words = [_TOKEN.findall(self.seen)[-1].split("_")[1] if word == "ID" else word for word in words]
        with self.patch.context() as patch:
            patch.setattr(sys, "stderr", sys.stdout)  # a terminal shows both, in the order of writing
            status = main(words[1:])
        return status != 0, self.capsys.readouterr().out

    def _python(self, script: str) -> tuple[bool, str]:
        ran = subprocess.run(
            [sys.executable, script], env=python_env({"AIREGISTRY_TOKEN": os.environ["AIREGISTRY_TOKEN"]}),
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return ran.returncode != 0, ran.stdout + ran.stderr

    def _start_backend(self) -> str:
        command = [sys.executable, str(ROOT / "examples" / "weather.py"), str(self.backend_port)]
        backend = Process(command, self.folder / "weather.log", python_env({}))
        self.backends.append(backend)
        backend.wait_until(lambda: listens(self.backend_port))
        return ""

    def _here(self, text: str) -> str:
        """Text of a page with the ports of here."""
        text = text.replace(f"127.0.0.1:{REGISTRY_PORT}", f"127.0.0.1:{self.registry.port}")
        return text.replace(f"127.0.0.1:{BACKEND_PORT}", f"127.0.0.1:{self.backend_port}")

    def _page(self, text: str) -> str:
        """Text of here with the ports of the page."""
        text = text.replace(f"127.0.0.1:{self.registry.port}", f"127.0.0.1:{REGISTRY_PORT}")
        return text.replace(f"127.0.0.1:{self.backend_port}", f"127.0.0.1:{BACKEND_PORT}")
