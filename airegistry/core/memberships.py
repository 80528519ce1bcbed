"""Groups that an identity provider provisions and who is in them: in the store, and in memory for every request."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

import anyio

from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.grants import ADMINISTRATORS
from airegistry.core.provisioned import ProvisionedGroup, folded

COLLECTION = "provisioned_groups"


class Memberships:
    """The collection of groups. `counting` are globs of the names that count for access; without any all count but
    `administrators`. Every change is in memory too when it returns, and grows `revision`."""

    def __init__(self, store: DocumentStore, counting: Sequence[str] = ()) -> None:
        self._groups = Repository(store, COLLECTION, ProvisionedGroup)
        self._counting = counting
        self._known: dict[str, ProvisionedGroup] = {}
        self._of: defaultdict[str, set[str]] = defaultdict(set)
        self._named: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = anyio.Lock()
        self.revision = 0

    async def reload(self) -> None:
        """Read the stored groups."""
        async with self._lock:
            self._known, self._of, self._named = {}, defaultdict(set), defaultdict(set)
            async for _, group in self._groups.find():
                self._know(group.id, group)
            self.revision += 1

    async def follow(self, keys: Iterable[str]) -> None:
        """Take over what another process wrote of some groups, by their ids."""
        async with self._lock:
            for key in keys:
                found = await self._groups.find_one(key)
                self._know(key, None if found is None else found[0])

    def all(self) -> list[ProvisionedGroup]:
        """All groups, the oldest first."""
        return sorted(self._known.values(), key=lambda group: (group.created_at, group.id))

    def known(self, id_: str) -> ProvisionedGroup | None:
        """A group from memory."""
        return self._known.get(id_)

    def named(self, name: str) -> list[ProvisionedGroup]:
        """The groups of a name, whatever its case."""
        return [self._known[id_] for id_ in sorted(self._named.get(folded(name), ()))]

    def of(self, person: str) -> list[ProvisionedGroup]:
        """The groups that somebody is in, by the id of SCIM, in order of name."""
        return sorted((self._known[id_] for id_ in self._of.get(person, ())), key=lambda group: (group.name, group.id))

    def held(self, person: str) -> list[str]:
        """The names of those of them that count for access."""
        return [*dict.fromkeys(group.name for group in self.of(person) if self.counts(group.name))]

    def counts(self, name: str) -> bool:
        """Whether a group of this name gives what the registry's group of that name holds."""
        if not self._counting:
            return name != ADMINISTRATORS
        return any(fnmatchcase(name, glob) for glob in self._counting)

    async def find_one(self, id_: str) -> tuple[ProvisionedGroup, int] | None:
        """The stored group and its version, or None."""
        return await self._groups.find_one(id_)

    async def save(self, group: ProvisionedGroup, *, expect: int) -> None:
        """Store a group over the version that was read; 0 creates one.

        Raises:
            Conflict: somebody else wrote meanwhile.
        """
        with anyio.CancelScope(shield=True):  # store and memory change together
            async with self._lock:
                await self._groups.save(group.id, group, expect=expect)
                self._know(group.id, group)

    async def delete(self, id_: str, *, expect: int) -> None:
        """Remove a group.

        Raises:
            Conflict: somebody else wrote meanwhile.
        """
        with anyio.CancelScope(shield=True):
            async with self._lock:
                await self._groups.delete(id_, expect=expect)
                self._know(id_, None)

    def _know(self, id_: str, group: ProvisionedGroup | None) -> None:
        before = self._known.pop(id_, None)
        was, now = set(before.members if before else ()), set(group.members if group else ())
        for person in was - now:
            self._of[person].discard(id_)
            if not self._of[person]:
                del self._of[person]
        for person in now - was:
            self._of[person].add(id_)
        if before is not None:
            self._named[folded(before.name)].discard(id_)
        if group is not None:
            self._known[id_] = group
            self._named[folded(group.name)].add(id_)
        self.revision += 1
