"""What a token carries of what its subject is entitled to: narrowed rights, restraints, administration, step-up."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.access import Access, Decision
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.grants import ADMINISTRATION, EVERYTHING, Action, Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import asset
from tests.support.rounds import examples

WEATHER = asset("server", "weather")
DIARY = asset("server", "diary", visibility="private", created_by="eve")
CALLS = Grant(assets=["weather"], actions=["call"])
READS = Grant(assets=["weather"], actions=["read"], tools=["forecast"])
NO_WEATHER = Grant(assets=["weather"], effect="deny")
NO_ARCHIVE = Grant(assets=["weather"], tools=["archive"], effect="deny")


def access_of(**scopes: Sequence[Grant]) -> Access:
    access = Access()
    access.replace([Scope(name=name, grants=list(grants)) for name, grants in scopes.items()], [])
    return access


def person(
    *,
    scopes: Sequence[str] = (),
    withheld: Sequence[str] = (),
    restraints: Sequence[str] = (),
    administers: bool = True,
) -> Principal:
    return Principal(
        "user:ann", "person", scopes=frozenset(scopes), withheld=frozenset(withheld), restraints=frozenset(restraints),
        administers=administers,
    )  # fmt: skip


def calling(access: Access, who: Principal, tool: str = "forecast") -> Decision:
    return access.decide(who, "call", WEATHER, tool=tool, method="tools/call")


def test_a_token_carries_the_scopes_its_subject_is_entitled_to_and_no_others() -> None:
    access = Access()
    denying = Scope(name="no-weather", grants=[CALLS, NO_WEATHER])
    access.replace(
        [Scope(name="calls", grants=[CALLS]), denying], [Group(name="staff", scopes=["calls", "no-weather"])]
    )
    narrowed = access.narrowed(["staff"], ["direct"], frozenset({"calls", "stranger"}))
    assert narrowed.scopes == {"calls"}
    assert narrowed.withheld == {"no-weather", "direct"}
    assert narrowed.restraints == {"no-weather"}


def test_a_token_that_carries_everything_carries_all_its_subject_holds() -> None:
    narrowed = access_of(a=[CALLS], b=[NO_WEATHER]).narrowed([], ["a", "b"], frozenset({EVERYTHING}))
    assert narrowed.scopes == {"a", "b"}
    assert not narrowed.withheld | narrowed.restraints


def test_a_token_that_carries_nothing_is_held_back_by_every_denial() -> None:
    narrowed = access_of(a=[CALLS], b=[NO_WEATHER]).narrowed([], ["a", "b"], frozenset())
    assert not narrowed.scopes
    assert narrowed.withheld == {"a", "b"}
    assert narrowed.restraints == {"b"}


def test_nobody_sheds_a_denial_by_asking_for_less() -> None:
    access = access_of(calls=[CALLS], quiet=[Grant(assets=["weather"]), NO_ARCHIVE])
    full, narrow = person(scopes=["calls", "quiet"]), person(scopes=["calls"], withheld=["quiet"], restraints=["quiet"])
    shed = person(scopes=["calls"])
    assert calling(access, shed, "archive").allowed
    for who in (full, narrow):
        assert calling(access, who, "archive").reason == "denied by scope quiet"
        assert access.restraints(who) == {"quiet"}


def test_of_a_restraint_only_the_denials_hold() -> None:
    access = access_of(quiet=[CALLS, NO_ARCHIVE])
    who = person(withheld=["quiet"], restraints=["quiet"])
    assert not calling(access, who).allowed
    assert calling(access, who).step_up == ("quiet",)


def test_a_restraint_hides_what_its_scope_hides() -> None:
    access = access_of(none=[NO_WEATHER])
    who = person(withheld=["none"], restraints=["none"])
    assert not access.sees(who, WEATHER)
    with pytest.raises(NotFound):
        access.require(who, "read", WEATHER)


@pytest.mark.parametrize("action", sorted(ADMINISTRATION))
def test_administration_needs_a_token_that_carries_it(action: Action) -> None:
    access = access_of(admin=[Grant(actions=["*"])])
    assert access.decide(person(scopes=["admin"]), action).allowed
    refused = access.decide(person(scopes=["admin"], administers=False), action)
    assert (refused.allowed, refused.reason) == (False, "the token does not carry mcp:admin")
    assert (refused.missing, refused.step_up) == (("mcp:admin",), ("mcp:admin",))
    with pytest.raises(AccessDenied, match="mcp:admin") as refusal:
        access.require(person(scopes=["admin"], administers=False), action)
    assert (refusal.value.missing, refusal.value.step_up) == (["mcp:admin"], ["mcp:admin"])
    assert access.decide(SYSTEM, action).allowed


@pytest.mark.parametrize("action", sorted(ADMINISTRATION))
def test_who_may_not_administer_at_all_is_not_told_to_step_up(action: Action) -> None:
    access = access_of(calls=[CALLS], admin=[Grant(actions=["*"])])
    refused = access.decide(person(scopes=["calls"], administers=False), action)
    assert (refused.reason, refused.missing, refused.step_up) == ("no grant", ("admin",), ())


@pytest.mark.parametrize("action", ["audit", "register", "delete", "call"])
def test_what_is_no_administration_needs_no_token_for_it(action: Action) -> None:
    access = access_of(admin=[Grant(actions=["*"])])
    assert access.decide(person(scopes=["admin"], administers=False), action, WEATHER).allowed


def test_a_token_without_administration_is_no_administrators() -> None:
    access = access_of(admin=[Grant(actions=["*"])])
    assert access.administrates(person(scopes=["admin"]))
    assert not access.administrates(person(scopes=["admin"], administers=False))
    assert access.sees(person(scopes=["admin"], administers=False), DIARY)


def test_a_step_up_names_each_withheld_scope_that_alone_would_help() -> None:
    access = access_of(calls=[CALLS], also=[CALLS], reads=[READS], torn=[CALLS, NO_WEATHER], other=[CALLS])
    refused = calling(access, person(withheld=["calls", "also", "reads", "torn"]))
    assert refused.step_up == ("also", "calls")
    assert refused.missing == ("also", "calls", "other")


def test_a_refusal_carries_its_step_up_and_its_details_do_not() -> None:
    access = access_of(calls=[CALLS])
    with pytest.raises(AccessDenied) as refusal:
        access.require(person(withheld=["calls"]), "call", WEATHER, tool="forecast", method="tools/call")
    assert refusal.value.step_up == ["calls"]
    assert refusal.value.details() == {"missing": ["calls"]}


def test_no_scope_is_a_step_up_from_a_denial() -> None:
    access = access_of(calls=[CALLS], none=[Grant(assets=["weather"], actions=["call"], effect="deny")])
    refused = calling(access, person(scopes=["none"], withheld=["calls"]))
    assert (refused.reason, refused.step_up) == ("denied by scope none", ())


def test_a_hidden_asset_is_no_reason_to_step_up() -> None:
    access = access_of(opens=[Grant(assets=["diary"])])
    refused = access.decide(person(withheld=["opens"]), "call", DIARY, tool="x", method="tools/call")
    assert (refused.visible, refused.missing, refused.step_up) == (False, (), ())


def test_a_scope_that_denies_listing_is_no_help_for_what_it_grants() -> None:
    torn = [Grant(assets=["weather"], actions=["call"]), Grant(assets=["weather"], actions=["list"], effect="deny")]
    refused = calling(access_of(torn=torn), person(withheld=["torn"]))
    assert (refused.missing, refused.step_up) == (("server:weather:call:forecast",), ())


NAMES = ["a", "b", "c", "d"]
some_grants = st.lists(
    st.builds(
        Grant,
        assets=st.sampled_from([["weather"], ["*"], ["we*"], ["other"]]),
        tools=st.sampled_from([["*"], ["forecast"], ["archive"]]),
        methods=st.sampled_from([["*"], ["tools/call"], ["prompts/get"]]),
        actions=st.none() | st.sampled_from([["call"], ["read"], ["list"], ["delete"], ["*"]]),
        effect=st.sampled_from(["allow", "allow", "deny"]),
    ),
    max_size=3,
)
some_policy = st.fixed_dictionaries(dict.fromkeys(NAMES, some_grants))
some_names = st.sets(st.sampled_from(NAMES))


@settings(max_examples=examples(400), deadline=None)
@given(some_policy, some_names, some_names, st.sampled_from(["call", "read", "delete", "list"]))
def test_a_step_up_is_exactly_what_turns_the_no_into_a_yes(
    policy: dict[str, list[Grant]], held: set[str], carried: set[str], action: Action
) -> None:
    access = access_of(**policy)
    scopes, withheld, restraints = access.narrowed([], held, frozenset(carried))
    who = Principal("user:ann", scopes=scopes, withheld=withheld, restraints=restraints)
    decision = access.decide(who, action, WEATHER, tool="forecast", method="tools/call")
    if decision.allowed or not decision.visible:
        assert decision.step_up == ()
        return
    for name in NAMES:
        wider = Principal("user:ann", scopes=scopes | {name}, withheld=withheld - {name}, restraints=restraints)
        helps = access.decide(wider, action, WEATHER, tool="forecast", method="tools/call").allowed
        assert (name in decision.step_up) is (helps and name in withheld)
        assert name not in decision.missing or (helps and name not in scopes)


@settings(max_examples=examples(400), deadline=None)
@given(some_policy, some_names, some_names, st.sampled_from(["call", "read", "delete", "list"]))
def test_a_narrower_token_never_may_what_a_full_one_may_not(
    policy: dict[str, list[Grant]], held: set[str], carried: set[str], action: Action
) -> None:
    access = access_of(**policy)
    scopes, withheld, restraints = access.narrowed([], held, frozenset(carried))
    narrow = Principal("user:ann", scopes=scopes, withheld=withheld, restraints=restraints)
    full = Principal("user:ann", scopes=frozenset(held))
    with_less, with_all = (
        access.allows(who, action, WEATHER, tool="forecast", method="tools/call") for who in (narrow, full)
    )
    assert with_all or not with_less
