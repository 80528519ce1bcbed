"""Calls that are given up while the database is away: whoever asks next is answered as soon as it is back."""

from pathlib import Path

import anyio
import pytest
from anyio.to_thread import run_sync

from tests.stores.mongo.engine import running

pytest.importorskip("pymongo", reason="needs pymongo")

from airegistry.stores.mongo.open import open_mongo

pytestmark = pytest.mark.anyio


async def test_what_is_given_up_while_the_database_is_away_holds_up_nobody_after_it(tmp_path: Path) -> None:
    with running(tmp_path) as engine:
        async with open_mongo(engine.url) as stores:
            await stores.documents.put("c", "k", {})
            engine.kill()
            with anyio.fail_after(10):
                while stores.ready():  # noqa: ASYNC110  # it looks by itself
                    await anyio.sleep(0.01)
            began = anyio.current_time()
            with anyio.move_on_after(1):
                async with anyio.create_task_group() as tasks:
                    for _ in range(20):
                        tasks.start_soon(stores.documents.get, "c", "k")
            assert anyio.current_time() - began < 2
            await run_sync(engine.start)
            with anyio.fail_after(10):
                assert await stores.documents.get("c", "k") is not None
