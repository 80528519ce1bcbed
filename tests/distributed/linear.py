"""Whether what several clients saw of one document can have happened one act after another: linearizability.

The search is that of Wing and Gong (1993) with the memory of Lowe (2017): from a state, each act that nobody had to
wait for is tried next, and no state is gone into twice. What changes nothing and fits is taken at once, for putting it
later cannot help; so only writes branch, and their versions leave few of them.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

PRESENT = -1
"""An `expect` that any version meets."""
MOST_STATES = 200_000
"""States after which the search gives up, and finds the history at fault: nothing wrong passes by it."""
NEVER = math.inf
"""The `returned` of an act whose outcome nobody knows: it may take effect at any time after it was called."""
Act = Literal["get", "put", "delete"]
Outcome = Literal["ok", "absent", "conflict", "unknown"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One act of one client, from `called` to `returned` on a clock that all clients share.

    `value` is what was written or read, None for no document; `version` the one that was told, if any.
    """

    called: float
    returned: float
    act: Act
    outcome: Outcome
    expect: int | None = None
    value: str | None = None
    version: int | None = None
    who: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """A document. Deletions count as versions too; without a value there is none."""

    version: int = 0
    value: str | None = None


def step(state: State, operation: Operation) -> State | None:
    """The state after an operation; None when it cannot have come out as it did."""
    there, expect = state.value is not None, operation.expect
    if operation.act == "get":
        same = operation.value == state.value and (not there or operation.version in (None, state.version))
        return state if same else None
    fits = expect is None or (there and expect in (PRESENT, state.version)) or (expect == 0 and not there)
    missing = operation.act == "delete" and not there
    if operation.outcome == "absent":
        return None if there else state
    if operation.outcome == "conflict":
        return None if fits or missing else state
    if not fits or missing or operation.version not in (None, state.version + 1):
        return None
    return State(state.version + 1, operation.value if operation.act == "put" else None)


def flaw(operations: Iterable[Operation], begin: State = State()) -> str | None:
    """Why no order of these operations is known that explains what came of them; None when one does."""
    history = _History(operations)
    seen: set[tuple[int, int, State]] = set()
    stack = [(0, 0, begin)]
    furthest = (-1, "")
    while stack and len(seen) < MOST_STATES:
        done, guessed, state = history.settled(*stack.pop())
        if done == history.all:
            return None
        if (done, guessed, state) in seen:
            continue
        seen.add((done, guessed, state))
        if done.bit_count() > furthest[0]:
            furthest = done.bit_count(), history.told(done, state)
        for place, after in history.unknown_after(done, guessed, state):
            stack.append((done, guessed | place, after))
        stack.extend((done | place, guessed, after) for place, after in history.after(done, state))
    return f"{len(seen)} states tried, the furthest {furthest[1]}"


class _History:
    """Operations in the order of their calls. Sets of them are the bits of a number."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        ordered = sorted(operations, key=lambda operation: operation.called)
        self._sure: Sequence[Operation] = [each for each in ordered if each.outcome != "unknown"]
        self._unsure: Sequence[Operation] = [each for each in ordered if each.outcome == "unknown"]
        self.all = (1 << len(self._sure)) - 1
        self._seen = {each.version: each.value for each in self._sure if each.version is not None}

    def settled(self, done: int, guessed: int, state: State) -> tuple[int, int, State]:
        """The same state after whatever may be next and changes nothing."""
        while True:
            idle = [place for place, operation in self._next(done) if step(state, operation) is state]
            if not idle:
                return done, guessed, state
            for place in idle:
                done |= place

    def after(self, done: int, state: State) -> list[tuple[int, State]]:
        """Each operation that may be next, and the state it leads to; what returned first is the last of them."""
        found = [
            (operation.returned, place, after)
            for place, operation in self._next(done)
            if (after := self._step(state, operation)) is not None
        ]
        return [(place, after) for _, place, after in sorted(found, key=lambda each: each[0], reverse=True)]

    def unknown_after(self, done: int, guessed: int, state: State) -> Iterator[tuple[int, State]]:
        """The same of operations that may have happened or not."""
        horizon = min(operation.returned for _, operation in self._next(done))
        for number, operation in enumerate(self._unsure):
            if operation.called > horizon:
                return
            if not guessed >> number & 1 and (after := self._step(state, operation)) is not None:
                yield 1 << number, after

    def _step(self, state: State, operation: Operation) -> State | None:
        """The state after an operation, unless somebody saw another value at that version: it would lead nowhere."""
        after = step(state, operation)
        if after is None or self._seen.get(after.version, after.value) != after.value:
            return None
        return after

    def told(self, done: int, state: State) -> str:
        """The state that nothing leads on from."""
        lines = [f"after {done.bit_count()} of {len(self._sure)} operations: {state}; next would be one of"]
        return "\n  ".join([*lines, *(str(operation) for _, operation in self._next(done))])

    def _next(self, done: int) -> Iterator[tuple[int, Operation]]:
        """The operations that were called before any other one that is left had returned."""
        horizon = NEVER
        number = (~done & (done + 1)).bit_length() - 1
        while number < len(self._sure) and (operation := self._sure[number]).called <= horizon:
            if not done >> number & 1:
                horizon = min(horizon, operation.returned)
                yield 1 << number, operation
            number += 1
