"""One registry and the servers behind it for all probes of a worker."""

import sys
from collections.abc import Callable, Iterator

import anyio
import pytest

from tests.contract.acts import Desk
from tests.gateway.probes.side import Side
from tests.support import node
from tests.support.backends import Backend, start_everything
from tests.support.logs import pytest_runtest_makereport, pytest_runtest_setup  # noqa: F401  # hooks
from tests.support.processes import Process, free_port, python_env
from tests.support.registry import Registry, serving

Sides = Callable[[str], tuple[Side, Side]]
"""By era: the backend itself, and the gateway in front of it."""


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with serving(tmp_path_factory.mktemp("registry")) as started:
        yield started


@pytest.fixture(scope="package")
def probed(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The Python server of both eras, registered as `probed`."""
    folder, port = tmp_path_factory.mktemp("probed"), free_port()
    command = [sys.executable, "-m", "tests.gateway.probes.backend", str(port)]
    backend = Backend(Process(command, folder / "probed.log", python_env({})), port)
    anyio.run(Desk(registry).register, "probed", backend.url)
    yield backend
    backend.close()


@pytest.fixture(scope="package")
def everything(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """The reference server from npm, of the older era, registered as `everything`."""
    node.require_node()
    backend = start_everything(tmp_path_factory.mktemp("everything"))
    anyio.run(Desk(registry).register, "everything", backend.url)
    yield backend
    backend.close()


@pytest.fixture
def sides(registry: Registry, probed: Backend) -> Sides:
    """Both sides of the Python server."""
    return sides_of(registry, "probed", probed)


@pytest.fixture
def everything_sides(registry: Registry, everything: Backend) -> Sides:
    """Both sides of the reference server."""
    return sides_of(registry, "everything", everything)


def sides_of(registry: Registry, path: str, backend: Backend) -> Sides:
    """Both sides of a backend that is registered at a path."""

    def sides(era: str) -> tuple[Side, Side]:
        through = Side(registry.gateway(path), registry.token, backend.origin, era)
        return Side(backend.url, None, backend.origin, era), through

    return sides
