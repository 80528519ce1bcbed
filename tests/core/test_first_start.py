"""What a new registry begins with."""

import pytest

from airegistry.core.documents import Document, Json
from airegistry.core.first_start import first_start
from airegistry.core.principals import SYSTEM
from airegistry.stores.memory import MemoryStore
from tests.core.wiring import ANN, World, build

pytestmark = pytest.mark.anyio
SKILLS = {
    name: {"SKILL.md": f"---\nname: {name}\ndescription: About {name}.\n---\n", "more.md": "More."}
    for name in ("using-the-registry", "writing-skills")
}


async def skills_of(world: World) -> list[str]:
    return [found.path for found in (await world.services.catalog.list(ANN, ["skill"])).assets]


async def test_the_first_start_brings_an_administrator_and_the_registrys_own_skills(world: World) -> None:
    token = await first_start(world.store, world.services, SKILLS, mint=True)
    assert token is not None
    who = world.services.tokens.resolve(token)
    assert who is not None
    assert world.services.access.administrates(who)
    assert await skills_of(world) == sorted(SKILLS)
    assert (await world.services.catalog.get(who, "skill", "writing-skills")).tags == ["airegistry"]


async def test_a_later_start_changes_nothing(world: World) -> None:
    await first_start(world.store, world.services, SKILLS, mint=True)
    await world.services.catalog.delete(SYSTEM, "skill", "writing-skills")
    later = await build(store=world.store)
    assert await first_start(later.store, later.services, SKILLS, mint=True) is None
    assert await skills_of(later) == ["using-the-registry"]
    assert len(await later.services.tokens.records(SYSTEM)) == 1


async def test_with_an_operators_token_none_is_minted(world: World) -> None:
    assert await first_start(world.store, world.services, {}, mint=False) is None
    assert await world.services.tokens.records(SYSTEM) == []


async def test_a_start_without_the_operators_token_mints_one_where_earlier_ones_had_no_need_to(world: World) -> None:
    for _ in range(2):
        assert await first_start(world.store, world.services, SKILLS, mint=False) is None
    await world.services.catalog.delete(SYSTEM, "skill", "writing-skills")
    later = await build(store=world.store, operator=False)
    token = await first_start(later.store, later.services, SKILLS, mint=True)
    assert token is not None
    who = later.services.tokens.resolve(token)
    assert who is not None
    assert later.services.access.administrates(who)
    assert await skills_of(later) == ["using-the-registry"], "what was taken out stays out"
    for mint in (True, False, True):
        assert await first_start(later.store, later.services, SKILLS, mint=mint) is None
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


@pytest.mark.parametrize("writes", range(8))
async def test_a_first_start_cut_short_anywhere_is_completed_by_the_next(writes: int) -> None:
    store = Interrupted(writes)
    world = await build(store=store)
    with pytest.raises(PowerCut):
        await first_start(store, world.services, SKILLS, mint=True)
    store.left = -1
    later = await build(store=store)
    token = await first_start(store, later.services, SKILLS, mint=True)
    assert token is not None
    who = later.services.tokens.resolve(token)
    assert who is not None
    assert later.services.access.administrates(who)
    assert await skills_of(later) == sorted(SKILLS)
    assert await first_start(store, later.services, SKILLS, mint=True) is None


async def test_a_token_that_a_start_cut_short_minted_and_nobody_saw_is_revoked_by_the_next() -> None:
    store = Interrupted(at="meta")
    for _ in range(2):
        world = await build(store=store)
        with pytest.raises(PowerCut):
            await first_start(store, world.services, SKILLS, mint=True)
    unseen = {record.id for record in await world.services.tokens.records(SYSTEM)}
    robot, _ = await world.services.tokens.create(SYSTEM, "robot", groups=[], scopes=[], expires_in=60)
    store.at = None
    later = await build(store=store)
    token = await first_start(store, later.services, SKILLS, mint=True)
    assert token is not None
    assert later.services.tokens.resolve(token) is not None
    records = await later.services.tokens.records(SYSTEM)
    assert len(unseen) == 2
    assert {record.id for record in records if record.revoked_at is not None} == unseen
    assert {record.id for record in records if record.revoked_at is None} == {robot.id, token.split("_")[1]}
