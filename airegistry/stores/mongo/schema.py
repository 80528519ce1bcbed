"""The layout of the database: made, and brought forward, at start by one process at a time.

A document names the version. Who finds an older one takes the lead by raising `fence`, and each step that it finishes
is noted only while the fence is still its own. A leader shows that it lives by raising `beat`; when that stands still
for `PATIENCE`, by the clock that measures intervals and not by anybody's time of day, another takes over: every step
can be done twice. A replica of an older version goes on beside a newer layout whose `reads` is not above its own
version: so a step that older replicas cannot live with is left to the release after the next.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import anyio
from pymongo import IndexModel, ReturnDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from airegistry.core.errors import Unsupported
from airegistry.stores.mongo.calls import Calls
from airegistry.stores.mongo.rows import Row

Step = Callable[[AsyncDatabase[Row]], Awaitable[None]]
DOCUMENTS, LOG, META = "documents", "log", "meta"
PATIENCE = 15.0
"""Seconds a leader may be silent."""
BEAT = 2.0
_SCHEMA = {"_id": "schema"}
_logger = logging.getLogger(__name__)


INDEXES: Mapping[str, Sequence[IndexModel]] = {
    DOCUMENTS: (
        IndexModel([("c", 1), ("f", 1), ("_id", 1)], name="where"),
        IndexModel([("t", 1), ("at", 1)], name="changes"),
        IndexModel([("d", 1)], name="tombstones", sparse=True),
    ),
    LOG: (IndexModel([("s", 1), ("e", 1)], name="records"),),
}
"""What each collection is asked by."""


async def _first_indexes(database: AsyncDatabase[Row]) -> None:
    for collection, indexes in INDEXES.items():
        await database[collection].create_indexes([*indexes])


STEPS: Sequence[Step] = (_first_indexes,)
"""What leads from version n to n + 1. Only ever added to."""
READS = 1
"""The oldest version of the registry's layout that can work with the newest."""


async def migrate(
    database: AsyncDatabase[Row], calls: Calls, *, steps: Sequence[Step] = STEPS, reads: int = READS,
    patience: float = PATIENCE,
) -> None:  # fmt: skip
    """Have the database in this version's layout, or in a later one that this version can work with.

    Raises:
        Unsupported: it is in a later one that it cannot.
    """
    meta = database[META]
    seen: tuple[object, object] | None = None
    since = anyio.current_time()
    while True:
        found = await calls.run(lambda: meta.find_one(_SCHEMA)) or {}
        version = found.get("version", 0)
        if found.get("reads", 0) > len(steps):
            raise Unsupported(
                f"the database is of version {version}, this registry works with {len(steps)} at most: update it"
            )
        if version >= len(steps):
            return
        pulse = found.get("fence"), found.get("beat")
        if pulse != seen:
            seen, since = pulse, anyio.current_time()
        if not found.get("led") or anyio.current_time() - since >= patience:
            fence = await _take(meta, calls, found.get("fence", 0))
            if fence is not None:
                await _lead(database, calls, fence, version, steps, reads)
                continue
        await anyio.sleep(min(0.2, patience))


async def _take(meta: AsyncCollection[Row], calls: Calls, fence: int) -> int | None:
    """Take the lead from whoever had that fence; None when somebody else did."""
    await calls.upsert(lambda: meta.update_one(_SCHEMA, {"$setOnInsert": {"fence": 0, "version": 0}}, upsert=True))
    taking = {"$inc": {"fence": 1}, "$set": {"led": True}}
    found = await calls.run(
        lambda: meta.find_one_and_update({**_SCHEMA, "fence": fence}, taking, return_document=ReturnDocument.AFTER)
    )
    return None if found is None else int(found["fence"])


async def _lead(
    database: AsyncDatabase[Row], calls: Calls, fence: int, version: int, steps: Sequence[Step], reads: int
) -> None:
    meta = database[META]
    mine = {**_SCHEMA, "fence": fence}

    async def live() -> None:
        while True:
            await anyio.sleep(BEAT)
            await calls.run(lambda: meta.update_one(mine, {"$inc": {"beat": 1}}))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        for number, step in enumerate(steps[version:], start=version + 1):
            await step(database)
            done = {"version": number, "reads": min(reads, number), "led": number < len(steps)}
            if await calls.run(partial(meta.find_one_and_update, mine, {"$set": done})) is None:
                _logger.warning("another replica took over the migration of the database to version %d", number)
                break
            _logger.info("the database is of version %d now", number)
        tasks.cancel_scope.cancel()
