"""What knowing a caller and deciding cost: `python -m benchmarks.access`.

Decisions are made with 500 scopes held and 10,000 assets.

The policy is mixed as policies are: most scopes name assets by path, some by how their paths begin, some all of them;
some name tools or methods, some deny. The caller asks of assets in random order, so that most of what is remembered
of one asset is forgotten when it is asked of again. Figures are microseconds of one decision, the timer's own cost
taken off.
"""

import argparse
import gc
import random
import sys
from collections.abc import Callable, Sequence

from airegistry.core.access import Access
from airegistry.core.assets import Server, Tool
from airegistry.core.grants import Action, Grant, Scope
from airegistry.core.principals import Principal
from benchmarks.bearer import VERIFICATION_BUDGET, bearer_costs
from benchmarks.costs import HEAD, Costs, measured

SCOPES, ASSETS, TEAMS = 500, 10_000, 200
BUDGET = 20.0
"""Microseconds a decision may cost, median."""


def path(number: int) -> str:
    """The path of the asset of a number."""
    return f"team{number % TEAMS}-service{number}"


def grants(number: int, dice: random.Random) -> list[Grant]:
    """What the scope of a number grants: three in five name assets, one in five what teams have, one in five all."""
    tools = [["get_*", "list_*"], ["*"]][number % 2]
    if number % 5 < 3:
        assets = [path(dice.randrange(ASSETS)) for _ in range(20)]
        denied = Grant(assets=assets[:2], tools=["delete_*"], effect="deny")
        return [Grant(assets=assets, tools=tools, actions=["call"]), denied]
    if number % 5 == 3:
        return [Grant(assets=[f"team{number % TEAMS}-*"], tools=tools, methods=["tools/*"], actions=["call"])]
    return [Grant(kinds=["server"], tools=[f"get_{number}*"], actions=["call"]), Grant(kinds=["skill"])]


def assets(count: int) -> list[Server]:
    """Servers; one in ten is for a group, one in ten private."""
    audience = {0: "group", 1: "private"}
    return [
        Server(
            path=path(number), name=path(number), url="https://x.test/mcp", tools=[Tool(name="get_item")],
            visibility=audience.get(number % 10, "public"), groups=["staff"],
        )
        for number in range(count)
    ]  # fmt: skip


def decisions(rounds: int) -> list[Costs]:
    """The cost of decisions of several kinds."""
    dice = random.Random(7)
    access, world = Access(), assets(ASSETS)
    everything = [Scope(name=f"scope-{n:04}", grants=grants(n, dice)) for n in range(SCOPES)]
    who = Principal("user:ann", scopes=frozenset(scope.name for scope in everything))
    order = [dice.choice(world) for _ in range(rounds)]
    hot = order[:100]
    few = Principal("user:bob", scopes=frozenset(dice.sample(sorted(who.scopes), 5)))

    def ask(
        among: Sequence[Server], action: Action, tool: str | None, method: str | None, who: Principal = who
    ) -> Callable[[int], object]:
        return lambda n: access.decide(who, action, among[n % len(among)], tool=tool, method=method)

    mixes: list[tuple[str, Callable[[int], object]]] = [
        ("call, any of 10,000 assets", ask(order, "call", "get_item", "tools/call")),
        ("call, refused, any of 10,000", ask(order, "call", "drop_item", "tools/call")),
        ("list, any of 10,000 assets", ask(order, "list", None, None)),
        ("delete, refused, any of 10,000", ask(order, "delete", None, None)),
        ("call, 5 of 500 scopes held", ask(order, "call", "get_item", "tools/call", few)),
        ("call, one of 100 assets", ask(hot, "call", "get_item", "tools/call")),
    ]
    found = []
    for name, mix in mixes:
        access.replace(everything, [])  # each begins with nothing remembered
        gc.collect()
        found.append(measured(name, mix, rounds))
    compile_all = measured("a new policy of 500 scopes", lambda n: access.replace(everything, []), 20)
    return [*found, compile_all]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when a decision costs more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50_000)
    arguments = parser.parse_args(argv)
    found = decisions(arguments.rounds)
    bearers, call = bearer_costs(arguments.rounds)
    print(HEAD, *found, *bearers, sep="\n")
    slow = [costs for costs in found[:-1] if costs.median > BUDGET]
    late = [costs for costs in bearers if costs.cached and costs.median > VERIFICATION_BUDGET]
    print(f"a decision: budget {BUDGET:.0f} µs median: {'exceeded' if slow else 'kept'}")
    print(f"a known bearer token: budget {VERIFICATION_BUDGET:.0f} µs median: {'exceeded' if late else 'kept'}")
    known = next(costs.median for costs in bearers if costs.cached)
    share, deciding = 100 * known / call, 100 * found[0].median / call
    print(f"a gateway call: {call:.0f} µs of CPU, {share:.1f} % of it for the token, {deciding:.1f} % for a decision")
    return 1 if slow or late else 0


if __name__ == "__main__":
    sys.exit(main())
