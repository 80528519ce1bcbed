"""Why somebody may or may not do something."""

import pytest

from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.explain import Explainer
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
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


async def test_acts_on_the_registry_itself_are_explained(governed: World) -> None:
    grant = Grant(kinds=["registry"], actions=["audit"])
    who = await governed.holding(grant, name="auditors")
    explain = governed.services.explainer.explain
    yes, no = await explain(who, "me", "audit", "registry"), await explain(who, "me", "policy", "/registry")
    assert (yes.allowed, yes.reason) == (True, "granted by scope auditors")
    assert (no.allowed, no.reason) == (False, "no grant")
    assert (await explain(SYSTEM, "scope:auditors", "audit", "registry")).rule is not None


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


async def test_an_explanation_names_the_rule_that_decided_and_the_groups_that_bring_it(governed: World) -> None:
    policy, explain = governed.services.policy, governed.services.explainer.explain
    denial = Grant(assets=["weather"], tools=["archive"], effect="deny")
    await policy.put_scope(SYSTEM, Scope(name="limits", grants=[Grant(assets=["other"]), denial]))
    await policy.put_group(SYSTEM, Group(name="interns", scopes=["limits", "callers"]))
    await governed.services.tokens.create(SYSTEM, "both", groups=["interns", "staff"], scopes=[], expires_in=60)
    yes = await explain(SYSTEM, "token:both", "call", "weather", tool="forecast")
    no = await explain(SYSTEM, "token:both", "call", "weather", tool="archive")
    assert yes.rule is not None
    assert no.rule is not None
    assert (yes.rule.scope, yes.rule.grant, yes.rule.deny) == ("callers", 0, False)
    assert (no.rule.scope, no.rule.grant, no.rule.deny) == ("limits", 1, True)
    assert (yes.via, no.via) == (("interns", "staff"), ("interns",))
    assert (await explain(SYSTEM, "scope:callers", "call", "weather", tool="forecast")).via == ()


async def test_without_a_rule_an_explanation_names_none(governed: World) -> None:
    explain = governed.services.explainer.explain
    baseline = await explain(ANN, "me", "read", "skill/weather")
    missing = await explain(ANN, "me", "call", "weather", tool="forecast")
    assert (baseline.rule, baseline.reason, baseline.visibility) == (None, "public", "public")
    assert (missing.rule, missing.reason, missing.visibility) == (None, "no grant", "public")


async def test_an_explanation_says_why_the_subject_knows_of_the_asset(governed: World) -> None:
    await governed.put_server("vault", groups=["staff"])
    explain = governed.services.explainer.explain
    member, stranger = [await explain(SYSTEM, subject, "read", "vault") for subject in ("group:staff", "scope:callers")]
    assert (member.allowed, member.visibility) == (True, "member of a group of the asset")
    hidden = "group, and the caller is none of its audience"
    assert (stranger.allowed, stranger.reason, stranger.visibility) == (False, hidden, hidden)
    assert (await explain(SYSTEM, "me", "read", "vault")).visibility == "operator"


async def test_a_rule_that_hides_an_asset_is_the_one_that_decided(governed: World) -> None:
    await governed.services.policy.put_scope(SYSTEM, Scope(name="blind", grants=[Grant(effect="deny")]))
    found = await governed.services.explainer.explain(SYSTEM, "scope:blind", "read", "weather")
    assert (found.allowed, found.reason) == (False, "hidden by scope blind")
    assert found.rule is not None
    assert (found.rule.scope, found.rule.deny) == ("blind", True)


async def test_what_stops_a_call_all_the_same_is_said_beside_the_rule_that_allows_it(governed: World) -> None:
    explain, catalog = governed.services.explainer.explain, governed.services.catalog
    await catalog.update(SYSTEM, "server", "weather", {"requires_approval": ["forecast"]})
    found = await explain(SYSTEM, "bot", "call", "weather", tool="forecast")
    assert (found.allowed, found.reason) == (False, "forecast needs a person's approval for each call")
    assert found.rule is not None
    await catalog.toggle(SYSTEM, "server", "weather", enabled=False)
    found = await explain(SYSTEM, "bot", "tools/call", "weather", tool="forecast")
    assert found.stops == ("server 'weather' is disabled", "forecast needs a person's approval for each call")
    assert (await explain(SYSTEM, "bot", "read", "weather")).allowed
    assert (await explain(SYSTEM, "bot", "tools/list", "weather")).stops == ("server 'weather' is disabled",)


async def test_what_never_was_fetched_or_runs_elsewhere_takes_no_call(governed: World) -> None:
    register, explain = governed.services.catalog.register, governed.services.explainer.explain
    await register(SYSTEM, asset("server", "given", url="https://given.test/mcp"), fetch=False)
    await register(SYSTEM, asset("server", "local", transport="stdio", command="run"))
    for path, reason in (("given", "it was never fetched and scanned"), ("local", "it runs on its user's machine")):
        found = await explain(SYSTEM, "me", "call", path)
        assert (found.allowed, found.stops) == (False, (reason,))


async def test_a_call_held_by_a_scan_is_stopped(governed: World) -> None:
    held = (await governed.shelf.get("server", "weather") or pytest.fail("gone"))[0]
    await governed.shelf.replace(held.model_copy(update={"enabled": False, "tags": ["security-pending"]}), 1)
    found = await governed.services.explainer.explain(SYSTEM, "bot", "call", "weather", tool="forecast")
    assert found.stops == ("server 'weather' is held by its security scan",)


async def test_a_tool_that_may_not_be_seen_is_not_given_away_by_the_approval_it_needs(governed: World) -> None:
    await governed.services.catalog.update(SYSTEM, "server", "weather", {"requires_approval": ["archive"]})
    ann = await governed.holding(Grant(assets=["weather"], tools=["forecast"]))
    explain = governed.services.explainer.explain
    hidden, absent = [await explain(ann, "me", "call", "weather", tool=tool) for tool in ("archive", "nothing")]
    assert (hidden.allowed, hidden.reason, hidden.stops) == (absent.allowed, absent.reason, absent.stops)


async def test_users_and_clients_are_those_that_the_directory_knows(governed: World) -> None:
    services = governed.services
    people = {"user:eve": Principal("user:eve", scopes=frozenset({"callers"})), "client:ci": Principal("client:ci")}
    access, visibility = services.access, governed.visibility
    explain = Explainer(
        access, visibility, governed.shelf, services.tokens, services.compositions.parts, find=people.get
    ).explain
    assert (await explain(SYSTEM, "user:eve", "call", "weather", tool="forecast")).allowed
    assert not (await explain(SYSTEM, "client:ci", "call", "weather", tool="forecast")).allowed
    with pytest.raises(NotFound, match="no user named 'bob'"):
        await explain(SYSTEM, "user:bob", "call", "weather")
    with pytest.raises(NotFound, match="no client named 'ci'"):
        await services.explainer.explain(SYSTEM, "client:ci", "call", "weather")
    with pytest.raises(AccessDenied):
        await explain(ANN, "user:eve", "call", "weather")


async def test_a_narrow_token_learns_which_scope_it_lacks(governed: World) -> None:
    ann = Principal("user:ann", withheld=frozenset({"callers"}), administers=False)
    explain = governed.services.explainer.explain
    assert (await explain(ann, "me", "call", "weather", tool="forecast")).step_up == ("callers",)
    with pytest.raises(AccessDenied, match="policy is not granted"):
        await explain(ann, "bot", "call", "weather")
