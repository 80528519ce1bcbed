"""What the scan of registrations finds and costs: `python -m benchmarks.scan`, with `--cases FILES` on other sets too.

Each set is judged case by case as `airegistry scan-eval` does. Printed are recall and false positives by kind and
family in both tiers, and milliseconds a case; with `--cisco PYTHON`, a Python that has the Cisco scanners, theirs
beside them, from the same run. Then comes what the scan takes of registering a server with 50 tools, and last every
gate with PASS or FAIL. Exit status 1 when one fails.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

from airegistry.core.errors import ScanFailed
from airegistry.core.findings import SEVERITIES
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import Surroundings
from airegistry.core.unchecked import unchecked_server
from airegistry.evaluation.registry import TrialRegistry
from airegistry.evaluation.scanning import Verdicts, drafted, judged_cases
from airegistry.scanners.cisco import Cisco
from benchmarks.scan_cases import BENIGN, Labelled, own_cases, read_labelled
from benchmarks.scan_gates import Gates, family_gates, rate_gates
from benchmarks.scan_variants import variants

SLOWEST = {"mcp_tool": 25.0, "agent_card": 25.0, "skill": 300.0}
"""Milliseconds, 95th percentile."""
OF_REGISTRATION = 100.0
"""Milliseconds of a scan of 50 tools, median."""
TOOLS, TIMES = 50, 30


@dataclass(slots=True)
class Flags:
    """What one scanner flagged, by id of case, and how long each case took in seconds."""

    name: str
    flagged: Mapping[str, bool]
    seconds: Mapping[str, float]


async def cisco_flags(cases: Sequence[Labelled], python: Path) -> Flags:
    """What the Cisco scanners find of high severity or more; what they cannot read counts as flagged."""
    flagged: dict[str, bool] = {}
    seconds: dict[str, float] = {}
    high, around = SEVERITIES.index("high"), Surroundings(KnownNames())
    async with Cisco(python) as cisco:
        for each in cases:
            asset, started = drafted(each.case).asset, time.perf_counter()
            try:
                found = await cisco.scan(asset, around)
                flagged[each.case.id] = any(SEVERITIES.index(finding.severity) >= high for finding in found)
            except ScanFailed as failure:
                print(f"  cisco, {each.case.id}: {failure.message}", file=sys.stderr)
                flagged[each.case.id] = True
            seconds[each.case.id] = time.perf_counter() - started
    return Flags("cisco", flagged, seconds)


def rates(cases: Sequence[Labelled], flags: Sequence[Flags]) -> None:
    """Print how many of each kind and family were flagged by whom."""
    print(f"  {'kind':<11} {'label':<10} {'family':<26} {'cases':>5}" + "".join(f" {each.name:>14}" for each in flags))
    for kind in dict.fromkeys(each.case.kind for each in cases):
        of_kind = [each for each in cases if each.case.kind == kind]
        for label in dict.fromkeys(each.label for each in of_kind):
            labelled = [each for each in of_kind if each.label == label]
            _row(kind, label, "all", labelled, flags)
            families = sorted({each.family for each in labelled})
            for family in families if len(families) > 1 else ():
                _row("", "", family, [each for each in labelled if each.family == family], flags)


def _row(kind: str, label: str, family: str, cases: Sequence[Labelled], flags: Sequence[Flags]) -> None:
    shares = [sum(each.flagged[case.case.id] for case in cases) for each in flags]
    cells = "".join(f" {count:>5} {count / len(cases):>7.1%}" + " " for count in shares)
    print(f"  {kind:<11} {label:<10} {family:<26} {len(cases):>5}{cells}".rstrip())


def times(cases: Sequence[Labelled], flags: Sequence[Flags], gates: Gates, name: str) -> None:
    """Print milliseconds a case, median and 95th percentile, by kind; the first of the flags has targets."""
    for kind in dict.fromkeys(each.case.kind for each in cases):
        for number, each in enumerate(flags):
            spent = sorted(each.seconds[case.case.id] * 1000 for case in cases if case.case.kind == kind)
            p50, p95 = statistics.median(spent), spent[int(0.95 * (len(spent) - 1))]
            print(f"  {name}, {kind}, {each.name}: p50 {p50:.2f} ms, p95 {p95:.2f} ms, {len(spent)} cases")
            if number == 0:
                gates.most(f"{name}, {kind}: p95", p95, SLOWEST[kind], "ms")


async def registration(gates: Gates) -> None:
    """Measure the scan of a server of 50 tools, and registering it, in a registry in memory without an embedder."""
    drafts = [drafted(each.case).asset for each in own_cases() if each.label == BENIGN and each.case.kind == "mcp_tool"]
    tools = [
        tool.model_dump(by_alias=True, exclude_none=True) for each in drafts for tool in getattr(each, "tools", ())
    ]
    named = list({tool["name"]: tool for tool in tools}.values())[:TOOLS]
    registry, scanned, whole = TrialRegistry(None), [], []
    scans = registry.scans
    for number in range(TIMES):
        server = unchecked_server(f"server {number}", {"url": f"https://s{number}.example.org/mcp"}, named)
        started = time.perf_counter()
        await scans.run(server.model_copy())
        scanned.append((time.perf_counter() - started) * 1000)
        started = time.perf_counter()
        await registry.take([server], lambda what, done, total: None)
        whole.append((time.perf_counter() - started) * 1000)
    share, total = statistics.median(scanned), statistics.median(whole)
    print(f"  registering {len(named)} tools: {total:.1f} ms median, of which the scan {share / total:.0%}")
    gates.most(f"scan of {len(named)} tools, median", share, OF_REGISTRATION, "ms")


async def measure(sets: Mapping[str, Sequence[Labelled]], cisco: Path | None) -> int:
    """Measure every set; returns the exit status."""
    gates, blocked = Gates(), dict[str, tuple[Sequence[Labelled], Mapping[str, bool]]]()
    rated: list[tuple[str, Sequence[Labelled], Mapping[str, bool], Mapping[str, bool], Mapping[str, bool] | None]] = []
    for name, cases in sets.items():
        print(f"\n{name}: {len(cases)} cases")
        found: Verdicts = await judged_cases([each.case for each in cases], lambda what, done, total: None)
        flags = [Flags(tier, found.flagged(tier), found.seconds) for tier in ("block", "review")]
        timed = flags[:1]
        other = await cisco_flags(cases, cisco) if cisco is not None else None
        if other is not None:
            flags.append(other)
            timed.append(other)
        rates(cases, flags)
        times(cases, timed, gates, name)
        for id_, why in found.failed.items():
            print(f"  {id_} could not be scanned and counts as flagged: {why}")
        blocked[name] = (cases, flags[0].flagged)
        rated.append((name, cases, flags[0].flagged, flags[1].flagged, other.flagged if other else None))
    print("\nregistration")
    await registration(gates)
    print("\ngates of issue 6 (those of time are above)")
    for each in rated:
        rate_gates(gates, *each)
    family_gates(gates, blocked)
    print(f"\nFAIL: {'; '.join(gates.failed)}" if gates.failed else "\nPASS: every gate")
    return 1 if gates.failed else 0


def main() -> int:
    """Read the command line, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--cases", type=Path, nargs="+", default=(), help="other sets, in the format of scan-eval with label and family"
    )
    parser.add_argument("--cisco", type=Path, help="a Python that has the Cisco AI Defense scanners")
    given = parser.parse_args()
    sets: dict[str, Sequence[Labelled]] = {"own": own_cases(), "variants": variants()}
    for path in given.cases:
        sets[path.stem if path.stem not in sets else str(path)] = read_labelled(path)
    return anyio.run(measure, sets, given.cisco)


if __name__ == "__main__":
    sys.exit(main())
