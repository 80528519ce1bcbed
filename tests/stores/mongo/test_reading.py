"""Reading everything that a filter names."""

import anyio
import pytest

from airegistry.core.documents import Unavailable

pytest.importorskip("pymongo", reason="needs pymongo")

from pymongo import AsyncMongoClient

from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.reading import Reading
from airegistry.stores.mongo.rows import Row

pytestmark = pytest.mark.anyio


async def test_whoever_reads_everything_waits_no_longer_for_a_lost_database() -> None:
    client = AsyncMongoClient[Row]("mongodb://127.0.0.1:9/", serverSelectionTimeoutMS=200)
    try:
        reading = Reading(client["lost"]["rows"], Calls(patience=1), {"_id": {"$gt": ""}}, None)
        with pytest.raises(Unavailable), anyio.fail_after(10):
            assert [row async for row in reading.rows()] == []
    finally:
        await client.close()
