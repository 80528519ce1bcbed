"""What one thing costs, measured many times."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Costs:
    """What one thing costs, in microseconds."""

    name: str
    median: float
    p99: float
    first: float

    def __str__(self) -> str:
        return f"{self.name:<34} {self.median:>8.2f} {self.p99:>8.2f} {self.first:>10.1f}"


HEAD = f"{'microseconds':<34} {'median':>8} {'p99':>8} {'first':>10}"


def measured(name: str, ask: Callable[[int], object], rounds: int) -> Costs:
    """The cost of `ask(round)`, asked so many times; `first` is what the very first one cost."""
    idle = []
    for _ in range(1000):
        before = time.perf_counter_ns()
        idle.append(time.perf_counter_ns() - before)
    timer, taken = statistics.median(idle), []
    for number in range(rounds):
        before = time.perf_counter_ns()
        ask(number)
        taken.append(time.perf_counter_ns() - before - timer)
    cuts = statistics.quantiles(taken, n=100)
    return Costs(name, statistics.median(taken) / 1000, cuts[98] / 1000, taken[0] / 1000)
