"""What a list of 1,000 tools takes: `python -m benchmarks.lists`.

FastMCP itself, our proxy in front of it and our virtual server over it, in turn, all in one run.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import orjson

from benchmarks.rig.backends import MANY
from benchmarks.rig.messages import ERAS, Address, Era
from benchmarks.rig.registry import policy
from benchmarks.rig.stage import start
from benchmarks.rig.traffic import Conversation
from tests.contract.acts import Desk
from tests.support.mcp import ToolFailure
from tests.support.registry import Registry, serving

BUDGET = 5.0
"""Milliseconds, median."""
PROXY, VIRTUAL = "many", "many-virtual"


@contextmanager
def places() -> Iterator[dict[str, Address]]:
    """Where the list is asked for, by name."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        process, port = start(folder, "many")
        stack.callback(process.close)
        registry = stack.enter_context(serving(folder))
        token, refused = anyio.run(_furnish, registry, f"http://127.0.0.1:{port}/mcp")
        found = {"FastMCP": Address(port), "proxy": Address(registry.port, f"/{PROXY}/mcp", token)}
        if refused:
            print(f"skipped: virtual server: {refused}")
        else:
            found["virtual server"] = Address(registry.port, f"/{VIRTUAL}/mcp", token)
        yield found


async def _furnish(registry: Registry, url: str) -> tuple[str, str]:
    desk, refused = Desk(registry), ""
    await desk.register(PROXY, url)
    try:
        await desk.ask("create_virtual_server", path=VIRTUAL, name=VIRTUAL, tools=[{"server": PROXY, "tool": "*"}])
    except ToolFailure as failure:
        refused = str(failure)
    return await policy(desk, [PROXY, VIRTUAL]), refused


async def measured(address: Address, era: Era, count: int) -> list[float]:
    """Milliseconds of each of some lists, all pages of it."""
    talk = await Conversation.begin(address, era)
    took = []
    for number in range(count):
        began, names, cursor = time.perf_counter(), [], None
        while True:
            answer = await talk.ask("tools/list", {"cursor": cursor} if cursor else {}, number + 1)
            arrived = time.perf_counter()
            result = orjson.loads(answer.message)["result"]
            names += [tool["name"] for tool in result["tools"]]
            cursor = result.get("nextCursor")
            if cursor is None:
                break
        assert len(set(names)) == MANY, f"{address.path}: {len(names)} tools"
        took.append((arrived - began) * 1000)
    await talk.close()
    return took


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; 1 when a list takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lists", type=int, default=20, help="lists in a round")
    arguments = parser.parse_args(argv)
    found: dict[tuple[str, Era], list[float]] = {}
    with places() as asked:
        for _ in range(arguments.rounds):
            for era in ERAS:
                for name, address in asked.items():
                    found.setdefault((name, era), []).extend(anyio.run(measured, address, era, arguments.lists))
    late = False
    print(f"{MANY} tools, milliseconds{'p50':>14}{'p99':>9}{'first':>9}")
    for (name, era), took in found.items():
        median, cuts = statistics.median(took), statistics.quantiles(took, n=100)
        line = f"{name + ', ' + era:<25}{median:>14.2f}{cuts[98]:>9.2f}{took[0]:>9.2f}"
        if name != "FastMCP":
            late = late or median >= BUDGET
            line += f"   {'PASS' if median < BUDGET else 'FAIL'} under {BUDGET:.0f}"
        print(line)
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
