import pytest

from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.stores.contract import AppendLogContract, DocumentStoreContract

pytestmark = pytest.mark.anyio


class TestMemoryStore(DocumentStoreContract):
    @pytest.fixture
    def store(self) -> DocumentStore:
        return MemoryStore()


class TestMemoryLog(AppendLogContract):
    @pytest.fixture
    def log(self) -> AppendLog:
        return MemoryLog()
