"""The operator of the shared registry, and a server in it."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from tests.contract.acts import Desk, register
from tests.support.backends import Backend
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.registry import Registry, serving


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
