"""The core over memory stores."""

import pytest

from tests.core.wiring import World, build


@pytest.fixture
async def world() -> World:
    """A fresh core with the built-in scanners and no embedder."""
    return await build()
