"""The document store that replicas share: MongoDB, Atlas or Amazon DocumentDB.

Each write is one update of one document that the database carries out whole: the comparison of the version, the new
body, the stamp that the change feed reads, and the id of the write, by which a write whose answer was lost is known
as our own. So there is no moment at which a process that stops leaves something half done.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any

import orjson
from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError, ServerSelectionTimeoutError, WaitQueueTimeoutError

from airegistry.core.documents import Change, Document, Json, Unavailable, Where
from airegistry.stores.mongo.asking import question
from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.feed import ChangeFeed
from airegistry.stores.mongo.reading import Reading
from airegistry.stores.mongo.rows import (
    WHOLE,
    WRITES_KEPT,
    Row,
    document,
    id_of,
    key_of,
    removed,
    version_of,
    within,
    written,
)
from airegistry.stores.rows import next_version
from airegistry.stores.where import clauses, meets

_STATE = {"v": 1, "w": 1, "d": 1}
_UNSENT = (ServerSelectionTimeoutError, WaitQueueTimeoutError)
"""After these the database has nothing of it."""


class MongoStore:
    """A `DocumentStore` in one collection of a database. Who reads sees what was acknowledged before, wherever."""

    def __init__(self, rows: AsyncCollection[Row], feed: ChangeFeed, calls: Calls) -> None:
        self._rows = rows
        self._feed = feed
        self._calls = calls

    async def get(self, collection: str, key: str) -> Document | None:
        row = await self._calls.run(lambda: self._rows.find_one({"_id": id_of(collection, key)}, WHOLE))
        return None if row is None or row["b"] is None else document(row)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        write = ObjectId()
        update = written(collection, key, body, write)
        # A filter that does not match makes the upsert an insert, which a row that is there refuses.
        condition: Row = {} if expect is None else {"b": None} if expect == 0 else _at(expect)
        version = await self._write(collection, key, write, condition, update, expect, upsert=not expect)
        return Document(collection, key, version, orjson.loads(update["$set"]["b"]))

    async def delete(self, collection: str, key: str, *, expect: int | None = None) -> bool:
        write = ObjectId()
        condition: Row = {"b": {"$ne": None}} if expect is None else _at(expect)
        return bool(await self._write(collection, key, write, condition, removed(write), expect, upsert=False))

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        asked, left = clauses(where, any_of), limit
        while left is None or left > 0:
            reading = Reading(self._rows, self._calls, question(collection, asked, after), left)
            async with aclosing(reading.rows()) as rows:
                async for row in rows:
                    after = key_of(row)
                    if row["b"] is None:
                        continue
                    found = document(row)
                    if meets(asked, after, found.body):
                        yield found
                        left = None if left is None else left - 1
            if reading.over:
                return

    async def collections(self) -> Sequence[str]:
        names: list[str] = []
        row = await self._first({})
        while row is not None:
            start, end = within(row["c"])
            if await self._first({"_id": {"$gt": start, "$lt": end}, "b": {"$ne": None}}) is not None:
                names.append(row["c"])
            row = await self._first({"_id": {"$gte": end}})
        return sorted(names)

    def watch(self, *, since: int | None = None) -> AsyncIterator[Change]:
        return self._feed.watch(since)

    async def _first(self, query: Row) -> Row | None:
        return await self._calls.run(lambda: self._rows.find_one(query, {"c": 1}, sort=[("_id", 1)]))

    async def _write(
        self, collection: str, key: str, write: ObjectId, condition: Row, update: Row, expect: int | None, *,
        upsert: bool,
    ) -> int:  # fmt: skip
        """Write when the condition holds; returns the version, 0 when there was nothing to delete.

        Raises:
            Conflict: the stored version is not the expected one.
        """
        id_ = id_of(collection, key)
        lost = False

        async def once() -> Row | None:
            nonlocal lost
            wanted = {"_id": id_, "w": {"$ne": write}, **condition}
            if lost and not expect:
                # It may have been written, and so many others since that its id is among them no more.
                wanted[f"w.{WRITES_KEPT - 1}"] = {"$exists": False}
            try:
                row: Row | None = await self._rows.find_one_and_update(
                    wanted, update, _STATE, upsert=upsert, return_document=ReturnDocument.AFTER
                )
            except DuplicateKeyError:
                raise
            except PyMongoError as error:
                lost = lost or not isinstance(error, _UNSENT)
                raise
            # SecantusDB is silent of a row that came to match while it was about to insert, though it wrote it.
            lost = lost or (upsert and row is None)
            return row

        while True:
            try:
                row = await self._calls.run(once)
            except DuplicateKeyError:
                row = None
            if row is not None:
                return int(row["v"])
            current = await self._calls.run(lambda: self._rows.find_one({"_id": id_}, {**_STATE, "b": 1}))
            if current is not None and (mine := version_of(current, write)) is not None:
                return mine
            present = current is not None and current["b"] is not None
            absent = not present and "d" in update["$currentDate"]
            if lost and (_forgotten(current) or (absent and not expect) or (present and expect == 0)):
                # With no version to meet, what is under way yet finds later what it did not find now.
                raise Unavailable(f"whether {key!r} in {collection} was written is not known: the answer was lost")
            if absent:
                return 0
            if expect is not None:
                next_version(collection, key, current["v"] if current is not None and present else None, expect)
            # It was created or removed between the two looks: try again.


def _forgotten(row: Row | None) -> bool:
    """Whether a write to a row may be among its last ones no more."""
    return row is not None and len(row["w"]) == WRITES_KEPT


def _at(version: int) -> dict[str, Any]:
    return {"v": version, "b": {"$ne": None}}
