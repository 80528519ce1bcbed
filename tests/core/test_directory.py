"""Administration of users: who may, what is kept, what ends, and users of identity providers."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airegistry.core.documents import Document, DocumentStore, Json
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound
from airegistry.core.principals import SYSTEM
from airegistry.core.users import BadCredentials
from airegistry.stores.memory import MemoryStore
from tests.core.people import CHIEF, HOME, NOBODY, PASSWORD, People, people
from tests.core.wiring import NOON, FakeClock

pytestmark = pytest.mark.anyio
Act = Callable[[], Awaitable[object]]


@pytest.fixture
async def world() -> People:
    """An empty directory."""
    return await people()


class Meddling(MemoryStore):
    """A store in which somebody else writes the same document right before some writes of ours."""

    def __init__(self, collection: str = "users") -> None:
        super().__init__()
        self.collection = collection
        self.times = 0

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.times and collection == self.collection:
            self.times -= 1
            found = await self.get(collection, key)
            await super().put(collection, key, body if found is None else found.body)
        return await super().put(collection, key, body, expect=expect)


async def everything_in(store: DocumentStore) -> str:
    return "".join([str(each) for name in ("users", "login_failures") async for each in store.find(name)])


async def test_a_user_is_known_with_what_was_given_at_once_and_after_a_restart(world: People) -> None:
    made = await world.directory.put(CHIEF, "ann", name="Ann", email="ann@example.org", groups=["staff"])
    assert (made.id, made.name, made.email, made.groups) == ("ann", "Ann", "ann@example.org", ["staff"])
    assert (made.provider, made.active, made.created_at, made.subject) == ("local", True, NOON, "user:ann")
    assert world.directory.known("ann") == made
    later = await people(world.store)
    assert later.directory.known("ann") == made


async def test_what_is_left_out_stays_as_it_is(world: People) -> None:
    await world.directory.put(SYSTEM, "ann", name="Ann", email="a@example.org", groups=["staff"], password=PASSWORD)
    changed = await world.directory.put(SYSTEM, "ann", name="")
    assert (changed.name, changed.email, changed.groups) == ("", "a@example.org", ["staff"])
    assert changed.password_hash is not None
    assert (await world.directory.put(SYSTEM, "ann", groups=[])).groups == []
    assert (await world.events(action="user:put"))[0].reason == "operator; sets groups"


async def test_every_change_grows_the_revision(world: People) -> None:
    seen = [world.directory.revision]
    for act in (world.add, world.login, lambda: world.directory.remove(SYSTEM, "ann"), world.directory.reload):
        await act()
        seen.append(world.directory.revision)
    assert seen == sorted(set(seen))


async def test_the_store_and_the_trail_hold_no_password(world: People) -> None:
    await world.add()
    with pytest.raises(BadCredentials):
        await world.login(password="hunter2 hunter2")
    with pytest.raises(BadCredentials):
        await world.login("hunter3 hunter3")
    kept = await everything_in(world.store) + str(await world.events())
    assert "ann" in kept
    assert not [secret for secret in (PASSWORD, "hunter2 hunter2", "hunter3") if secret in kept]


async def test_only_administrators_of_policy_handle_users(world: People) -> None:
    await world.add()
    directory = world.directory
    for act in (
        directory.put(NOBODY, "bob"), directory.set_password(NOBODY, "ann"), directory.remove(NOBODY, "ann"),
        directory.log_out(NOBODY, "ann"), directory.reset_second_factor(NOBODY, "ann"), directory.users(NOBODY),
    ):  # fmt: skip
        with pytest.raises(AccessDenied):
            await act
    assert await world.login()
    denied = {event.action for event in await world.events(decision="deny")}
    assert denied == {"user:put", "user:password", "user:delete", "user:logout", "user:second_factor"}


async def test_users_are_listed_in_order_and_in_pages(world: People) -> None:
    for id_ in ("cat", "ann", "bob"):
        await world.add(id_, password=None)
    assert [user.id for user in await world.directory.users(CHIEF)] == ["ann", "bob", "cat"]
    assert [user.id for user in await world.directory.users(CHIEF, after="ann", limit=1)] == ["bob"]


@pytest.mark.parametrize("id_", ["", "Ann", ".ann", "a b", "okta:ann", "ann\n", "x" * 129, "\ud800", "änn"])
async def test_a_local_id_that_is_none_is_refused(world: People, id_: str) -> None:
    with pytest.raises(Invalid, match="a local user's id"):
        await world.add(id_)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "x" * 257}, {"name": "Ann\x1b[2J"}, {"email": "x" * 321}, {"email": "a\nb"},
        {"groups": [""]}, {"groups": ["x" * 257]}, {"groups": ["x\x00"]}, {"groups": [str(n) for n in range(501)]},
    ],
)  # fmt: skip
async def test_a_field_that_does_not_fit_is_named(world: People, fields: dict[str, str]) -> None:
    with pytest.raises(Invalid) as refusal:
        await world.directory.put(SYSTEM, "ann", **fields)  # type: ignore[arg-type]  # as each case has it
    assert refusal.value.field == next(iter(fields))
    assert world.directory.known("ann") is None


async def test_a_password_that_will_not_do_changes_nothing(world: People) -> None:
    with pytest.raises(Invalid, match="8 to 1024"):
        await world.add(password="short")
    assert world.directory.known("ann") is None
    await world.add()
    with pytest.raises(Invalid, match="first that are guessed"):
        await world.directory.set_password(SYSTEM, "ann", "Password1")
    with pytest.raises(Invalid, match="user's name"):
        await world.directory.put(SYSTEM, "ann", name="Annabella", password="annabella")
    assert (await world.login()).name == ""


async def test_a_password_that_is_made_up_is_returned_and_works(world: People) -> None:
    await world.add(password=None)
    user, password = await world.directory.set_password(SYSTEM, "ann")
    assert len(password) >= 24
    assert await world.login(password=password)
    assert password not in str(user) + str(await world.events())


async def test_a_new_password_of_an_administrator_ends_the_wait_after_failed_logins(world: People) -> None:
    await world.add()
    new = "another good one"
    ways: list[Act] = [
        lambda: world.directory.set_password(SYSTEM, "ann", new),
        lambda: world.directory.put(SYSTEM, "ann", password=new),
    ]
    for give in ways:
        for _ in range(5):
            with pytest.raises(BadCredentials):
                await world.directory.authenticate("ann", "wrong wrong", source="")
        await give()
        assert await world.login(password=new)


async def test_deactivation_removal_and_a_new_password_are_told_and_end_what_was_before(world: People) -> None:
    await world.add()
    ends: list[Act] = [
        lambda: world.directory.put(SYSTEM, "ann", password=PASSWORD),
        lambda: world.directory.set_password(SYSTEM, "ann", PASSWORD),
        lambda: world.directory.log_out(SYSTEM, "ann"),
        lambda: world.directory.change_password("ann", PASSWORD, PASSWORD),
        lambda: world.directory.put(SYSTEM, "ann", active=False),
    ]
    for count, end in enumerate(ends, start=1):
        login = (await world.login()).login_at
        await end()
        user = world.directory.known("ann")
        assert user is not None
        assert user.ended_at is not None
        assert login is not None
        assert user.ended_at > login, "also while the clock stands still"
        assert world.told == ["ann"] * count
    await world.directory.put(SYSTEM, "ann", active=False)
    await world.directory.put(SYSTEM, "ann", name="Ann", active=True)
    assert len(world.told) == len(ends), "nothing ends twice, and a name ends nothing"
    await world.directory.remove(SYSTEM, "ann")
    assert world.told[-1] == "ann"
    assert world.directory.known("ann") is None


async def test_a_listener_that_fails_keeps_nobody_from_being_told(
    world: People, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = await people()

    async def broken(user: str) -> None:
        raise OSError(f"no disk for {user}")

    fresh.directory.subscribe(broken)
    fresh.directory.subscribe(fresh.tell)
    await fresh.add()
    await fresh.directory.put(SYSTEM, "ann", active=False)
    assert fresh.told == ["ann", "ann"]
    assert "no disk for ann" in caplog.text


async def test_a_login_after_the_clock_went_back_is_after_the_end_of_what_was(world: People) -> None:
    await world.add()
    await world.directory.log_out(SYSTEM, "ann")
    world.clock.pass_(-3600)
    user = await world.login()
    assert user.login_at is not None
    assert user.ended_at is not None
    assert user.login_at >= user.ended_at


async def test_a_user_of_the_same_id_has_nothing_of_the_one_before(world: People) -> None:
    await world.add(groups=["staff"])
    await world.login()
    await world.directory.remove(SYSTEM, "ann")
    world.clock.pass_(1)
    again = await world.add(password=None)
    assert (again.groups, again.password_hash, again.login_at) == ([], None, None)
    assert again.ended_at == NOON + timedelta(seconds=1)


async def test_what_is_not_there_cannot_be_changed(world: People) -> None:
    directory = world.directory
    for act in (
        directory.set_password(SYSTEM, "ann"), directory.remove(SYSTEM, "ann"), directory.log_out(SYSTEM, "ann"),
        directory.reset_second_factor(SYSTEM, "\ud800"), directory.confirm_second_factor("ann", "123456"),
    ):  # fmt: skip
        with pytest.raises(NotFound, match="no user named"):
            await act


async def test_of_two_writers_one_is_told_of_the_conflict() -> None:
    store = Meddling()
    world = await people(store)
    await world.add()
    directory = world.directory
    for act in (
        lambda: directory.put(SYSTEM, "ann", name="Ann"), lambda: directory.set_password(SYSTEM, "ann"),
        lambda: directory.log_out(SYSTEM, "ann"),
    ):  # fmt: skip
        store.times = 1
        with pytest.raises(Conflict):
            await act()
    user = directory.known("ann")
    assert user is not None
    assert user.name == ""


async def test_a_user_of_a_provider_comes_into_being_at_the_first_login(world: People) -> None:
    made = await world.directory.provision(
        "okta", "00u/1 é", name="Ann\x00", email="ann@example.org", groups=["staff", "dev"], source=HOME
    )
    assert (made.id, made.provider, made.external_id, made.name) == ("okta:00u/1 é", "okta", "00u/1 é", "Ann")
    assert (made.groups, made.provider_groups, made.login_at) == ([], ["staff", "dev"], NOON)
    assert world.directory.known("okta:00u/1 é") == made
    assert await world.logins("allow") == [f"signed in at okta, from {HOME}"]
    assert (await world.events(action="user:login"))[0].asset == "okta:00u/1 é"


async def test_a_later_login_replaces_the_providers_groups_and_leaves_those_given_here(world: People) -> None:
    await world.directory.provision("okta", "1", name="Ann", groups=["dev"])
    await world.directory.put(SYSTEM, "okta:1", groups=["local"])
    world.clock.pass_(60)
    user = await world.directory.provision("okta", "1", groups=["ops"])
    assert (user.groups, user.provider_groups, user.name) == (["local"], ["ops"], "Ann")
    assert user.created_at == NOON


async def test_a_user_who_is_switched_off_stays_off_whatever_the_provider_says(world: People) -> None:
    await world.directory.provision("okta", "1")
    await world.directory.put(SYSTEM, "okta:1", active=False)
    with pytest.raises(AccessDenied, match="switched off"):
        await world.directory.provision("okta", "1", groups=["dev"])
    user = world.directory.known("okta:1")
    assert user is not None
    assert (user.active, user.provider_groups) == (False, ["dev"])
    assert await world.logins("deny") == ["switched off"]


async def test_a_user_of_a_provider_is_never_taken_for_a_local_one(world: People) -> None:
    local = await world.directory.put(SYSTEM, "ann", email="ann@example.org", password=PASSWORD)
    other = await world.directory.provision("okta", "ann", name="ann", email="ann@example.org")
    assert other.id == "okta:ann"
    assert world.directory.known("ann") == local
    with pytest.raises(BadCredentials):
        await world.login("okta:ann")
    with pytest.raises(Invalid, match="signs in at okta"):
        await world.directory.set_password(SYSTEM, "okta:ann", PASSWORD)


async def test_groups_of_a_provider_are_bounded_and_those_defined_here_are_kept(world: People) -> None:
    claimed = ["x" * 257, "", "bell\a", *(f"g{n}" for n in range(600)), "staff", "g0"]
    user = await world.directory.provision("okta", "1", groups=claimed)
    assert user.provider_groups == ["staff", *(f"g{n}" for n in range(499))]


@pytest.mark.parametrize("provider", ["", "local", "Okta", "a:b", "x" * 65])
async def test_a_provider_that_is_none_provisions_nobody(world: People, provider: str) -> None:
    with pytest.raises(Invalid, match="names no identity provider"):
        await world.directory.provision(provider, "1")


@pytest.mark.parametrize("sub", ["", "x" * 256, "a\nb", "\ud800"])
async def test_a_sub_that_is_none_provisions_nobody(world: People, sub: str) -> None:
    with pytest.raises(Invalid, match="a sub has"):
        await world.directory.provision("okta", sub)


@given(st.lists(st.text(min_size=1, max_size=255).filter(str.isprintable), min_size=2, max_size=8, unique=True))
def test_different_subs_are_different_users_whatever_characters_they_hold(subs: list[str]) -> None:
    async def check() -> None:
        world = await people()
        for sub in subs:
            await world.directory.provision("okta", sub, groups=[sub])
        again = await people(world.store)
        assert {user.external_id for user in await again.directory.users(SYSTEM)} == set(subs)
        keys = [document.key async for document in world.store.find("users")]
        assert all(key.isascii() and "/" not in key for key in keys)

    anyio.run(check)


async def test_the_same_person_may_sign_in_twice_at_once() -> None:
    store = Meddling()
    world = await people(store)
    for times in (1, 2):
        store.times = times
        assert (await world.directory.provision("okta", "1", groups=[str(times)])).provider_groups == [str(times)]
    store.times = 10_000
    with pytest.raises(Conflict, match="being changed"):
        await world.directory.provision("okta", "1")


async def test_a_change_that_somebody_stopped_waiting_for_is_in_memory_as_in_the_store() -> None:
    class Slow(MemoryStore):
        async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
            if collection == "users":
                scope.cancel()
            await anyio.lowlevel.checkpoint()
            return await super().put(collection, key, body, expect=expect)

    scope = anyio.CancelScope()
    world = await people(Slow(), FakeClock())
    with scope:
        await world.add()
    assert world.directory.known("ann") == (await people(world.store)).directory.known("ann") is not None
