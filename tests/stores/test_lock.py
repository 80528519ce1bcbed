import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from airegistry.core.errors import Invalid
from airegistry.stores.lock import FolderInUse, FolderLock

HOLD = """
import sys
from pathlib import Path
from airegistry.core.errors import Invalid
from airegistry.stores.lock import FolderLock
with FolderLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_a_second_process_is_refused_and_told_the_folder_and_the_holder(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with hold(folder) as process:
        with pytest.raises(FolderInUse) as refused:
            FolderLock(folder).acquire()
        process.communicate()
    assert refused.value.message == f"the data folder {folder} is in use by another process (pid {process.pid})"
    assert refused.value.code == "conflict"


@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_the_lock_ends_with_its_process_even_when_that_is_killed(tmp_path: Path) -> None:
    with hold(tmp_path) as process:
        process.kill()
        process.communicate()
    with FolderLock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_one_process_cannot_hold_it_twice_but_one_after_the_other(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        with pytest.raises(FolderInUse, match=rf"\(pid {os.getpid()}\)"):
            FolderLock(tmp_path).acquire()
    with FolderLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_one_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Invalid, match=f"the data folder {folder} cannot be used"):
            FolderLock(folder).acquire()
    (tmp_path / "lock").mkdir()
    with pytest.raises(Invalid, match="Is a directory"):
        FolderLock(tmp_path).acquire()


def test_releasing_what_is_not_held_does_nothing(tmp_path: Path) -> None:
    FolderLock(tmp_path).release()


def test_a_program_started_by_the_holder_does_not_inherit_the_lock(tmp_path: Path) -> None:
    with FolderLock(tmp_path):
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    with child:
        with FolderLock(tmp_path):
            pass
        child.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="no modes")
def test_a_created_folder_is_its_owners_alone(tmp_path: Path) -> None:
    with FolderLock(tmp_path / "deep" / "data"):
        assert stat.S_IMODE((tmp_path / "deep").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "deep" / "data").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "deep" / "data" / "lock").stat().st_mode) == 0o600
