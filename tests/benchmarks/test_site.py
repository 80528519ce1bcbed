"""What a benchmark puts into a store is what the product puts there."""

from pathlib import Path

import pytest

from airegistry.core.shelf import Shelf
from airegistry.stores.open import open_stores
from airegistry.stores.shared import SharedStore
from benchmarks.scaling.population import fill
from benchmarks.scaling.site import insert
from tests.stores.mongo.engine import running

pytest.importorskip("pymongo", reason="needs pymongo")

from pymongo import AsyncMongoClient

from airegistry.stores.mongo.rows import Row


@pytest.mark.anyio
async def test_assets_are_put_into_a_database_as_the_store_writes_them(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        shared = SharedStore(f"{engine.url}scale?retryWrites=false", ["A" * 43 + "="])
        async with open_stores(None, shared) as stores:
            await fill(stores.documents, 0, 5)
            await insert(shared, 5, 10)
            async with AsyncMongoClient[Row](shared.url) as client:
                rows = await client["scale"]["documents"].find({"c": "assets"}).to_list()
            assert len(rows) == 10
            assert len({tuple(sorted((name, str(type(value))) for name, value in row.items())) for row in rows}) == 1
            shelf = Shelf(stores.documents)
            async for asset in shelf.everything():
                found = await shelf.get(asset.kind, asset.path)
                assert found == (asset, 1)
                await shelf.replace(asset, 1)
