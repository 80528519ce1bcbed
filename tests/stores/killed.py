"""A process to be killed: writes to a data folder from many tasks and prints what was acknowledged.

python -m tests.stores.killed FOLDER ROUND
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

import anyio

from airegistry.core.documents import AppendLog, DocumentStore
from airegistry.stores.segments import SegmentLog
from airegistry.stores.tinydb import TinyStore

WRITERS = 20
HOT_KEYS = 5


async def put(store: DocumentStore, round_: int, writer: int) -> None:
    """New keys and rewritten ones, so that there is garbage to compact."""
    for n in count():
        key = f"hot-{writer}" if writer < HOT_KEYS else f"r{round_}-w{writer}-{n}"
        document = await store.put("servers", key, {"round": round_, "n": n, "text": "x" * (n % 300)})
        acknowledge("put", key, document.version, n)


async def append(log: AppendLog, round_: int, writer: int) -> None:
    for n in count():
        seq = await log.append("audit", [{"round": round_, "writer": writer, "n": n}])
        acknowledge("log", writer, seq, n)


def acknowledge(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def main(folder: Path, round_: int) -> None:
    async with (
        TinyStore.open(folder / "documents.journal", min_garbage=50_000) as store,
        SegmentLog.open(folder / "logs", segment_bytes=50_000) as log,
        anyio.create_task_group() as group,
    ):
        for writer in range(WRITERS):
            group.start_soon(put, store, round_, writer)
            group.start_soon(append, log, round_, writer)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
