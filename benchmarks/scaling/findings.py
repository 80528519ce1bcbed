"""What was found, as tables of Markdown, and what the targets say to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.rig.report import Verdict
from benchmarks.scaling.asking import ADMINISTRATOR, LIST, RESTRICTED, SEARCH, Asked, Figures

SMALL, MEDIUM, LARGE = 1_000, 10_000, 100_000
LIST_P50 = 10.0
SEARCH_P50 = {MEDIUM: 15.0, LARGE: 60.0}
CROWD, CROWD_P99 = 100, 2000.0
"""Users at once, and milliseconds their searches may take among `MEDIUM` assets."""
REGISTERED, REGISTERED_IN = 1_000, 30.0
START, MEMORY = 30.0, 1500.0
"""Seconds and megabytes of a lone process over `LARGE` assets; the megabytes are those of every process."""
PERCENTILES, CPU = ("p50 ms", "p95 ms", "p99 ms"), ("CPU ms", "engine ms")
RESTRICTED_SHARE = 1.1
"""What a restricted caller's request may take of the administrator's: no more, but for a tenth of noise."""


@dataclass(frozen=True)
class Place:
    """Where something was measured."""

    store: str
    processes: int
    assets: int

    def __str__(self) -> str:
        return f"{self.store}, {self.processes} process{'es' if self.processes > 1 else ''}, {self.assets:,} assets"


@dataclass(frozen=True)
class Running:
    """How registries start over a filled store and what they hold; seconds and megabytes of the largest.

    `first` is the start that finds no index on disk, `again` one that finds it. `warm` lies between the first start
    and the moment when everything has its vectors; `embedded` is whether they had to be made then.
    """

    written: float
    first: float
    warm: float
    embedded: bool
    again: float
    idle: float
    used: float


@dataclass
class Findings:
    """Everything of a run."""

    running: dict[Place, Running] = field(default_factory=dict)
    asked: dict[Place, dict[Asked, Figures]] = field(default_factory=dict)
    registered: dict[Place, Figures] = field(default_factory=dict)


def report(found: Findings) -> Iterator[str]:
    """The tables."""
    yield from _running(found)
    yield from _registered(found)
    yield from _requests(found)
    yield from _growth(found)


def _table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if rows:
        yield from ("", f"### {title}", "", _row(head), _row(["---"] * len(head)), *map(_row, rows))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(place: Place) -> list[str]:
    return [place.store, str(place.processes), f"{place.assets:,}"]


def _running(found: Findings) -> Iterator[str]:
    head = ["Store", "processes", "assets", "written s", "first start s", "vectors s", "start s", "idle MB", "used MB"]
    rows = [
        [
            *_cells(place), f"{each.written:.1f}", f"{each.first:.1f}",
            f"{each.warm:.1f}{', made' if each.embedded else ''}", f"{each.again:.1f}", f"{each.idle:.0f}",
            f"{each.used:.0f}",
        ]
        for place, each in found.running.items()
    ]  # fmt: skip
    yield from _table("Starts and memory", head, rows)


def _registered(found: Findings) -> Iterator[str]:
    head = ["Store", "processes", "servers", "seconds", *PERCENTILES, *CPU]
    rows = [
        [*_cells(place), f"{each.seconds:.1f}", *_percentiles(each), *_cpu(each)]
        for place, each in found.registered.items()
    ]
    yield from _table("Registration from nothing", head, rows)


def _requests(found: Findings) -> Iterator[str]:
    head = ["Store", "processes", "assets", "request", "caller", "users", *PERCENTILES, "a second", *CPU]
    rows = [
        [*_cells(place), asked.what, asked.who, str(asked.users), *_percentiles(each), f"{each.rate:.0f}", *_cpu(each)]
        for place, figures in found.asked.items()
        for asked, each in figures.items()
    ]
    yield from _table("Requests", head, rows)


def _percentiles(figures: Figures) -> list[str]:
    return [f"{value:.2f}" for value in (figures.p50, figures.cut(95), figures.cut(99))]


def _cpu(figures: Figures) -> list[str]:
    return [f"{figures.cpu:.2f}", f"{figures.engine:.2f}" if figures.engine else ""]


def _growth(found: Findings) -> Iterator[str]:
    """What a median becomes from a thousand assets to as many as there are."""
    rows = []
    for place, figures in found.asked.items():
        sizes = [each.assets for each in found.asked if (each.store, each.processes) == (place.store, place.processes)]
        if place.assets != SMALL or max(sizes) == SMALL:
            continue
        larger = found.asked[Place(place.store, place.processes, max(sizes))]
        rows += [
            [
                place.store, str(place.processes), f"{SMALL:,} to {max(sizes):,}", asked.what, asked.who,
                str(asked.users), f"{larger[asked].p50 / each.p50:.2f}",
            ]
            for asked, each in figures.items()
        ]  # fmt: skip
    head = ["Store", "processes", "assets", "request", "caller", "users", "p50, times"]
    yield from _table("Growth", head, rows)


def verdicts(found: Findings) -> Iterator[Verdict]:
    """The targets, where they were measured."""
    for place, each in found.registered.items():
        if place.assets == REGISTERED:
            yield _under(each.seconds, REGISTERED_IN, "s", f"{place}: registered from nothing")
    for place, running in found.running.items():
        if place.assets == LARGE:
            yield _under(max(running.idle, running.used), MEMORY, "MB", f"{place}: memory of a process")
            if place.processes == 1:
                yield _under(running.again, START, "s", f"{place}: start")
    for place, figures in found.asked.items():
        yield from _requests_kept(place, figures)


def _requests_kept(place: Place, figures: dict[Asked, Figures]) -> Iterator[Verdict]:
    if place.assets == LARGE:
        yield _under(figures[Asked(LIST)].p50, LIST_P50, "ms", f"{place}: p50 of a page of 50")
    if target := SEARCH_P50.get(place.assets):
        yield _under(figures[Asked(SEARCH)].p50, target, "ms", f"{place}: p50 of a search")
    if place.assets == MEDIUM and (crowd := figures.get(Asked(SEARCH, users=CROWD))):
        yield _under(crowd.cut(99), CROWD_P99, "ms", f"{place}: p99 of {CROWD} searches at once")
    if place.assets >= MEDIUM:  # among fewer, a restricted caller has no full page
        for what in (LIST, SEARCH):
            share = figures[Asked(what, RESTRICTED)].p50 / figures[Asked(what, ADMINISTRATOR)].p50
            kept = share <= RESTRICTED_SHARE
            yield Verdict(kept, f"{place}: {what}, restricted: {share:.2f} of the administrator's, a tenth is noise")


def _under(value: float, target: float, unit: str, what: str) -> Verdict:
    return Verdict(value < target, f"{what}: {value:.1f} {unit}, under {target:g}")
