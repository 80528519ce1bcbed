"""`register`, `list`, `show`, `toggle`, `refresh` and `delete`."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

WEATHER: Json = {
    "kind": "server", "path": "weather", "name": "Weather", "description": "Forecasts\nand [b]alerts[/b].",
    "enabled": True, "tags": ["sky", "eu"], "stage": "approved_dev", "visibility": "public", "health": "unknown",
    "version": "1.0.0", "url": "https://weather.example.org/mcp", "groups": [], "license": None,
    "tools": [
        {"name": "forecast", "description": "The weather of the next days.", "inputSchema": {"type": "object"}},
        {"name": "alerts", "inputSchema": {"type": "object"}},
    ],
}  # fmt: skip
WEATHER_SHOWN = """\
path         weather
name         Weather
kind         server
version      1.0.0
description  Forecasts and [b]alerts[/b].
tags         sky, eu
url          https://weather.example.org/mcp
enabled      yes
stage        approved_dev
visibility   public
health       unknown

TOOL      DESCRIPTION
forecast  The weather of the next days.
alerts
"""


def test_register_takes_path_and_name_from_the_url_and_says_so(fake: FakeRegistry, run: Run) -> None:
    fake.says(WEATHER)
    ran = run("register", "https://weather.example.org/mcp")
    assert ran.status == 0
    assert ran.err == "registering `https://weather.example.org/mcp` as path `weather` with name `weather`\n"
    assert ran.out == WEATHER_SHOWN
    arguments = {"path": "weather", "name": "weather", "url": "https://weather.example.org/mcp"}
    assert fake.calls == [("register_service", arguments)]


def test_register_passes_every_option_on(fake: FakeRegistry, run: Run, tmp_path: Path) -> None:
    tools = tmp_path / "tools.json"
    tools.write_text('[{"name": "forecast"}]')
    assert (
        run(
            "register", "https://a.example.org/mcp", "--path", "sky", "--name", "Sky", "--description", "It rains.",
            "--tag", "eu", "--tag", "sky", "--group", "people", "--transport", "sse", "--tools", str(tools),
            "--no-fetch", "--on-duplicate", "reject", "--set", "license=MIT", "--set", 'requires_approval=["rain"]',
        ).status
        == 0
    )  # fmt: skip
    arguments = {
        "path": "sky", "name": "Sky", "url": "https://a.example.org/mcp", "description": "It rains.",
        "tags": ["eu", "sky"], "groups": ["people"], "transport": "sse", "tools": [{"name": "forecast"}],
        "fetch": False, "on_duplicate": "reject", "license": "MIT", "requires_approval": ["rain"],
    }  # fmt: skip
    assert fake.calls == [("register_service", arguments)]


def test_register_takes_a_stdio_server_by_its_command(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("[]"))
    command = ("--transport", "stdio", "--command", "npx", "--arg", "-y", "--arg", "some-server")
    assert run("register", "--path", "local", *command, "--tools", "-").status == 0
    arguments = {
        "path": "local",
        "name": "local",
        "transport": "stdio",
        "command": "npx",
        "args": ["-y", "some-server"],
    }
    assert fake.calls == [("register_service", {**arguments, "tools": []})]


def test_register_names_what_the_new_server_looks_like(fake: FakeRegistry, run: Run) -> None:
    fake.says({**WEATHER, "duplicates": [{"path": "sky", "reason": "meaning", "score": 0.91}]})
    assert "looks like `sky` by meaning: 0.910\n" in run("register", "https://weather.example.org/mcp").err


def test_register_with_json_prints_the_asset_alone(fake: FakeRegistry, run: Run) -> None:
    fake.says(WEATHER)
    assert json.loads(run("register", "https://weather.example.org/mcp", "--json").out) == WEATHER


@pytest.mark.parametrize("arguments", [(), ("--name", "x"), ("no-url",), ("https://mcp.api/mcp",)])
def test_register_without_a_url_or_a_path_is_a_usage_error(
    fake: FakeRegistry, run: Run, arguments: tuple[str, ...]
) -> None:
    ran = run("register", *arguments)
    assert (ran.status, ran.out, fake.calls) == (2, "", [])


@pytest.mark.parametrize("tools", ["{}", "nonsense", "[NaN]", None])
def test_tools_that_are_no_json_list_are_a_usage_error(
    fake: FakeRegistry, run: Run, tmp_path: Path, tools: str | None
) -> None:
    file = tmp_path / "tools.json"
    if tools is not None:
        file.write_text(tools)
    assert run("register", "--path", "x", "--tools", str(file)).status == 2
    assert fake.calls == []


def test_list_prints_a_line_for_each_server(fake: FakeRegistry, run: Run) -> None:
    off = {**WEATHER, "path": "freight-quotes", "enabled": False, "health": "healthy", "description": "word " * 100}
    fake.says({"services": [WEATHER, off], "next_cursor": None})
    ran = run("list")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "PATH            STAGE         ENABLED  HEALTH   DESCRIPTION",
        "weather         approved_dev  yes      unknown  Forecasts and [b]alerts[/b].",
        "freight-quotes  approved_dev  no       healthy  " + ("word " * 100).strip(),
    ]
    assert fake.calls == [("list_services", {})]


@pytest.mark.parametrize(
    ("kind", "tool", "member"),
    [
        ("server", "list_services", "services"),
        ("agent", "list_agents", "agents"),
        ("skill", "list_skills", "skills"),
        ("virtual_server", "list_virtual_servers", "virtual_servers"),
        ("entity", "list_entities", "entities"),
    ],
)
def test_list_asks_for_the_kind(fake: FakeRegistry, run: Run, kind: str, tool: str, member: str) -> None:
    fake.says({member: []})
    ran = run("list", "--kind", kind, "--tag", "eu", "--limit", "7", "--cursor", "abc")
    assert ran == (0, "", f"no {member.replace('_', ' ')}\n")
    assert fake.calls == [(tool, {"tags": ["eu"], "limit": 7, "cursor": "abc"})]


def test_list_names_the_next_page(fake: FakeRegistry, run: Run) -> None:
    fake.says({"services": [WEATHER], "next_cursor": "eyJ4"})
    assert run("list").err == "more with `--cursor eyJ4`\n"


def test_list_with_json_prints_exactly_what_the_registry_answered(fake: FakeRegistry, run: Run) -> None:
    page = {"services": [{**WEATHER, "name": "Wetter für Zürich \u202e\x1b"}], "next_cursor": "eyJ4", "later": {"a": 1}}
    fake.says(page)
    ran = run("list", "--json")
    assert (json.loads(ran.out), ran.err) == (page, "")
    assert ran.out.isascii()


def test_a_name_cannot_steer_the_terminal(fake: FakeRegistry, run: Run) -> None:
    fake.says({"services": [{**WEATHER, "description": "a\x1b[2Jb\u202ec\x9bd[red]e"}]})
    assert run("list").out.splitlines()[1].endswith("a\\x1b[2Jb\\u202ec\\x9bd[red]e")


def test_show_prints_the_fields_that_are_set_and_the_tools(fake: FakeRegistry, run: Run) -> None:
    fake.says(WEATHER)
    assert run("show", "weather") == (0, WEATHER_SHOWN, "")
    assert fake.calls == [("get_server_details", {"path": "weather"})]


@pytest.mark.parametrize(("state", "enabled"), [("on", True), ("off", False)])
def test_toggle_switches_on_and_off(fake: FakeRegistry, run: Run, state: str, enabled: bool) -> None:
    assert run("toggle", "weather", state) == (0, "", f"server `weather` is {state}\n")
    assert fake.calls == [("toggle_service", {"path": "weather", "enabled": enabled})]
    assert run("toggle", "weather", "maybe").status == 2


def test_refresh_prints_the_server_as_it_is_now(fake: FakeRegistry, run: Run) -> None:
    fake.says(WEATHER)
    assert run("refresh", "weather").out == WEATHER_SHOWN
    assert fake.calls == [("refresh_service", {"path": "weather"})]


def test_delete_removes_a_server_or_what_kind_says(fake: FakeRegistry, run: Run) -> None:
    assert run("delete", "weather").err == "deleted server `weather`\n"
    assert run("delete", "trip", "--kind", "virtual_server").err == "deleted virtual server `trip`\n"
    assert [arguments["kind"] for _, arguments in fake.calls] == ["server", "virtual_server"]


def test_a_dry_run_shows_what_would_come_of_it_and_the_scan(fake: FakeRegistry, run: Run) -> None:
    finding = {"severity": "high", "rule": "concealment.hidden", "field": "/description", "message": "Hidden text."}
    fake.says({**WEATHER, "dry_run": True, "scan": {"verdict": "block", "findings": [finding]}})
    ran = run("register", "https://weather.example.org/mcp", "--dry-run")
    assert "high      concealment.hidden  /description  Hidden text." in ran.out
    assert ran.err.endswith("the scan says block; nothing is stored\n")
    assert fake.calls[0][1]["dry_run"] is True
