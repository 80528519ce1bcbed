"""Requests that are still being answered, so that one whose token has ended is ended too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

EVERY = 1.0
"""Seconds between two looks: a stream outlives its token by no more than that."""


class OpenRequests:
    """Ends what is open longer than its token is valid."""

    def __init__(self, alive: Callable[[str, str], bool]) -> None:
        self._alive = alive
        self._open: dict[anyio.CancelScope, tuple[str, str]] = {}

    @contextmanager
    def watched(self, token: str, resource: str) -> Iterator[None]:
        """Answer a request inside; it breaks off when the token ends."""
        with anyio.CancelScope() as scope:
            self._open[scope] = token, resource
            try:
                yield
            finally:
                del self._open[scope]

    async def run(self) -> None:
        """Look at all of them again and again, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            alive: dict[tuple[str, str], bool] = {}
            for scope, used in list(self._open.items()):
                if used not in alive:
                    alive[used] = self._alive(*used)
                if not alive[used]:
                    scope.cancel()
