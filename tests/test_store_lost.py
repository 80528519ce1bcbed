"""A store that is lost while a registry has just begun to serve, or has just written to it."""

from pathlib import Path

import anyio
import pytest
from cryptography.fernet import Fernet

from airegistry.app import running
from airegistry.core import events
from airegistry.core.documents import Document, Json, Unavailable
from airegistry.core.principals import Principal
from airegistry.core.shared_vectors import COLLECTION
from airegistry.core.shelf import ASSETS
from airegistry.settings import Settings
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores
from tests.core.wiring import asset

pytestmark = pytest.mark.anyio
ROOT = Principal("user:root", kind="person", operator=True)


class Away(MemoryStore):
    """Is lost for some reads after assets were written."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = self.left = 0

    async def get(self, collection: str, key: str) -> Document | None:
        if collection == ASSETS and self.left:
            self.left -= 1
            raise Unavailable("the database does not answer")
        return await super().get(collection, key)

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        written = await super().put(collection, key, body, expect=expect)
        if collection == ASSETS:
            self.left, self.loses = self.loses, 0
        return written


async def test_what_was_written_just_before_the_store_was_lost_is_found_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "AGAIN", 0.01)
    store, cipher = Away(), FernetCipher([Fernet.generate_key().decode()])
    settings = Settings(data=tmp_path, health_interval=0, embedder="none")
    async with running(settings, given=Stores(store, MemoryLog(), cipher, [])) as app:
        store.loses = 3
        await app.services.catalog.register(ROOT, asset("server", "sleet", url="http://127.0.0.1:9/mcp"), fetch=False)
        found = list[str]()
        with anyio.fail_after(5):
            while not found:
                found = [hit.asset.path for hit in (await app.services.search.find(ROOT, "sleet")).hits]
        assert (found, store.left) == (["sleet"], 0)


class Losing(MemoryStore):
    """Loses the answers to some writes of vectors."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.left = 2
        self._error = error

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        written = await super().put(collection, key, body, expect=expect)
        if collection.startswith(COLLECTION) and self.left:
            self.left -= 1
            raise self._error
        return written


@pytest.mark.parametrize("error", [Unavailable("the answer was lost"), OSError("the connection is gone")])
async def test_a_registry_whose_first_vectors_meet_a_lost_store_goes_on_and_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("airegistry.replicas.PAUSE", 0.01)
    store, cipher = Losing(error), FernetCipher([Fernet.generate_key().decode()])
    settings = Settings(data=tmp_path, health_interval=0)
    async with running(settings, given=Stores(store, MemoryLog(), cipher, [], shared=True)) as app:
        with anyio.fail_after(30):
            await app.services.search.indexing.warm.wait()
        assert store.left == 0
        assert app.services.search.indexing.lacking() == []
