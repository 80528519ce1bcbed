"""Provisioned people in memory, found by what they are known by without a look at everybody."""

from collections import defaultdict
from collections.abc import Iterator

from airegistry.core.provisioned import UNMET, folded
from airegistry.core.users import User, Users

ID, NAME, EXTERNAL, EMAIL = "id", "name", "external", "email"
FIELDS = {ID: "scim.id", NAME: "scim.key", EXTERNAL: "scim.external_id", EMAIL: "scim.email"}
"""What they are known by, and where the store has it."""


class ProvisionedPeople:
    """An index over the users. `shared` is whether others write to the store: then what memory does not know is asked
    for there, as it may have been written a moment ago."""

    def __init__(self, users: Users, *, shared: bool) -> None:
        self._users = users
        self._shared = shared
        self._ids: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        users.watch(self._changed)

    def all(self) -> list[User]:
        """Everybody who is provisioned and not removed, the oldest first."""
        found = {user.scim.id: user for user in self._of(user_id for user_id in self._everybody())
                 if user.scim is not None and not user.scim.removed}  # fmt: skip
        return sorted(found.values(), key=_age)

    def known(self, by: str, value: str) -> list[User]:
        """Those in memory who are known by a value, removed ones too; who has signed in comes first."""
        found = self._of(self._ids.get((by, _folded(by, value)), ()))
        return sorted(found, key=lambda user: (user.provider == UNMET, *_age(user)))

    async def find(self, by: str, value: str) -> list[User]:
        """As `known`, of everybody there is by now."""
        found = self.known(by, value)
        if found or not self._shared or not value:
            return found
        stored = await self._users.where(FIELDS[by], _folded(by, value))
        return sorted((user for user in stored if user.scim is not None), key=_age)

    async def members(self, ids: list[str]) -> dict[str, User]:
        """Those of some ids who are not removed."""
        found = {id_: user for id_ in ids for user in self.known(ID, id_)[:1]}
        for id_ in ids if self._shared else ():
            if id_ not in found and (stored := await self.find(ID, id_)):
                found[id_] = stored[0]
        return {id_: user for id_, user in found.items() if user.scim is not None and not user.scim.removed}

    def _everybody(self) -> Iterator[str]:
        return (id_ for (by, _), ids in list(self._ids.items()) if by == ID for id_ in ids)

    def _of(self, ids: "set[str] | tuple[str, ...] | Iterator[str]") -> list[User]:
        found = (self._users.known(id_) for id_ in ids)
        return [user for user in found if user is not None and user.scim is not None]

    def _changed(self, before: User | None, after: User | None) -> None:
        for user, keep in ((before, False), (after, True)):
            for key in _keys(user):
                if keep and user is not None:
                    self._ids[key].add(user.id)
                elif user is not None:
                    self._ids[key].discard(user.id)
                    if not self._ids[key]:
                        del self._ids[key]


def _keys(user: User | None) -> list[tuple[str, str]]:
    said = user.scim if user is not None else None
    if said is None:
        return []
    known_by = ((ID, said.id), (NAME, said.key), (EXTERNAL, said.external_id), (EMAIL, said.email))
    return [(by, value) for by, value in known_by if value]


def _folded(by: str, value: str) -> str:
    return folded(value) if by in {NAME, EMAIL} else value


def _age(user: User) -> tuple[str, str]:
    said = user.scim
    return (said.created_at.isoformat(), said.id) if said is not None else ("", "")
