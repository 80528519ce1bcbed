"""Generated policies, decided as the reference does."""

from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core.access import Access
from airegistry.core.grants import Action, Scope
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from tests.core.wiring import asset
from tests.policy.reference import Answer, Caller, Grant, Reference, Thing
from tests.support.rounds import examples

KINDS = ["server", "skill", "tool", "registry", "*", "all"]
PATHS = ["weather", "vault", "wea*", "*e*", "[a-z]*", "?*", "*", "**", "all"]
TOOLS = ["get", "set", "g*", "rm[all]", "*"]
METHODS = ["tools/call", "tools/list", "prompts/get", "tools/*", "ping", "notifications/*", "*"]
ACTIONS: list[Action] = ["list", "read", "call", "update", "register", "policy", "rate", "approve"]
NAMES = ["one", "two"]


def some(names: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(names), max_size=2)


def grants(**parts: st.SearchStrategy[list[str]]) -> st.SearchStrategy[Grant]:
    """Grants with some of these members."""
    effect = {"effect": st.sampled_from(["allow", "allow", "deny"])}
    return st.fixed_dictionaries({}, optional={**parts, **effect})


narrow_or_wide = grants(
    kinds=some(KINDS),
    assets=some(PATHS),
    tools=some(TOOLS),
    methods=some(METHODS),
    actions=some([*ACTIONS, "*", "all"]),
)
partial_with_every_action = grants(assets=some(PATHS), tools=some(TOOLS), methods=some(METHODS)).map(
    lambda grant: {**grant, "actions": ["*"]}
)
policies = st.fixed_dictionaries(
    dict.fromkeys(NAMES, st.lists(narrow_or_wide | partial_with_every_action | st.just({"actions": ["*"]}), max_size=3))
)
callers = st.builds(
    Caller,
    subject=st.sampled_from(["ann", "bob"]),
    groups=st.sampled_from([frozenset[str](), frozenset({"staff"})]),
    scopes=st.sampled_from([frozenset[str](), frozenset({"one"}), frozenset(NAMES)]),
    restraints=st.sampled_from([frozenset[str](), frozenset({"two"})]),
    administers=st.booleans(),
)
things = st.builds(
    Thing,
    kind=st.sampled_from(["server", "skill", "virtual_server"]),
    path=st.sampled_from(["weather", "vault"]),
    visibility=st.sampled_from(["public", "group", "private"]),
    groups=st.sampled_from([frozenset[str](), frozenset({"staff"})]),
    created_by=st.sampled_from(["ann", "bob"]),
)
actions = st.sampled_from(ACTIONS)
parts = st.sampled_from([None, "get", "set", "rm[all]", "rma"])
methods = st.sampled_from(
    [None, "tools/call", "tools/list", "prompts/get", "prompts/list", "ping", "notifications/cancelled"]
)


def engine(policy: dict[str, list[Grant]]) -> Access:
    access = Access()
    access.replace([Scope.model_validate({"name": name, "grants": found}) for name, found in policy.items()], [])
    return access


def principal(who: Caller) -> Principal:
    return Principal(
        who.subject, groups=who.groups, scopes=who.scopes, restraints=who.restraints, administers=who.administers
    )


def asset_of(it: Thing) -> AnyAsset:
    return asset(it.kind, it.path, visibility=it.visibility, groups=sorted(it.groups), created_by=it.created_by)


@settings(max_examples=examples(800), deadline=None)
@given(policies, callers, things, actions, parts, methods)
def test_decisions_follow_the_rules_as_documented(
    policy: dict[str, list[Grant]], who: Caller, it: Thing, action: Action, part: str | None, method: str | None
) -> None:
    decision = engine(policy).decide(principal(who), action, asset_of(it), tool=part, method=method)
    answer: Answer = "yes" if decision.allowed else "no" if decision.visible else "hidden"
    assert answer == Reference(policy).asks(who, action, it, part, method), decision.reason
    assert decision.reason


@settings(max_examples=examples(300), deadline=None)
@given(policies, callers, actions, st.sampled_from([("registry", ""), ("server", "weather"), ("skill", "new")]))
def test_acts_on_the_registry_and_on_what_is_to_come_follow_the_rules_as_documented(
    policy: dict[str, list[Grant]], who: Caller, action: Action, target: tuple[str, str]
) -> None:
    decision = engine(policy).decide(principal(who), action, target=target)
    assert decision.allowed is (Reference(policy).acts(who, action, *target) == "yes"), decision.reason


@settings(max_examples=examples(200), deadline=None)
@given(policies, callers, things, actions)
def test_a_further_denial_never_allows_more(
    policy: dict[str, list[Grant]], who: Caller, it: Thing, action: Action
) -> None:
    denial: Grant = {"assets": [it.path], "actions": [action], "effect": "deny"}
    denied = Caller(who.subject, who.groups, who.scopes | {"denial"}, who.restraints, administers=who.administers)
    before = engine(policy).decide(principal(who), action, asset_of(it))
    after = engine({**policy, "denial": [denial]}).decide(principal(denied), action, asset_of(it))
    assert not after.allowed
    assert before.visible or not after.visible
