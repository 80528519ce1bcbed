"""Group commit: whatever arrives while a batch is being synced to disk becomes the next batch."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

import anyio
from anyio.to_thread import run_sync

from airegistry.core.errors import AirError, Internal

Op = TypeVar("Op")
T = TypeVar("T")
_logger = logging.getLogger(__name__)


class Batch(Protocol):
    """Operations that become durable together."""

    def write(self) -> None:
        """Make them durable. Runs in the writer's thread.

        Raises:
            OSError: none of them is.
        """
        ...

    def publish(self) -> None:
        """Show what was written. Runs on the event loop, before any caller hears of it."""
        ...

    def withdraw(self) -> None:
        """Forget what could not be written. Runs on the event loop."""
        ...


class GroupCommit(Generic[Op]):
    """Runs batches one after the other in one thread; operations keep the order of their `submit` calls.

    `begin` makes a batch of operations, on the event loop, when the batch before it is settled. A caller that
    is cancelled while it waits leaves its operation in the batch.
    """

    def __init__(self, name: str, begin: Callable[[list[Op]], Batch]) -> None:
        self._name = name
        self._begin = begin
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._queue: list[tuple[Op, asyncio.Future[None]]] = []
        self._busy = False
        self._closed = False
        self._idle = anyio.Event()

    async def submit(self, operation: Op) -> None:
        """Returns when the operation is durable and published.

        Raises:
            Internal: it could not be written, or the store is closed.
        """
        if self._closed:
            raise Internal(f"{self._name} is closed")
        done = self._loop.create_future()
        self._queue.append((operation, done))
        if not self._busy:
            self._busy = True
            # Not at once: calls made in the same turn of the loop belong to the same batch.
            self._loop.call_soon(self._start)
        await done

    def between_batches(self, work: Callable[[], T]) -> "Future[T]":
        """Run something in the writer's thread, while no batch is being written. Any thread may call this."""
        return self._thread.submit(work)

    async def close(self) -> None:
        """Write what is queued, refuse what comes later, end the thread."""
        self._closed = True
        if self._busy:
            await self._idle.wait()
        await run_sync(self._thread.shutdown)

    def _start(self) -> None:
        entries, self._queue = self._queue, []
        batch = self._begin([operation for operation, _ in entries])
        writing = self._thread.submit(batch.write)
        writing.add_done_callback(
            lambda finished: self._loop.call_soon_threadsafe(self._finish, batch, entries, finished)
        )

    def _finish(self, batch: Batch, entries: list[tuple[Op, asyncio.Future[None]]], writing: "Future[None]") -> None:
        error = writing.exception()
        if error is None:
            batch.publish()
        else:
            _logger.error("%s: %d writes failed", self._name, len(entries), exc_info=error)
            batch.withdraw()
        for _, done in entries:
            if done.done():
                continue
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(self._failure(error))
        if self._queue:
            self._start()
            return
        self._busy = False
        if self._closed:
            self._idle.set()

    def _failure(self, error: BaseException) -> AirError:
        reason = error.strerror or error if isinstance(error, OSError) else repr(error)
        failure = Internal(f"nothing was stored: the registry's storage cannot be written ({reason})")
        failure.__cause__ = error
        return failure
