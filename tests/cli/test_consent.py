"""What cannot be taken back is asked about where a person sits, and nowhere else."""

import io
import sys
from importlib import import_module
from pkgutil import iter_modules

import pytest

from airegistry import tools
from airegistry.tools.declare import MARK, Declared
from scripts.parity import commands_of
from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_asked_before_an_asset_is_deleted(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("n\n\nyes\n"))
    asked = "Delete agent `planner` with all its versions? [y/N] "
    declined = (1, "", f"{asked}error[declined]: nothing is changed\n")
    assert run("delete", "planner", "--kind", "agent") == declined
    assert run("delete", "planner", "--kind", "agent") == declined
    assert fake.calls == []
    assert run("delete", "planner", "--kind", "agent") == (0, "", f"{asked}deleted agent `planner`\n")
    assert fake.calls == [("delete_asset", {"kind": "agent", "path": "planner"})]


def test_nobody_is_asked_who_said_yes(fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    assert run("delete", "weather", "-y") == (0, "", "deleted server `weather`\n")


def test_nobody_is_asked_where_nothing_is_done(fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    fake.says({"versions": ["2.0.0", "1.0.0"], "credentials": 1, "used_by": ["desk"]})
    ran = run("delete", "weather", "--dry-run")
    assert (ran.status, ran.err) == (0, "nothing is deleted; server `weather` would be\n")
    assert [line.split() for line in ran.out.splitlines()] == [
        ["versions", "2.0.0,", "1.0.0"], ["credentials", "1"], ["used", "by", "desk"],
    ]  # fmt: skip
    assert fake.calls == [("delete_asset", {"kind": "server", "path": "weather", "dry_run": True})]


def test_a_question_cannot_steer_the_terminal(fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("\n"))
    assert "`a\\x1b[2J`" in run("delete", "a\x1b[2J").err


def asked_about() -> set[str]:
    """The tools that ask the person at an MCP client first."""
    modules = [import_module(f"{tools.__name__}.{each.name}") for each in iter_modules(tools.__path__)]
    owners = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return {
        name
        for owner in owners
        for name, method in [*vars(owner).items()]
        if isinstance(declared := getattr(method, MARK, None), Declared) and declared.confirm
    }


def test_the_command_line_asks_where_the_tools_do(run: Run) -> None:
    asking = asked_about()
    assert len(asking) > 10
    for tool, commands in commands_of(sorted(asking)).items():
        assert commands, tool
        for command in commands:
            assert "--yes" in run(*command.split()[1:], "--help").out, command
