"""The client as it lies in the tree, and a furnished registry that runs in a thread."""

import sys
from collections.abc import Iterator

import pytest
from anyio.from_thread import start_blocking_portal

from tests.rest.api_world import World, furnished
from tests.support.processes import ROOT

sys.path.insert(0, str(ROOT / "clients" / "python"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A furnished registry."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(furnished(tmp_path_factory.mktemp("served"))) as world,
    ):
        yield world
