"""One watched registry and one good backend for all of a worker's tests."""

from collections.abc import Iterator

import anyio
import pytest

from tests.chaos.watching import WatchedRegistry
from tests.contract.acts import Desk
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks

CANARY = "canary"
FIRST_BYTE_TIMEOUT = 5.0
"""Seconds; the canary's backend must keep to it too, on a busy machine."""


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRegistry]:
    """A started registry that does not wait long for an answer to begin."""
    env = {"AIREGISTRY_FIRST_BYTE_TIMEOUT": str(FIRST_BYTE_TIMEOUT)}
    started = WatchedRegistry(tmp_path_factory.mktemp("watched"), env)
    try:
        started.start()
        yield started
    finally:
        started.close()


@pytest.fixture(scope="package")
def backend(registry: WatchedRegistry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The good backend, registered as the canary's."""
    started = start_python(tmp_path_factory.mktemp("backend"))
    anyio.run(Desk(registry).register, CANARY, started.url)
    yield started
    started.close()


@pytest.fixture
def desk(registry: WatchedRegistry) -> Desk:
    """The operator at the registry."""
    return Desk(registry)
