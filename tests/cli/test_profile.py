"""`airegistry profile`: which registry a command means, and whose token it sends there."""

import json
import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.registry import TOKEN, FakeRegistry

ASK = ("token", "list", "--json")


@pytest.fixture
def folder(tmp_path: Path, fake: FakeRegistry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without profiles, where nothing says which registry is meant."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AIREGISTRY_URL", "AIREGISTRY_TOKEN", "AIREGISTRY_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "token").write_text(TOKEN)
    return tmp_path


def test_a_profile_names_a_registry_and_the_file_of_its_token(run: Run, fake: FakeRegistry, folder: Path) -> None:
    made = run("profile", "set", "work", f"{fake.url}/mcp", "--token-file", str(folder / "token"))
    assert made.err == f"profile `work` is `{fake.url}`, and the current one\n"
    assert run("profile", "set", "home", "http://127.0.0.1:1").status == 0
    file = folder / "airegistry" / "profiles.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in file.read_text()
    assert run("profile", "list").out.splitlines() == [
        "CURRENT  NAME  URL" + " " * (len(fake.url) - 1) + "TOKEN FILE",
        "         home  http://127.0.0.1:1",
        f"*        work  {fake.url}  {folder / 'token'}",
    ]
    assert run(*ASK).status == 0
    assert len(fake.calls) == 1, "the current one is asked, with its token"


def test_what_is_named_more_closely_comes_first(
    run: Run, fake: FakeRegistry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = "http://127.0.0.1:1"
    assert run("profile", "set", "nobody", nobody).status == 0
    assert run("profile", "set", "work", fake.url, "--token-file", str(folder / "token")).status == 0
    assert f"at `{nobody}`" in run(*ASK).err, "the first one made is the current one"
    assert run(*ASK, "--profile", "work").status == 0
    assert run(*ASK, "--url", fake.url, "--token-file", str(folder / "token")).status == 0
    monkeypatch.setenv("AIREGISTRY_URL", fake.url)
    monkeypatch.setenv("AIREGISTRY_TOKEN", TOKEN)
    assert run(*ASK).status == 0, "the environment comes before the current one"
    assert f"at `{nobody}`" in run(*ASK, "--profile", "nobody").err
    monkeypatch.setenv("AIREGISTRY_PROFILE", "nobody")
    assert f"at `{nobody}`" in run(*ASK).err
    both = run(*ASK, "--profile", "work", "--url", fake.url)
    assert both.status == 2
    assert "both say which registry is meant" in both.err


def test_profiles_are_chosen_and_removed(run: Run, fake: FakeRegistry, folder: Path) -> None:
    for name in ("one", "two"):
        assert run("profile", "set", name, fake.url).status == 0
    assert run("profile", "use", "two").err == f"commands talk to `{fake.url}`\n"
    assert json.loads(run("profile", "list", "--json").out)["current"] == "two"
    assert run("profile", "remove", "two").status == 0
    assert json.loads(run("profile", "list", "--json").out) == {
        "current": None, "profiles": {"one": {"url": fake.url, "token_file": None}}
    }  # fmt: skip
    gone = run("profile", "use", "two")
    assert (gone.status, gone.err) == (
        2, "error: there is no profile `two`\n\nhint: known: `one`; `airegistry profile set two URL` makes it\n"
    )  # fmt: skip


def test_a_damaged_file_is_not_written_over(run: Run, folder: Path) -> None:
    file = folder / "airegistry" / "profiles.json"
    file.parent.mkdir()
    file.write_text("{")
    assert run("profile", "set", "work", "http://127.0.0.1:1").status == 2
    assert file.read_text() == "{"


@pytest.mark.parametrize("name", ["a b", "", "-x", "ä"])
def test_a_name_is_a_plain_word(run: Run, folder: Path, name: str) -> None:
    assert run("profile", "set", "--", name, "http://127.0.0.1:1").status == 2
