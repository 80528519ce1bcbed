"""Things that may be used once: ids of assertions (`jti`), second-factor steps, logout tokens."""

import hashlib
import math

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock

COLLECTION = "used_once"


class Replay:
    """Remembers what was used, in the store: it holds over restarts, and between processes over one store."""

    def __init__(self, store: DocumentStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def once(self, space: str, jti: str, until: float) -> bool:
        """Whether this is the first use of an id within its space; of many at once it is true for exactly one.

        `until` is in seconds since the epoch: when the id is refused for another reason and may be forgotten.
        """
        try:
            await self._store.put(COLLECTION, _key(space, jti), {"until": math.ceil(until)}, expect=0)
        except Conflict:
            return False
        return True

    async def sweep(self) -> int:
        """Forget what need not be remembered any longer; says how many ids that were."""
        now = self._clock.now().timestamp()
        ended = [
            document.key
            async for document in self._store.find(COLLECTION)
            if isinstance(until := document.body.get("until"), int) and until < now
        ]
        for key in ended:
            await self._store.delete(COLLECTION, key)
        return len(ended)


def _key(space: str, jti: str) -> str:
    """A key of fixed length, whatever others put into an id; both parts are hashed, so no pair reads as another."""
    return hashlib.sha256(f"{len(space)}:{space}:{jti}".encode("utf-8", "surrogatepass")).hexdigest()
