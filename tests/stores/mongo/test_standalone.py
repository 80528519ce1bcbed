"""An engine without change streams, as Amazon DocumentDB is until they are enabled."""

from pathlib import Path

import anyio
import pytest

from tests.stores.contract import take
from tests.stores.mongo.engine import running

pytest.importorskip("pymongo", reason="needs pymongo")

from airegistry.stores.mongo.open import open_mongo

pytestmark = pytest.mark.anyio


async def test_without_change_streams_changes_are_asked_for(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with running(tmp_path, "--standalone") as engine:
        async with open_mongo(engine.url) as stores:
            feed = stores.documents.watch(since=0)
            await stores.documents.put("c", "k", {})
            assert [change.key for change in await take(feed, 1)] == ["k"]
            with anyio.fail_after(2):
                await stores.documents.put("c", "l", {})
                assert (await anext(feed)).key == "l"
    assert "no change streams here" in caplog.text
