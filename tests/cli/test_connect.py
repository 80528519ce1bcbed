"""`connect`: it prints what the pages of the clients say, and what it writes leaves the rest of a file alone."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.docs.console import blocks
from tests.support.processes import ROOT

URL = ("--url", "http://127.0.0.1:8080")
PLACE = "http://127.0.0.1:8080/mcp"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The person's folder, and that of a project which is worked in."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def read(file: Path) -> Any:
    return json.loads(file.read_text())


@pytest.mark.parametrize(
    ("client", "page"), [("cursor", "cursor"), ("kiro", "kiro"), ("vscode", "vscode"), ("gemini", "gemini-cli")]
)
def test_the_blocks_are_those_of_the_pages(run: Run, client: str, page: str) -> None:
    shown = [json.loads(run("connect", client, *URL, *more).out) for more in ((), ("--token",))]
    assert shown == [json.loads(block.text) for block in blocks(ROOT / "clients" / f"{page}.md")]


@pytest.mark.parametrize("client", ["claude-code", "codex"])
def test_the_commands_are_those_of_the_pages(run: Run, client: str) -> None:
    page = (ROOT / "clients" / f"{client}.md").read_text().replace('"$AIREGISTRY_URL/mcp"', PLACE)
    for more in ((), ("--token",)):
        assert f"\n{run('connect', client, *URL, *more).out}" in page


@pytest.mark.parametrize(
    ("client", "file", "member"),
    [
        ("cursor", ".cursor/mcp.json", "mcpServers"),
        ("kiro", ".kiro/settings/mcp.json", "mcpServers"),
        ("gemini", ".gemini/settings.json", "mcpServers"),
        ("vscode", "project/.vscode/mcp.json", "servers"),
        ("claude-code", "project/.mcp.json", "mcpServers"),
    ],
)
def test_a_file_is_made_where_the_client_reads_it(run: Run, home: Path, client: str, file: str, member: str) -> None:
    assert run("connect", client, "--write", "--server", "weather", *URL).status == 0
    assert list(read(home / file)[member]) == ["weather"]
    assert "http://127.0.0.1:8080/weather/mcp" in read(home / file)[member]["weather"].values()
    assert (home / file).stat().st_mode & 0o777 == 0o600


def test_the_rest_of_a_file_stays_and_the_one_before_is_kept(run: Run, home: Path) -> None:
    file = home / ".cursor" / "mcp.json"
    file.parent.mkdir()
    file.write_text(before := json.dumps({"mcpServers": {"other": {"command": "x"}}, "theme": "dark"}))
    file.chmod(0o640)
    assert run("connect", "cursor", "--write", *URL).status == 0
    assert read(file) == {"mcpServers": {"other": {"command": "x"}, "airegistry": {"url": PLACE}}, "theme": "dark"}
    assert (file.with_name("mcp.json.bak").read_text(), file.stat().st_mode & 0o777) == (before, 0o640)
    assert run("connect", "cursor", "--write", *URL).err == f"`{file}` has it already\n"
    assert run("connect", "cursor", "--write", "--token", *URL).status == 0
    assert file.with_name("mcp.json.bak").read_text() == before
    assert sorted(each.name for each in file.parent.iterdir()) == ["mcp.json", "mcp.json.bak", "mcp.json.bak1"]


def test_no_token_is_written(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIREGISTRY_TOKEN", "s" * 40)
    for client in ("claude-code", "codex", "cursor", "kiro", "vscode", "gemini"):
        assert "s" * 40 not in run("connect", client, "--token", *URL).out
        assert run("connect", client, "--token", "--write", *URL).status == 0
    assert [file for file in home.rglob("*") if file.is_file() and "s" * 40 in file.read_text()] == []


def test_a_file_with_comments_is_not_touched(run: Run, home: Path) -> None:
    file = home / "project" / ".vscode" / "mcp.json"
    file.parent.mkdir()
    file.write_text("{\n  // mine\n}\n")
    ran = run("connect", "vscode", "--write", *URL)
    assert (ran.status, "is not touched" in ran.err) == (2, True)
    assert (file.read_text(), [each.name for each in file.parent.iterdir()]) == ("{\n  // mine\n}\n", ["mcp.json"])


def test_codex_gets_a_table_behind_its_own(run: Run, home: Path) -> None:
    file = home / ".codex" / "config.toml"
    file.parent.mkdir()
    file.write_text('model = "x" # mine\n\n[mcp_servers.other]\ncommand = "y"\n')
    assert run("connect", "codex", "--write", "--token", *URL).status == 0
    assert tomllib.loads(file.read_text())["mcp_servers"] == {
        "other": {"command": "y"}, "airegistry": {"url": PLACE, "bearer_token_env_var": "AIREGISTRY_TOKEN"},
    }  # fmt: skip
    assert "# mine" in file.read_text()
    assert "has it already" in run("connect", "codex", "--write", "--token", *URL).err
    assert run("connect", "codex", "--write", *URL).status == 2


@pytest.mark.parametrize("more", [("--name", "a b"), ("--name", 'x"]'), ("--server", "weather@1.0")])
def test_a_name_that_clients_do_not_take_is_refused(run: Run, more: tuple[str, ...]) -> None:
    assert run("connect", "cursor", *more, *URL).status == 2


def test_codex_reads_the_file_of_a_project_it_trusts(run: Run, home: Path) -> None:
    assert run("connect", "codex", "--write", "--project").status == 0
    assert "[mcp_servers.airegistry]" in (home / "project" / ".codex" / "config.toml").read_text()
    assert not (home / ".codex").exists()
