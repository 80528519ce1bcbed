"""What a registry costs as its catalog grows: `python -m benchmarks.scale`.

`airegistry serve`, one process and three, over a TinyDB folder and over MongoDB's wire protocol (SecantusDB, a process
of its own on the same machine). docs/benchmarks.md says what is measured and how to read it. Exit status 1 when a
target is missed.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from benchmarks.scaling.asking import Amounts, Asked, Figures, measured, registered
from benchmarks.scaling.findings import LARGE, MEDIUM, REGISTERED, SMALL, Findings, Place, Running, report, verdicts
from benchmarks.scaling.population import KnownVectors
from benchmarks.scaling.site import MONGODB, TINYDB, Ground, Site, ground

STORES = (TINYDB, MONGODB)
UVLOOP = {"use_uvloop": True}
HANDS = 10
"""Callers who register at once."""


@dataclass(frozen=True)
class Plan:
    """What is measured. An embedded store takes up to `MEDIUM` assets and one process."""

    stores: Sequence[str] = STORES
    sizes: Sequence[int] = (100, SMALL, MEDIUM, LARGE)
    processes: Sequence[int] = (1, 3)
    registered: int = REGISTERED
    amounts: Amounts = Amounts(rounds=200, crowds=((10, 30), (100, 10)), registrations=50)  # noqa: RUF009  # frozen
    profile: Path | None = None
    mongodb: str | None = None

    def of(self, store: str) -> tuple[Sequence[int], Sequence[int]]:
        """Sizes and processes of a store. The largest that is embedded for real comes first where it may."""
        if store == TINYDB:
            return sorted((size for size in self.sizes if size <= MEDIUM), reverse=True), (1,)
        return sorted(self.sizes), self.processes


FULL = Plan()
QUICK = Plan(
    sizes=(100,), processes=(2,), registered=20, amounts=Amounts(rounds=10, crowds=((10, 2), (100, 1)), registrations=3)
)


class Run:
    """One run of the benchmark: what it found so far."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self.vectors = KnownVectors(folder / "vectors")
        self.found = Findings()

    def all(self) -> None:
        """Everything of the plan."""
        for store in self._plan.stores:
            sizes, processes = self._plan.of(store)
            if self._plan.registered:
                with ground(store, self._folder / f"{store}-registration", self._plan.mongodb) as place:
                    self._register(place)
            with ground(store, self._folder / store, self._plan.mongodb) as place:
                place.found()
                for size in sizes:
                    written = place.fill(size)
                    for count in processes:
                        self._cell(place, count, written)

    def _register(self, over: Ground) -> None:
        """Servers registered over HTTP, from nothing."""
        site, count = Site(over.folder / "registration", 1, over.env), self._plan.registered
        try:
            site.start()
            figures = anyio.run(
                registered, site.addresses(), partial(site.spent, over.engine), count, HANDS, 0, backend_options=UVLOOP
            )  # fmt: skip
        finally:
            site.stop()
        place = Place(over.store, 1, count)
        self.found.registered[place] = figures
        say(f"{place}: registered in {figures.seconds:.1f} s")

    def _cell(self, over: Ground, processes: int, written: float) -> None:
        """Start over what is filled in, measure, start again."""
        place = Place(over.store, processes, over.filled)
        say(f"{place}: written in {written:.1f} s")
        if over.filled > MEDIUM and over.filled > self.vectors.known:
            self.vectors.invent(over.filled)
        embedded = over.filled > self.vectors.known
        site = over.site(processes, self._plan.profile)
        for registry in site.registries:
            self.vectors.give(registry.data)
        try:
            first = site.start()
            began = time.perf_counter()
            anyio.run(site.warmed)
            warm = time.perf_counter() - began
            say(f"{place}: started in {first:.1f} s, all vectors {warm:.1f} s later, {site.memory():.0f} MB")
            site.profile()
            self.found.asked[place] = self._measured(over, site, place)
            used = site.memory()
            site.stop()
            self.vectors.take(site.registries[0].data, over.filled)
            again = site.start()
            running = Running(written, first, warm, embedded, again, idle=site.memory(), used=used)
        except Exception:
            say(site.said())
            raise
        finally:
            site.stop()
        self.found.running[place] = running
        say(f"{place}: started again in {again:.1f} s, {running.idle:.0f} MB, {used:.0f} MB when it was used")

    def _measured(self, over: Ground, site: Site, place: Place) -> dict[Asked, Figures]:
        seed = place.assets + place.processes
        asked = anyio.run(
            measured, site.addresses(), site.addresses(over.token), partial(site.spent, over.engine), place.assets,
            self._plan.amounts, seed, backend_options=UVLOOP,
        )  # fmt: skip
        for each, figures in asked.items():
            say(f"  {each.what}, {each.who}, {each.users} at once: p50 {figures.p50:.2f} ms, p99 {figures.cut(99):.2f}")
        return asked


def say(line: str) -> None:
    """How far it is; the tables go elsewhere."""
    print(line, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables and what the targets say; 1 when one is missed."""
    plan = _plan(argv)
    with TemporaryDirectory() as folder:
        run = Run(plan, Path(folder))
        try:
            run.all()
        finally:
            print(*report(run.found), sep="\n")
    found = list(verdicts(run.found))
    print("", *found, sep="\n")
    if run.vectors.known > run.vectors.embedded:
        print(f"\nVectors of all but the first {run.vectors.embedded:,} assets are random directions.")
    return 0 if all(verdict.kept for verdict in found) else 1


def _plan(argv: Sequence[str] | None) -> Plan:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="100 assets and few requests: whether it works")
    parser.add_argument("--only", choices=STORES, help="one store")
    parser.add_argument("--assets", type=int, action="append", help="measure at this size; may be repeated")
    parser.add_argument("--processes", type=int, action="append", help="so many over MongoDB; may be repeated")
    parser.add_argument("--mongodb", help="URL of a server, in place of SecantusDB; without a database's name")
    parser.add_argument("--no-registration", action="store_true", help="leave out registration from nothing")
    parser.add_argument("--profile", type=Path, help="run registries under cProfile and write this file for the last")
    given = parser.parse_args(argv)
    plan = QUICK if given.quick else FULL
    return replace(
        plan,
        stores=[given.only] if given.only else plan.stores,
        sizes=given.assets or plan.sizes,
        processes=given.processes or plan.processes,
        registered=0 if given.no_registration else plan.registered,
        profile=given.profile,
        mongodb=given.mongodb,
    )


if __name__ == "__main__":
    sys.exit(main())
