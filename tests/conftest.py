"""Shared by all tests: one async backend, one registry, and no silent skip where everything is installed."""

import os
from collections.abc import Generator, Iterator

import pytest

from tests.support.backends import Backend, start_python
from tests.support.everyday import is_long
from tests.support.registry import Registry, serving

FETCH_TIMEOUT = 3
EVERYDAY = "AIREGISTRY_EVERYDAY"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    """Say whether this is the everyday suite, `pytest` by itself and not in CI; workers are told by the environment."""
    if not hasattr(config, "workerinput"):
        by_itself = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        os.environ[EVERYDAY] = "1" if by_itself and not os.environ.get("AIREGISTRY_CI") else ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long tests out of the everyday suite."""
    if not os.environ[EVERYDAY]:
        return
    long = {path: is_long(path) for path in {item.path for item in items}}
    config.hook.pytest_deselected(items=[item for item in items if long[item.path]])
    items[:] = [item for item in items if not long[item.path]]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI, which installs everything, a skipped test is a failed one."""
    report = yield
    if report.skipped and os.environ.get("AIREGISTRY_CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A started registry, one a worker, that waits 3 s for a backend at registration.

    Tests use paths and names of their own.
    """
    with serving(tmp_path_factory.mktemp("registry"), {"AIREGISTRY_FETCH_TIMEOUT": str(FETCH_TIMEOUT)}) as started:
        yield started


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The Python backend, both eras, one a worker."""
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()
