"""An answer of the database in parts, over lost connections."""

from collections.abc import AsyncGenerator
from functools import partial

import pymongo
from pymongo import ReadPreference
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.cursor import AsyncCursor
from pymongo.errors import CursorNotFound, PyMongoError

from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.rows import WHOLE, Row

PART = 500
"""Rows read at once."""
SECONDS = 60.0
"""The time for a part of everything, which an engine may sort first."""

_OF_RANGES = frozenset(("c", "_id", "b"))
_BY_ID = [("_id", 1)]
"""The index for a filter that says no more than a range of ids. Some engines take another, for the collection that all
of them are of, and then sort what may be a whole catalog for each page."""


class Reading:
    """The rows that a filter names, in order of id, at most `limit`; `over` is whether there are no more beyond."""

    def __init__(self, rows: AsyncCollection[Row], calls: Calls, filter_: Row, limit: int | None) -> None:
        self._rows = rows
        self._calls = calls
        self._filter = filter_
        self._left = limit
        self._cursor: AsyncCursor[Row] | None = None
        self.over = False

    async def rows(self) -> AsyncGenerator[Row, None]:
        """Read by one cursor, and where that is lost by another one from behind the last row."""
        try:
            while not self.over and self._left != 0:
                wanted = PART if self._left is None else min(self._left, PART)
                part = await self._calls.run(partial(self._next, wanted))
                self.over = len(part) < wanted
                if part:
                    self._filter = {**self._filter, "_id": {**self._filter["_id"], "$gt": part[-1]["_id"]}}
                    self._left = None if self._left is None else self._left - len(part)
                for row in part:
                    yield row
        finally:
            if self._cursor is not None:
                await self._calls.whole(self._cursor.close)

    async def _next(self, count: int) -> list[Row]:
        while True:
            known, cursor = self._cursor is not None, self._cursor
            if cursor is None:
                cursor = self._rows.find(self._filter, WHOLE, batch_size=count, limit=self._left or 0).sort("_id", 1)
                if self._filter.keys() <= _OF_RANGES and "$lt" in self._filter["_id"]:
                    cursor = cursor.hint(_BY_ID)
            try:
                part = await self._part(cursor, count)
            except CursorNotFound:  # nobody read on for too long
                self._cursor = None
                if not known:
                    raise
            except PyMongoError:
                self._cursor = None
                raise
            else:
                self._cursor = cursor
                return part

    async def _part(self, cursor: AsyncCursor[Row], count: int) -> list[Row]:
        if self._left is not None:
            return await cursor.to_list(count)
        client = self._rows.database.client
        if not client.topology_description.apply_selector(ReadPreference.PRIMARY):
            # With a timeout set the driver looks for a server until that is over, and not for its usual three seconds.
            await client.admin.command("ping")
        with pymongo.timeout(SECONDS):
            return await cursor.to_list(count)
