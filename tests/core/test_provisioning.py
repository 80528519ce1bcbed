"""Who is provisioned: how a login is known, who wins a race, and what a name's holder leaves behind."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from airegistry.core.documents import Document, Json
from airegistry.core.errors import AccessDenied, Conflict
from airegistry.core.grants import Grant, Scope
from airegistry.core.memberships import Memberships
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.provisioned import People as Members
from airegistry.core.provisioned import Person, Taken
from airegistry.core.provisioned_groups import GroupProvisioning
from airegistry.core.provisioned_names import Names
from airegistry.core.provisioning import Match, Provisioning
from airegistry.stores.memory import MemoryStore
from tests.core.people import CHIEF, People, people
from tests.core.wiring import FakeClock

pytestmark = pytest.mark.anyio


def provisioning(world: People, match: Match = "subject", *, shared: bool = False) -> Provisioning:
    """Of those who sign in at `corp`."""
    directory = world.directory
    made = Provisioning(
        world.store, directory.kept, directory.memberships, world.access, world.audit, world.clock, directory.ended,
        lambda: "corp", match=match, shared=shared,
    )  # fmt: skip
    directory.meeting = made
    return made


@pytest.fixture
async def world() -> People:
    """An empty directory."""
    return await people()


async def test_by_address_a_login_is_known_only_where_the_provider_vouches_for_it(world: People) -> None:
    made = await provisioning(world, "email").create(SYSTEM, Person("Ann@Corp.test", email="a.lee@corp.test"))
    assert made.scim is not None
    for email, verified in (("a.lee@corp.test", False), ("", True), ("other@corp.test", True)):
        user = await world.directory.provision("corp", f"s{email}{verified}", email=email, verified=verified)
        assert user.scim is None
    user = await world.directory.provision("corp", "sub", email="A.Lee@corp.test", verified=True)
    assert user.scim == made.scim
    other = await world.directory.provision("corp", "sub2", email="ann@corp.test", verified=True)
    assert other.scim is None


async def test_the_name_counts_as_an_address_too(world: People) -> None:
    made = await provisioning(world, "email").create(SYSTEM, Person("ann@corp.test"))
    user = await world.directory.provision("corp", "sub", email="ANN@corp.test", verified=True)
    assert user.scim == made.scim


async def test_policy_alone_is_no_right_to_provision(world: People) -> None:
    world.access.replace(
        [
            Scope(name="chief", grants=[Grant(actions=["policy"])]),
            Scope(name="p", grants=[Grant(actions=["provision"])]),
        ],
        [],
    )
    with pytest.raises(AccessDenied):
        await provisioning(world).create(CHIEF, Person("ann"))
    machine = Principal("client:idp", scopes=frozenset({"p"}), administers=False)
    with pytest.raises(AccessDenied):
        await provisioning(world).create(machine, Person("ann"))
    await provisioning(world).create(Principal("token:idp", scopes=frozenset({"p"})), Person("ann"))
    assert [event.decision for event in await world.events(action="user:provision")] == ["allow", "deny", "deny"]


class Between(MemoryStore):
    """A store in which something is done once, right before a user is written whose id begins as said."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix = "none"
        self.act: list[Document] = []

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        written = await super().put(collection, key, body, expect=expect)
        if collection == "users" and key.startswith(self.prefix) and self.act:
            meanwhile = self.act.pop()
            await super().put("users", meanwhile.key, meanwhile.body)
        return written


async def test_who_is_switched_off_while_they_sign_in_for_the_first_time_does_not_get_in() -> None:
    store = Between()
    world = await people(store)
    made = provisioning(world)
    user = await made.create(SYSTEM, Person("ann"))
    assert user.scim is not None
    off = user.model_copy(update={"scim": user.scim.model_copy(update={"active": False, "revision": 2})})
    body = off.model_dump(mode="json", by_alias=True, exclude_none=True)
    store.prefix, store.act = "corp:ann", [Document("users", user.id, 0, body)]
    with pytest.raises(AccessDenied):
        await world.directory.provision("corp", "ann")
    stored = world.directory.known("corp:ann")
    assert stored is not None
    assert (stored.active, world.directory.known(user.id)) == (False, None)


async def test_of_two_with_one_name_the_second_is_refused_until_the_first_gives_it_up(world: People) -> None:
    made = provisioning(world)
    first = await made.create(SYSTEM, Person("ann", external_id="1"))
    assert first.scim is not None
    with pytest.raises(Taken):
        await made.create(SYSTEM, Person("ANN"))
    with pytest.raises(Taken):
        await made.create(SYSTEM, Person("bob", external_id="1"))
    await made.change(SYSTEM, first.scim.id, lambda user: Person("anna"))
    await made.create(SYSTEM, Person("ANN"))


async def test_a_name_whose_holder_was_cut_short_is_given_on_after_a_minute() -> None:
    store, clock = MemoryStore(), FakeClock()
    standing: set[str] = set()
    names = Names(store, clock, "user", lambda holder, name: holder in standing)
    await names.take("ann", "1")
    with pytest.raises(Taken):
        await names.take("Ann", "2")
    clock.pass_(timedelta(minutes=1).total_seconds())
    standing.add("1")
    with pytest.raises(Taken):
        await names.take("ann", "2")
    standing.clear()
    await names.take("ann", "2")
    await names.release("ann", "1")
    with pytest.raises(Taken):
        await names.take("ann", "1")
    await names.release("ann", "2")
    await names.take("ann", "1")


@pytest.mark.parametrize(
    ("globs", "counting"),
    [((), ["staff"]), (("adm*",), ["administrators"]), (("*",), ["administrators", "staff"]), (("x",), [])],
)
async def test_groups_count_by_the_settings(globs: Sequence[str], counting: list[str]) -> None:
    memberships = Memberships(MemoryStore(), globs)
    assert [name for name in ("administrators", "staff") if memberships.counts(name)] == counting


async def test_a_group_that_somebody_else_changes_meanwhile_loses_neither_change(world: People) -> None:
    made = provisioning(world)
    groups = GroupProvisioning(world.store, made, world.audit, world.clock)
    users = [await made.create(SYSTEM, Person(name)) for name in ("ann", "bob")]
    ann, bob = [user.scim.id for user in users if user.scim is not None]
    group = await groups.create(SYSTEM, Members("staff"))
    second = Memberships(world.store)
    await second.reload()

    def add_ann(before: object) -> Members:
        known = world.directory.memberships.known(group.id)
        assert known is not None
        return Members("staff", members=(*known.members, ann))

    await groups.change(SYSTEM, group.id, add_ann)
    found = await second.find_one(group.id)
    assert found is not None
    with pytest.raises(Conflict):
        await second.save(group.model_copy(update={"members": [bob]}), expect=found[1] - 1)
    await groups.change(SYSTEM, group.id, lambda before: Members("staff", members=(*before.members, bob)))
    await second.follow([group.id])
    known = second.known(group.id)
    assert known is not None
    assert (known.members, second.revision > 1) == ([ann, bob], True)
    await made.remove(SYSTEM, ann)
    assert [user.id for user in made.people.all()] == [users[1].id]
    assert list(await made.people.members([ann, bob])) == [bob]


async def test_users_and_groups_are_there_after_a_restart(world: People) -> None:
    made = provisioning(world)
    user = await made.create(SYSTEM, Person("ann", attributes={"title": "Guide"}))
    assert user.scim is not None
    groups = GroupProvisioning(world.store, made, world.audit, world.clock)
    await groups.create(SYSTEM, Members("staff", members=(user.scim.id,)))
    later = await people(world.store)
    again = provisioning(later)
    assert again.people.all() == [user]
    assert later.directory.provisioned_groups(user.id) == ["staff"]
    with pytest.raises(Taken):
        await again.create(SYSTEM, Person("ann"))
