"""Waiting for what becomes true in its own time."""

from collections.abc import Callable

import anyio


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Look every few milliseconds; fails when it is not true in time."""
    with anyio.fail_after(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for tells nobody
            await anyio.sleep(0.003)
