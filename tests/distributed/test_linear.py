"""The check of histories: what happened one after another passes, whatever else is found out."""

import random
from dataclasses import replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.distributed.linear import NEVER, PRESENT, Act, Operation, Outcome, State, flaw, step


def put(called: float, returned: float, value: str, version: int | None = None, **more: int) -> Operation:
    outcome: Outcome = "unknown" if returned == NEVER else "ok"
    return Operation(called, returned, "put", outcome, more.get("expect"), value, version)


def get(called: float, returned: float, value: str | None, version: int | None = None) -> Operation:
    return Operation(called, returned, "get", "ok", value=value, version=version)


def delete(called: float, returned: float, outcome: Outcome = "ok", expect: int | None = None) -> Operation:
    return Operation(called, returned, "delete", outcome, expect)


EXPLAINED = {
    "a write that was under way is read, then not yet": [put(0, 9, "a", 1), get(1, 2, None), get(3, 4, "a", 1)],
    "an unknown write happens late": [put(0, 1, "a", 1), put(2, NEVER, "b"), get(3, 4, "a", 1), get(5, 6, "b", 2)],
    "an unknown write never happens": [put(0, NEVER, "a"), get(1, 2, None), put(3, 4, "b", 1)],
    "a write after a deletion goes on counting": [put(0, 1, "a", 1), delete(2, 3), put(4, 5, "b", 3, expect=0)],
    "of two that create one is refused": [
        put(0, 4, "a", 1, expect=0), Operation(1, 2, "put", "conflict", 0, "b"), get(5, 6, "a", 1),
    ],
    "what is gone is not deleted": [put(0, 1, "a", 1), delete(2, 3), delete(4, 5, "absent", 1)],
    "an update without versions": [put(0, 1, "a", expect=0), put(2, 3, "b", expect=PRESENT), get(4, 5, "b")],
}  # fmt: skip

PLANTED = {
    "a lost write": [put(0, 1, "a", 1), put(2, 3, "b", 2), get(4, 5, "a", 1)],
    "a stale read": [put(0, 1, "a", 1), put(2, 3, "b", 2), get(4, 5, "b", 2), get(6, 7, "a", 1)],
    "a write that comes back": [put(0, 1, "a", 1), put(2, NEVER, "b"), get(3, 4, "b", 2), get(5, 6, "a", 1)],
    "two that win one version": [put(0, 1, "a", 1), put(2, 5, "b", 2, expect=1), put(3, 4, "c", 2, expect=1)],
    "two that create": [put(0, 4, "a", 1, expect=0), put(1, 3, "b", 2, expect=0)],
    "a value nobody wrote": [put(0, 1, "a", 1), get(2, 3, "b", 1)],
    "a write made twice": [put(0, 1, "a", 1), get(2, 3, "a", 2)],
    "a refusal without a reason": [put(0, 1, "a", 1), Operation(2, 3, "put", "conflict", 1, "b")],
    "a deletion that did nothing": [put(0, 1, "a", 1), delete(2, 3), get(4, 5, "a", 1)],
    "a deletion that finds nothing": [put(0, 1, "a", 1), delete(2, 3, "absent")],
    "an unknown write before it was called": [get(0, 1, "a", 1), put(2, NEVER, "a")],
    "a read of before after a read of now": [
        put(0, 1, "a", 1), put(2, 9, "b", 2), get(3, 4, "b", 2), get(5, 6, "a", 1),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", EXPLAINED)
def test_what_can_have_happened_one_after_another_passes(name: str) -> None:
    assert flaw(EXPLAINED[name]) is None


@pytest.mark.parametrize("name", PLANTED)
def test_what_cannot_is_found_and_told(name: str) -> None:
    assert "next would be one of" in str(flaw(PLANTED[name]))


ACTS: list[Act] = ["get", "put", "delete"]
OUTCOMES: dict[Act, list[Outcome]] = {"get": ["ok"], "put": ["ok", "conflict", "unknown"], "delete": ["ok", "absent"]}


@st.composite
def histories(draw: st.DrawFn) -> list[Operation]:
    """A few operations at any times with any outcomes."""
    made = []
    for _ in range(draw(st.integers(1, 5))):
        called = draw(st.integers(0, 6))
        act = draw(st.sampled_from(ACTS))
        outcome = draw(st.sampled_from(OUTCOMES[act]))
        returned = NEVER if outcome == "unknown" else called + draw(st.integers(0, 4))
        value = None if act == "delete" else draw(st.sampled_from(["a", "b"] if act == "put" else ["a", "b", None]))
        told = outcome == "ok" and act != "delete" and value is not None
        made.append(
            Operation(
                called,
                returned,
                act,
                outcome,
                None if act == "get" else draw(st.sampled_from([None, 0, 1, PRESENT])),
                value,
                draw(st.sampled_from([None, 1, 2])) if told else None,
            )
        )
    return made


@given(histories())
def test_it_finds_an_order_whenever_trying_all_of_them_does(history: list[Operation]) -> None:
    assert (flaw(history) is None) == tried(history)


def tried(history: list[Operation]) -> bool:
    """The same by every order of every choice of what happened."""
    sure = [operation for operation in history if operation.outcome != "unknown"]
    unsure = [operation for operation in history if operation.outcome == "unknown"]
    for chosen in range(1 << len(unsure)):
        happened = [*sure, *(operation for n, operation in enumerate(unsure) if chosen >> n & 1)]
        if any(explains(order) for order in permutations(happened)):
            return True
    return False


def explains(order: tuple[Operation, ...]) -> bool:
    state: State | None = State()
    for place, operation in enumerate(order):
        if any(later.returned < operation.called for later in order[place + 1 :]):
            return False
        if state is not None:
            state = step(state, operation)
    return state is not None


def simulated(seed: int, size: int, unknown: float) -> list[Operation]:
    """A register of twelve clients, each act of which takes effect at one moment between its call and its return. A
    share of them is `unknown`."""
    dice, state, history = random.Random(seed), State(), list[Operation]()
    for moment in range(size):
        called, returned = moment - 12 * dice.random(), moment + 12 * dice.random()
        act = dice.choice(["get", "put", "put", "delete"])
        expect = dice.choice([None, 0, state.version, max(state.version - 1, 0)]) if act != "get" else None
        there = state.value is not None
        done = Operation(called, returned, "get", "ok", value=state.value, version=state.version if there else None)
        if act == "put":
            done = Operation(called, returned, "put", "ok", expect, f"v{moment}", state.version + 1)
        elif act == "delete":
            done = Operation(called, returned, "delete", "ok" if there else "absent", expect or None)
        after = step(state, done)
        if after is None:
            done = replace(done, outcome="conflict", version=None)
        elif act != "get" and done.outcome == "ok" and dice.random() < unknown:
            done = replace(done, outcome="unknown", returned=NEVER, version=None)
            after = dice.choice([state, after])
        state = after or state
        history.append(done)
    return history


@pytest.mark.parametrize("seed", range(5))
def test_a_long_history_of_many_clients_passes(seed: int) -> None:
    assert flaw(simulated(seed, 2_000, unknown=0.02)) is None


@pytest.mark.parametrize("seed", range(5))
def test_one_wrong_answer_in_a_long_history_is_found(seed: int) -> None:
    history = simulated(seed, 1_000, unknown=0)
    dice = random.Random(seed)
    read = dice.choice([n for n, each in enumerate(history) if each.act == "get" and each.value and n > 200])
    write = dice.choice([n for n, each in enumerate(history) if each.act == "put" and each.version and n < 900])
    first = next(each for each in history if each.act == "put" and each.version)
    stale = replace(history[read], value=first.value, version=first.version)
    assert flaw([*history[:read], stale, *history[read + 1 :]])
    assert flaw([*history[:write], *history[write + 1 :]])
