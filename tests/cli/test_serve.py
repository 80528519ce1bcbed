"""`serve`, where it does not get as far as serving; how it serves is in tests/contract."""

from pathlib import Path

import pytest

from airegistry.stores.lock import FolderLock
from tests.cli.conftest import Run


def test_a_folder_in_use_ends_with_3_and_says_by_whom(run: Run, tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        ran = run("serve", "--port", "0", "--data", str(tmp_path))
    assert (ran.status, ran.out) == (3, "")
    assert f"error[conflict]: the data folder {tmp_path} is in use by another process (pid " in ran.err


def test_a_setting_that_does_not_fit_ends_with_1_and_is_named(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_ADMIN_TOKEN", "short")
    ran = run("serve", "--data", str(tmp_path / "data"))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("error[invalid]: AIREGISTRY_ADMIN_TOKEN: ")
    assert not (tmp_path / "data").exists()


def test_it_refuses_to_listen_beyond_loopback(run: Run, tmp_path: Path) -> None:
    ran = run("serve", "--host", "192.0.2.1", "--data", str(tmp_path / "data"))
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("error[invalid]: refusing to listen on 192.0.2.1")
