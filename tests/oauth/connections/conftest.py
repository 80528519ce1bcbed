"""One authorization server for all of these tests, as good as new for each."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.oauth.connections.world import Desk, open_desk
from tests.support.oauth_world import OAuthWorld


@pytest.fixture(scope="package")
def served() -> Iterator[OAuthWorld]:
    with OAuthWorld() as started:
        yield started


@pytest.fixture
def auth(served: OAuthWorld) -> OAuthWorld:
    return served.clear()


@pytest.fixture
async def desk(auth: OAuthWorld) -> AsyncIterator[Desk]:
    async with open_desk(auth) as opened:
        yield opened
