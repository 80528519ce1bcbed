"""The operator of the shared registry, and a server in it that is the test's own."""

from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from tests.contract.acts import Desk, fresh
from tests.support.backends import Backend
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.registry import Registry, serving


@pytest.fixture
def desk(registry: Registry) -> Desk:
    """The operator at the registry."""
    return Desk(registry)


@pytest.fixture
def parcel(desk: Desk, backend: Backend) -> str:
    """The path of the Python backend, registered anew for the test, and public."""
    path = fresh("parcel")

    async def register() -> None:
        await desk.register(path, backend.url)

    anyio.run(register)
    return path


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Registry]:
    """A started registry of the test's own, to be starved."""
    with serving(tmp_path) as started:
        yield started
