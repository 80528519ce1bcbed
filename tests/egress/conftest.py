"""No test here can send a packet off loopback: the interpreter itself reports, and refuses, every other connect."""

from collections.abc import AsyncIterator, Iterator

import pytest

from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from tests.support.oauth_world import OAuthWorld
from tests.support.ssrf import WATCH, Connects

__all__ = ["Connects"]


@pytest.fixture
def connects() -> Connects:
    WATCH.tried.clear()
    return WATCH


@pytest.fixture(scope="module")
def served() -> Iterator[OAuthWorld]:
    with OAuthWorld() as started:
        yield started


@pytest.fixture
def world(served: OAuthWorld) -> OAuthWorld:
    return served.clear()


@pytest.fixture
async def http() -> AsyncIterator[JsonHttp]:
    async with JsonHttp(Guard(loopback=True)) as opened:
        yield opened
