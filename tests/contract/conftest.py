"""One registry and one backend a worker; tests use paths and names of their own."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.contract.acts import Desk, register
from tests.support.backends import Backend, start_python
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.registry import Registry, serving

FETCH_TIMEOUT = 3


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A started registry that waits 3 s for a backend at registration."""
    env = {"AIREGISTRY_FETCH_TIMEOUT": str(FETCH_TIMEOUT)}
    with serving(tmp_path_factory.mktemp("registry"), env) as started:
        yield started


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The Python backend, both eras."""
    started = start_python(tmp_path_factory.mktemp("backend"))
    yield started
    started.close()


@pytest.fixture
def desk(registry: Registry) -> Desk:
    """The operator at the registry."""
    return Desk(registry)


@pytest.fixture(scope="session")
def parcel(registry: Registry, backend: Backend) -> str:
    """The path of the Python backend, registered and public."""
    anyio.run(partial(register, registry, "parcel-desk", backend.url))
    return "parcel-desk"


@pytest.fixture
def registry_folder(tmp_path: Path) -> Iterator[Registry]:
    """A started registry of the test's own, to be stopped, killed or forged."""
    with serving(tmp_path) as started:
        yield started
