import time
from pathlib import Path
from statistics import median

import pytest

from airegistry.core.documents import Json
from airegistry.stores.tinydb import TinyStore

pytestmark = pytest.mark.anyio

BODY: Json = {"description": "x" * 300, "tools": [{"name": f"t{n}", "description": "y" * 80} for n in range(5)]}


def no_sync(descriptor: int) -> None:
    """What the operating system does in fsync is none of our cost, and varies."""


async def cpu_of_puts(store: TinyStore, first: int, count: int = 10) -> float:
    """CPU time of some puts of new documents, all threads together."""
    start = time.process_time()
    for n in range(first, first + count):
        await store.put("servers", f"k{n:05}", BODY)
    return time.process_time() - start


async def test_the_5000th_put_costs_at_most_one_and_a_half_times_the_50th(tmp_path: Path) -> None:
    async with (
        TinyStore.open(tmp_path / "small.journal", sync=no_sync) as small,
        TinyStore.open(tmp_path / "large.journal", sync=no_sync) as large,
    ):
        await cpu_of_puts(large, 0, 4900)
        # In turns, so that whatever else the machine does weighs on both.
        ratios = [await cpu_of_puts(large, 4900 + n) / await cpu_of_puts(small, n) for n in range(0, 100, 10)]
    assert median(ratios) <= 1.5


async def test_the_5000th_put_appends_no_more_bytes_than_the_50th(tmp_path: Path) -> None:
    path = tmp_path / "documents.journal"
    async with TinyStore.open(path, sync=no_sync) as store:

        async def bytes_of_put(n: int) -> int:
            before = path.stat().st_size
            await store.put("servers", f"k{n:05}", BODY)
            return path.stat().st_size - before

        sizes = [await bytes_of_put(n) for n in range(1, 5001)]
    assert sizes[-1] - sizes[49] <= 2  # the revision has more digits


async def cpu_of_pages(store: TinyStore, after: str) -> float:
    start = time.process_time()
    for _ in range(10):
        assert len([document async for document in store.find("servers", after=after, limit=50)]) == 50
    return time.process_time() - start


async def test_a_page_of_many_documents_is_cut_without_reading_all(tmp_path: Path) -> None:
    async with (
        TinyStore.open(tmp_path / "small.journal", sync=no_sync) as small,
        TinyStore.open(tmp_path / "large.journal", sync=no_sync) as large,
    ):
        await cpu_of_puts(small, 0, 100)
        await cpu_of_puts(large, 0, 5000)
        ratios = [await cpu_of_pages(large, "k02500") / await cpu_of_pages(small, "k00010") for _ in range(20)]
    assert median(ratios) <= 3
