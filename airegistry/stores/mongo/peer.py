"""Reads the database of the peer, agentic-community/mcp-gateway-registry. Nothing is written there."""

import json
from collections.abc import Callable

from bson import json_util
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from airegistry.core.documents import Json
from airegistry.core.errors import Invalid, UpstreamFailed

DATABASE = "mcp_registry"
"""The peer's database, where the URL names none."""
ANSWER_MS = 30_000


async def read_database(url: str, sort_of: Callable[[str], str | None]) -> dict[str, list[Json]]:
    """The documents of the collections that `sort_of` knows, as Extended JSON, by what it calls them.

    Raises:
        Invalid: the URL does not fit.
        UpstreamFailed: the database does not answer, or refuses.
    """
    try:
        client = AsyncMongoClient[dict[str, object]](
            url, readPreference="secondaryPreferred", serverSelectionTimeoutMS=5000, socketTimeoutMS=ANSWER_MS,
            retryReads=False, appname="airegistry-import",
        )  # fmt: skip
    except (PyMongoError, ValueError, TypeError) as error:  # the message may repeat the URL, and a password in it
        raise Invalid(f"the URL does not fit ({type(error).__name__})", field="export") from None
    found: dict[str, list[Json]] = {}
    try:
        database = client.get_default_database(DATABASE)
        for name in sorted(await database.list_collection_names()):
            if (sort := sort_of(name)) is not None:
                async for document in database[name].find().sort("_id"):
                    found.setdefault(sort, []).append(json.loads(json_util.dumps(document)))
    except PyMongoError as error:
        raise UpstreamFailed(f"the database of the peer does not answer: {type(error).__name__}") from error
    finally:
        await client.close()
    return found
