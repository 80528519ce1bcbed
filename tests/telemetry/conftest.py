"""One loop a module: what is started in it is shared by its tests."""

import pytest


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"
