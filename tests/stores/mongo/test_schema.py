"""The layout of the database is made by one replica, and brought forward by one."""

from collections.abc import AsyncIterator

import anyio
import pytest

from airegistry.core.errors import Unsupported

pytest.importorskip("pymongo", reason="needs pymongo")

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.open import open_mongo
from airegistry.stores.mongo.rows import Row
from airegistry.stores.mongo.schema import STEPS, migrate

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(url: str) -> AsyncIterator[AsyncDatabase[Row]]:
    async with AsyncMongoClient[Row](url) as client:
        yield client.get_default_database()


async def test_there_is_an_index_for_every_way_the_store_is_asked(url: str, database: AsyncDatabase[Row]) -> None:
    async with open_mongo(url):
        documents = await database["documents"].index_information()
        log = await database["log"].index_information()
    assert {name: found["key"] for name, found in documents.items()} == {
        "_id_": [("_id", 1)],
        "where": [("c", 1), ("f", 1), ("_id", 1)],
        "changes": [("t", 1), ("at", 1)],
        "tombstones": [("d", 1)],
    }
    assert documents["tombstones"]["sparse"] is True
    assert log["records"]["key"] == [("s", 1), ("e", 1)]


async def test_of_ten_replicas_that_start_at_once_one_migrates(database: AsyncDatabase[Row]) -> None:
    done: list[int] = []

    def step(number: int) -> object:
        async def run(database: AsyncDatabase[Row]) -> None:
            done.append(number)
            await anyio.sleep(0.1)

        return run

    steps = [step(1), step(2)]
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(lambda: migrate(database, Calls(), steps=steps, reads=1))  # type: ignore[arg-type]  # as given
    assert done == [1, 2]


async def test_who_died_while_migrating_is_followed_by_another(database: AsyncDatabase[Row]) -> None:
    done: list[str] = []

    async def dies(database: AsyncDatabase[Row]) -> None:
        done.append("begun")
        await anyio.sleep_forever()

    async def works(database: AsyncDatabase[Row]) -> None:
        done.append("done")

    with anyio.move_on_after(0.5):
        await migrate(database, Calls(), steps=[dies])
    with anyio.fail_after(20):
        await migrate(database, Calls(), steps=[works], patience=0.5)
    assert done == ["begun", "done"]
    assert (await database["meta"].find_one({"_id": "schema"}) or {})["version"] == 1


async def test_a_replica_works_beside_a_newer_one_as_long_as_that_says_so(
    url: str, database: AsyncDatabase[Row]
) -> None:
    async def nothing(database: AsyncDatabase[Row]) -> None:
        pass

    await migrate(database, Calls(), steps=[*STEPS, nothing], reads=1)
    async with open_mongo(url) as stores:
        await stores.documents.put("c", "k", {})
    await migrate(database, Calls(), steps=[*STEPS, nothing, nothing], reads=len(STEPS) + 2)
    with pytest.raises(Unsupported, match="update it"):
        async with open_mongo(url):
            pass
