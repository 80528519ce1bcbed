"""The peer's database, read as it is."""

from datetime import UTC, datetime

import pytest

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.data.peer_files import plain, sort_of
from airegistry.stores.mongo.peer import read_database
from tests.stores.mongo.engine import free_port

pytestmark = pytest.mark.anyio


async def test_known_collections_are_read_and_others_are_not(url: str) -> None:
    from pymongo import AsyncMongoClient

    async with AsyncMongoClient[dict[str, object]](url) as client:
        database = client.get_default_database()
        await database["mcp_servers_default"].insert_one(
            {"_id": "/parcels", "registered_at": datetime(2026, 1, 1, tzinfo=UTC), "num_tools": 3}
        )
        await database["mcp_agents_default"].insert_one({"name": "planner"})
        await database["audit_events_default"].insert_one({"secret": 1})
    found = await read_database(url, sort_of)
    assert found.keys() == {"server", "agent"}
    assert plain(found["server"][0]) == {"_id": "/parcels", "registered_at": "2026-01-01T00:00:00Z", "num_tools": 3}


async def test_a_database_that_is_not_there_and_a_url_that_is_none_are_told_without_the_password() -> None:
    with pytest.raises(UpstreamFailed, match="does not answer") as absent:
        await read_database(f"mongodb://u:hunter2@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200", sort_of)
    with pytest.raises(Invalid, match="the URL does not fit") as wrong:
        await read_database("mongodb://u:hunter2@", sort_of)
    assert "hunter2" not in f"{absent.value} {wrong.value}"
