"""No test here can send a packet off loopback: the interpreter itself reports, and refuses, every other connect."""

import errno
import sys
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address

import pytest

from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp
from tests.support.oauth_world import OAuthWorld


class Connects:
    """The addresses that sockets of this process tried to connect to since `clear`."""

    def __init__(self) -> None:
        self.tried: list[str] = []

    def see(self, event: str, args: tuple[object, ...]) -> None:
        if event != "socket.connect" or not isinstance(args[1], tuple):
            return
        host = str(args[1][0])
        self.tried.append(host)
        if not ip_address(host).is_loopback:
            raise OSError(errno.ENETUNREACH, "Network is unreachable")


_watch = Connects()
sys.addaudithook(_watch.see)


@pytest.fixture
def connects() -> Connects:
    _watch.tried.clear()
    return _watch


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
