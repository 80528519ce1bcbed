"""Settings as files, as Kubernetes, systemd and Docker hand secrets over."""

from pathlib import Path

import pytest

from airegistry.core.errors import Invalid
from airegistry.settings import load

TOKEN = "operator-" + "t" * 31


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    made = tmp_path / "secrets"
    made.mkdir()
    monkeypatch.setenv("AIREGISTRY_SECRETS_FOLDER", str(made))
    return made


def admin_token() -> str | None:
    token = load().admin_token
    return token.get_secret_value() if token else None


@pytest.mark.parametrize("name", ["AIREGISTRY_ADMIN_TOKEN", "airegistry_admin_token"])
def test_a_setting_is_read_from_a_file_of_its_name_without_the_line_end(folder: Path, name: str) -> None:
    (folder / name).write_text(f"{TOKEN}\n", encoding="utf-8")
    assert admin_token() == TOKEN


def test_a_file_as_kubernetes_mounts_it_is_read(folder: Path) -> None:
    (folder / "..2026").mkdir()
    (folder / "..2026" / "AIREGISTRY_ADMIN_TOKEN").write_text(TOKEN, encoding="utf-8")
    (folder / "..data").symlink_to("..2026")
    (folder / "AIREGISTRY_ADMIN_TOKEN").symlink_to("..data/AIREGISTRY_ADMIN_TOKEN")
    assert admin_token() == TOKEN


def test_the_environment_comes_before_a_file_and_a_file_before_the_toml(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "AIREGISTRY_LOG_LEVEL").write_text("warning", encoding="utf-8")
    (tmp_path / "airegistry.toml").write_text('log_level = "error"\n', encoding="utf-8")
    assert load().log_level == "warning"
    monkeypatch.setenv("AIREGISTRY_LOG_LEVEL", "debug")
    assert load().log_level == "debug"


def test_a_folder_that_is_not_there_is_refused_and_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIREGISTRY_SECRETS_FOLDER", "nowhere")
    with pytest.raises(Invalid, match="AIREGISTRY_SECRETS_FOLDER: no folder nowhere"):
        load()
