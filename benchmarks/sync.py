"""What keeping up with a large registry costs: `python -m benchmarks.sync [--servers N] [--profile FILE]`.

A replica of the official MCP registry with 10,000 remote servers on loopback, and `airegistry serve` as it comes, scans
on: the first sync, then two in which nothing changed, one told of changes alone and one of everything. Exit status 1
when a target is missed.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import orjson
from fastmcp import Client

from airegistry.stores.framing import HEADER_SIZE, Findings, records
from airegistry.stores.open import JOURNAL_NAME
from benchmarks.rig.registry import Profiled
from tests.support import mcp
from tests.support.mcp import Json
from tests.support.processes import free_port
from tests.support.registry import Registry
from tests.support.registry_replica import Replica
from tests.support.registry_seed import invented

SERVERS = 10_000
FIRST, AGAIN, WRITES = 300.0, 20.0, 1
"""Targets: seconds of the first sync and of one without a change, and documents that the latter writes."""
SOURCE = "official"
PATIENCE = 1_800.0


@dataclass(frozen=True, slots=True)
class Pass:
    """One sync: what it took in seconds, what the process took of a processor, what it did, and what it wrote."""

    what: str
    seconds: float
    cpu: float
    writes: Counter[str]
    run: Json

    def line(self) -> str:
        """The figures, for a person."""
        counts = ", ".join(f"{self.run[name]} {name}" for name in ("added", "changed", "unchanged", "refused"))
        writes = ", ".join(f"{count} {name}" for name, count in self.writes.items())
        return f"{self.what:<22}{self.seconds:8.1f} s{self.cpu:8.1f} s CPU   {counts}   writes: {writes}"


async def measured(servers: int, folder: Path, profile: Path | None = None) -> list[Pass]:
    """The passes, over a replica with so many servers."""
    port = free_port()
    documents = list(invented(servers, seed=88, remote=1.0, versions=0.0))
    for number, document in enumerate(documents):
        document["remotes"][0]["url"] = f"http://127.0.0.1:{port}/{number}"
    env = {"AIREGISTRY_HEALTH_INTERVAL": "0"}
    registry = Profiled(folder, profile, env) if profile else Registry(folder, env)
    async with Replica(documents, apart=60.0).served() as url:
        try:
            await anyio.to_thread.run_sync(registry.start)
            if isinstance(registry, Profiled):
                registry.begin()
            async with mcp.connect(registry.mcp, registry.token) as client:
                await mcp.call(
                    client, "add_source", name=SOURCE, kind="mcp-registry", url=url, interval=60, description="Ours."
                )
                passes = [await _pass(registry, "first", client), await _pass(registry, "again, changes alone", client)]
                await mcp.call(client, "update_source", name=SOURCE, options={"filter": ["*"]})
                return [*passes, await _pass(registry, "again, everything", client)]
        finally:
            await anyio.to_thread.run_sync(registry.close)


async def _pass(registry: Registry, what: str, client: "Client[Any]") -> Pass:
    """The next pass that is made: the first of a source, or one that is due by itself."""
    cpu, before = _cpu(registry), _journal(registry)
    known = await _runs(client)
    with anyio.fail_after(PATIENCE):
        while (runs := await _runs(client))[:1] == known[:1]:  # noqa: ASYNC110  # nobody tells
            await anyio.sleep(0.2)
    run = runs[0]
    began, ended = (datetime.fromisoformat(run[name]) for name in ("started", "ended"))
    after = _journal(registry)
    writes = _written(after[len(before) :] if after.startswith(before[:4096]) else after, began)
    return Pass(what, (ended - began).total_seconds(), _cpu(registry) - cpu, writes, run)


async def _runs(client: "Client[Any]") -> list[Json]:
    runs: list[Json] = (await mcp.call(client, "get_source", name=SOURCE))["runs"]
    return runs


def _cpu(registry: Registry) -> float:
    """Seconds of a processor that the registry has used."""
    fields = Path(f"/proc/{registry.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _journal(registry: Registry) -> bytes:
    """The records of the journal of documents."""
    return (registry.data / JOURNAL_NAME).read_bytes()[HEADER_SIZE:]


def _written(journal: bytes, began: datetime) -> Counter[str]:
    """Writes by their collection that are of a pass. Beside it servers are fetched, which does not update them."""
    found: Counter[str] = Counter()
    for _, payload in records(journal, 0, Findings(0)):
        _, collection, _, _, body = orjson.loads(payload)
        updated = body["updated_at"] if collection == "assets" and body else None
        if collection == "source_states" or (updated is not None and datetime.fromisoformat(updated) >= began):
            found[collection] += 1
    return found


def verdicts(passes: Sequence[Pass], servers: int) -> list[tuple[str, bool]]:
    """The targets, and whether each is met."""
    first, *later = passes
    held = [(f"first sync of {servers} under {FIRST:g} s", first.seconds < FIRST and first.run["added"] == servers)]
    for one in later:
        held.append((f"{one.what}: under {AGAIN:g} s", one.seconds < AGAIN and one.run["changed"] == 0))
        held.append((f"{one.what}: at most {WRITES} write", one.writes.total() <= WRITES))
    return held


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the targets are met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--servers", type=int, default=SERVERS)
    parser.add_argument("--profile", type=Path, help="write a cProfile of the registry to this file")
    asked = parser.parse_args(argv)
    with TemporaryDirectory() as folder:
        passes = anyio.run(measured, asked.servers, Path(folder), asked.profile)
    for one in passes:
        print(one.line())
    held = verdicts(passes, asked.servers)
    for target, met in held:
        print(f"{'PASS' if met else 'FAIL'}  {target}")
    return 0 if all(met for _, met in held) else 1


if __name__ == "__main__":
    sys.exit(main())
