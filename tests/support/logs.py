"""Attaches what every process under test printed meanwhile to a failing test's report."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.processes import live

TAIL = 6_000
_BEGIN = pytest.StashKey[dict[Path, int]]()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Remember how long each log is before the test."""
    item.stash[_BEGIN] = {process.log: len(process.output()) for process in live()}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: "pytest.CallInfo[None]"
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add a section per process."""
    report = yield
    if report.failed:
        for process in live():
            new = process.output()[item.stash[_BEGIN].get(process.log, 0) :]
            report.sections.append((f"output of {process.log.name}", new[-TAIL:]))
    return report
