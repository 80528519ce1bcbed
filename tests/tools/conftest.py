"""The furnished world."""

from collections.abc import AsyncIterator

import pytest

from tests.tools.wiring import World, furnished


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A furnished core behind a server with the registry's resources, skills and prompts."""
    async with furnished() as world:
        yield world
