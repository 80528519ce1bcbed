"""`config explain`."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from airegistry.settings import Settings
from tests.cli.conftest import Run

SECRET = "hunter2" * 6


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without airegistry.toml, and a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_each_setting_says_where_it_comes_from(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "airegistry.toml").write_text('port = 9000\nenvironment = "prod"\n')
    monkeypatch.setenv("AIREGISTRY_PORT", "9001")
    shown = {row["name"]: (row["value"], row["from"]) for row in json.loads(run("config", "explain", "--json").out)}
    assert shown["AIREGISTRY_PORT"] == ("9001", "environment")
    assert shown["AIREGISTRY_ENVIRONMENT"] == ("prod", "airegistry.toml")
    assert shown["AIREGISTRY_HOST"] == ("127.0.0.1", "default")
    assert {f"AIREGISTRY_{name.upper()}" for name in Settings.model_fields} < shown.keys()
    assert run("config", "explain", "environment", "--changed").out.splitlines() == [
        "SETTING                 VALUE  FROM",
        "AIREGISTRY_ENVIRONMENT  prod   airegistry.toml",
    ]
    assert (
        run("config", "explain", "environment", "--meaning")
        .out.splitlines()[1]
        .endswith("prod   airegistry.toml  The environment whose assets callers see.")
    )
    assert run("config", "explain", "nonsense") == (0, "", "no such setting\n")


def test_no_secret_is_shown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = [
        name for name, field in Settings.model_fields.items() if SecretStr in getattr(field.annotation, "__args__", ())
    ]
    assert len(secret) > 5
    for name in {*secret, "ans_key"} - {"store_url", "store_password", "secret_key", "git_tokens"}:
        monkeypatch.setenv(f"AIREGISTRY_{name.upper()}", SECRET)
    monkeypatch.setenv("AIREGISTRY_TOKEN", SECRET)
    monkeypatch.setenv("AIREGISTRY_EMBEDDER_URL", f"http://me:{SECRET}@127.0.0.1:9/v1?key={SECRET}")
    for more in ((), ("--json",)):
        ran = run("config", "explain", *more)
        assert (ran.status, "AIREGISTRY_ADMIN_TOKEN" in ran.out, SECRET in ran.out) == (0, True, False), ran.err


def test_a_setting_that_does_not_fit_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIREGISTRY_PORT", "many")
    ran = run("config", "explain")
    assert (ran.status, "AIREGISTRY_PORT" in ran.err) == (1, True)
