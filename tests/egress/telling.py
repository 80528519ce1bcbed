"""A process to be killed: does acts on assets over a data folder, prints what was acknowledged, and tells a subscriber.

python -m tests.egress.telling FOLDER URL KEY ASSETS ACTS
"""

import os
import sys
from pathlib import Path

import anyio

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.events import Event, Events
from airegistry.core.lane import Patience
from airegistry.core.principals import SYSTEM
from airegistry.core.shelf import Shelf
from airegistry.core.webhooks import Webhooks
from airegistry.egress.guard import Guard
from airegistry.egress.webhooks import WebhookPost
from airegistry.stores.cipher import FernetCipher
from airegistry.stores.memory import MemoryLog
from airegistry.stores.tinydb import TinyStore
from tests.core.wiring import asset

PATIENCE = Patience(waits=[0.05] * 10_000, at_once=8, kept=100)


async def work(shelf: Shelf, events: Events, path: str, acts: int) -> None:
    """Change one asset, counting on from what is stored, until it has been changed so often."""
    found = await shelf.get("server", path)
    count = 0 if found is None else int(found[0].description)
    while count < acts:
        count += 1
        now = asset("server", path, description=str(count))
        async with events.telling(Event("server:update", now, "token:ann")):
            if found is None:
                await shelf.create(now)
            else:
                await shelf.replace(now.model_copy(update={"created_at": found[0].created_at}), found[1])
        found = await shelf.get("server", path)
        os.write(1, f"{path} {count}\n".encode())


async def main(folder: Path, url: str, key: str, assets: int, acts: int) -> None:
    clock, access = SystemClock(), Access()
    async with (
        TinyStore.open(folder / "documents.journal", min_garbage=2_000_000) as store,
        WebhookPost(Guard(loopback=True), timeout=5) as post,
        anyio.create_task_group() as tasks,
    ):
        shelf, events = Shelf(store), Events()
        audit = Audit(MemoryLog(), access, clock)
        webhooks = Webhooks(store, shelf, FernetCipher([key]), post, access, audit, clock, PATIENCE)
        await webhooks.open()
        events.ledger = webhooks.outbox
        if not webhooks.list(SYSTEM):
            await webhooks.create(SYSTEM, "one", url, {})
        tasks.start_soon(webhooks.run)
        async with anyio.create_task_group() as acting:
            for number in range(assets):
                acting.start_soon(work, shelf, events, f"s{number}", acts)
        while webhooks.list(SYSTEM)[0].waiting:  # noqa: ASYNC110  # it is told over HTTP, to another process
            await anyio.sleep(0.02)
        os.write(1, b"done\n")
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
