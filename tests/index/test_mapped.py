"""What is read of a mapped file does not stay in memory."""

from pathlib import Path

import numpy as np
import pytest

from airegistry.core.ports import Vectors
from airegistry.index.cache import KeptVectors
from airegistry.index.disk import Disk

MEGABYTE = 1024


def mapped_file() -> int:
    """Kilobytes of files that this process holds in memory."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("RssFile:")).split()[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_looking_at_all_vectors_of_a_file_keeps_few_of_them(tmp_path: Path) -> None:
    count, width = 40_000, 384
    grid = np.random.default_rng(1).integers(-300, 300, (1000, width)).astype(np.float32) / 4096
    vectors: dict[str, Vectors] = {f"text {number}": grid[number % 1000] for number in range(count)}
    made = KeptVectors("of this test")
    made.put(vectors)
    made.save(tmp_path / "vectors.bin", Disk())
    kept = KeptVectors("of this test")
    kept.open(tmp_path / "vectors.bin")
    before, most = mapped_file(), 0
    texts = [*vectors]
    for start in range(0, count, 100):
        found = kept.get(texts[start : start + 100])
        most = max(most, mapped_file())
    assert np.array_equal(found[texts[-1]], vectors[texts[-1]])
    assert most - before < 10 * MEGABYTE  # of 31
