"""The table of a run, and what the targets say to it. Ratios are medians over paired rounds."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.rig.cells import Cell, Sample, Samples

CPU = {"gateway": 300.0, "virtual": 350.0}
"""Microseconds of CPU that a call with a small body may cost, by variant."""
P50_RATIO, P50_ADDED = 1.5, 600.0
"""What a lone caller's median latency may become: times direct, and microseconds more with a small body."""
RATES = {10: 0.6, 100: 0.7}
"""The share of the direct throughput that must be left, by callers at once."""
WIDTHS = f"{'':<14}{'CPU µs':>9}{'backend':>9}{'p50 µs':>9}{'p99 µs':>10}{'calls/s':>9}"
HEAD = WIDTHS + f"{'p50/direct':>12}{'p50 added':>11}{'rate/direct':>13}{'rate/nginx':>12}"


@dataclass(frozen=True)
class Verdict:
    """One target in one cell."""

    kept: bool
    text: str

    def __str__(self) -> str:
        return f"{'PASS' if self.kept else 'FAIL'}  {self.text}"


def median(samples: Sequence[Sample], of: Callable[[Sample], float]) -> float:
    """The median over rounds."""
    return statistics.median(of(one) for one in samples)


def paired(
    samples: Sequence[Sample], others: Sequence[Sample] | None, of: Callable[[Sample, Sample], float]
) -> float | None:
    """The median over rounds of what two variants make together; None without the other one."""
    if not others:
        return None
    return statistics.median(of(one, other) for one, other in zip(samples, others, strict=True))


def rate_ratio(one: Sample, other: Sample) -> float:
    return one.rate / other.rate


def p50_ratio(one: Sample, other: Sample) -> float:
    return one.p50 / other.p50


def p50_added(one: Sample, other: Sample) -> float:
    return one.p50 - other.p50


def table(found: Samples) -> Iterator[str]:
    """The lines of the whole table."""
    yield HEAD
    cell: Cell | None = None
    for (at, name), samples in found.items():
        if at != cell:
            cell = at
            own = median(found[at, "direct"], lambda one: one.generator) if (at, "direct") in found else 0
            yield f"-- {at}   (load generator: {own:.0f} µs of CPU a call)"
        yield _line(name, samples, found.get((at, "direct")), found.get((at, "nginx")))


def _line(name: str, samples: list[Sample], direct: list[Sample] | None, nginx: list[Sample] | None) -> str:
    front = median(samples, lambda one: one.front)
    line = f"{name:<14}{_number(front or None, '.0f', 9)}{median(samples, lambda one: one.back):>9.0f}"
    line += f"{median(samples, lambda one: one.p50):>9.0f}{median(samples, lambda one: one.p99):>10.0f}"
    line += f"{median(samples, lambda one: one.rate):>9.0f}"
    compared = None if name == "direct" else direct
    line += _number(paired(samples, compared, p50_ratio), ".2f", 12)
    line += _number(paired(samples, compared, p50_added), "+.0f", 11)
    line += _number(paired(samples, compared, rate_ratio), ".2f", 13)
    return line + _number(paired(samples, nginx if name != "nginx" else None, rate_ratio), ".2f", 12)


def _number(value: float | None, form: str, width: int) -> str:
    return f"{'-' if value is None else format(value, form):>{width}}"


def verdicts(found: Samples) -> Iterator[Verdict]:
    """The targets, over the FastMCP backend: the null one is there to see the gateway's own cost."""
    for (cell, name), samples in found.items():
        if cell.backend == "fastmcp" and name in CPU:
            yield from _verdicts(cell, name, samples, found.get((cell, "direct")))


def _verdicts(cell: Cell, name: str, samples: list[Sample], direct: list[Sample] | None) -> Iterator[Verdict]:
    where = f"{name}: {cell}"
    if cell.body == "small":
        spent = median(samples, lambda one: one.front)
        yield Verdict(spent < CPU[name], f"{where}: {spent:.0f} µs of CPU a call, under {CPU[name]:.0f}")
    if not direct:
        return
    if cell.callers == 1:
        times = paired(samples, direct, p50_ratio) or 0
        yield Verdict(times < P50_RATIO, f"{where}: p50 {times:.2f} times direct, under {P50_RATIO}")
        if cell.body == "small":
            added = paired(samples, direct, p50_added) or 0
            yield Verdict(added < P50_ADDED, f"{where}: p50 {added:+.0f} µs, under {P50_ADDED:.0f} added")
    elif cell.callers in RATES:
        share = paired(samples, direct, rate_ratio) or 0
        least = RATES[cell.callers]
        yield Verdict(share >= least, f"{where}: {share:.2f} of direct throughput, at least {least}")
