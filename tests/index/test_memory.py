import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import numpy as np
import pytest

from airegistry.core.ports import SearchIndex
from airegistry.index.memory import MemoryIndex
from tests.index.base import DIMENSIONS, IndexContract, document, unit


class TestMemoryIndex(IndexContract):
    def make(self) -> SearchIndex:
        return MemoryIndex()


def test_a_search_sees_a_document_before_or_after_its_replacement_never_between() -> None:
    index = MemoryIndex()
    first, second = np.eye(2, DIMENSIONS, dtype=np.float32)
    versions = [document("server/a", "rain", vectors=first[None]), document("server/a", "mail", vectors=second[None])]
    index.put(versions[0])
    done = Event()

    def write() -> None:
        try:
            for n in range(100):
                index.put(versions[n % 2])
                index.put(document(f"server/z{n % 7}", "chart"))
                index.remove(f"server/z{(n + 3) % 7}")
        finally:
            done.set()

    def read() -> int:
        seen = 0
        while not done.is_set():
            (match,) = (m for m in index.search("rain", first)[0] if m.id == "server/a")
            assert (match.lexical > 0) == (match.dense == 1.0)
            seen += 1
        return seen

    with ThreadPoolExecutor(3) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        pool.submit(write).result()
        assert sum(reader.result() for reader in readers) > 0


def test_the_room_of_removed_documents_is_used_again() -> None:
    index = MemoryIndex()

    def churn(rounds: int) -> None:
        for n in range(rounds):
            index.put(document(f"server/{n}", f"rain word{n}", vectors=unit(1, 2, 3), facets={"path": f"{n}"}))
            index.remove(f"server/{n - 5}")

    churn(300)
    gc.collect()
    tracemalloc.start()
    churn(300)
    gc.collect()
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 50_000


@pytest.mark.parametrize("count", [63, 64, 65, 200])
def test_arrays_grow_with_the_documents(count: int) -> None:
    index = MemoryIndex()
    for n in range(count):
        index.put(document(f"server/{n:03}", f"rain w{n}", vectors=unit(n)))
    matches, total = index.search(f"w{count - 1}", unit(count - 1)[0], limit=1)
    assert [match.id for match in matches] == [f"server/{count - 1:03}"]
    assert total >= 1
    assert len(index) == count
