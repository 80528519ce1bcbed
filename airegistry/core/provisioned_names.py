"""Names that only one may have, held in the store: two processes that want the same one at once cannot both get it."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import Conflict
from airegistry.core.ports import Clock
from airegistry.core.provisioned import Taken, folded

COLLECTION = "provisioned_names"
BETWEEN = timedelta(minutes=1)
"""After which a name is given on whose holder, cut short between taking it and being kept, was never kept."""


class Holder(Model):
    """Whose a name is, and since when."""

    id: str
    at: datetime


class Names:
    """The names of one kind. `stands` says whether a holder is known by a name."""

    def __init__(self, store: DocumentStore, clock: Clock, kind: str, stands: Callable[[str, str], bool]) -> None:
        self._holders = Repository(store, COLLECTION, Holder)
        self._clock = clock
        self._kind = kind
        self._stands = stands

    async def take(self, name: str, holder: str) -> None:
        """Have a name.

        Raises:
            Taken: another one has it.
        """
        key, now = self._key(name), self._clock.now()
        wanted = Holder(id=holder, at=now)
        try:
            await self._holders.create(key, wanted)
            return
        except Conflict:
            found = await self._holders.find_one(key)
        if found is None:
            raise Taken(f"{name!r} is being given up by another; try again")
        held, version = found
        if held.id == holder:
            return
        if self._stands(held.id, name) or now - held.at < BETWEEN:
            raise Taken(f"{name!r} is another's")
        try:
            await self._holders.save(key, wanted, expect=version)
        except Conflict:
            raise Taken(f"{name!r} is another's") from None

    async def release(self, name: str, holder: str) -> None:
        """Have a name no longer."""
        key = self._key(name)
        found = await self._holders.find_one(key)
        if found is not None and found[0].id == holder:
            try:
                await self._holders.delete(key, expect=found[1])
            except Conflict:
                return  # somebody took it meanwhile

    def _key(self, name: str) -> str:
        return hashlib.sha256(f"{self._kind}\n{folded(name)}".encode("utf-8", "replace")).hexdigest()[:40]
