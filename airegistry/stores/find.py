"""The `find` of the stores that live in memory."""

from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from anyio.lowlevel import checkpoint

from airegistry.core.documents import Json, Where
from airegistry.stores.rows import Rows
from airegistry.stores.where import predicate

R = TypeVar("R")
PAUSE = 500
"""Rows tested or yielded before other tasks get a turn."""


async def select(
    rows: Rows[R], body: Callable[[R], Json], where: Where | None, after: str | None, limit: int | None
) -> AsyncIterator[tuple[str, R]]:
    """The rows that match, in order of key, as they were when the first was asked for."""
    matches = predicate(where)
    found = 0
    for count, (key, row) in enumerate(rows.after(after, None if matches else limit), start=1):
        if limit is not None and found >= limit:
            return
        if matches is None or matches(body(row)):
            found += 1
            yield key, row
        if count % PAUSE == 0:
            await checkpoint()
