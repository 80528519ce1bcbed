"""Rewrites the journal without its garbage, while writes go on."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from anyio.to_thread import run_sync

from airegistry.core.errors import Internal
from airegistry.stores.files import Sync, fresh_path
from airegistry.stores.tables import JournalStorage, Snapshot

MIN_GARBAGE = 4 << 20
_logger = logging.getLogger(__name__)


class BetweenBatches(Protocol):
    """`GroupCommit.between_batches`."""

    def __call__(self, work: Callable[[], None]) -> "Future[None]": ...


class Compaction:
    """Runs when garbage exceeds both `min_garbage` bytes and what is live.

    The rows of one moment go to a new file in a thread of their own; the changes made meanwhile are copied
    behind them between two batches, and the file takes the journal's name. A crash leaves the one or the other.
    """

    def __init__(
        self, storage: JournalStorage, between_batches: BetweenBatches, *, sync: Sync, min_garbage: int = MIN_GARBAGE
    ) -> None:
        self._storage = storage
        self._between_batches = between_batches
        self._sync = sync
        self._min_garbage = min_garbage
        # Raised after a failure: a full disk is not tried again at each write.
        self._threshold = min_garbage
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compaction")
        self._running: Future[None] | None = None
        self._requested = False
        self._closed = False

    def consider(self) -> None:
        """Start when it is worth it. Called on the event loop while no batch is being written."""
        if self._closed or (self._running is not None and not self._running.done()):
            return
        if self._requested or self._storage.garbage > max(self._threshold, self._storage.live_bytes):
            self._requested = False
            self._running = self._thread.submit(self._compact, self._storage.snapshot())
            self._running.add_done_callback(self._report)

    def request(self) -> None:
        """Let the next `consider` start, whatever it is worth."""
        self._requested = True

    async def finished(self) -> None:
        """Returns when the one that is running is done.

        Raises:
            Internal: the new file could not be written; the old one stays in use.
        """
        if self._running is None:
            return
        try:
            await asyncio.wrap_future(self._running)
        except OSError as error:
            raise Internal(f"{self._storage.journal.path} cannot be compacted: {error.strerror or error}") from error

    async def close(self) -> None:
        """Wait for the one that is running, start no other."""
        self._closed = True
        await run_sync(self._thread.shutdown)

    def _compact(self, snapshot: Snapshot) -> None:
        journal = self._storage.journal
        fresh = fresh_path(journal.path)
        before = journal.end
        try:
            snapshot.write(fresh, self._sync)
            self._between_batches(lambda: journal.adopt(fresh, snapshot.offset)).result()
        except OSError:
            fresh.unlink(missing_ok=True)
            self._threshold = self._storage.garbage + self._min_garbage
            raise
        self._threshold = self._min_garbage
        _logger.info("%s compacted: %d bytes, before %d", journal.path, journal.end, before)

    def _report(self, finished: "Future[None]") -> None:
        if not finished.cancelled() and (error := finished.exception()) is not None:
            _logger.error("%s could not be compacted", self._storage.journal.path, exc_info=error)
