"""What `pytest` by itself runs, and what only CI and whoever names it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.everyday import LONG, TESTS, is_long


def collected(*arguments: str, ci: bool, suite: str = "") -> int:
    """How many tests are run."""
    env = {**os.environ, "AIREGISTRY_CI": "1" if ci else "", "AIREGISTRY_SUITE": suite}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-n0", "-p", "no:cacheprovider", *arguments]
    ran = subprocess.run(command, env=env, cwd=TESTS.parent, capture_output=True, text=True, check=False)
    assert ran.returncode in (0, 5), ran.stderr
    return sum("::" in line for line in ran.stdout.splitlines())


def test_every_name_on_the_list_is_a_file_or_folder_with_tests() -> None:
    assert not [name for name in sorted(LONG) if not (TESTS / name).exists()]


@pytest.mark.parametrize(
    ("path", "long"),
    [("chaos/test_going.py", True), ("stores/mongo/test_feed.py", True), ("stores/test_feed.py", False)],
)
def test_folders_and_files_are_told_apart(path: str, long: bool) -> None:
    assert is_long(TESTS / path) is long
    assert not is_long(Path("/elsewhere") / path)


def test_pytest_by_itself_leaves_the_long_ones_out_and_ci_does_not() -> None:
    ini = "-o", "testpaths=tests/distributed/test_linear.py"
    assert collected(*ini, ci=False) == 0
    assert collected(*ini, ci=True) == collected("tests/distributed/test_linear.py", ci=False) > 0


def test_ci_runs_both_parts_one_after_the_other() -> None:
    files = "tests/distributed/test_linear.py", "tests/test_shape.py"
    everyday, long = (collected(*files, ci=True, suite=suite) for suite in ("everyday", "long"))
    assert 0 < everyday < everyday + long == collected(*files, ci=True)
