"""What is forgotten of failed attempts, and what is not."""

from collections.abc import AsyncIterator, Sequence

import pytest

from airegistry.core.documents import Document, Where
from airegistry.core.errors import RateLimited
from airegistry.core.lockout import FORGOTTEN, FREE, Lockout
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio


class Slow(MemoryStore):
    """A store in which somebody guesses while its documents are being listed."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._guesser = Lockout(self, clock)

    async def find(
        self, collection: str, *, where: Where | None = None, any_of: Sequence[Where] = (), after: str | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[Document]:  # fmt: skip
        found = super().find(collection, where=where, any_of=any_of, after=after, limit=limit)
        listed = [document async for document in found]
        for document in listed:
            for _ in range(FREE):
                await self._guesser.enter("ann")
            yield document


async def test_what_is_guessed_during_a_sweep_counts() -> None:
    clock = FakeClock()
    lockout = Lockout(Slow(clock), clock)
    await lockout.enter("ann")
    clock.pass_(FORGOTTEN.total_seconds())
    assert await lockout.sweep() == 0
    with pytest.raises(RateLimited):
        await lockout.enter("ann")
