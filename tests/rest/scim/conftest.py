"""One registry for the tests of a module, and a client of its `/scim/v2`."""

from collections.abc import AsyncIterator

import pytest

from tests.rest.scim.world import World, provisioned


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the module: one registry serves all of its tests."""
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A registry and its provisioner."""
    async with provisioned(tmp_path_factory.mktemp("scim")) as made:
        yield made
