"""Requests that are still being answered, so that one whose token has ended is ended too."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import anyio

from airegistry.core.principals import Principal

EVERY = 1.0
"""Seconds between two looks: a stream outlives its token by no more than that."""


class OpenRequests:
    """Ends what is open longer than its token is valid."""

    def __init__(self, resolve: Callable[[str], Principal | None]) -> None:
        self._resolve = resolve
        self._open: dict[anyio.CancelScope, str] = {}

    @contextmanager
    def watched(self, token: str) -> Iterator[None]:
        """Answer a request inside; it breaks off when the token ends."""
        with anyio.CancelScope() as scope:
            self._open[scope] = token
            try:
                yield
            finally:
                del self._open[scope]

    async def run(self) -> None:
        """Look at all of them again and again, until cancelled."""
        while True:
            await anyio.sleep(EVERY)
            valid: dict[str, bool] = {}
            for scope, token in list(self._open.items()):
                if token not in valid:
                    valid[token] = self._resolve(token) is not None
                if not valid[token]:
                    scope.cancel()
