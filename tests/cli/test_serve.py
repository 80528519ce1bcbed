"""`serve`, where it does not get as far as serving; how it serves is in tests/contract."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airegistry.stores.lock import FolderLock
from tests.cli.conftest import Run
from tests.support.logging_state import logging_restored


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with logging_restored():
        yield


def test_a_folder_in_use_ends_with_3_and_says_by_whom(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIREGISTRY_LOG_FORMAT", "console")
    with FolderLock(tmp_path):
        ran = run("serve", "--port", "0", "--data", str(tmp_path))
    assert (ran.status, ran.out) == (3, "")
    assert f"error[conflict]: the data folder {tmp_path} is in use by another process (pid " in ran.err


def test_where_logs_are_objects_the_end_is_told_in_one(run: Run, tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        ran = run("serve", "--port", "0", "--data", str(tmp_path))
    line = json.loads(ran.err)
    assert (ran.status, ran.out, line["level"]) == (3, "", "critical")
    assert f"conflict: the data folder {tmp_path} is in use by another process (pid " in line["message"]


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
