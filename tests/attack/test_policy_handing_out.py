"""What a caller with some of its person's rights hands out to others: never the rest, nor the freedom from a denial."""

from dataclasses import replace

import pytest

from airegistry.core.errors import AccessDenied
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import World, build

pytestmark = pytest.mark.anyio

MINTS, CHIEF = Grant(actions=["token"]), Grant(actions=["*"])
NOT_THE_DIARY = Grant(assets=["diary"], effect="deny")


async def staffed() -> World:
    """Chiefs hold every right, makers may mint; the staff reads the weather, and no diary."""
    world = await build()
    policy = world.services.policy
    for scope in (
        Scope(name="mints", grants=[MINTS]), Scope(name="every-right", grants=[CHIEF]),
        Scope(name="staffs", grants=[Grant(assets=["weather"]), NOT_THE_DIARY]),
    ):  # fmt: skip
        await policy.put_scope(SYSTEM, scope)
    for group in (
        Group(name="administrators", scopes=["every-right"]), Group(name="makers", scopes=["mints"]),
        Group(name="staff", scopes=["staffs"]),
    ):  # fmt: skip
        await policy.put_group(SYSTEM, group)
    return world


@pytest.fixture
async def world() -> World:
    """A core with these people."""
    return await staffed()


def narrow(world: World, *carried: str, groups: list[str]) -> Principal:
    """A person in some groups, whose token carries some scopes, and administration."""
    held = world.services.access.narrowed(groups, (), frozenset(carried))
    return Principal(
        "user:ann", "person", "app", frozenset(groups), held.scopes, withheld=held.withheld, restraints=held.restraints
    )


async def made(
    world: World, who: Principal, *, name: str = "bot", scopes: list[str], groups: list[str] | None = None
) -> Principal:
    """Who holds a token that a caller creates."""
    _, token = await world.services.tokens.create(who, name, groups=groups or [], scopes=scopes, expires_in=60)
    found = world.services.tokens.resolve(token)
    assert found is not None
    return found


async def test_a_narrow_token_does_not_hand_out_by_a_group_what_it_does_not_carry(world: World) -> None:
    maker = narrow(world, "mints", groups=["makers", "administrators"])
    with pytest.raises(AccessDenied) as refusal:
        await made(world, maker, scopes=[], groups=["administrators"])
    assert refusal.value.missing == ["every-right"]


async def test_a_group_whose_scopes_the_token_carries_is_handed_out(world: World) -> None:
    maker = narrow(world, "mints", groups=["makers", "administrators"])
    assert (await made(world, maker, scopes=[], groups=["makers"])).scopes == {"mints"}


async def test_a_maker_is_not_told_what_a_group_of_others_brings(world: World) -> None:
    with pytest.raises(AccessDenied) as refusal:
        await made(world, narrow(world, "mints", groups=["makers"]), scopes=[], groups=["administrators"])
    assert refusal.value.missing == ["administrators"]


async def test_what_a_caller_is_denied_by_a_scope_it_does_not_carry_is_denied_to_the_tokens_it_makes(
    world: World,
) -> None:
    await world.put_server("diary")
    maker = narrow(world, "mints", groups=["makers", "staff"])
    holder = await made(world, maker, scopes=["mints"])
    assert holder.scopes == {"mints"}
    assert holder.restraints == {"staffs"}
    assert not world.services.access.decide(holder, "list", await diary(world)).allowed


async def test_the_denial_goes_on_to_what_such_a_token_makes_and_vends(world: World) -> None:
    await world.put_server("diary")
    holder = await made(world, narrow(world, "mints", groups=["makers", "staff"]), scopes=["mints"])
    again = await made(world, holder, name="again", scopes=["mints"])
    _, token = await world.services.tokens.vend(again, "job", scopes=None, expires_in=60)
    vended = world.services.tokens.resolve(token)
    assert vended is not None
    for who in (again, vended):
        assert not world.services.access.decide(who, "list", await diary(world)).allowed


async def test_the_denial_holds_after_a_restart(world: World) -> None:
    await world.put_server("diary")
    maker = narrow(world, "mints", groups=["makers", "staff"])
    _, token = await world.services.tokens.create(maker, "bot", groups=[], scopes=["mints"], expires_in=60)
    holder = (await build(store=world.store)).services.tokens.resolve(token)
    assert holder is not None
    assert holder.restraints == {"staffs"}


async def test_a_denial_that_the_caller_carries_has_to_be_handed_on_by_name(world: World) -> None:
    maker = narrow(world, "mints", "staffs", groups=["makers", "staff"])
    with pytest.raises(AccessDenied, match="denied by staffs"):
        await made(world, maker, scopes=["mints"])
    assert (await made(world, maker, scopes=["mints", "staffs"])).restraints == frozenset()


async def test_who_carries_every_right_and_is_denied_something_makes_no_administrator(world: World) -> None:
    maker = narrow(world, "every-right", groups=["administrators", "staff"])
    holder = await made(world, maker, scopes=["every-right"])
    assert not world.services.access.administrates(holder)


async def test_without_administration_nobody_mints_whatever_they_hold(world: World) -> None:
    maker = replace(narrow(world, "mints", groups=["makers"]), administers=False)
    with pytest.raises(AccessDenied):
        await made(world, maker, scopes=["mints"])


async def diary(world: World) -> AnyAsset:
    """The asset that the staff may not know of."""
    found = await world.shelf.get("server", "diary")
    assert found is not None
    return found[0]
