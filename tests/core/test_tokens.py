"""Static tokens: shown once, kept as a hash, never more than their maker holds."""

import pytest

from airegistry.core.documents import DocumentStore
from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import ANN, OPERATOR_TOKEN, World, build

pytestmark = pytest.mark.anyio


async def mint(
    world: World, who: Principal = SYSTEM, name: str = "bot", *, groups: list[str] | None = None,
    scopes: list[str] | None = None, expires_in: int = 3600,
) -> tuple[str, str]:  # fmt: skip
    record, token = await world.services.tokens.create(
        who, name, groups=groups or [], scopes=scopes or [], expires_in=expires_in
    )
    return record.id, token


async def everything_in(store: DocumentStore) -> str:
    collections = ("assets", "versions", "scopes", "groups", "tokens", "meta", "scans")
    return "".join([str(document) for name in collections async for document in store.find(name)])


async def test_a_token_stands_for_its_name_groups_and_scopes(world: World) -> None:
    await world.services.policy.put_scope(SYSTEM, Scope(name="read"))
    await world.services.policy.put_scope(SYSTEM, Scope(name="staffs"))
    await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["staffs"]))
    id_, token = await mint(world, groups=["staff", "guests"], scopes=["read"])
    who = world.services.tokens.resolve(token)
    assert who == Principal(
        "token:bot", client=id_, groups=frozenset({"staff", "guests"}), scopes=frozenset({"read", "staffs"})
    )


async def test_the_operators_token_has_every_right(world: World) -> None:
    who = world.services.tokens.resolve(OPERATOR_TOKEN)
    assert who is not None
    assert who.operator


async def test_the_store_and_the_trail_hold_no_token(world: World) -> None:
    _, token = await mint(world)
    secret = token.split("_", 2)[2]
    assert len(secret) >= 43
    kept = await everything_in(world.store) + str(await world.events())
    assert "bot" in kept
    assert secret not in kept
    assert OPERATOR_TOKEN not in kept


@pytest.mark.parametrize(
    "change", [lambda t: t + "x", lambda t: t[:-1], lambda t: t.replace("air_", "air-"), str.upper]
)
async def test_a_token_that_is_not_the_same_is_nobodys(world: World, change: object) -> None:
    _, token = await mint(world)
    assert callable(change)
    assert world.services.tokens.resolve(change(token)) is None


@pytest.mark.parametrize("token", ["", "air_", "air__", "air_nobody_secret", "operator", "Bearer x"])
async def test_an_unknown_token_is_nobodys(world: World, token: str) -> None:
    assert world.services.tokens.resolve(token) is None


async def test_a_token_ends_when_it_expires(world: World) -> None:
    _, token = await mint(world, expires_in=60)
    world.clock.pass_(59.9)
    assert world.services.tokens.resolve(token) is not None
    world.clock.pass_(0.1)
    assert world.services.tokens.resolve(token) is None


async def test_a_revoked_token_ends_at_once_and_stays_ended_after_a_restart(world: World) -> None:
    id_, token = await mint(world)
    world.clock.pass_(1)
    _, other = await mint(world, name="other")
    await world.services.tokens.revoke(SYSTEM, id_)
    assert world.services.tokens.resolve(token) is None
    later = await build(store=world.store)
    assert later.services.tokens.resolve(token) is None
    assert later.services.tokens.resolve(other) is not None
    records = await later.services.tokens.records(SYSTEM)
    assert [(record.name, record.revoked_at is not None) for record in records] == [("bot", True), ("other", False)]


async def test_scopes_given_to_a_group_later_hold_for_tokens_minted_before(world: World) -> None:
    _, token = await mint(world, groups=["staff"])
    await world.services.policy.put_scope(SYSTEM, Scope(name="more"))
    await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["more"]))
    who = world.services.tokens.resolve(token)
    assert who is not None
    assert who.scopes == {"more"}


async def test_only_who_may_handles_tokens(world: World) -> None:
    id_, _ = await mint(world)
    with pytest.raises(AccessDenied):
        await mint(world, ANN)
    with pytest.raises(AccessDenied):
        await world.services.tokens.revoke(ANN, id_)
    with pytest.raises(AccessDenied):
        await world.services.tokens.records(ANN)
    assert {event.action for event in await world.events(decision="deny")} == {"token:create", "token:revoke"}


async def test_a_token_that_is_not_there_cannot_be_revoked(world: World) -> None:
    with pytest.raises(NotFound):
        await world.services.tokens.revoke(SYSTEM, "nobody")


@pytest.mark.parametrize("expires_in", [0, -1, 315_360_001])
async def test_an_expiry_out_of_range_is_refused(world: World, expires_in: int) -> None:
    with pytest.raises(Invalid, match="expires_in"):
        await mint(world, expires_in=expires_in)


@pytest.mark.parametrize("name", ["", "x" * 129])
async def test_a_name_of_no_length_or_too_much_is_refused(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        await mint(world, name=name)


async def test_a_scope_that_does_not_exist_is_refused(world: World) -> None:
    with pytest.raises(Invalid, match="no scope named 'typo'"):
        await mint(world, scopes=["typo"])


async def test_nobody_hands_out_what_they_do_not_hold(world: World) -> None:
    maker = await world.holding(Grant(actions=["token"]), who=Principal("maker", groups=frozenset({"makers"})))
    await world.services.policy.put_scope(SYSTEM, Scope(name="more", grants=[Grant()]))
    await mint(world, maker, scopes=["scope"], groups=["makers"])
    with pytest.raises(AccessDenied) as refusal:
        await mint(world, maker, scopes=["scope", "more"], groups=["makers", "staff"])
    assert refusal.value.missing == ["more", "staff"]


async def test_administrators_hand_out_what_they_do_not_hold_themselves(world: World) -> None:
    chief = await world.holding(Grant(actions=["*"]))
    _, token = await mint(world, chief, groups=["staff"])
    assert world.services.tokens.resolve(token) is not None


@pytest.mark.parametrize("grants", [[Grant(actions=["token"])], [Grant(actions=["*"])]], ids=["maker", "chief"])
async def test_a_token_does_not_shed_what_its_maker_is_denied(world: World, grants: list[Grant]) -> None:
    await world.holding(Grant(assets=["diary"], effect="deny"), name="not-the-diary")
    holder = Principal("holder", scopes=frozenset({"not-the-diary"}))
    maker = await world.holding(*grants, who=holder)
    with pytest.raises(AccessDenied, match="denied by not-the-diary"):
        await mint(world, maker, scopes=["scope"])
    await mint(world, maker, scopes=["scope", "not-the-diary"])


async def test_a_token_does_not_outlive_its_maker(world: World) -> None:
    await world.services.policy.put_scope(SYSTEM, Scope(name="makes", grants=[Grant(actions=["token"])]))
    _, token = await mint(world, scopes=["makes"], expires_in=100)
    maker = world.services.tokens.resolve(token)
    assert maker is not None
    with pytest.raises(Invalid, match="does not outlive its maker"):
        await mint(world, maker, name="own", scopes=["makes"], expires_in=101)
    await mint(world, maker, name="own", scopes=["makes"], expires_in=100)


async def test_only_administrators_revoke_the_tokens_of_others(world: World) -> None:
    id_, token = await mint(world)
    maker = await world.holding(Grant(actions=["token"]))
    own, _ = await mint(world, maker, name="own", scopes=["scope"])
    with pytest.raises(AccessDenied, match="tokens of others"):
        await world.services.tokens.revoke(maker, id_)
    assert world.services.tokens.resolve(token) is not None
    await world.services.tokens.revoke(maker, own)


async def test_nobody_takes_the_name_of_anothers_token_and_with_it_their_private_assets(world: World) -> None:
    await mint(world, name="ann")
    await world.put_server("diary", visibility="private")
    maker = await world.holding(Grant(actions=["token"]))
    with pytest.raises(AccessDenied, match="'ann' is another's"):
        await mint(world, maker, name="ann")
    await mint(world, maker, name="own")
    await mint(world, maker, name="own")
    await mint(world, name="ann")


async def test_of_tokens_of_one_name_the_newest_live_one_is_meant(world: World) -> None:
    await mint(world, groups=["old"])
    world.clock.pass_(1)
    newer, _ = await mint(world, groups=["new"])
    assert world.services.tokens.principal_named("bot").groups == {"new"}
    await world.services.tokens.revoke(SYSTEM, newer)
    assert world.services.tokens.principal_named("bot").groups == {"old"}
    world.clock.pass_(3600)
    with pytest.raises(NotFound, match="no token named 'bot' is in force"):
        world.services.tokens.principal_named("bot")


async def test_without_an_operators_token_there_is_no_operator() -> None:
    world = await build(operator=False)
    assert world.services.tokens.resolve(OPERATOR_TOKEN) is None
