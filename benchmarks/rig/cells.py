"""What is measured: kinds of calls at several concurrencies, each by every variant, in random order."""

import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from benchmarks.rig.generator import Generator
from benchmarks.rig.messages import ERAS, Era
from benchmarks.rig.stage import Stage, Variant
from benchmarks.rig.system import cpu
from benchmarks.rig.traffic import Job

SLOW = "fastmcp proxy"
"""It needs some 40 ms a call: it gets small bodies and few callers."""


@dataclass(frozen=True)
class Cell:
    """One place of the table."""

    backend: str
    era: Era
    body: str
    callers: int

    def __str__(self) -> str:
        return f"{self.backend}, {self.era}, {self.body}, {self.callers} at once"


@dataclass(frozen=True)
class Sample:
    """One variant in one cell in one round: microseconds, calls a second, microseconds of CPU a call."""

    calls: int
    rate: float
    p50: float
    p99: float
    front: float
    back: float
    generator: float


Samples = dict[tuple[Cell, str], list[Sample]]
"""What was measured by cell and variant, a sample for each round."""


def cells(*, quick: bool) -> list[Cell]:
    """The table: all bodies over FastMCP, small ones over the null backend."""
    bodies = {"small": (1, 10) if quick else (1, 10, 100)}
    if not quick:
        bodies |= {"100 KB in": (1, 10, 100), "100 KB out": (1, 10, 100), "5 MB out": (1, 10)}
    over_fastmcp = [Cell("fastmcp", era, body, n) for body, many in bodies.items() for n in many for era in ERAS]
    return over_fastmcp + [Cell("null", era, "small", n) for n in bodies["small"] for era in ERAS]


def takes_part(variant: Variant, cell: Cell) -> bool:
    """Whether a variant is measured in a cell."""
    if variant.backend != cell.backend:
        return False
    return variant.name != SLOW or (cell.body == "small" and cell.callers <= 10)


def sample(generator: Generator, variant: Variant, cell: Cell, seconds: float) -> Sample:
    """Measure once."""
    spent: list[float] = []
    job = Job(variant.address, cell.era, cell.body, cell.callers, seconds)
    outcome = generator.run(job, before=lambda: spent.extend(_spent(variant)))
    front, back = ((now - then) / outcome.calls * 1e6 for now, then in zip(_spent(variant), spent, strict=True))
    return Sample(outcome.calls, outcome.rate, outcome.p50, outcome.p99, front, back, outcome.cpu)


def _spent(variant: Variant) -> tuple[float, float]:
    return cpu(variant.front) if variant.front else 0.0, sum(cpu(pid) for pid in variant.back)


def rounds(
    stage: Stage, generator: Generator, table: Iterable[Cell], count: int, seconds: float, say: Callable[[str], None]
) -> Samples:
    """All cells `count` times; in each cell the variants follow each other in random order."""
    found: Samples = defaultdict(list)
    for number in range(count):
        for cell in table:
            taking = [variant for variant in stage.variants if takes_part(variant, cell)]
            for variant in random.sample(taking, len(taking)):
                found[cell, variant.name].append(sample(generator, variant, cell, seconds))
        say(f"round {number + 1} of {count} done")
    return found
