"""A registry for each test, and real identity providers beside it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.oauth.providers.op import Op, require_op
from tests.oauth.providers.world import World, world


@pytest.fixture
async def registry(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    """A registry; it listens where a process is to reach it."""
    async with world(listening="op" in request.fixturenames) as made:
        yield made


@pytest.fixture
def op(registry: World, tmp_path: Path) -> Iterator[Op]:
    """npm oidc-provider, not yet started and without issuers."""
    require_op()
    provider = Op(tmp_path, registry.url)
    yield provider
    provider.stop()
