"""The furnished world."""

from collections.abc import AsyncIterator

import pytest

from tests.tools.wiring import World, complete, furnished


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A furnished core behind a server with the registry's resources, skills and prompts."""
    async with furnished() as world:
        yield world


@pytest.fixture
async def registry() -> AsyncIterator[World]:
    """A furnished core behind `airegistry-tools` as it is."""
    async with complete() as world:
        yield world
