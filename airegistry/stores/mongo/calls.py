"""How the database is asked: in bounded time, again after a lost connection, with errors that say what is wrong."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio
from bson.errors import BSONError, InvalidDocument
from pymongo.errors import (
    ConnectionFailure,
    DocumentTooLarge,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
    WaitQueueTimeoutError,
    WriteConcernError,
)

from airegistry.core.documents import Unavailable
from airegistry.core.errors import Internal, Invalid

T = TypeVar("T")
PATIENCE = 10.0
"""Seconds after which an operation is not tried again: an election of a new primary takes less."""
AT_ONCE = 32
"""Operations under way at once; the others wait here, where waiting is no failure of the database."""
_PAUSES = (0.02, 0.05, 0.1, 0.25, 0.5)
_PASSING = frozenset({6, 7, 43, 50, 64, 89, 91, 100, 112, 133, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""Codes of a server that steps down, shuts down, is too slow or not in step: the next attempt may find another. 43 is
of one that forgot the cursor of an answer in parts, when it started anew perhaps."""
_logger = logging.getLogger(__name__)


class Calls:
    """Runs operations; `up` is whether the last one was answered."""

    def __init__(self, *, patience: float = PATIENCE) -> None:
        self.up = True
        self._since = 0.0
        self._patience = patience
        self._under_way: set[asyncio.Future[Any]] = set()
        self._turns = anyio.Semaphore(AT_ONCE)

    async def run(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What the operation returns. It is run again when its answer was lost, so it must know its own traces.

        Raises:
            Unavailable: no attempt was answered in time; a write may have happened nevertheless.
            Invalid: the database cannot hold this.
            Internal: the database refused.
        """
        now = anyio.current_time()
        deadline = now + self._patience if self.up else self._since + self._patience
        if now >= deadline and not self.up:
            # Whoever comes when it is long gone need not wait as the first ones did, nor may ask without an end.
            await anyio.sleep(_PAUSES[2])
        tries = 0
        while True:
            try:
                async with self._turns:
                    if not self.up and anyio.current_time() >= deadline:
                        raise Unavailable("the database does not answer")
                    answer = await self.whole(operation)
            except (PyMongoError, BSONError) as error:
                if not passing(error):
                    raise translated(error) from None
                self.note(error)
                pause = _PAUSES[min(tries, len(_PAUSES) - 1)]
                if anyio.current_time() + pause >= deadline:
                    raise Unavailable(f"the database does not answer: {_short(error)}") from None
                tries += 1
                await anyio.sleep(pause)
            else:
                self.note(None)
                return answer

    async def whole(self, operation: Callable[[], Awaitable[T]]) -> T:
        """What the driver answers. Whoever is cancelled waits no longer, but the driver goes on to the end.

        It counts on being cancelled once, as asyncio does. A scope of anyio cancels again and again until its task is
        done: a driver that waits for a server then gives back a lock that it does not have, and nobody after it is
        answered any more. Its own timeouts bound it.
        """
        task = asyncio.ensure_future(operation())
        self._under_way.add(task)
        task.add_done_callback(self._over)
        return await asyncio.shield(task)

    async def ended(self) -> None:
        """Return when nothing is under way any more, or after a second."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=1)

    def _over(self, task: asyncio.Future[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waits no longer hears of none, which is nothing to warn of

    async def upsert(self, operation: Callable[[], Awaitable[T]]) -> T:
        """`run` for an update that makes its document: of two at once one may be refused, and then finds it."""
        while True:
            try:
                return await self.run(operation)
            except DuplicateKeyError:
                continue

    def note(self, error: Exception | None) -> None:
        """Remember whether the database answered, and log when that changed."""
        if error is not None and self.up:
            self._since = anyio.current_time()
            _logger.warning("the database does not answer: %s", _short(error))
        elif error is None and not self.up:
            _logger.warning("the database answers again")
        self.up = error is None


def passing(error: Exception) -> bool:
    """Whether another attempt may succeed."""
    if isinstance(error, DuplicateKeyError):
        return False
    if isinstance(error, OperationFailure):
        return isinstance(error, WriteConcernError) or error.code in _PASSING
    return isinstance(error, ConnectionFailure | WaitQueueTimeoutError)


def translated(error: Exception) -> Exception:
    """The error for those who know no driver; a duplicate key is left as it is."""
    if isinstance(error, DuplicateKeyError):
        return error
    if isinstance(error, DocumentTooLarge | InvalidDocument):
        return Invalid("the document is too large for the database, which takes 16 MiB, or not storable there")
    if isinstance(error, InvalidOperation):
        return Unavailable("the store is closed")
    return Internal(f"the database refused: {_short(error)}")


def _short(error: Exception) -> str:
    """One line without addresses' topology, which fills a screen."""
    if isinstance(error, OperationFailure):
        details = error.details or {}
        return f"{details.get('codeName') or error.code}: {str(details.get('errmsg', error))[:200]}"
    return str(error).split(", full error")[0].split(", Timeout:")[0].split(" (configured timeouts")[0][:200]
