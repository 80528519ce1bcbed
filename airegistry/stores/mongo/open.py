"""Opens the stores in a database."""

import warnings
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from airegistry.core.documents import Unavailable
from airegistry.core.errors import AirError, Internal, Invalid
from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.documents import MongoStore
from airegistry.stores.mongo.feed import ChangeFeed
from airegistry.stores.mongo.log import MongoLog
from airegistry.stores.mongo.rows import Row
from airegistry.stores.mongo.schema import DOCUMENTS, LOG, META, migrate

DATABASE = "airegistry"
"""The database, where the URL names none."""
ANSWER_MS = 5000
"""Milliseconds the database has for one answer."""
MIGRATION_MS = 600_000
"""The same for a step of a migration, which may build an index of everything."""
LOOK_EVERY = 1.0
PRUNE_EVERY = 600.0


@dataclass(frozen=True, slots=True)
class MongoStores:
    """Both stores of a database; `ready` is whether it answers."""

    documents: MongoStore
    log: MongoLog
    ready: Callable[[], bool]


@asynccontextmanager
async def open_mongo(
    url: str, username: str | None = None, password: str | None = None, *, streams: bool = True,
    calls: Calls | None = None,
) -> AsyncIterator[MongoStores]:  # fmt: skip
    """The stores in the database of a URL, made when there are none.

    `username` and `password` stand in for those of the URL, which then need no escaping. With `streams` off, changes
    are asked for even where the engine has change streams.

    Raises:
        Invalid: the URL does not fit.
        Unavailable: the database does not answer.
        Unsupported: the database is laid out for a later version.
        Internal: the database refuses, a wrong password perhaps.
    """
    calls = calls or Calls()
    client = _client(url, username, password, ANSWER_MS)
    try:
        database = client.get_default_database(DATABASE)
        concern = await _concern(database, calls)
        async with _client(url, username, password, MIGRATION_MS) as patient:
            await migrate(patient.get_default_database(DATABASE), calls)
        rows, meta, chunks = (database.get_collection(name, read_concern=concern) for name in (DOCUMENTS, META, LOG))
        feed = ChangeFeed(rows, meta, calls, streams=streams)
        async with _beside(partial(_look, database, calls), partial(_prune, feed)):
            try:
                yield MongoStores(MongoStore(rows, feed, calls), MongoLog(chunks, meta, calls), lambda: calls.up)
            finally:
                feed.close()
    finally:
        with anyio.CancelScope(shield=True):
            await calls.ended()
            await client.close()


@asynccontextmanager
async def _beside(*tasks: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run tasks until the block is left; an error of the block stays the one it is, in no group."""
    group = anyio.create_task_group()
    await group.__aenter__()
    try:
        for task in tasks:
            group.start_soon(task)
        yield
    finally:
        group.cancel_scope.cancel()
        await group.__aexit__(None, None, None)


def _client(url: str, username: str | None, password: str | None, answer_ms: int) -> AsyncMongoClient[Row]:
    given: dict[str, Any] = {"username": username, "password": password}
    try:
        with warnings.catch_warnings():
            # An option that is none, `tls=yes` say, would only be warned of, and left out.
            warnings.simplefilter("error", UserWarning)
            # Reads that saw what a fallen primary alone had would be of what never was, hence majority. The driver's
            # own retries are off: Amazon DocumentDB has none for writes, and the store knows its writes anyway.
            return AsyncMongoClient(
                url, **{name: value for name, value in given.items() if value is not None},
                w="majority", journal=True, readPreference="primary", retryWrites=False, retryReads=False,
                serverSelectionTimeoutMS=3000, connectTimeoutMS=3000, socketTimeoutMS=answer_ms,
                appname="airegistry",
            )  # fmt: skip
    except (PyMongoError, ValueError, TypeError, OSError, UserWarning) as error:
        # The message may repeat a part of the URL, which has a password in it.
        raise Invalid(f"AIREGISTRY_STORE_URL does not fit ({type(error).__name__})", field="STORE_URL") from None


async def _concern(database: AsyncDatabase[Row], calls: Calls) -> ReadConcern:
    """Majority where the engine knows it; those that do not read what is durable anyway."""
    majority = ReadConcern("majority")
    await calls.run(lambda: database.command("ping"))  # a wrong password shows here
    try:
        await calls.run(lambda: database.get_collection(META, read_concern=majority).find_one({"_id": "schema"}))
    except Unavailable:
        raise
    except Internal:
        return ReadConcern()
    return majority


async def _look(database: AsyncDatabase[Row], calls: Calls) -> None:
    """Know within a second or two that the database does not answer, and that it does again."""
    while True:
        try:
            await calls.whole(lambda: database[META].find_one({"_id": "schema"}, {"_id": 1}))
        except PyMongoError as error:
            calls.note(error)
        else:
            calls.note(None)
        await anyio.sleep(LOOK_EVERY)


async def _prune(feed: ChangeFeed) -> None:
    while True:
        with suppress(AirError):  # it is for later
            await feed.prune()
        await anyio.sleep(PRUNE_EVERY)
