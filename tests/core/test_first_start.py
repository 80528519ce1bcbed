"""What a new registry begins with."""

from collections.abc import Mapping

import anyio
import pytest

from airegistry.core.directory import Directory
from airegistry.core.documents import Document, Json
from airegistry.core.first_start import ADMIN, FirstStart
from airegistry.core.first_start import first_start as _first_start
from airegistry.core.leases import LeaseLost
from airegistry.core.principals import SYSTEM
from airegistry.core.users import BadCredentials
from airegistry.oauth.login.second_factor import SecondFactor
from airegistry.stores.cipher import open_cipher
from airegistry.stores.memory import MemoryStore
from tests.core.people import CountingHasher
from tests.core.wiring import ANN, World, build

pytestmark = pytest.mark.anyio
SKILLS = {
    name: {"SKILL.md": f"---\nname: {name}\ndescription: About {name}.\n---\n", "more.md": "More."}
    for name in ("using-the-registry", "writing-skills")
}


async def people_of(world: World) -> Directory:
    """The users over a world's store."""
    services, cipher = world.services, open_cipher(None)
    people = Directory(
        world.store, services.access, services.audit, world.clock, CountingHasher(), cipher, SecondFactor()
    )
    await people.reload()
    return people


async def begin(world: World, skills: Mapping[str, Mapping[str, str]], *, mint: bool) -> FirstStart:
    """A start of the registry."""
    return await _first_start(world.store, world.services, await people_of(world), skills, mint=mint)


async def skills_of(world: World) -> list[str]:
    return [found.path for found in (await world.services.catalog.list(ANN, ["skill"])).assets]


async def test_the_first_start_brings_an_administrator_and_the_registrys_own_skills(world: World) -> None:
    token = (await begin(world, SKILLS, mint=True)).token
    assert token is not None
    who = world.services.tokens.resolve(token)
    assert who is not None
    assert world.services.access.administrates(who)
    assert await skills_of(world) == sorted(SKILLS)
    assert (await world.services.catalog.get(who, "skill", "writing-skills")).tags == ["airegistry"]


async def test_a_later_start_changes_nothing(world: World) -> None:
    await begin(world, SKILLS, mint=True)
    await world.services.catalog.delete(SYSTEM, "skill", "writing-skills")
    later = await build(store=world.store)
    assert (await begin(later, SKILLS, mint=True)).token is None
    assert await skills_of(later) == ["using-the-registry"]
    assert len(await later.services.tokens.records(SYSTEM)) == 1


async def test_with_an_operators_token_none_is_minted(world: World) -> None:
    assert (await begin(world, {}, mint=False)).token is None
    assert await world.services.tokens.records(SYSTEM) == []


async def test_a_start_without_the_operators_token_mints_one_where_earlier_ones_had_no_need_to(world: World) -> None:
    for _ in range(2):
        assert (await begin(world, SKILLS, mint=False)).token is None
    await world.services.catalog.delete(SYSTEM, "skill", "writing-skills")
    later = await build(store=world.store, operator=False)
    token = (await begin(later, SKILLS, mint=True)).token
    assert token is not None
    who = later.services.tokens.resolve(token)
    assert who is not None
    assert later.services.access.administrates(who)
    assert await skills_of(later) == ["using-the-registry"], "what was taken out stays out"
    for mint in (True, False, True):
        assert (await begin(later, SKILLS, mint=mint)).token is None
    assert later.services.tokens.resolve(token) == who


class PowerCut(Exception):
    """The machine is gone."""


class Interrupted(MemoryStore):
    """A store that breaks off at its n-th write, or at the first to some collection, until the power is back."""

    def __init__(self, writes: int = -1, *, at: str | None = None) -> None:
        super().__init__()
        self.left = writes
        self.at = at

    async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
        if self.left == 0 or collection == self.at:
            raise PowerCut
        self.left -= 1
        return await super().put(collection, key, body, expect=expect)


@pytest.mark.parametrize("writes", range(9))
async def test_a_first_start_cut_short_anywhere_is_completed_by_the_next(writes: int) -> None:
    store = Interrupted(writes)
    world = await build(store=store)
    with pytest.raises(PowerCut):
        await begin(world, SKILLS, mint=True)
    store.left = -1
    later = await build(store=store)
    token = (await begin(later, SKILLS, mint=True)).token
    assert token is not None
    who = later.services.tokens.resolve(token)
    assert who is not None
    assert later.services.access.administrates(who)
    assert await skills_of(later) == sorted(SKILLS)
    assert (await begin(later, SKILLS, mint=True)).token is None


async def test_a_token_that_a_start_cut_short_minted_and_nobody_saw_is_revoked_by_the_next() -> None:
    store = Interrupted(at="meta")
    for _ in range(2):
        world = await build(store=store)
        with pytest.raises(PowerCut):
            await begin(world, SKILLS, mint=True)
    unseen = {record.id for record in await world.services.tokens.records(SYSTEM)}
    robot, _ = await world.services.tokens.create(SYSTEM, "robot", groups=[], scopes=[], expires_in=60)
    store.at = None
    later = await build(store=store)
    token = (await begin(later, SKILLS, mint=True)).token
    assert token is not None
    assert later.services.tokens.resolve(token) is not None
    records = await later.services.tokens.records(SYSTEM)
    assert len(unseen) == 2
    assert {record.id for record in records if record.revoked_at is not None} == unseen
    assert {record.id for record in records if record.revoked_at is None} == {robot.id, token.split("_")[1]}


async def test_of_two_first_starts_at_once_one_shows_its_token_and_the_other_finds_it_made() -> None:
    class Slow(MemoryStore):
        """Lets another start go first when the first one is about to end."""

        async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
            if collection == "meta" and not shown:
                shown.append("")
                shown.append((await begin(await build(store=self), SKILLS, mint=True)).token or "")
            return await super().put(collection, key, body, expect=expect)

    shown, store = list[str](), Slow()
    with pytest.raises(LeaseLost):
        await begin(await build(store=store), SKILLS, mint=True)
    later = await build(store=store)
    assert (await begin(later, SKILLS, mint=True)).token is None
    who = later.services.tokens.resolve(shown[-1])
    assert who is not None
    assert later.services.access.administrates(who)


async def test_a_first_start_that_is_cancelled_as_it_is_done_shows_its_token(world: World) -> None:
    class Cancelling(MemoryStore):
        async def put(self, collection: str, key: str, body: Json, *, expect: int | None = None) -> Document:
            if collection == "meta":
                scope.cancel()
            return await super().put(collection, key, body, expect=expect)

    with anyio.CancelScope() as scope:
        made = await begin(await build(store=Cancelling()), SKILLS, mint=True)
        token = made.token
    assert token is not None


async def test_the_first_start_brings_a_first_user_who_administrates(world: World) -> None:
    made = await begin(world, {}, mint=True)
    people = await people_of(world)
    assert made.password is not None
    user, _ = await people.authenticate(ADMIN, made.password, source="here")
    assert user.groups == ["administrators"]
    later = await begin(world, {}, mint=True)
    assert later == FirstStart()


async def test_a_password_that_is_given_counts_at_the_first_start_alone(world: World) -> None:
    for password in ("the first password", "another password"):
        people = await people_of(world)
        made = await _first_start(world.store, world.services, people, {}, mint=False, password=password)
        assert made == FirstStart(new=password == "the first password")
    people = await people_of(world)
    user, _ = await people.authenticate(ADMIN, "the first password", source="here")
    assert user.id == ADMIN
    with pytest.raises(BadCredentials):
        await people.authenticate(ADMIN, "another password", source="here")


async def test_with_a_password_given_and_no_operator_a_token_is_minted_and_no_password(world: World) -> None:
    people = await people_of(world)
    made = await _first_start(world.store, world.services, people, {}, mint=True, password="the first password")
    assert (made.token is not None, made.password) == (True, None)


async def test_a_password_that_nobody_saw_is_replaced_by_the_next_start() -> None:
    store = Interrupted(at="meta")
    world = await build(store=store)
    with pytest.raises(PowerCut):
        await begin(world, {}, mint=True)
    store.at = None
    later = await build(store=store)
    made = await begin(later, {}, mint=True)
    assert made.password is not None
    await (await people_of(later)).authenticate(ADMIN, made.password, source="here")


async def test_a_user_that_an_operator_made_keeps_the_password_when_a_later_start_mints(world: World) -> None:
    await begin(world, {}, mint=False)
    people = await people_of(world)
    await people.put(SYSTEM, ADMIN, password="an own password")
    later = await build(store=world.store, operator=False)
    made = await begin(later, {}, mint=True)
    assert (made.token is not None, made.password) == (True, None)
    await (await people_of(later)).authenticate(ADMIN, "an own password", source="here")
