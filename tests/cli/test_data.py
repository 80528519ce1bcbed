"""`data export`, `data verify`, `data import` and `data migrate`, over folders."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from airegistry.stores.cipher import KEY_NAME
from airegistry.stores.lock import FolderLock
from airegistry.stores.open import open_stores
from tests.cli.conftest import Run
from tests.data.stores import contents, fill


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder with something in it."""

    async def write() -> None:
        async with open_stores(tmp_path / "old") as stores:
            await fill(stores, documents=3, records=5)

    anyio.run(write)
    return tmp_path / "old"


@pytest.fixture
def held() -> Callable[[Path], list[tuple[object, ...]]]:
    """What a folder holds."""

    async def read(folder: Path) -> list[tuple[object, ...]]:
        async with open_stores(folder) as stores:
            return await contents(stores.documents, stores.log)

    return lambda folder: anyio.run(read, folder)


def test_a_back_up_is_made_verified_and_restored(
    run: Run, folder: Path, tmp_path: Path, held: Callable[[Path], list[tuple[object, ...]]]
) -> None:
    file, new = str(tmp_path / "all.gz"), tmp_path / "new"
    made = run("data", "export", file, "--data", str(folder), "--json")
    assert made.status == 0
    assert json.loads(made.out)["documents"] == {"assets": 3, "credentials": 1, "users": 1}
    assert json.loads(run("data", "verify", file, "--json").out) == json.loads(made.out)
    new.mkdir()
    (new / KEY_NAME).write_bytes((folder / KEY_NAME).read_bytes())
    ran = run("data", "import", file, "--data", str(new))
    assert (ran.status, ran.out.splitlines()) == (0, ["documents written  5", "records written    6"])
    assert held(new) == held(folder)
    assert run("audit", "verify", "--data", str(new)).out.startswith("records verified: 5\n")


def test_without_the_key_nothing_is_written_and_the_hint_names_it(
    run: Run, folder: Path, tmp_path: Path, held: Callable[[Path], list[tuple[object, ...]]]
) -> None:
    file, new = str(tmp_path / "all.gz"), tmp_path / "new"
    run("data", "export", file, "--data", str(folder))
    ran = run("data", "import", file, "--data", str(new))
    assert (ran.status, ran.out) == (1, "")
    assert "Put the secret.key that they were sealed with into the target's data folder first" in ran.err
    assert held(new) == []
    left = run("data", "import", file, "--data", str(new), "--without-key", "--json")
    assert json.loads(left.out)["unopened"] == ["credentials/weather"]


def test_a_dry_run_says_what_would_be_written_and_makes_no_folder(
    run: Run, folder: Path, tmp_path: Path, held: Callable[[Path], list[tuple[object, ...]]]
) -> None:
    file, new = str(tmp_path / "all.gz"), tmp_path / "new"
    run("data", "export", file, "--data", str(folder))
    migrated = run("data", "migrate", str(folder), str(new), "--dry-run")
    assert (migrated.status, migrated.out.splitlines()) == (0, ["documents written  5", "records written    6"])
    assert migrated.err.endswith("nothing is written; this is what would be\n")
    keyless = run("data", "import", file, "--data", str(new), "--dry-run")
    assert (keyless.status, "Put the secret.key" in keyless.err) == (1, True)
    assert not new.exists()
    new.mkdir()
    (new / KEY_NAME).write_bytes((folder / KEY_NAME).read_bytes())
    looked = json.loads(run("data", "import", file, "--data", str(new), "--dry-run", "--json").out)
    assert [each.name for each in new.iterdir()] == [KEY_NAME]
    done = json.loads(run("data", "import", file, "--data", str(new), "--json").out)
    assert (looked, looked["documents_written"]) == ({**done, "dry_run": True}, 5)
    before = held(new)
    again = json.loads(run("data", "import", file, "--data", str(new), "--dry-run", "--json").out)
    assert (again["documents_written"], again["documents_present"], again["records_present"]) == (0, 5, 6)
    assert held(new) == before


def test_a_folder_is_migrated_with_its_key(
    run: Run, folder: Path, tmp_path: Path, held: Callable[[Path], list[tuple[object, ...]]]
) -> None:
    new = tmp_path / "new"
    assert run("data", "migrate", str(folder), str(new)).status == 0
    assert held(new) == held(folder)
    assert (new / KEY_NAME).read_bytes() == (folder / KEY_NAME).read_bytes()
    assert (new / KEY_NAME).stat().st_mode & 0o777 == 0o600
    assert json.loads(run("data", "migrate", str(folder), str(new), "--json").out)["documents_written"] == 0


def test_an_export_goes_to_stdout_and_is_accounted_for_on_stderr(
    folder: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from airegistry.cli.main import main

    assert main(["data", "export", "-", "--data", str(folder)]) == 0
    out, err = capfdbinary.readouterr()
    assert gzip.decompress(out).startswith(b'{"airegistry":"data","format":1,')
    assert err.startswith(b"5 documents, 6 records, sha256 ")


def test_stdout_takes_no_file_beside_json(run: Run, folder: Path) -> None:
    ran = run("data", "export", "-", "--data", str(folder), "--json")
    assert (ran.status, ran.out) == (2, "")


def test_a_folder_that_a_registry_works_on_is_left_alone(run: Run, folder: Path, tmp_path: Path) -> None:
    with FolderLock(folder):
        for command in (
            ("export", str(tmp_path / "all.gz"), "--data", str(folder)),
            ("migrate", str(folder), str(tmp_path / "new")),
        ):
            ran = run("data", *command)
            assert ran.status == 3
            assert "is in use by another process" in ran.err
    assert not (tmp_path / "all.gz").exists()
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_not_there_is_wrong_usage_and_is_not_made(run: Run, tmp_path: Path) -> None:
    ran = run("data", "export", str(tmp_path / "all.gz"), "--data", str(tmp_path / "none"))
    assert (ran.status, ran.err) == (2, f"error: there is no data folder `{tmp_path / 'none'}`\n")
    assert not (tmp_path / "none").exists()


def test_what_is_no_export_is_refused_before_a_folder_is_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("hello")
    ran = run("data", "import", str(tmp_path / "file"), "--data", str(tmp_path / "new"))
    assert (ran.status, ran.err) == (
        1, f"error[invalid]: {tmp_path / 'file'} is no file of `airegistry data export`\n"
    )  # fmt: skip
    assert not (tmp_path / "new").exists()
