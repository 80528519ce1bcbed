"""A look at a database that writes nothing: whether it answers, how fast, and how it is laid out."""

import time
from dataclasses import dataclass
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from airegistry.core.documents import Unavailable
from airegistry.core.errors import Invalid
from airegistry.stores.mongo.open import DATABASE
from airegistry.stores.mongo.rows import Row
from airegistry.stores.mongo.schema import INDEXES, META, STEPS

WAIT_MS = 3000


@dataclass(frozen=True, slots=True)
class Look:
    """`version` is that of the layout, 0 before the first start; `reads` the oldest program it works with, `known` the
    newest that this one knows; `missing` names indexes that should be there, as `COLLECTION.INDEX`."""

    version: int
    reads: int
    known: int
    latency_ms: float
    missing: tuple[str, ...] = ()


async def look(url: str, username: str | None, password: str | None) -> Look:
    """Ask the database once.

    Raises:
        Invalid: the URL does not fit.
        Unavailable: it does not answer, or refuses.
    """
    given: dict[str, Any] = {"username": username, "password": password}
    given = {name: value for name, value in given.items() if value is not None}
    try:
        client = AsyncMongoClient[Row](
            url, serverSelectionTimeoutMS=WAIT_MS, connectTimeoutMS=WAIT_MS, socketTimeoutMS=WAIT_MS, **given
        )
    except (PyMongoError, ValueError, TypeError) as error:
        # The message may repeat a part of the URL, which has a password in it.
        raise Invalid(f"AIREGISTRY_STORE_URL does not fit ({type(error).__name__})", field="STORE_URL") from None
    async with client:
        database = client.get_default_database(DATABASE)
        try:
            await client.admin.command("ping")
            begun = time.perf_counter()
            found = await database[META].find_one({"_id": "schema"}) or {}
            took = (time.perf_counter() - begun) * 1000
            missing = await _missing(database)
        except PyMongoError as error:
            raise Unavailable(f"the database does not answer, or refuses ({type(error).__name__})") from None
    return Look(int(found.get("version", 0)), int(found.get("reads", 0)), len(STEPS), took, missing)


async def _missing(database: AsyncDatabase[Row]) -> tuple[str, ...]:
    there = await database.list_collection_names()
    missing = []
    for collection, indexes in INDEXES.items():
        known = await database[collection].index_information() if collection in there else {}
        named = (str(index.document["name"]) for index in indexes)
        missing += [f"{collection}.{name}" for name in named if name not in known]
    return tuple(missing)
