"""What changed at any replica, in the order of the database's own stamps.

The database stamps each write as it carries it out, so nothing between two steps of a process, and no clock of a
replica, decides what is seen. A watcher remembers the newest stamp it saw and asks for what is not older than that by
more than `OVERLAP`: a write that was stamped before and became visible after is found there, and what was told already
is known by its version. Where the engine has change streams, one tells sooner; it is opened before the question is
asked, so that nothing falls between the two, and the question is asked again now and then in case it went silent.

Tombstones go after `RETENTION`. Whoever removes them says so first, in a document that a watcher reads after each
question: if what it needed may be gone, it is told that changes were lost.
"""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from bson import Timestamp
from pymongo import ReturnDocument
from pymongo.asynchronous.change_stream import AsyncCollectionChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from airegistry.core.documents import Change, ChangesLost, Unavailable
from airegistry.core.errors import Internal
from airegistry.stores.mongo.calls import Calls, passing, translated
from airegistry.stores.mongo.rows import WHOLE, Row, change, number, stamp

INTERVAL = 0.25
"""Seconds between two questions where there are no change streams."""
QUIET = 15.0
"""Seconds after which a change stream is not believed any more that there is nothing new."""
OVERLAP = 10
"""Seconds between two stamps of which the later may be visible first."""
RETENTION = 3600
"""Seconds a tombstone is kept."""
_BATCH = 200
_TOLD = 20_000
_NEVER = Timestamp(0, 0)
_MARK = {"_id": "feed"}
_NOW = {"$currentDate": {"now": {"$type": "timestamp"}}}
_logger = logging.getLogger(__name__)


class ChangeFeed:
    """Feeds of one collection; `streams` is whether change streams are used where there are any."""

    def __init__(
        self, rows: AsyncCollection[Row], meta: AsyncCollection[Row], calls: Calls, *, streams: bool = True
    ) -> None:
        self.streams = streams
        self._rows = rows
        self._meta = meta
        self._calls = calls
        self._closed = anyio.Event()

    def close(self) -> None:
        """End the watchers."""
        self._closed.set()

    async def watch(self, since: int | None) -> AsyncIterator[Change]:
        """Changes after a revision, or from now on; ends when the store closes.

        Raises:
            ChangesLost: deletions after that revision may be forgotten by now.
        """
        watcher = _Watcher(self._rows, self._meta, self._calls, since)
        while not self._closed.is_set():
            try:
                async with AsyncExitStack() as stack:
                    stream = await self._open(stack)
                    async for told in watcher.ask():
                        yield told
                    while stream is not None and stream.alive and not self._closed.is_set():
                        async for told in self._follow(stream, watcher):
                            yield told
                        async for told in watcher.ask():
                            yield told
            except Unavailable:
                pass
            except PyMongoError as error:
                # The stream ended. What it did not tell is asked for.
                if passing(error):
                    self._calls.note(error)
                else:
                    _logger.warning("a change stream ended: %s", translated(error))
            with anyio.move_on_after(INTERVAL):
                await self._closed.wait()

    async def prune(self) -> int:
        """Remove old tombstones; returns how many. Any replica may do so at any time."""
        now = await _touch(self._meta, self._calls)
        before = Timestamp(max(now.time - RETENTION, 0), 0)
        if await self._calls.run(lambda: self._rows.find_one({"d": {"$lt": before}}, {"_id": 1})) is None:
            return 0
        await self._calls.run(lambda: self._meta.update_one(_MARK, {"$max": {"pruned": before}}))
        gone = await self._calls.run(lambda: self._rows.delete_many({"d": {"$lt": before}}))
        return gone.deleted_count

    async def _open(self, stack: AsyncExitStack) -> AsyncCollectionChangeStream[Row] | None:
        if not self.streams:
            return None
        # That a tombstone was removed is no news.
        only = [{"$match": {"operationType": {"$ne": "delete"}}}]
        try:
            stream = await self._calls.run(
                lambda: self._rows.watch(only, full_document="updateLookup", max_await_time_ms=500)
            )
        except Unavailable:
            raise
        except Internal as error:
            _logger.info("no change streams here, changes are asked for every %s s: %s", INTERVAL, error)
            self.streams = False
            return None
        stack.push_async_callback(self._calls.whole, stream.close)
        return stream

    async def _follow(self, stream: AsyncCollectionChangeStream[Row], watcher: "_Watcher") -> AsyncIterator[Change]:
        """What a stream tells, until it is time to ask again."""
        asked = anyio.current_time()
        while not self._closed.is_set() and anyio.current_time() - asked < QUIET:
            await checkpoint_if_cancelled()
            with anyio.CancelScope(shield=True):  # see `Calls.whole`; it is a moment, and nobody else may read on
                event = await stream.try_next()
            self._calls.note(None)
            row = None if event is None else event.get("fullDocument")
            if row is not None:
                told = watcher.hear(row)
                if told is not None:
                    yield told
            elif event is not None:
                return  # the document, or the collection, is gone by now: ask


async def _touch(meta: AsyncCollection[Row], calls: Calls) -> Timestamp:
    """The database's stamp of now; watchers that see it know how far they are even when nothing is written."""
    mark: Row | None = None
    while mark is None:
        mark = await calls.upsert(
            lambda: meta.find_one_and_update(_MARK, _NOW, upsert=True, return_document=ReturnDocument.AFTER)
        )
    found: Timestamp = mark["now"]
    return found


class _Watcher:
    """How far one watcher is: the newest stamp, and the versions it was told lately."""

    def __init__(self, rows: AsyncCollection[Row], meta: AsyncCollection[Row], calls: Calls, since: int | None) -> None:
        self._rows = rows
        self._meta = meta
        self._calls = calls
        self._newest = None if since is None else stamp(since)
        self._revision = since or 0
        self._told: OrderedDict[str, tuple[int, Timestamp]] = OrderedDict()
        self._mark = _NEVER

    def hear(self, row: Row) -> Change | None:
        """News of a stream, unless it was told before."""
        told = self._tell(row, row["t"])
        if told is not None and self._newest is not None:
            self._newest = max(self._newest, row["t"])
        return told

    async def ask(self) -> AsyncIterator[Change]:
        """What is new since the last question; the first one says where "from now on" begins.

        Raises:
            ChangesLost: a deletion may be missing.
        """
        if self._newest is None:
            now = await _touch(self._meta, self._calls)
            for row in await self._stamps(_earlier(now)):
                self._note(row)
            self._newest, self._revision = now, number(now)
            return
        start, newest = _earlier(self._newest), self._newest
        stamps = await self._stamps(start)
        news = [(row["_id"], row["t"]) for row in stamps if not self._knows(row)]
        for place in range(0, len(news), _BATCH):
            batch = news[place : place + _BATCH]
            found = await self._bodies([id_ for id_, _ in batch])
            for id_, at in batch:
                if id_ in found and (told := self._tell(found[id_], at)) is not None:
                    yield told
        mark = await self._calls.run(lambda: self._meta.find_one(_MARK)) or {}
        if (pruned := mark.get("pruned", _NEVER)) > start:
            raise ChangesLost(
                f"deletions up to {number(pruned)} are no longer kept: read the collections and watch from now on"
            )
        # Not before: whoever stops in between asks for all of it again. The mark is one that was read before the
        # question, so that nothing lies between the two that the question did not answer.
        self._newest = max([newest, self._mark, *(row["t"] for row in stamps[-1:])])
        self._mark = mark.get("now", _NEVER)

    def _tell(self, row: Row, at: Timestamp) -> Change | None:
        if self._knows(row):
            return None
        self._note(row)
        self._revision = max(number(at), self._revision + 1)
        return change(row, self._revision)

    def _knows(self, row: Row) -> bool:
        """Whether this or something later was told: a stream may bring what is older than what was asked for since.
        The version alone does not say so, which begins anew when a tombstone is gone; nor the stamp, which a new
        primary's clock may set back."""
        version, at = self._told.get(row["_id"], (0, _NEVER))
        return bool(row["v"] == version or (row["v"] < version and row["t"] <= at))

    def _note(self, row: Row) -> None:
        self._told[row["_id"]] = row["v"], row["t"]
        self._told.move_to_end(row["_id"])
        if len(self._told) > _TOLD:
            self._told.popitem(last=False)

    async def _stamps(self, start: Timestamp) -> list[Row]:
        order = [("t", 1), ("at", 1)]
        return await self._calls.run(
            lambda: self._rows.find({"t": {"$gte": start}}, {"v": 1, "t": 1, "at": 1}).sort(order).to_list()
        )

    async def _bodies(self, ids: list[str]) -> dict[str, Row]:
        rows = await self._calls.run(lambda: self._rows.find({"_id": {"$in": ids}}, {**WHOLE, "t": 1}).to_list())
        return {row["_id"]: row for row in rows}


def _earlier(stamp: Timestamp) -> Timestamp:
    return Timestamp(max(stamp.time - OVERLAP, 0), 0)
