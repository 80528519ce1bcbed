"""The two collections: what each operation of SCIM means for people, and what for groups."""

from collections.abc import Iterable
from typing import Protocol

import anyio

from airegistry.core.assets import Json
from airegistry.core.principals import Principal
from airegistry.core.provisioned import ProvisionedGroup
from airegistry.core.provisioned_groups import GroupProvisioning
from airegistry.core.provisioned_people import EXTERNAL, ID, NAME
from airegistry.core.provisioning import Provisioning
from airegistry.core.users import User
from airegistry.rest.scim.cleaning import cleaned
from airegistry.rest.scim.matching import Test, predicate_of
from airegistry.rest.scim.patches import operations_of, patched
from airegistry.rest.scim.queries import Query, equals, list_of
from airegistry.rest.scim.resources import Resources, kept_group, kept_user, people_of, person_of
from airegistry.rest.scim.schemas import GROUPS, USERS, Kind

AT_ONCE = 200
"""Resources that are looked at before others have a turn."""


class Collection(Protocol):
    """Resources of one kind; answers are whole resources. `brief` is whether a PATCH is answered without it."""

    kind: Kind
    brief: bool

    async def fitting(self, who: Principal, query: Query) -> list[Json]:
        """All that fit a filter.

        Raises:
            Refused: it names what they do not have.
        """
        ...

    async def found(self, who: Principal, query: Query) -> Json:
        """The page that is asked for."""
        ...

    async def get(self, who: Principal, id_: str) -> Json:
        """One of them."""
        ...

    async def create(self, who: Principal, sent: Json) -> Json:
        """A new one."""
        ...

    async def replace(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        """One of them, as it is sent."""
        ...

    async def patch(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        """One of them, with operations done."""
        ...

    async def remove(self, who: Principal, id_: str, expect: int | None) -> None:
        """One less."""
        ...


class UserCollection:
    """People."""

    kind = USERS
    brief = False

    def __init__(self, provisioning: Provisioning, resources: Resources) -> None:
        self._provisioning = provisioning
        self._resources = resources

    async def fitting(self, who: Principal, query: Query) -> list[Json]:
        self._provisioning.require(who)
        test = _test(self.kind, query)
        return await _that_fit((self._resources.user(user) for user in await self._candidates(query)), test)

    async def found(self, who: Principal, query: Query) -> Json:
        if query.filter is not None or query.sort_by:
            return _page(self.kind, query, await self.fitting(who, query))
        self._provisioning.require(who)
        everybody = self._provisioning.people.all()
        page = everybody[query.start - 1 : query.start - 1 + query.count]
        shown = [query.projection.shown(self.kind, self._resources.user(user)) for user in page]
        return list_of(shown, len(everybody), query.start)

    async def get(self, who: Principal, id_: str) -> Json:
        return self._resources.user(await self._provisioning.get(who, id_))

    async def create(self, who: Principal, sent: Json) -> Json:
        return self._resources.user(await self._provisioning.create(who, person_of(cleaned(self.kind, sent))))

    async def replace(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        person = person_of(cleaned(self.kind, sent))
        return self._resources.user(await self._provisioning.change(who, id_, lambda user: person, expect=expect))

    async def patch(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        operations = operations_of(self.kind, sent)
        changed = await self._provisioning.change(
            who, id_, lambda user: person_of(patched(self.kind, kept_user(user), operations)), expect=expect
        )
        return self._resources.user(changed)

    async def remove(self, who: Principal, id_: str, expect: int | None) -> None:
        await self._provisioning.remove(who, id_, expect=expect)

    async def _candidates(self, query: Query) -> list[User]:
        """Who may fit: as few as can be told by what they are found by."""
        people = self._provisioning.people
        for by, name in ((ID, "id"), (NAME, "userName"), (EXTERNAL, "externalId")):
            value = equals(query.filter, name)
            if value is not None:
                found = {user.scim.id: user for user in await people.find(by, value) if user.scim is not None}
                return [user for user in found.values() if user.scim is not None and not user.scim.removed]
        return people.all()


class GroupCollection:
    """Groups."""

    kind = GROUPS
    brief = True

    def __init__(self, groups: GroupProvisioning, provisioning: Provisioning, resources: Resources) -> None:
        self._groups = groups
        self._provisioning = provisioning
        self._resources = resources

    async def fitting(self, who: Principal, query: Query) -> list[Json]:
        self._provisioning.require(who)
        test = _test(self.kind, query)
        asked = str(query.filter or "").lower() + query.sort_by.lower()
        members = query.projection.wants("members") or "members" in asked
        return await _that_fit(
            (self._resources.group(group, members=members) for group in await self._candidates(query)), test
        )

    async def found(self, who: Principal, query: Query) -> Json:
        if query.filter is not None or query.sort_by:
            return _page(self.kind, query, await self.fitting(who, query))
        self._provisioning.require(who)
        every, members = self._groups.memberships.all(), query.projection.wants("members")
        page = every[query.start - 1 : query.start - 1 + query.count]
        shown = [query.projection.shown(self.kind, self._resources.group(group, members=members)) for group in page]
        return list_of(shown, len(every), query.start)

    async def get(self, who: Principal, id_: str) -> Json:
        return self._resources.group(await self._groups.get(who, id_))

    async def create(self, who: Principal, sent: Json) -> Json:
        return self._resources.group(await self._groups.create(who, people_of(cleaned(self.kind, sent))))

    async def replace(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        people = people_of(cleaned(self.kind, sent))
        return self._resources.group(await self._groups.change(who, id_, lambda group: people, expect=expect))

    async def patch(self, who: Principal, id_: str, sent: Json, expect: int | None) -> Json:
        operations = operations_of(self.kind, sent)
        changed = await self._groups.change(
            who, id_, lambda group: people_of(patched(self.kind, kept_group(group), operations)), expect=expect
        )
        return self._resources.group(changed)

    async def remove(self, who: Principal, id_: str, expect: int | None) -> None:
        await self._groups.remove(who, id_, expect=expect)

    async def _candidates(self, query: Query) -> list[ProvisionedGroup]:
        memberships = self._groups.memberships
        if (id_ := equals(query.filter, "id")) is not None:
            found = await memberships.find_one(id_)
            return [] if found is None else [found[0]]
        if (name := equals(query.filter, "displayName")) is not None:
            return memberships.named(name)
        if (member := equals(query.filter, "members", "members.value")) is not None:
            return memberships.of(member)
        return memberships.all()


def _test(kind: Kind, query: Query) -> Test:
    return (lambda resource: True) if query.filter is None else predicate_of(kind, query.filter)


async def _that_fit(resources: Iterable[Json], test: Test) -> list[Json]:
    found: list[Json] = []
    for number, each in enumerate(resources, 1):
        if test(each):
            found.append(each)
        if number % AT_ONCE == 0:
            await anyio.lowlevel.checkpoint()
    return found


def _page(kind: Kind, query: Query, fitting: list[Json]) -> Json:
    shown = [query.projection.shown(kind, each) for each in query.page([kind], fitting)]
    return list_of(shown, len(fitting), query.start)
