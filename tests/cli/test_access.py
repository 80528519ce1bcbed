"""`token`, `scope`, `group` and `policy`."""

import io
import json
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import FakeRegistry, Json

MINTED: Json = {"id": "8f", "token": "air_8f_secret", "name": "bot", "expires_at": "2026-11-21T12:00:00Z"}
GRANT: Json = {"assets": ["weather"], "tools": ["get_*"]}


def test_a_created_token_is_shown_once_with_a_warning(fake: FakeRegistry, run: Run) -> None:
    fake.says(MINTED)
    ran = run("token", "create", "bot")
    assert ran.out == "id          8f\ntoken       air_8f_secret\nname        bot\nexpires at  2026-11-21T12:00:00Z\n"
    assert "shown this once" in ran.err
    assert fake.calls == [("create_token", {"name": "bot"})]


def test_a_token_is_created_with_scopes_groups_and_an_expiry(fake: FakeRegistry, run: Run) -> None:
    fake.says(MINTED)
    held = ("--scope", "a", "--scope", "b", "--group", "people", "--expires-in", "60")
    ran = run("token", "create", "bot", *held, "--json")
    assert (json.loads(ran.out), ran.err) == (MINTED, "")
    arguments = {"name": "bot", "scopes": ["a", "b"], "groups": ["people"], "expires_in": 60}
    assert fake.calls == [("create_token", arguments)]


def test_a_token_is_revoked_by_its_id(fake: FakeRegistry, run: Run) -> None:
    assert run("token", "revoke", "8f") == (0, "", "revoked token `8f`\n")
    assert fake.calls == [("revoke_token", {"id": "8f"})]


def test_tokens_are_listed_with_what_they_hold(fake: FakeRegistry, run: Run) -> None:
    record = {"id": "8f", "name": "bot", "scopes": ["a", "b"], "groups": [], "expires_at": "2026-11-21T12:00:00Z"}
    fake.says({"tokens": [record]})
    assert run("token", "list").out.splitlines() == [
        "ID  NAME  SCOPES  GROUPS  EXPIRES_AT            REVOKED_AT  LAST_USED_AT",
        "8f  bot   a, b            2026-11-21T12:00:00Z",
    ]
    assert fake.calls == [("list_tokens", {})]


def test_a_scope_is_put_with_grants_of_the_options_and_of_stdin(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps([GRANT])))
    more = ("--grants", "-", "--grant", '{"effect": "deny"}', "--description", "Weather readers")
    assert run("scope", "put", "weather-user", *more).err == "grants of scope `weather-user`: 2\n"
    arguments = {"name": "weather-user", "description": "Weather readers", "grants": [GRANT, {"effect": "deny"}]}
    assert fake.calls == [("put_scope", arguments)]


def test_a_scope_without_grants_is_emptied(fake: FakeRegistry, run: Run) -> None:
    assert run("scope", "put", "weather-user").status == 0
    assert fake.calls == [("put_scope", {"name": "weather-user", "grants": []})]


def test_a_grant_that_is_no_object_is_a_usage_error(fake: FakeRegistry, run: Run) -> None:
    assert run("scope", "put", "weather-user", "--grant", "[]").status == 2
    assert fake.calls == []


def test_a_group_is_put_with_its_scopes(fake: FakeRegistry, run: Run) -> None:
    assert run("group", "put", "people", "--scope", "a", "--scope", "b").err == "scopes of group `people`: 2\n"
    run("group", "put", "people", "--description", "Nobody yet")
    assert fake.calls == [
        ("put_group", {"name": "people", "scopes": ["a", "b"]}),
        ("put_group", {"name": "people", "scopes": [], "description": "Nobody yet"}),
    ]


IMPORTED: Json = {
    "scopes": [{"name": "readers", "grants": [{}, {}]}],
    "groups": [{"name": "staff", "scopes": ["readers"]}],
    "notes": ["scope 'readers': call_tool: no like here, left out"],
}


def test_scopes_of_another_registry_are_imported_from_a_file_with_what_is_to_be_known(
    fake: FakeRegistry, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "scopes.yml"
    file.write_text("readers: []", encoding="utf-8")
    fake.says(IMPORTED)
    ran = run("policy", "import", str(file))
    assert ran.out.splitlines() == ["SORT   NAME     HOLDS", "scope  readers  2", "group  staff    readers"]
    assert ran.err == f"note: {IMPORTED['notes'][0]}\nstored scopes: 1, groups: 1\n"
    assert fake.calls == [("import_scopes", {"yaml": "readers: []", "dry_run": False})]


def test_a_dry_run_of_an_import_says_that_nothing_is_stored(
    fake: FakeRegistry, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("readers: []"))
    fake.says(IMPORTED)
    ran = run("policy", "import", "-", "--dry-run")
    assert ran.err.endswith("nothing stored; would store scopes: 1, groups: 1\n")
    assert fake.calls == [("import_scopes", {"yaml": "readers: []", "dry_run": True})]


def test_an_import_as_json_is_the_answer_of_the_registry(fake: FakeRegistry, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "scopes.yml"
    file.write_text("readers: []", encoding="utf-8")
    fake.says(IMPORTED)
    ran = run("policy", "import", str(file), "--json")
    assert (json.loads(ran.out), ran.err) == (IMPORTED, "")
