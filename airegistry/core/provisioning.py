"""Users as an identity provider provisions them: who there is, who may come in, and who is taken away.

Somebody who was provisioned and has not signed in yet is the user `scim:ID`. At the first login what was said of them
goes over to the user `PROVIDER:SUB`, which owns whatever they make here. Of somebody who was removed there is a record
left, so that a login does not bring them back.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Literal
from uuid import uuid4

from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.documents import DocumentStore, Json
from airegistry.core.errors import Conflict, NotFound
from airegistry.core.lockout import ROUNDS
from airegistry.core.memberships import Memberships
from airegistry.core.ports import Clock
from airegistry.core.preconditions import Changed
from airegistry.core.principals import Principal
from airegistry.core.provisioned import UNMET, Person, Provisioned, Taken, folded
from airegistry.core.provisioned_names import Names
from airegistry.core.provisioned_people import EMAIL, EXTERNAL, ID, NAME, ProvisionedPeople
from airegistry.core.users import MAX_NAME, User, Users, plain

Match = Literal["subject", "email"]
Edit = Callable[[User], Person]
OWNED = (("assets", "asset"), ("tokens", "token"), ("clients", "client"))
"""Collections of what people make here, and what one of it is called."""


class Provisioning:
    """Keeps provisioned people. `ended` is told whose sessions and tokens are over, `provider` says at which identity
    provider they sign in, and `match` by what a login is known: the id there or the name, or a verified e-mail."""

    def __init__(
        self, store: DocumentStore, users: Users, memberships: Memberships, access: Access, audit: Audit, clock: Clock,
        ended: Callable[[str], Awaitable[None]], provider: Callable[[], str | None], *, match: Match = "subject",
        shared: bool = False,
    ) -> None:  # fmt: skip
        self._store = store
        self._users = users
        self._access = access
        self._audit = audit
        self._clock = clock
        self._ended = ended
        self._provider = provider
        self._match = match
        self.memberships = memberships
        self.people = ProvisionedPeople(users, shared=shared)
        self._names = Names(store, clock, "user", self._stands)

    def require(self, who: Principal) -> str:
        """Why a caller may provision.

        Raises:
            AccessDenied: it may not.
        """
        return self._access.require(who, "provision").reason

    async def get(self, who: Principal, id_: str) -> User:
        """Somebody who is provisioned, as stored.

        Raises:
            AccessDenied: the caller may not provision.
            NotFound: there is nobody of this id.
        """
        self.require(who)
        return (await self._found(id_))[0]

    async def create(self, who: Principal, person: Person) -> User:
        """Provision somebody: a new user, or the one who signs in by the same id already.

        Raises:
            AccessDenied: the caller may not provision.
            Invalid: a name will not do.
            Taken: somebody else has the name or the external id.
        """
        id_ = str(uuid4())
        async with self._audit.attempt(who, "user:provision", f"user/{UNMET}:{id_}") as attempt:
            reason = self.require(who)
            person.check()
            await self._check_free(person, id_)
            await self._names.take(person.user_name, id_)
            try:
                user = await self._created(person, id_)
            except BaseException:
                await self._names.release(person.user_name, id_)
                raise
            if not user.active:
                await self._ended(user.id)
            attempt.reason = f"{reason}; {user.id} is {_standing(user)}"
        return user

    async def change(self, who: Principal, id_: str, edit: Edit, *, expect: int | None = None) -> User:
        """Change what is said of somebody to what `edit` makes of it, if `expect` is its revision. Who is switched off
        is cut off at once.

        Raises:
            AccessDenied: the caller may not provision.
            NotFound: there is nobody of this id.
            Changed: it is another revision by now.
            Invalid: a name will not do.
            Taken: somebody else has the name or the external id.
        """
        async with self._audit.attempt(who, "user:reprovision", self._ref(id_)) as attempt:
            reason = self.require(who)
            before, user = await self._changed(id_, edit, expect)
            told = await self._cut(user) if before.active and not user.active else ""
            attempt.reason = f"{reason}; {user.id} is {_standing(user)}{told}"
        return user

    async def remove(self, who: Principal, id_: str, *, expect: int | None = None) -> None:
        """Take somebody away: sessions and tokens end at once, and a login does not bring them back. What they own
        stays theirs, and the trail names it.

        Raises:
            AccessDenied: the caller may not provision.
            NotFound: there is nobody of this id.
            Changed: it is another revision by now.
        """
        async with self._audit.attempt(who, "user:deprovision", self._ref(id_)) as attempt:
            reason = self.require(who)
            user = await self._removed(id_, expect)
            attempt.reason = f"{reason}; {user.id} is removed{await self._cut(user)}"

    async def meet(self, user: User, known_as: Sequence[str], email: str) -> User:
        """A user who signs in, with what was said of them: see `Meeting`."""
        if user.provider != self._provider() or (user.scim is not None and not user.scim.removed):
            return user
        waiting = await self._waiting(known_as, email)
        return user if waiting is None else user.model_copy(update={"scim": waiting.scim})

    async def settled(self, user: User) -> bool:
        """Whether nothing but the user who signed in holds what was said of them: see `Meeting`."""
        if user.scim is None:
            return True
        found = await self._users.find_one(f"{UNMET}:{user.scim.id}")
        if found is None:
            return True
        waiting, version = found
        if waiting.scim is not None and waiting.scim.revision > user.scim.revision:
            await self._carry_over(user, waiting)
            return False
        try:
            await self._users.delete(waiting.id, expect=version)
        except Conflict:
            return False
        return True

    async def _carry_over(self, user: User, waiting: User) -> None:
        """Give a user what was said of them while they signed in."""
        stored = await self._users.find_one(user.id)
        if stored is not None:
            with suppress(Conflict):  # the caller looks again
                await self._users.save(stored[0].model_copy(update={"scim": waiting.scim}), expect=stored[1])

    async def _waiting(self, known_as: Sequence[str], email: str) -> User | None:
        """Who was provisioned, is known by these ids or this e-mail, and has not signed in; removed ones at last."""
        found: list[User] = []
        if self._match == "email":
            found += [*await self.people.find(EMAIL, email), *await self.people.find(NAME, email)] if email else []
        else:
            for name in known_as:
                found += await self.people.find(EXTERNAL, name)
            for name in known_as:
                named = await self.people.find(NAME, name)
                found += [user for user in named if user.scim is not None and user.scim.user_name == name]
        unmet = [user for user in found if user.provider == UNMET]
        return min(unmet, key=lambda user: user.scim is None or user.scim.removed, default=None)

    async def _found(self, id_: str) -> tuple[User, int]:
        for known in await self.people.find(ID, id_):
            found = await self._users.find_one(known.id)
            if found is not None and found[0].scim is not None:
                said = found[0].scim
                if said.id == id_ and not said.removed:
                    return found
        raise NotFound(f"nobody of the id {id_[:64]!r} is provisioned")

    async def _check_free(self, person: Person, id_: str) -> None:
        for by, value in ((NAME, person.user_name), (EXTERNAL, person.external_id)):
            for user in await self.people.find(by, value) if value else ():
                if user.scim is not None and user.scim.id != id_ and not user.scim.removed:
                    raise Taken(f"{value!r} is another's")

    async def _created(self, person: Person, id_: str) -> User:
        for _ in range(ROUNDS):
            user, version = await self._predecessor(person) or self._unmet(id_)
            now = self._clock.now()
            said = Provisioned(
                id=id_, user_name=person.user_name, key=folded(person.user_name), external_id=person.external_id,
                email=folded(person.email), active=person.active is not False, attributes=person.attributes,
                created_at=now, updated_at=now,
            )  # fmt: skip
            update: Json = {"name": plain(person.name, MAX_NAME) or user.name, "email": person.email or user.email}
            ends = {} if said.let_in or version == 0 else {"ended_at": user.end_of_sessions(now)}
            try:
                return await self._users.save(user.model_copy(update={**update, **ends, "scim": said}), expect=version)
            except Conflict:
                continue
        raise Conflict("the user is being changed; try again")

    def _unmet(self, id_: str) -> tuple[User, int]:
        now = self._clock.now()
        return User(id=f"{UNMET}:{id_}", provider=UNMET, created_at=now, ended_at=now), 0

    async def _predecessor(self, person: Person) -> tuple[User, int] | None:
        """The user whom a new person is: who signs in by this id already, or was removed and comes again."""
        ids = [user.id for user in await self._removed_before(person)]
        if self._match == "subject" and (provider := self._provider()) is not None:
            ids = [f"{provider}:{name}" for name in (person.external_id, person.user_name) if name] + ids
        for id_ in ids:
            found = await self._users.find_one(id_)
            if found is not None and (found[0].scim is None or found[0].scim.removed):
                return found
        return None

    async def _removed_before(self, person: Person) -> list[User]:
        if person.external_id:
            found = await self.people.find(EXTERNAL, person.external_id)
        else:
            named = await self.people.find(NAME, person.user_name)
            found = [user for user in named if user.scim is not None and not user.scim.external_id]
        return [user for user in found if user.scim is not None and user.scim.removed]

    async def _changed(self, id_: str, edit: Edit, expect: int | None) -> tuple[User, User]:
        """The user before and after."""
        for _ in range(ROUNDS):
            user, version = await self._found(id_)
            said = _expected(user, expect)
            person = edit(user)
            person.check()
            after = self._edited(user, said, person)
            if after == user:
                return user, user
            await self._check_free(person, id_)
            renamed = folded(person.user_name) != said.key
            if renamed:
                await self._names.take(person.user_name, id_)
            try:
                await self._users.save(after, expect=version)
            except Conflict:
                if renamed:
                    await self._names.release(person.user_name, id_)
                continue
            if renamed:
                await self._names.release(said.user_name, id_)
            return user, after
        raise Conflict("the user is being changed; try again")

    def _edited(self, user: User, said: Provisioned, person: Person) -> User:
        changes = {
            "user_name": person.user_name, "key": folded(person.user_name), "external_id": person.external_id,
            "active": said.active if person.active is None else person.active, "attributes": person.attributes,
            "email": folded(person.email),
        }  # fmt: skip
        if said.model_copy(update=changes) == said:
            return user
        now = self._clock.now()
        new = said.model_copy(update={**changes, "revision": said.revision + 1, "updated_at": now})
        ends = {"ended_at": user.end_of_sessions(now)} if said.let_in and not new.let_in else {}
        name = {"name": plain(person.name, MAX_NAME) or user.name, "email": person.email or user.email}
        return user.model_copy(update={**name, **ends, "scim": new})

    async def _removed(self, id_: str, expect: int | None) -> User:
        for _ in range(ROUNDS):
            user, version = await self._found(id_)
            said, now = _expected(user, expect), self._clock.now()
            gone = {"removed": True, "attributes": {}, "revision": said.revision + 1, "updated_at": now}
            update = {"scim": said.model_copy(update=gone), "ended_at": user.end_of_sessions(now)}
            try:
                after = await self._users.save(user.model_copy(update=update), expect=version)
            except Conflict:
                continue
            await self._names.release(said.user_name, id_)
            return after
        raise Conflict("the user is being changed; try again")

    def _ref(self, id_: str) -> str:
        """Somebody as the trail names them."""
        found = self.people.known(ID, id_)
        return f"user/{found[0].id if found else id_}"

    async def _cut(self, user: User) -> str:
        """Cut somebody off, and say what they made here: nothing of it goes unseen."""
        await self._ended(user.id)
        counts: Counter[str] = Counter()
        for collection, what in OWNED:
            async for _ in self._store.find(collection, where={"created_by": user.subject}):
                counts[what] += 1
        made = ", ".join(f"{count} {what}{'s' * (count != 1)}" for what, count in counts.items())
        return f"; leaves {made}" if made else "; leaves nothing"

    def _stands(self, id_: str, name: str) -> bool:
        users = self.people.known(ID, id_)
        return any(user.scim and user.scim.key == folded(name) and not user.scim.removed for user in users)


def _expected(user: User, expect: int | None) -> Provisioned:
    said = user.scim
    if said is None:
        raise NotFound("nobody of this id is provisioned")
    if expect is not None and said.revision != expect:
        raise Changed("the user has changed since you read it")
    return said


def _standing(user: User) -> str:
    said = user.scim
    return "let in" if said is not None and said.let_in else "switched off"
