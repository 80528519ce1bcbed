"""Groups as an identity provider provisions them. One that has the name of a group of the policy brings its scopes."""

from collections.abc import Callable
from uuid import uuid4

from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore
from airegistry.core.errors import Conflict, Invalid, NotFound
from airegistry.core.lockout import ROUNDS
from airegistry.core.ports import Clock
from airegistry.core.preconditions import Changed
from airegistry.core.principals import Principal
from airegistry.core.provisioned import People, ProvisionedGroup, Taken, folded
from airegistry.core.provisioned_names import Names
from airegistry.core.provisioning import Provisioning

Edit = Callable[[ProvisionedGroup], People]


class GroupProvisioning:
    """Keeps provisioned groups. What all of it raises: `AccessDenied` where the caller may not provision."""

    def __init__(self, store: DocumentStore, provisioning: Provisioning, audit: Audit, clock: Clock) -> None:
        self._provisioning = provisioning
        self._audit = audit
        self._clock = clock
        self.memberships = provisioning.memberships
        self._names = Names(store, clock, "group", self._stands)

    async def get(self, who: Principal, id_: str) -> ProvisionedGroup:
        """A group, as stored.

        Raises:
            NotFound: there is none of this id.
        """
        self._provisioning.require(who)
        return (await self._found(id_))[0]

    async def create(self, who: Principal, people: People) -> ProvisionedGroup:
        """A new group.

        Raises:
            Invalid: a name will not do, or a member is nobody.
            Taken: another group has the name.
        """
        id_, now = str(uuid4()), self._clock.now()
        async with self._audit.attempt(who, "group:provision", f"group/{people.name[:256]}") as attempt:
            reason = self._provisioning.require(who)
            people.check()
            self._check_free(people.name, id_)
            await self._check_members(people.members)
            await self._names.take(people.name, id_)
            group = ProvisionedGroup(
                id=id_, name=people.name, external_id=people.external_id, members=[*dict.fromkeys(people.members)],
                created_at=now, updated_at=now,
            )  # fmt: skip
            try:
                await self.memberships.save(group, expect=0)
            except BaseException:
                await self._names.release(people.name, id_)
                raise
            attempt.reason = f"{reason}; {len(group.members)} members{self._said(group)}"
        return group

    async def change(self, who: Principal, id_: str, edit: Edit, *, expect: int | None = None) -> ProvisionedGroup:
        """Change a group to what `edit` makes of it, if `expect` is its revision.

        Raises:
            NotFound: there is none of this id.
            Changed: it is another revision by now.
            Invalid: a name will not do, or a member is nobody.
            Taken: another group has the name.
        """
        async with self._audit.attempt(who, "group:reprovision", self._ref(id_)) as attempt:
            reason = self._provisioning.require(who)
            before, group = await self._changed(id_, edit, expect)
            was, now = set(before.members), set(group.members)
            attempt.reason = f"{reason}; {len(now - was)} members more, {len(was - now)} less{self._said(group)}"
        return group

    async def remove(self, who: Principal, id_: str, *, expect: int | None = None) -> None:
        """Take a group away, and from its members what it brought.

        Raises:
            NotFound: there is none of this id.
            Changed: it is another revision by now.
        """
        async with self._audit.attempt(who, "group:deprovision", self._ref(id_)) as attempt:
            attempt.reason = self._provisioning.require(who)
            for _ in range(ROUNDS):
                group, version = await self._found(id_, expect)
                try:
                    await self.memberships.delete(id_, expect=version)
                except Conflict:
                    continue
                await self._names.release(group.name, id_)
                return
            raise Conflict("the group is being changed; try again")

    async def _changed(self, id_: str, edit: Edit, expect: int | None) -> tuple[ProvisionedGroup, ProvisionedGroup]:
        """The group before and after."""
        for _ in range(ROUNDS):
            group, version = await self._found(id_, expect)
            people = edit(group)
            people.check()
            members = [*dict.fromkeys(people.members)]
            await self._check_members(tuple(set(members) - set(group.members)))
            changes: dict[str, object] = {"name": people.name, "external_id": people.external_id, "members": members}
            if group.model_copy(update=changes) == group:
                return group, group
            self._check_free(people.name, id_)
            renamed = folded(people.name) != folded(group.name)
            if renamed:
                await self._names.take(people.name, id_)
            changes |= {"revision": group.revision + 1, "updated_at": self._clock.now()}
            after = group.model_copy(update=changes)
            try:
                await self.memberships.save(after, expect=version)
            except Conflict:
                if renamed:
                    await self._names.release(people.name, id_)
                continue
            if renamed:
                await self._names.release(group.name, id_)
            return group, after
        raise Conflict("the group is being changed; try again")

    async def _found(self, id_: str, expect: int | None = None) -> tuple[ProvisionedGroup, int]:
        found = await self.memberships.find_one(id_)
        if found is None:
            raise NotFound(f"no group of the id {id_[:64]!r} is provisioned")
        if expect is not None and found[0].revision != expect:
            raise Changed("the group has changed since you read it")
        return found

    async def _check_members(self, ids: tuple[str, ...]) -> None:
        known = await self._provisioning.people.members([*ids])
        if unknown := sorted({*ids} - known.keys()):
            raise Invalid(f"nobody of the id {unknown[0][:64]!r} is provisioned", field="members")

    def _check_free(self, name: str, id_: str) -> None:
        if any(group.id != id_ for group in self.memberships.named(name)):
            raise Taken(f"{name!r} is another's")

    def _ref(self, id_: str) -> str:
        known = self.memberships.known(id_)
        return f"group/{known.name if known is not None else id_[:64]}"

    def _said(self, group: ProvisionedGroup) -> str:
        return "" if self.memberships.counts(group.name) else "; it does not count for access"

    def _stands(self, id_: str, name: str) -> bool:
        return any(group.id == id_ for group in self.memberships.named(name))
