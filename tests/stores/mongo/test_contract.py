"""The contract of the ports, over a real database server, with change streams and without."""

from collections.abc import AsyncIterator

import pytest

from airegistry.core.documents import AppendLog, DocumentStore
from tests.stores.contract import DocumentStoreContract
from tests.stores.log_contract import AppendLogContract, NarrowedLogContract

pytestmark = pytest.mark.anyio


class TestByStream(DocumentStoreContract):
    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[DocumentStore]:
        from airegistry.stores.mongo.open import open_mongo

        async with open_mongo(url) as stores:
            yield stores.documents


class TestByPolling(DocumentStoreContract):
    @pytest.fixture
    async def store(self, url: str) -> AsyncIterator[DocumentStore]:
        from airegistry.stores.mongo.open import open_mongo

        async with open_mongo(url, streams=False) as stores:
            yield stores.documents


class TestLog(AppendLogContract, NarrowedLogContract):
    @pytest.fixture
    async def log(self, url: str) -> AsyncIterator[AppendLog]:
        from airegistry.stores.mongo.open import open_mongo

        async with open_mongo(url) as stores:
            yield stores.log
