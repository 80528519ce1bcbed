"""A store that is lost while a registry that shares it has just begun to serve."""

from pathlib import Path

import anyio
import pytest
from cryptography.fernet import Fernet

from airegistry.app import running
from airegistry.core.documents import Document, Json, Unavailable
from airegistry.core.shared_vectors import COLLECTION
from airegistry.settings import Settings
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog, MemoryStore
from airegistry.stores.open import Stores

pytestmark = pytest.mark.anyio


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
