"""Shared by all tests: one async backend, one registry, and no silent skip where everything is installed."""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.backends import Backend, start_python
from tests.support.everyday import is_long
from tests.support.parsed_once import parse_once
from tests.support.registry import Registry, serving
from tests.support.secret_watch import SecretWatch

FETCH_TIMEOUT = 3
PART = "AIREGISTRY_SUITE_PART"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pytest_configure(config: pytest.Config) -> None:
    """Say which tests are meant, of those that are named: `everyday`, `long`, or all (``). Workers are told by PART.

    The everyday suite is `pytest` by itself, where neither AIREGISTRY_CI nor AIREGISTRY_SUITE says otherwise.
    """
    parse_once()
    settings.register_profile("untimed", deadline=None)  # these machines are shared: a slow example says nothing
    settings.load_profile("untimed")
    watch = SecretWatch()
    watch.start()
    config.pluginmanager.register(watch, "secret-watch")
    if not hasattr(config, "workerinput"):
        by_itself = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        usual = "everyday" if by_itself and not os.environ.get("AIREGISTRY_CI") else ""
        os.environ[PART] = os.environ.get("AIREGISTRY_SUITE") or usual


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not even read what is not meant, unless it is named."""
    match os.environ[PART]:
        case "everyday" if is_long(collection_path):
            return True
        case "long" if collection_path.match("test_*.py") and not is_long(collection_path):
            return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not meant."""
    part = os.environ[PART]
    if not part:
        return
    meant = {path: is_long(path) is (part == "long") for path in {item.path for item in items}}
    config.hook.pytest_deselected(items=[item for item in items if not meant[item.path]])
    items[:] = [item for item in items if meant[item.path]]


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
