"""What waits a few minutes for somebody to come back: bounded in number, and the oldest gives way."""

from datetime import datetime
from typing import Generic, TypeVar

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.ports import Clock


class Expiring(Model):
    """Something that is over at a time."""

    expires_at: datetime


E = TypeVar("E", bound=Expiring)


class ShortLived(Generic[E]):
    """Keeps at most `most` of a kind. Keys begin with the time: their order in the store is that of their age."""

    def __init__(self, store: DocumentStore, collection: str, model: type[E], clock: Clock, *, most: int) -> None:
        self._kept = Repository(store, collection, model)
        self._clock = clock
        self._most = most
        self._stored: int | None = None

    async def add(self, key: str, waiting: E) -> None:
        """Keep one more."""
        if self._stored is None:
            self._stored = await self._count()
        self._stored += 1
        while self._stored > self._most and await self._drop_oldest():
            self._stored -= 1
        await self._kept.create(key, waiting)

    async def find(self, key: str) -> E | None:
        """What waits under a key, over or not."""
        found = await self._kept.find_one(key)
        return None if found is None else found[0]

    async def take(self, key: str) -> bool:
        """Remove what waits under a key; of many at once this is true for one."""
        taken = await self._kept.delete(key)
        if taken and self._stored is not None:
            self._stored -= 1
        return taken

    async def sweep(self) -> int:
        """Remove what is over; how many that were."""
        now = self._clock.now()
        over = [key async for key, waiting in self._kept.find() if waiting.expires_at <= now]
        for key in over:
            await self._kept.delete(key)
        self._stored = await self._count()
        return len(over)

    async def _count(self) -> int:
        return len([key async for key, _ in self._kept.find()])

    async def _drop_oldest(self) -> bool:
        async for key, _ in self._kept.find(limit=1):
            return await self._kept.delete(key)
        return False
