"""The gateway beside direct calls, nginx and FastMCP's own proxy, in one run: `python -m benchmarks.gateway`.

docs/benchmarks.md says what is measured and how to read it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rig.cells import cells, rounds
from benchmarks.rig.generator import generating
from benchmarks.rig.report import CPU, Verdict, table, verdicts
from benchmarks.rig.soak import idle_streams, soak
from benchmarks.rig.stage import staged

SETS = {
    "all": ("direct", "nginx", "gateway", "virtual", "fastmcp proxy"),
    "proxy": ("direct", "gateway"),
    "virtual": ("direct", "virtual"),
    "ours": ("direct", "nginx", "gateway", "virtual"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when a target is missed."""
    arguments = _arguments(argv)
    found: list[Verdict] = []
    with staged(SETS[arguments.only], arguments.profile) as stage, generating() as generator:
        for name, reason in stage.skipped.items():
            print(f"skipped: {name}: {reason}")
            if name in CPU:
                found.append(Verdict(False, f"{name}: not measured"))
        if arguments.soak:
            found += soak(stage, generator, arguments.calls)
        elif arguments.streams:
            found += idle_streams(stage)
        else:
            table_of = cells(quick=arguments.quick)
            count = arguments.rounds or (3 if arguments.quick else 5)
            seconds = arguments.seconds or (0.7 if arguments.quick else 1.5)
            samples = rounds(stage, generator, table_of, count, seconds, lambda line: print(line, file=sys.stderr))
            print(*table(samples), sep="\n")
            found += verdicts(samples)
    print(*found, sep="\n")
    return 0 if all(verdict.kept for verdict in found) else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small bodies, 1 and 10 callers, 3 short rounds")
    parser.add_argument("--only", choices=SETS, default="all", help="which variants are measured")
    parser.add_argument("--rounds", type=int, help="how often each cell is measured")
    parser.add_argument("--seconds", type=float, help="how long one measurement takes")
    parser.add_argument("--profile", type=Path, help="run the registry under cProfile and write this file")
    parser.add_argument("--soak", action="store_true", help="memory over many calls instead of the table")
    parser.add_argument("--calls", type=int, default=100_000, help="calls of the soak")
    parser.add_argument("--streams", action="store_true", help="memory of 500 idle streams instead of the table")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
