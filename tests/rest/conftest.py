"""One furnished registry for the tests of a module."""

from collections.abc import AsyncIterator

import pytest

from tests.rest.api_world import World, furnished


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For the module: one registry serves all of its tests."""
    return "asyncio"


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A furnished registry."""
    async with furnished(tmp_path_factory.mktemp("api")) as world:
        yield world
