"""What is remembered of a policy: never longer than it holds, and never without bound."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airegistry.core import access as engine
from airegistry.core import rules
from airegistry.core.access import Access
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.principals import Principal
from tests.core.wiring import asset
from tests.support.rounds import examples

WEATHER = asset("server", "weather")
HOLDER = Principal("ann", scopes=frozenset({"s"}))
POLICIES = {
    "none": [],
    "all": [Grant()],
    "path": [Grant(assets=["weather"])],
    "glob": [Grant(assets=["wea*"])],
    "other": [Grant(assets=["traffic"])],
    "denied": [Grant(), Grant(assets=["weather"], tools=["get"], effect="deny")],
    "hidden": [Grant(), Grant(assets=["weather"], effect="deny")],
}


def allowed(access: Access, who: Principal = HOLDER) -> bool:
    return access.decide(who, "call", WEATHER, tool="get", method="tools/call").allowed


def taken(name: str) -> list[Scope]:
    return [Scope(name="s", grants=POLICIES[name])]


@pytest.mark.parametrize("before", POLICIES)
@pytest.mark.parametrize("after", POLICIES)
def test_a_decision_follows_the_policy_of_its_moment(before: str, after: str) -> None:
    access, fresh = Access(), Access()
    access.replace(taken(before), [])
    allowed(access)
    access.replace(taken(after), [])
    fresh.replace(taken(after), [])
    assert allowed(access) is allowed(fresh) is (after in {"all", "path", "glob"})


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(POLICIES)), st.sampled_from(["s", "t", "st"])), max_size=8))
def test_an_engine_that_saw_many_policies_decides_as_a_new_one(history: list[tuple[str, str]]) -> None:
    access = Access()
    for name, held in history:
        scopes = [*taken(name), Scope(name="t", grants=[Grant(assets=["weather"], actions=["read"])])]
        access.replace(scopes, [Group(name="g", scopes=list(held))])
        fresh = Access()
        fresh.replace(scopes, [Group(name="g", scopes=list(held))])
        for who in (Principal("x", scopes=access.scopes_of(["g"])), HOLDER):
            old, new = (each.decide(who, "call", WEATHER, tool="get", method="tools/call") for each in (access, fresh))
            assert (old.allowed, old.reason, old.missing) == (new.allowed, new.reason, new.missing)


def test_a_new_group_holds_for_who_was_known_before() -> None:
    access = Access()
    access.replace(taken("all"), [Group(name="staff")])
    assert access.scopes_of(["staff"]) == set()
    access.replace(taken("all"), [Group(name="staff", scopes=["s"])])
    assert access.scopes_of(["staff"]) == {"s"}


def test_equal_sets_of_scopes_are_one_so_that_they_are_not_compared_at_each_decision() -> None:
    access = Access()
    assert access.scopes_of([], ["a", "b"]) is access.scopes_of([], ["b", "a"])
    assert access.narrowed([], ["a", "b"], frozenset({"a"})).scopes is access.narrowed([], ["a"], frozenset("a")).scopes


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that remembers next to nothing."""
    monkeypatch.setattr(engine, "SETS", 4)
    monkeypatch.setattr(rules, "ASSETS", 4)
    monkeypatch.setattr(rules, "ASKS", 4)


def test_what_is_forgotten_is_decided_again_as_before(small: None) -> None:
    access = Access()
    access.replace(
        [Scope(name=f"s{n}", grants=[Grant(assets=[f"p{n}", "q*"], tools=[f"t{n}*"])]) for n in range(9)], []
    )
    servers = [asset("server", f"{letter}{n}") for letter in "pq" for n in range(9)]
    for _ in range(2):
        for n in range(9):
            who = Principal("ann", scopes=access.scopes_of([], [f"s{n}"]))
            for server in servers:
                for tool in ("t3", f"t{n}", "t"):
                    expected = tool == f"t{n}" and (server.path == f"p{n}" or server.path.startswith("q"))
                    assert access.allows(who, "call", server, tool=tool, method="tools/call") is expected


def test_what_was_asked_of_assets_without_rules_of_their_own_is_forgotten_and_decided_again(small: None) -> None:
    access = Access()
    access.replace([Scope(name="s", grants=[Grant(tools=["get_*"])])], [])
    for _ in range(2):
        for number in range(9):
            for tool, expected in ((f"get_{number}", True), (f"set_{number}", False)):
                assert access.allows(HOLDER, "call", WEATHER, tool=tool, method="tools/call") is expected


def test_no_decision_of_another_thread_outlives_a_change_of_policy() -> None:
    """Searches decide in threads of their own while the policy changes."""
    access, stop, granted_to_nobody = Access(), threading.Event(), list[bool]()
    access.replace(taken("all"), [])
    nobody = Principal("eve", scopes=frozenset({"never"}))

    def ask() -> None:
        while not stop.is_set():
            allowed(access)
            granted_to_nobody.append(allowed(access, nobody))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    answers = []
    for turn in range(300):
        access.replace(taken("none" if turn % 2 else "all"), [])
        answers.append(allowed(access))
    stop.set()
    for thread in threads:
        thread.join(5)
    assert answers == [True, False] * 150
    assert not any(granted_to_nobody)
