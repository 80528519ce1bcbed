"""Why somebody may or may not do something."""

import pytest

from airegistry.core.access import Grant, Group, Scope
from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.principals import SYSTEM
from tests.core.wiring import ANN, World, asset, build

pytestmark = pytest.mark.anyio


@pytest.fixture
async def governed(world: World) -> World:
    """A server, a scope `callers` for one of its tools, held by the group `staff` and the token `bot`."""
    await world.put_server("weather", ["forecast", "archive"])
    await world.services.catalog.register(SYSTEM, asset("skill", "weather"))
    await world.services.catalog.register(SYSTEM, asset("virtual_server", "bundle"))
    grant = Grant(assets=["weather"], tools=["forecast"])
    await world.services.policy.put_scope(SYSTEM, Scope(name="callers", grants=[grant]))
    await world.services.policy.put_group(SYSTEM, Group(name="staff", scopes=["callers"]))
    await world.services.tokens.create(SYSTEM, "bot", groups=["staff"], scopes=[], expires_in=60)
    return world


@pytest.mark.parametrize("subject", ["token:bot", "bot", "group:staff", "staff", "scope:callers", "callers"])
@pytest.mark.parametrize("path", ["weather", "/weather", "server/weather"])
async def test_administrators_learn_why_others_may_or_may_not(governed: World, subject: str, path: str) -> None:
    explain = governed.services.explainer.explain
    yes = await explain(SYSTEM, subject, "call", path, tool="forecast")
    no = await explain(SYSTEM, subject, "call", path, tool="archive")
    assert (yes.allowed, yes.reason) == (True, "granted by scope callers")
    assert (no.allowed, no.reason) == (False, "no grant")


async def test_everybody_learns_about_themselves_and_which_scope_would_help(governed: World) -> None:
    explain = governed.services.explainer.explain
    for subject in ("me", "token:ann"):
        decision = await explain(ANN, subject, "call", "weather", tool="forecast")
        assert (decision.allowed, decision.missing) == (False, ("callers",))
    assert (await explain(ANN, "me", "read", "skill/weather")).allowed
    assert (await explain(ANN, "me", "rate", "virtual_server/bundle")).allowed


async def test_others_are_the_business_of_administrators_only(governed: World) -> None:
    with pytest.raises(AccessDenied):
        await governed.services.explainer.explain(ANN, "token:bot", "call", "weather")


async def test_subjects_that_do_not_exist_are_refused(governed: World) -> None:
    explain = governed.services.explainer.explain
    with pytest.raises(NotFound, match="no token named 'nobody'"):
        await explain(SYSTEM, "token:nobody", "call", "weather")
    with pytest.raises(NotFound, match="no scope named 'typo'"):
        await explain(SYSTEM, "scope:typo", "call", "weather")
    with pytest.raises(NotFound, match="no token, group or scope named 'ann'"):
        await explain(SYSTEM, "ann", "call", "weather")
    with pytest.raises(Invalid, match="no action 'fly'"):
        await explain(SYSTEM, "me", "fly", "weather")


async def test_an_asset_that_may_not_be_seen_is_not_explained(governed: World) -> None:
    await governed.put_server("vault", groups=["others"])
    for path in ("vault", "absent", "skill/absent"):
        with pytest.raises(NotFound, match=path.rpartition("/")[2]):
            await governed.services.explainer.explain(ANN, "me", "read", path)


async def test_a_stage_that_is_not_served_explains_a_refused_call() -> None:
    world = await build(environment="production")
    await world.put_server("weather")
    decision = await world.services.explainer.explain(SYSTEM, "me", "call", "weather")
    assert (decision.allowed, decision.reason) == (False, "stage approved_dev is not served in environment production")


async def test_a_method_of_mcp_is_an_action_too(governed: World) -> None:
    explain = governed.services.explainer.explain
    assert (await explain(SYSTEM, "bot", "tools/call", "weather", tool="forecast")).allowed
    assert not (await explain(SYSTEM, "bot", "tools/call", "weather", tool="archive")).allowed
    assert (await explain(SYSTEM, "bot", "tools/list", "weather")).allowed


async def test_a_token_is_known_by_its_id(governed: World) -> None:
    (record,) = await governed.services.tokens.records(SYSTEM)
    assert (await governed.services.explainer.explain(SYSTEM, record.id, "call", "weather", tool="forecast")).allowed
