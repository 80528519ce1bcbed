"""One world for the tests of a module, in which nobody is hurried."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway.approvals.world import World, opened


@pytest.fixture(scope="package")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="package")
async def built(anyio_backend: object) -> AsyncIterator[World]:
    async with opened() as world:
        yield world


@pytest.fixture
async def world(built: World) -> World:
    """The world, with nothing asked yet."""
    await built.reset()
    return built
