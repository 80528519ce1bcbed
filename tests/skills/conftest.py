"""One registry and one server for all skills, and somebody who follows a skill and is watched."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import production  # noqa: F401  # a fixture
from tests.support import mcp
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.mcp import Json
from tests.support.processes import ROOT
from tests.support.registry import Registry, serving

SKILLS = ROOT / "skills"
_NAMED = re.compile(r"`([a-z_]+)[(`]")
_TOOL = re.compile(r"^### ([a-z_]+)$", re.MULTILINE)


def text_of(skill: str) -> str:
    """The text of a skill."""
    return (SKILLS / skill / "SKILL.md").read_text(encoding="utf-8")


def named_tools(skill: str) -> set[str]:
    """Every tool that a skill says to call."""
    known = set(_TOOL.findall((ROOT / "docs" / "tools.md").read_text(encoding="utf-8")))
    return set(_NAMED.findall(text_of(skill))) & known


def called_names(skill: str) -> set[str]:
    """Whatever a skill writes as a call."""
    return set(re.findall(r"`([a-z_]+)\(", text_of(skill)))


class Follower:
    """Calls the tools that a skill names, as the operator; `called` are their names."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.called: set[str] = set()

    async def ask(self, tool: str, /, **arguments: object) -> Json:
        """One call."""
        self.called.add(tool)
        return await mcp.ask(self.registry.mcp, self.registry.token, tool, **arguments)

    def did_all_of(self, skill: str) -> None:
        """Nothing that the skill names was left out, and nothing else was needed."""
        assert self.called == named_tools(skill)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("skills"), {"AIREGISTRY_EMBEDDER": "none"}) as started:
        yield started


@pytest.fixture(scope="module")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture
def follower(registry: Registry) -> Follower:
    return Follower(registry)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
