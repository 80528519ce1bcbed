"""Who may do what: tables of cases, and a naive reading of the rules over generated policies."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.access import Access, Action, Grant, Group, Scope
from airegistry.core.errors import AccessDenied, NotFound
from airegistry.core.ports import AnyAsset
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


# A second reading of the documented rules, written to be obvious and not fast.

KINDS = ["server", "skill", "tool", "*"]
PATHS = ["weather", "vault", "wea*", "[a-z]*", "?*", "*", "**"]
TOOLS = ["get", "set", "g*", "rm[all]", "*"]
METHODS = ["tools/call", "tools/list", "prompts/get", "tools/*", "*"]
ACTIONS: list[Action] = ["list", "read", "call", "update", "register", "policy", "rate"]
ON_PARTS = {"list", "read", "call"}
LISTS = {"tools/list": "tools/call", "prompts/list": "prompts/get", "resources/list": "resources/read"}
INCLUDED = {"call": {"call", "read", "list"}, "read": {"read", "list"}}


def is_all(globs: Sequence[str]) -> bool:
    return bool({"*", "**"} & set(globs))


def is_named(globs: Sequence[str], name: str) -> bool:
    return any(name == glob or fnmatchcase(name, glob) for glob in globs)


def opens(grant: Grant, path: str) -> bool:
    by_more_than_wildcards = [glob for glob in grant.assets if not glob.startswith(("*", "?", "["))]
    return is_named(by_more_than_wildcards, path) and names_action(grant, "list")


def names_asset(grant: Grant, kind: str, path: str) -> bool:
    kinds = [*grant.kinds, *(["server", "virtual_server"] if "tool" in grant.kinds else [])]
    return ("*" in kinds or kind in kinds) and is_named(grant.assets, path)


def names_action(grant: Grant, action: str) -> bool:
    if grant.effect == "deny":
        return grant.actions is None or bool({"*", action} & set(grant.actions))
    granted: set[str] = set()
    for each in grant.actions if grant.actions is not None else ["list", "read", "call"]:
        granted |= INCLUDED.get(each, {each})
    return bool({"*", action} & granted)


def names_part(grant: Grant, globs: Sequence[str], name: str | None) -> bool:
    if is_all(globs):
        return True
    return grant.effect == "allow" if name is None else is_named(globs, name)


def names_method(grant: Grant, method: str | None) -> bool:
    used = LISTS.get(method or "")
    by_family = grant.effect == "allow" and used is not None and is_named(grant.methods, used)
    return names_part(grant, grant.methods, method) or by_family


def is_partial(grant: Grant) -> bool:
    return not (is_all(grant.tools) and is_all(grant.methods))


def gives_nothing_of_the_whole(grant: Grant, action: str) -> bool:
    return grant.effect == "allow" and is_partial(grant) and action not in ON_PARTS


def is_seen(who: Principal, it: AnyAsset, about: Sequence[Grant]) -> bool:
    allows = [grant for grant in about if grant.effect == "allow"]
    if any(grant.effect == "deny" and not is_partial(grant) and names_action(grant, "list") for grant in about):
        return False
    return (
        it.visibility == "public"
        or (it.visibility == "group" and bool(who.groups & set(it.groups)))
        or it.created_by == who.subject
        or any(opens(grant, it.path) for grant in allows)
        or any(is_total(grant) for grant in allows)
    )


def is_total(grant: Grant) -> bool:
    parts = (grant.kinds, grant.assets, grant.methods, grant.tools, grant.actions or [])
    return grant.effect == "allow" and all(is_all(part) for part in parts)


def reference(
    who: Principal, action: str, it: AnyAsset, grants: Sequence[Grant], tool: str | None, method: str | None
) -> bool:
    about = [grant for grant in grants if names_asset(grant, it.kind, it.path)]
    if not is_seen(who, it, about):
        return False
    fitting = [
        grant
        for grant in about
        if names_action(grant, action)
        and names_part(grant, grant.tools, tool)
        and names_method(grant, method)
        and not gives_nothing_of_the_whole(grant, action)
    ]
    if any(grant.effect == "deny" for grant in fitting):
        return False
    if fitting:
        return True
    replaced = any(grant.effect == "allow" and names_action(grant, "read") for grant in about)
    return action in {"list", "read", "rate"} and (not replaced or (tool is None and method is None))


def some(names: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), min_size=1, max_size=2)


effects = st.sampled_from(["allow", "allow", "deny"])
any_grants = st.builds(
    Grant,
    kinds=some(KINDS),
    assets=some(PATHS),
    tools=some(TOOLS),
    methods=some(METHODS),
    actions=st.none() | some([*ACTIONS, "*"]),
    effect=effects,
)
every_tool, every_method = st.just(["*"]), st.just(["**"])
parts = st.tuples(some(TOOLS[:-1]), every_method) | st.tuples(every_tool | some(TOOLS[:-1]), some(METHODS[:-1]))
partial_grants_of_every_action = st.builds(
    lambda assets, part, effect: Grant(assets=assets, tools=part[0], methods=part[1], actions=["*"], effect=effect),
    st.just(["*"]) | some(PATHS),
    parts,
    effects,
)
grants_of = any_grants | partial_grants_of_every_action | st.just(ADMIN)
assets_of = st.builds(
    lambda kind, path, visibility, groups, by: asset(kind, path, visibility=visibility, groups=groups, created_by=by),
    st.sampled_from(["server", "skill"]),
    st.sampled_from(["weather", "vault"]),
    st.sampled_from(["public", "group", "private"]),
    st.sampled_from([[], ["staff"]]),
    st.sampled_from(["ann", "bob"]),
)
tools_of = st.sampled_from([None, "get", "set", "rm[all]", "rma"])
methods_of = st.sampled_from([None, "tools/call", "tools/list", "prompts/get", "prompts/list", "ping"])


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(grants_of, max_size=4), assets_of, st.sampled_from(ACTIONS), tools_of, methods_of, st.booleans(),
)  # fmt: skip
def test_decisions_follow_the_rules_as_documented(
    grants: list[Grant], it: AnyAsset, action: Action, tool: str | None, method: str | None, member: bool
) -> None:
    who = caller("bob", groups=["staff"] if member else [])
    decision = policy(*grants).decide(who, action, it, tool=tool, method=method)
    assert decision.allowed is reference(who, action, it, grants, tool, method), decision.reason
    assert decision.visible or not decision.allowed
    assert decision.reason


@settings(max_examples=150, deadline=None)
@given(st.lists(grants_of, max_size=3), assets_of, st.sampled_from(ACTIONS))
def test_a_further_denial_never_allows_more(grants: list[Grant], it: AnyAsset, action: Action) -> None:
    denial = Grant(assets=[it.path], actions=[action], effect="deny")
    before, after = (policy(*each).decide(caller(), action, it) for each in (grants, [*grants, denial]))
    assert not after.allowed
    assert before.visible or not after.visible
