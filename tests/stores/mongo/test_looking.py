"""A look at a database names the indexes that are not there, and makes none."""

from pathlib import Path

import pytest
from pymongo import AsyncMongoClient

from airegistry.stores.mongo.looking import look
from airegistry.stores.mongo.open import open_mongo
from airegistry.stores.mongo.schema import DOCUMENTS
from tests.stores.mongo.engine import INSTALLED, MISSING, running

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not INSTALLED, reason=MISSING)]
ALL = ("documents.where", "documents.changes", "documents.tombstones", "log.records")


async def test_indexes_that_are_missing_are_named_and_not_made(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        url = f"{engine.url}looked?retryWrites=false"
        for _ in range(2):
            assert (await look(url, None, None)).missing == ALL
        async with open_mongo(url):
            pass
        found = await look(url, None, None)
        assert (found.version, found.missing) == (found.known, ())
        async with AsyncMongoClient[dict[str, object]](url) as client:
            await client.get_default_database()[DOCUMENTS].drop_index("changes")
        assert (await look(url, None, None)).missing == ("documents.changes",)
