"""No test here can send a packet off loopback: the interpreter itself reports, and refuses, every other connect."""

import errno
import sys
from ipaddress import ip_address

import pytest


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
