"""What watchers at other replicas are told, and when they are told that something is missing."""

from collections.abc import AsyncIterator
from functools import partial

import anyio
import pytest

from airegistry.core.documents import Change, ChangesLost
from tests.stores.contract import take

pytest.importorskip("pymongo", reason="needs pymongo")

from bson import Timestamp
from pymongo import AsyncMongoClient

from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.feed import RETENTION, ChangeFeed, _Watcher
from airegistry.stores.mongo.open import open_mongo
from airegistry.stores.mongo.rows import Row, number
from tests.stores.mongo.engine import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def rows(url: str) -> AsyncIterator[AsyncMongoClient[Row]]:
    async with AsyncMongoClient[Row](url) as client:
        yield client


@pytest.mark.parametrize(
    "streams", [pytest.param(True, marks=pytest.mark.not_on_documentdb("it has no change streams")), False]
)
async def test_a_change_at_one_replica_is_seen_at_another_within_a_second(url: str, streams: bool) -> None:
    async with open_mongo(url, streams=streams) as one, open_mongo(url, streams=streams) as two:
        took: list[float] = []
        written = 0.0

        async def watch() -> None:
            async for change in two.documents.watch():
                took.append(anyio.current_time() - written)
                assert change.key == f"k{len(took) - 1}"
                if len(took) == 10:
                    return

        def told(n: int) -> bool:
            return len(took) > n

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await anyio.sleep(0.5)
                for n in range(10):
                    written = anyio.current_time()
                    await one.documents.put("c", f"k{n}", {"n": n})
                    await until(partial(told, n))
        assert max(took) < 1
        assert not streams or sorted(took)[5] < 0.1


@pytest.mark.parametrize("streams", [True, False])
async def test_a_write_that_becomes_visible_after_later_ones_is_told(
    url: str, rows: AsyncMongoClient[Row], streams: bool
) -> None:
    async with open_mongo(url, streams=streams) as stores:
        documents = rows.get_default_database()["documents"]
        feed = stores.documents.watch()
        await stores.documents.put("c", "before", {})
        told: list[str] = []

        async def watch() -> None:
            async for change in feed:
                told.append(change.key)

        with anyio.fail_after(10):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await anyio.sleep(0.5)
                newest = await stores.documents.put("c", "newest", {})
                await until(lambda: "newest" in told)
                late = await documents.find_one({"_id": f"c/{newest.key}"})
                assert late is not None
                stamp = Timestamp(late["t"].time - 6, 0)
                await documents.insert_one({**late, "_id": "c/late", "t": stamp})
                await until(lambda: "late" in told)
                group.cancel_scope.cancel()
        assert told == ["newest", "late"]


async def test_deletions_are_forgotten_after_an_hour_and_who_may_have_missed_one_is_told(
    url: str, rows: AsyncMongoClient[Row]
) -> None:
    async with open_mongo(url) as stores:
        database = rows.get_default_database()
        documents = database["documents"]
        await stores.documents.put("c", "old", {})
        await stores.documents.delete("c", "old")
        await stores.documents.put("c", "new", {})
        await stores.documents.delete("c", "new")
        old = await documents.find_one({"_id": "c/old"})
        assert old is not None
        stamp = Timestamp(old["t"].time - RETENTION - 60, 0)
        await documents.update_one({"_id": "c/old"}, {"$set": {"t": stamp, "d": stamp}})
        assert [change.key for change in await take(stores.documents.watch(since=number(stamp) - 1), 2)] == [
            "old",
            "new",
        ]
        assert await ChangeFeed(documents, database["meta"], Calls()).prune() == 1
        assert [row["_id"] async for row in documents.find()] == ["c/new"]
        with pytest.raises(ChangesLost, match="no longer kept"):
            await take(stores.documents.watch(since=number(stamp) - 1), 2)
        assert (await stores.documents.put("c", "old", {}, expect=0)).version == 1
        assert (await stores.documents.put("c", "new", {}, expect=0)).version == 3


async def test_a_feed_begins_where_it_was_asked_for_after_days_without_a_write(
    url: str, rows: AsyncMongoClient[Row]
) -> None:
    async with open_mongo(url) as stores:
        database = rows.get_default_database()
        await stores.documents.put("c", "k", {})
        days_ago = Timestamp(1_700_000_000, 1)
        await database["documents"].update_many({}, {"$set": {"t": days_ago}})
        await database["meta"].update_one({"_id": "feed"}, {"$set": {"now": days_ago, "pruned": days_ago}}, upsert=True)
        told: list[str] = []

        async def watch() -> None:
            async for change in stores.documents.watch():
                told.append(change.key)
                return

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(watch)
                await anyio.sleep(0.5)
                await stores.documents.put("c", "l", {})
        assert told == ["l"]


async def test_what_a_stream_brings_late_is_not_told_after_what_is_newer(url: str, rows: AsyncMongoClient[Row]) -> None:
    database = rows.get_default_database()
    watcher = _Watcher(database["documents"], database["meta"], Calls(), since=0)

    def told(version: int, at: int) -> bool:
        row = {"_id": "c/k", "c": "c", "v": version, "b": "{}", "t": Timestamp(at, 1)}
        return watcher.hear(row) is not None

    assert told(5, 100)
    assert not told(4, 99)
    assert told(6, 90), "the clock of a new primary was set back"
    assert told(1, 4000), "its tombstone is gone, and it was made again"


async def test_watchers_end_when_the_store_closes(url: str) -> None:
    for streams in (True, False):
        ended = anyio.Event()

        async def watch(feed: AsyncIterator[Change], ended: anyio.Event = ended) -> None:
            async for _ in feed:
                pass
            ended.set()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                async with open_mongo(url, streams=streams) as stores:
                    group.start_soon(watch, stores.documents.watch())
                    await anyio.sleep(0.3)
                await ended.wait()
