"""On a small disk: processes write until it is full, or are killed then, and what they acknowledged is looked for.

python -m tests.stores.filled FOLDER SEED
"""

import asyncio
import os
import random
import sys
from pathlib import Path

import pytest

from airegistry.core.documents import Json
from airegistry.core.errors import Internal
from airegistry.stores.tinydb import TinyStore
from tests.stores.test_kill import Acknowledged


async def main(disk: Path, seed: int) -> None:
    """One folder that fills up, a little more room each time."""
    dice, told, ballast = random.Random(seed), Acknowledged(disk / "data"), disk / "ballast"
    told.folder.mkdir()
    ballast.write_bytes(bytes(free(disk) * 3 // 4))
    for round_ in range(6):
        assert told.write(round_) == 1, "the disk was not full"
        await told.check()
        os.truncate(ballast, int(ballast.stat().st_size * dice.uniform(0.7, 0.95)))
    await has_no_room_and_then_has(told, ballast)
    await told.check()


async def has_no_room_and_then_has(told: Acknowledged, ballast: Path) -> None:
    """An open store says that the disk is full, is read meanwhile, and goes on when there is room again."""
    async with TinyStore.open(told.folder / "documents.journal") as store:
        # Longer than what is free by more than the journal's last page may have left.
        big: Json = {"text": "x" * (free(ballast.parent) + 2 * os.statvfs(ballast).f_frsize)}
        with pytest.raises(Internal, match="No space left on device"):
            await store.put("other", "big", big)
        assert await store.get("servers", next(iter(told.puts))) is not None
        assert await store.get("other", "big") is None
        os.remove(ballast)
        await store.put("other", "big", big)


def free(disk: Path) -> int:
    """Bytes."""
    found = os.statvfs(disk)
    return found.f_bavail * found.f_bsize


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
