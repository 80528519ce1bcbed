"""What the audit trail costs a call: `python -m benchmarks.audit`, in microseconds of processor time.

The whole way of a record is in it: noted by the call, printed with its masked parameters, chained, framed and written
to segment files by a thread. The time of the disk is not, nor is it on the way of a call.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import orjson

from airegistry.clock import SystemClock
from airegistry.core.access import Access
from airegistry.core.audit import Audit
from airegistry.core.audit_calls import CallRules
from airegistry.core.audit_events import AuditFilter
from airegistry.core.audit_parameters import Parameters
from airegistry.core.audit_query import find_events
from airegistry.core.documents import Json
from airegistry.core.principals import Principal
from airegistry.stores.segments import SegmentLog

WHO = Principal("user:ann", client="cli", scopes=frozenset({"weather-readers", "staff", "everybody"}))
SMALL: Json = {"city": "Berlin", "days": 3, "units": "metric", "fields": ["wind", "rain"], "note": "for the trip"}
LARGE: Json = {f"field{number}": f"some words of an argument, number {number}" for number in range(100)}
TOGETHER = 250
"""Calls between two turns of the drain: a window of 25 ms at 10,000 calls a second."""


async def costs(rounds: int, mode: str, arguments: Json) -> tuple[float, float]:
    """Microseconds of processor time a call: in the call itself, and in all."""
    params: Json = {"name": "x", "arguments": arguments}
    body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    said: Callable[[], Json] = lambda: orjson.loads(body)["params"]  # noqa: E731  # as the gateway has it
    rules = CallRules(parameters=Parameters({"": "none" if mode == "none" else "masked"}))
    with TemporaryDirectory() as folder:
        async with SegmentLog.open(Path(folder)) as log:
            audit = Audit(log, Access(), SystemClock(), calls=rules)
            note = partial(
                audit.note_call, WHO, "tools/call", "server/weather", "forecast", decision="allow", outcome="ok",
                reason="scope weather-readers", started=time.monotonic(), target="http://127.0.0.1:9/mcp",
                data_classification="internal", via=None, said=said,
            )  # fmt: skip
            in_call, begun = 0.0, time.process_time()
            for _ in range(rounds // TOGETHER):
                before = time.process_time()
                for _ in range(TOGETHER):
                    note()
                in_call += time.process_time() - before
                await audit.settle()
            return in_call / rounds * 1e6, (time.process_time() - begun) / rounds * 1e6


async def queries(records: int) -> list[tuple[str, float]]:
    """Milliseconds of a page of 100 over so many records."""
    wanted = {
        "the newest": AuditFilter(),
        "of a caller who is everywhere": AuditFilter(subject="user:ann"),
        "of one who is nowhere": AuditFilter(subject="user:nobody"),
        "a refusal, one in ten thousand": AuditFilter(decision="deny"),
    }
    found = []
    with TemporaryDirectory() as folder:
        async with SegmentLog.open(Path(folder)) as log:
            audit = Audit(log, Access(), SystemClock())
            for number in range(records):
                decision = "deny" if number % 10_000 == 5_000 else "allow"
                audit.note_call(
                    WHO, "tools/call", f"server/s{number % 300}", "forecast", decision=decision, outcome="ok",
                    reason="", started=time.monotonic(), target=None, data_classification=None, via=None,
                )  # fmt: skip
                if number % TOGETHER == 0:
                    await audit.settle()
            await audit.settle()
            for name, asked in wanted.items():
                before = time.perf_counter()
                await find_events(log, None, asked, limit=100, cursor=None)
                found.append((name, (time.perf_counter() - before) * 1000))
    return found


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20_000)
    parser.add_argument("--records", type=int, default=200_000)
    asked = parser.parse_args()
    print(f"{'microseconds of processor time a call':<46} {'in the call':>12} {'in all':>8}")
    for name, mode, arguments in (
        ("without parameters", "none", SMALL), ("a few parameters, masked", "masked", SMALL),
        ("a hundred parameters, masked and cut", "masked", LARGE),
    ):  # fmt: skip
        in_call, in_all = anyio.run(costs, asked.rounds, mode, arguments)
        print(f"{name:<46} {in_call:>12.1f} {in_all:>8.1f}")
    print(f"\n{f'milliseconds of a page of 100 of {asked.records:,} records':<46} {'':>12} {'':>8}")
    for name, milliseconds in anyio.run(queries, asked.records):
        print(f"{name:<46} {'':>12} {milliseconds:>8.1f}")


if __name__ == "__main__":
    main()
