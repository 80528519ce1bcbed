"""`sync`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

URL = "https://registry.test"
DONE: Json = {
    "started": "2026-11-20T12:00:00Z", "outcome": "ok", "added": 2, "changed": 1, "retired": 0, "unchanged": 7,
    "refused": 2, "codes": {"conflict": 2}, "planned": [],
    "refusals": [{"id": "io.x/y", "code": "conflict", "reason": "the path 'y' is taken"}],
}  # fmt: skip
FAR: Json = {
    "name": "far", "kind": "mcp-registry", "url": URL, "enabled": True, "circuit": "closed", "due": None, "lag": 3.0,
    "last": DONE, "running": None, "runs": [DONE], "has_secrets": True,
}  # fmt: skip


def test_a_source_is_added_and_what_came_of_its_first_pass_is_shown(
    fake: FakeRegistry, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.says(FAR)
    monkeypatch.setenv("FAR_TOKEN", "s3cret")
    (tmp_path / "keys.json").write_text('{"client_id": "me"}')
    ran = run(
        "sync", "add", "mcp-registry", URL, "--name", "far", "--filter", "io.*", "--allow", "com.*", "--tag", "good",
        "--namespace", "io.", "--option", "page=50", "--secret-file", str(tmp_path / "keys.json"), "--secret-env",
        "token=FAR_TOKEN", "--group", "staff", "--interval", "600",
    )  # fmt: skip
    assert ran.status == 0
    assert fake.calls[0] == ("add_source", {
        "name": "far", "kind": "mcp-registry", "url": URL, "names": ["io.*", "com.*"], "tags": ["good"],
        "namespace": ["io."], "options": {"page": 50}, "secrets": {"client_id": "me", "token": "s3cret"},
        "groups": ["staff"], "interval": 600.0,
    })  # fmt: skip
    assert fake.calls[1] == ("get_source", {"name": "far"})
    assert "added      2" in ran.out
    assert "the path 'y' is taken" in ran.out
    assert "added source `far`" in ran.err
    assert "and 1 more" in ran.err


def test_the_name_of_a_source_is_made_of_its_url_where_none_is_given(fake: FakeRegistry, run: Run) -> None:
    fake.says(FAR)
    run("sync", "add", "mcp-registry", "https://registry.modelcontextprotocol.io")
    assert fake.calls[0][1]["name"] == "registry"


def test_a_dry_run_adds_a_source_that_is_switched_off_and_says_what_would_come_in(fake: FakeRegistry, run: Run) -> None:
    planned = [{"change": "added", "kind": "server", "path": "weather", "version": "1.0.0", "id": "io.x/weather"}]
    fake.says({"name": "far", "running": False, "run": {**DONE, "planned": planned}})
    ran = run("sync", "add", "mcp-registry", URL, "--name", "far", "--dry-run")
    assert ran.status == 0
    assert fake.calls == [
        ("add_source", {"name": "far", "kind": "mcp-registry", "url": URL, "enabled": False}),
        ("sync_source", {"name": "far", "dry_run": True}),
    ]
    assert "io.x/weather" in ran.out
    assert "switched off" in ran.err


def test_sources_are_listed_and_shown(fake: FakeRegistry, run: Run) -> None:
    fake.says({"sources": [FAR]})
    listed = run("sync", "list").out.splitlines()[1]
    assert listed.split()[:5] == ["far", "mcp-registry", URL, "yes", "closed"]
    assert "2 added, 1 changed, 7 unchanged, 2 refused" in listed
    fake.says(FAR)
    shown = run("sync", "show", "far").out
    assert "has secrets  yes" in shown
    assert "conflict" in shown


def test_a_pass_that_failed_is_a_command_that_failed(fake: FakeRegistry, run: Run) -> None:
    failed = {**DONE, "outcome": "failed", "error": "it is down", "code": "upstream_failed"}
    fake.says({"name": "far", "running": False, "run": failed})
    ran = run("sync", "now", "far")
    assert ran.status == 1
    assert "error[upstream_failed]: it is down" in ran.err


def test_a_pass_is_asked_for_ended_and_tried_out(fake: FakeRegistry, run: Run) -> None:
    fake.says({"name": "far", "running": False, "run": DONE})
    assert json.loads(run("sync", "now", "far", "--json").out)["run"]["added"] == 2
    assert run("sync", "now", "far", "--cancel").status == 0
    assert run("sync", "now", "far", "--dry-run").status == 0
    assert [asked for _, asked in fake.calls] == [
        {"name": "far", "dry_run": False, "cancel": False}, {"name": "far", "dry_run": False, "cancel": True},
        {"name": "far", "dry_run": True, "cancel": False},
    ]  # fmt: skip
    assert run("sync", "now", "far", "--cancel", "--dry-run").status == 2
    assert run("sync", "now", "far", "--force", "--dry-run").status == 2
    fake.calls.clear()
    assert run("sync", "now", "far", "--force").status == 0
    assert fake.calls[0][1] == {"name": "far", "dry_run": False, "cancel": False, "force": True}


def test_a_source_is_changed_and_removed(fake: FakeRegistry, run: Run) -> None:
    fake.says(FAR)
    assert run("sync", "update", "far", "--disabled", "--prefix", "far-").err == "changed source `far`\n"
    fake.says({"ok": True})
    assert "removed source `far`" in run("sync", "remove", "far").err
    fake.says({"ok": False})
    assert "is being removed" in run("sync", "remove", "far").err
    fake.says({"ok": False, "dry_run": True, "total": 2, "assets": ["agent/planner", "server/brook"]})
    looked = run("sync", "remove", "far", "--dry-run")
    assert [line.strip() for line in looked.out.splitlines()[-2:]] == ["agent/planner", "server/brook"]
    assert looked.err == "nothing is removed; source `far` would be, and 2 assets with it\n"
    assert fake.calls[-1] == ("remove_source", {"name": "far", "dry_run": True})
    assert fake.calls[0] == ("update_source", {"name": "far", "prefix": "far-", "enabled": False})


def test_a_variable_that_is_not_set_is_a_mistake(fake: FakeRegistry, run: Run) -> None:
    ran = run("sync", "update", "far", "--secret-env", "token=NOT_SET_ANYWHERE")
    assert (ran.status, fake.calls) == (2, [])
    assert "NOT_SET_ANYWHERE" in ran.err
