import pytest

from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.stores.memory import MemoryLog, MemoryStore
from tests.stores.counting_contract import CountingContract
from tests.stores.log_contract import AppendLogContract, NarrowedLogContract

pytestmark = pytest.mark.anyio


class TestMemoryStore(CountingContract):
    @pytest.fixture
    def store(self) -> DocumentStore:
        return MemoryStore()


class TestMemoryLog(AppendLogContract, NarrowedLogContract):
    @pytest.fixture
    def log(self) -> AppendLog:
        return MemoryLog()
