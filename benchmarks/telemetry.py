"""What telemetry costs a call through the gateway, switched on and switched off: `python -m benchmarks.telemetry`.

Registries of the same contents run at once and are measured in turn, in random order, so many rounds: two from which
the hooks of telemetry were taken out, one as it comes, and those that tell a collector. CPU is that of a registry's
process, a call.
"""

import argparse
import random
import statistics
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from benchmarks.rig.cells import Cell, sample
from benchmarks.rig.generator import Generator, generating
from benchmarks.rig.messages import Address
from benchmarks.rig.registry import policy
from benchmarks.rig.report import Verdict
from benchmarks.rig.stage import Variant, start
from tests.contract.acts import Desk
from tests.support.otlp import Collector, collecting
from tests.support.processes import Process, python_env
from tests.support.registry import Registry

MOST = 0.10
"""The part of a call's CPU that telemetry may cost more when it is on, with its defaults."""
CELL = Cell("null", "modern", "small", 10)
BARE, ALSO_BARE, OFF, ON, ALL = "no hooks", "no hooks again", "off", "on", "on, every trace"
ROUNDS = 20
Costs = dict[str, list[float]]


class Bare(Registry):
    """A registry without the hooks."""

    def spawn(self, host: str = "127.0.0.1") -> Process:
        command = ["serve", "--host", host, "--port", str(self.port), "--data", str(self.data)]
        run = [sys.executable, "-m", "benchmarks.rig.bare", *command]
        self._process = Process(run, self._log, python_env(self.env))
        return self._process


async def _furnish(registry: Registry, url: str) -> str:
    desk = Desk(registry)
    await desk.register("null", url)
    return await policy(desk, ["null"])


@contextmanager
def staged(collector: Collector) -> Iterator[list[Variant]]:
    """The registries, over one backend."""
    told = {"AIREGISTRY_TELEMETRY_URL": collector.url}
    kinds: dict[str, tuple[type[Registry], dict[str, str]]] = {
        BARE: (Bare, {}), ALSO_BARE: (Bare, {}), OFF: (Registry, {}), ON: (Registry, told),
        ALL: (Registry, {**told, "AIREGISTRY_TELEMETRY_RATIO": "1"}),
    }  # fmt: skip
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        backend, port = start(folder, "null")
        stack.callback(backend.close)
        variants = []
        for name, (kind, env) in kinds.items():
            own = folder / name.replace(" ", "-")
            own.mkdir()
            registry = kind(own, env)
            stack.callback(registry.close)
            registry.start()
            token = anyio.run(_furnish, registry, f"http://127.0.0.1:{port}/mcp")
            address = Address(registry.port, "/null/mcp", token)
            variants.append(Variant(name, "null", address, registry.process.pid, (backend.pid,)))
        yield variants


def rounds(variants: Sequence[Variant], generator: Generator, count: int, seconds: float) -> Costs:
    """Microseconds of CPU a call, by variant and round."""
    found: Costs = {variant.name: [] for variant in variants}
    for variant in variants:
        sample(generator, variant, CELL, seconds)  # what runs first warms up
    for number in range(count):
        for variant in random.sample(variants, len(variants)):
            found[variant.name].append(sample(generator, variant, CELL, seconds).front)
        print(f"round {number + 1} of {count} done", file=sys.stderr)
    return found


def differences(costs: Costs, one: str, other: str) -> list[float]:
    """By how much one variant cost more than another, round by round."""
    return [mine - theirs for mine, theirs in zip(costs[one], costs[other], strict=True)]


def verdicts(costs: Costs) -> Iterator[Verdict]:
    """Whether it costs what it may."""
    bare = statistics.median(costs[BARE])
    added = statistics.median(differences(costs, ON, BARE)) / bare
    yield Verdict(added < MOST, f"on: {added:+.1%} of a call's CPU, under {MOST:.0%}")
    chance = sorted(differences(costs, ALSO_BARE, BARE))
    least, most = chance[0], chance[-1]
    off = statistics.median(differences(costs, OFF, BARE))
    text = f"off: {off:+.1f} µs a call; two builds without hooks differ by {least:+.1f} to {most:+.1f} µs"
    yield Verdict(least <= off <= most, text)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each variant is measured")
    parser.add_argument("--seconds", type=float, default=0.7, help="how long one measurement takes")
    arguments = parser.parse_args(argv)
    with collecting() as collector, staged(collector) as variants, generating() as generator:
        costs = rounds(variants, generator, arguments.rounds, arguments.seconds)
        sent = len(collector.spans)
    print(f"{'':<18}{'CPU µs a call':>14}{'over no hooks':>15}")
    bare = statistics.median(costs[BARE])
    for name, spent in costs.items():
        print(f"{name:<18}{statistics.median(spent):>14.1f}{statistics.median(spent) / bare - 1:>+15.1%}")
    found = [*verdicts(costs), Verdict(sent > 0, f"{sent} spans reached the collector")]
    print(*found, sep="\n")
    return 0 if all(verdict.kept for verdict in found) else 1


if __name__ == "__main__":
    sys.exit(main())
