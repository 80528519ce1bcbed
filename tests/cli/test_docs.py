"""docs/cli.md shows the help of every command as it is, and every exit status."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cyclopts import App

from airegistry.cli.errors import Status
from airegistry.cli.main import commands
from tests.cli.conftest import Run

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")


def named(app: App, *before: str) -> Iterator[tuple[str, ...]]:
    """The names of all commands that do something."""
    for name in app:
        if not name.startswith("-"):
            inner = list(named(app[name], *before, name))
            yield from inner or [(*before, name)]


COMMANDS = list(named(commands()))


def test_the_commands_are_those_promised() -> None:
    assert {" ".join(command) for command in COMMANDS} == {
        "serve", "register", "list", "show", "toggle", "refresh", "delete", "search", "call", "search-eval",
        "import", "sync add", "sync list", "sync show", "sync update", "sync now", "sync remove",
        "agentcore manifest", "agentcore refresh-tokens", "audit rotate-key",
        "token create",
        "token revoke", "token list", "scope put", "group put", "policy import", "audit query", "audit verify",
            "audit export", "audit heads", "audit prune",
        "version", "login", "logout", "client add", "client list", "client remove",
        "user add", "user list", "user remove", "user password", "user second-factor-reset",
        "token vend", "issuer add", "issuer list", "issuer remove",
        "credential set", "credential show", "credential delete", "credential rotate-key",
        "index status", "index reindex", "index switch",
        "stage set", "stage show", "definition list", "definition show", "definition approve", "definition reject",
        "limit put", "limit list", "limit remove", "quarantine put", "quarantine list", "quarantine lift",
        "approval list", "approval approve", "approval refuse",
        "provider add", "provider list", "provider remove", "provider test",
        "webhook create", "webhook list", "webhook update", "webhook remove", "webhook rotate", "webhook test",
        "webhook deliveries", "webhook replay", "ans link", "ans verify", "ans unlink",
        "scan", "scan-eval", "scans run", "scans report", "scans list", "scans waive", "scans unwaive", "scans waivers",
        "scans all", "scans status", "data export", "data import", "data import-peer", "data migrate", "data verify",
        "usage", "entity-type list", "entity-type show", "entity-type define", "entity-type update",
        "entity-type delete",
        "update", "find", "tools", "health", "rate", "unrate", "agent register", "agent list", "skill register",
        "skill list", "skill show", "entity register", "entity list", "virtual create", "virtual update",
        "virtual add", "virtual remove", "virtual list", "versions list", "versions default", "versions deprecate",
        "versions delete", "scope list", "scope delete", "group list", "group delete", "access explain",
        "access preview", "user end-sessions", "connect", "config explain", "browse", "whoami", "logs",
        "doctor", "setup aws", "setup keycloak", "setup verify", "profile list", "profile set", "profile use",
        "profile remove",
    }  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_page_shows_the_help_of_each_command(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "--help")
    assert ran.status == 0
    shown = "\n".join(line.rstrip() for line in ran.out.strip().splitlines())
    assert f"```console\n$ airegistry {' '.join(command)} --help\n{shown}\n```" in PAGE


def test_the_page_lists_the_commands_as_the_help_does(run: Run) -> None:
    for line in run("--help").out.splitlines():
        assert line.rstrip() in PAGE


@pytest.mark.parametrize("status", Status)
def test_the_page_explains_each_exit_status(status: Status) -> None:
    assert f"\n| {status.value} | " in PAGE
