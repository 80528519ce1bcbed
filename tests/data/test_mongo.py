"""Between the embedded stores and a real database."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from airegistry.core.audit_chain import Verification, verify
from airegistry.data.archive import Archive
from airegistry.data.items import StoreSource
from airegistry.data.transfer import Choices, transfer
from airegistry.stores.open import open_stores
from airegistry.stores.shared import SharedStore
from tests.data.stores import RECORDS, contents, exported, filled, target
from tests.data.test_transfer import shares_key
from tests.stores.mongo.engine import Engine, running

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with running(tmp_path_factory.mktemp("mongo")) as started:
        yield started


def database(engine: Engine) -> SharedStore:
    """An empty one."""
    url = f"{engine.url}test_{uuid4().hex}?retryWrites=false"
    return SharedStore(url, [Fernet.generate_key().decode()])


async def test_everything_goes_from_a_folder_to_a_database_and_back(engine: Engine, tmp_path: Path) -> None:
    async with filled(tmp_path / "old", documents=1500) as old, open_stores(None, database(engine)) as shared:
        wanted = await contents(old.documents, old.log)
        there = shares_key(shared, old)
        await transfer(StoreSource(old.documents, old.log), there, Choices())
        assert await contents(shared.documents, shared.log) == wanted
        assert await verify(shared.log) == Verification(RECORDS)
        again = await transfer(StoreSource(old.documents, old.log), there, Choices())
        assert (again.documents_written, again.records_written) == (0, 0)
        await exported(tmp_path / "file", shared)
        async with open_stores(tmp_path / "new") as new:
            await transfer(Archive(tmp_path / "file"), shares_key(new, old), Choices())
            assert await contents(new.documents, new.log) == wanted


async def test_a_database_opens_what_the_key_of_its_settings_opens(engine: Engine) -> None:
    async with filled(documents=2) as old:
        keys = [Fernet.generate_key().decode(), *old.cipher._keys]
        store = SharedStore(database(engine).url, keys)
        async with open_stores(None, store) as shared:
            summary = await transfer(StoreSource(old.documents, old.log), target(shared), Choices())
    assert summary.documents_written == 4
