"""Who may do what, in tables of cases; `tests/policy` has generated ones and a reference."""

from collections.abc import Sequence

import pytest

from airegistry.core.access import Access
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.grants import Action, Grant, Group, Scope
from airegistry.core.principals import SYSTEM, Principal
from tests.core.wiring import asset

WEATHER = asset("server", "weather")
STAFF_ONLY = asset("server", "vault", visibility="group", groups=["staff"])
PRIVATE = asset("server", "diary", visibility="private", created_by="ann")
OF_VISIBILITY = {"public": WEATHER, "group": STAFF_ONLY, "private": PRIVATE}


def policy(*grants: Grant) -> Access:
    access = Access()
    access.replace([Scope(name="s", grants=list(grants))], [Group(name="staff", scopes=["s"])])
    return access


def caller(subject: str = "bob", *, groups: Sequence[str] = (), scopes: Sequence[str] = ("s",)) -> Principal:
    return Principal(subject, groups=frozenset(groups), scopes=frozenset(scopes))


NARROW = Grant(assets=["weather", "vault", "diary"])
WILD = Grant(assets=["*"])
ADMIN = Grant(actions=["*"])


@pytest.mark.parametrize("grants", [[], [WILD], [NARROW], [ADMIN]], ids=["none", "wild", "narrow", "admin"])
@pytest.mark.parametrize("visibility", ["public", "group", "private"])
def test_wildcards_open_public_assets_only_while_narrow_grants_and_administrators_see_all(
    visibility: str, grants: list[Grant]
) -> None:
    opened = visibility == "public" or grants in ([NARROW], [ADMIN])
    assert policy(*grants).sees(caller(), OF_VISIBILITY[visibility]) is opened


def test_members_of_its_groups_see_a_group_asset_and_others_do_not() -> None:
    access = policy()
    assert access.sees(caller(groups=["staff"]), STAFF_ONLY)
    assert not access.sees(caller(groups=["guests"]), STAFF_ONLY)


def test_groups_named_on_a_private_asset_open_it_to_nobody() -> None:
    kept = asset("server", "kept", visibility="private", groups=["staff"], created_by="ann")
    assert not policy().sees(caller(groups=["staff"]), kept)


@pytest.mark.parametrize("visibility", ["public", "group", "private"])
def test_whoever_registered_an_asset_sees_it(visibility: str) -> None:
    own = asset("server", "own", visibility=visibility, created_by="bob")
    assert policy().sees(caller(), own)
    assert not policy().decide(caller(), "call", own).allowed


@pytest.mark.parametrize("visibility", ["public", "group", "private"])
def test_an_operator_may_do_everything_whatever_is_denied(visibility: str) -> None:
    decision = policy(Grant(effect="deny")).decide(SYSTEM, "delete", OF_VISIBILITY[visibility])
    assert (decision.allowed, decision.reason) == (True, "operator")


@pytest.mark.parametrize("action", ["list", "read", "rate"])
def test_without_a_grant_a_public_asset_may_be_listed_read_and_rated(action: Action) -> None:
    assert policy().decide(caller(), action, WEATHER).allowed


@pytest.mark.parametrize("action", ["call", "register", "update", "toggle", "refresh", "delete", "transition", "scan"])
def test_without_a_grant_nothing_else_may_be_done_with_it(action: Action) -> None:
    decision = policy().decide(caller(), action, WEATHER)
    assert not decision.allowed
    assert decision.visible
    assert decision.missing == (f"server:weather:{action}",)


@pytest.mark.parametrize("action", ["audit", "policy", "token"])
def test_rights_on_one_kind_are_none_on_the_registry_itself(action: Action) -> None:
    assert not policy(Grant(kinds=["server"], actions=["*"])).decide(caller(), action).allowed
    assert policy(Grant(actions=[action])).decide(caller(), action).allowed
    with pytest.raises(AccessDenied, match=f"{action} is not granted on the registry"):
        policy().require(caller(), action)


@pytest.mark.parametrize(
    ("granted", "asked", "allowed"),
    [
        ("call", "read", True),
        ("call", "list", True),
        ("read", "list", True),
        ("read", "call", False),
        ("update", "list", False),
    ],
)
def test_call_includes_read_and_read_includes_list(granted: str, asked: Action, allowed: bool) -> None:
    access = policy(
        Grant(assets=["weather"], actions=[granted]), Grant(actions=["read", "list"], effect="deny", tools=["-"])
    )
    hidden = asset("server", "weather", visibility="private")
    assert access.decide(caller(), asked, hidden).allowed is allowed


@pytest.mark.parametrize(
    ("used", "listed"),
    [
        ("tools/call", "tools/list"),
        ("prompts/get", "prompts/list"),
        ("resources/read", "resources/list"),
        ("resources/read", "resources/templates/list"),
    ],
)
def test_whoever_may_use_a_method_may_use_the_list_of_its_family(used: str, listed: str) -> None:
    access = policy(Grant(assets=["weather"], methods=[used]))
    assert access.decide(caller(), "read", WEATHER, method=listed).allowed
    others = {"tools/list", "prompts/list", "resources/list"} - {listed}
    if used != "resources/read":
        assert not any(access.decide(caller(), "read", WEATHER, method=other).allowed for other in others)


def test_a_list_that_may_be_read_does_not_let_its_items_be_used() -> None:
    access = policy(Grant(assets=["weather"], methods=["tools/list"]))
    assert not access.decide(caller(), "call", WEATHER, tool="forecast", method="tools/call").allowed


def test_a_grant_replaces_the_baseline_so_that_only_the_tools_it_names_are_seen() -> None:
    for actions in (None, ["call"], ["read"]):
        access = policy(Grant(assets=["weather"], tools=["get_*"], actions=actions))
        assert access.sees(caller(), WEATHER)
        assert access.sees(caller(), WEATHER, "get_rain")
        assert not access.sees(caller(), WEATHER, "set_rain")
    assert policy(Grant(assets=["weather"], actions=["refresh"])).sees(caller(), WEATHER, "set_rain")


@pytest.mark.parametrize("narrowed", [{"tools": ["set_*"]}, {"methods": ["tools/call"]}])
def test_denying_a_tool_or_a_method_does_not_hide_the_asset(narrowed: dict[str, list[str]]) -> None:
    access = policy(Grant(assets=["weather"]), Grant(assets=["weather"], effect="deny", **narrowed))
    assert access.sees(caller(), WEATHER)
    assert access.decide(caller(), "read", WEATHER, method="tools/list").allowed
    denied = access.decide(caller(), "call", WEATHER, tool="set_rain", method="tools/call")
    assert (denied.allowed, denied.visible, denied.reason) == (False, True, "denied by scope s")


def test_denying_all_of_an_asset_hides_it() -> None:
    access = policy(Grant(assets=["weather"]), Grant(assets=["wea*"], effect="deny"))
    decision = access.decide(caller(), "list", WEATHER)
    assert (decision.visible, decision.reason) == (False, "hidden by scope s")
    with pytest.raises(NotFound, match="no server named 'weather'"):
        access.require(caller(), "call", WEATHER, tool="x", method="tools/call")


def test_denying_an_action_wins_over_a_grant_of_everything() -> None:
    access = policy(ADMIN, Grant(actions=["delete"], effect="deny"))
    assert access.decide(caller(), "update", WEATHER).allowed
    assert not access.decide(caller(), "delete", WEATHER).allowed


def test_denying_call_does_not_deny_what_call_includes() -> None:
    access = policy(Grant(actions=["call"], effect="deny"))
    assert access.decide(caller(), "read", WEATHER).allowed


def test_a_registration_is_decided_by_the_path_it_is_going_to_have() -> None:
    access = policy(Grant(kinds=["server"], assets=["team-*"], actions=["register"]))
    assert access.decide(caller(), "register", target=("server", "team-a")).allowed
    assert not access.decide(caller(), "register", target=("server", "other")).allowed
    assert not access.decide(caller(), "register", target=("skill", "team-a")).allowed
    with pytest.raises(AccessDenied, match="register is not granted on skill 'team-a'"):
        access.require(caller(), "register", target=("skill", "team-a"))


@pytest.mark.parametrize("kind", ["server", "virtual_server"])
def test_a_grant_on_tools_speaks_of_the_servers_that_have_them(kind: str) -> None:
    access = policy(Grant(kinds=["tool"], assets=["weather"], tools=["forecast"]))
    assert access.decide(caller(), "call", asset(kind, "weather"), tool="forecast", method="tools/call").allowed
    assert not access.decide(caller(), "call", asset("agent", "weather")).allowed


@pytest.mark.parametrize("everything", ["*", "all"])
def test_star_and_all_mean_everything_of_their_sort(everything: str) -> None:
    names = [everything]
    grant = Grant(kinds=names, assets=names, methods=names, tools=names, actions=names)
    assert policy(grant).administrates(caller())


def test_an_empty_list_names_nothing() -> None:
    assert not policy(Grant(assets=[])).decide(caller(), "call", WEATHER).allowed


def test_whoever_is_denied_something_does_not_administrate() -> None:
    assert not policy(ADMIN, Grant(assets=["diary"], effect="deny")).administrates(caller())
    assert not policy(WILD).administrates(caller())
    assert policy().administrates(SYSTEM)


def test_a_refusal_names_the_scopes_that_would_help_and_no_others() -> None:
    access = Access()
    callers = Scope(name="callers", grants=[Grant(assets=["weather"])])
    torn = Scope(name="torn", grants=[Grant(assets=["weather"]), Grant(assets=["weather"], effect="deny")])
    other = Scope(name="other", grants=[Grant(assets=["traffic"])])
    access.replace([callers, torn, other], [])
    decision = access.decide(caller(scopes=[]), "call", WEATHER, tool="forecast", method="tools/call")
    assert decision.missing == ("callers",)
    with pytest.raises(AccessDenied, match="call forecast is not granted on server 'weather'") as refusal:
        access.require(caller(scopes=["other"]), "call", WEATHER, tool="forecast", method="tools/call")
    assert refusal.value.details() == {"missing": ["callers"]}


def test_groups_bring_their_scopes_and_unknown_ones_none() -> None:
    assert policy().scopes_of(["staff", "nobody"], ["direct"]) == {"s", "direct"}


def test_a_new_policy_holds_for_the_next_decision() -> None:
    access = policy(Grant(assets=["weather"]))
    assert access.decide(caller(), "call", WEATHER).allowed
    access.replace([], [])
    assert not access.decide(caller(), "call", WEATHER).allowed
    assert access.revision == 2
