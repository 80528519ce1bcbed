"""What search costs: `python -m benchmarks.find`, or with `--assets 10000` at one size only.

Each size is a process of its own, on one thread: a catalog of servers, tools, agents and skills in a memory store, and
`Search.find` as all surfaces call it, the embedding of the query included. Beside it stand what the same machine does
in the same minutes: a product of the head vectors with a query in numpy, and scoring by words as libraries do that
build their index once. Exit status 1 when a target is missed.
"""

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import numpy as np

from airegistry.core.access import Access
from airegistry.core.events import Event
from airegistry.core.indexing import Progress
from airegistry.core.ports import IndexDocument
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.ranking import bm25, idf, term_weights, tokens
from airegistry.core.search import Search
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility
from airegistry.index.cache import KeptVectors
from airegistry.index.memory import MemoryIndex
from airegistry.index.snapshot import load, load_index, save, save_index
from airegistry.stores.memory import MemoryStore
from benchmarks.invented import Invented, Words, catalog, server

SIZES = {1_000: 3.0, 10_000: 8.0, 100_000: 40.0}
"""Things that can be found, and the milliseconds a search among them may take, median."""
USERS, TURNS, CROWD = 100, 5, 10_000
SLOWEST_USER, LONGEST_BLOCK, UPDATE, START = 2000.0, 20.0, 2.0, 5.0
"""Milliseconds; the start takes seconds."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")}
STAFF = Principal("user:ann", groups=frozenset({"staff"}))
GUEST = Principal("user:bob")


@dataclass
class Report:
    """Prints what was measured, and remembers what was too much."""

    missed: list[str] = field(default_factory=list)

    def line(self, what: str, value: float, unit: str, target: float | None = None, note: str = "") -> None:
        verdict = "" if target is None else f"target {target:g}: {'kept' if value <= target else 'MISSED'}"
        print(f"  {what:<46} {value:>10.2f} {unit:<3} {verdict} {note}".rstrip(), flush=True)
        if target is not None and value > target:
            self.missed.append(what)


@dataclass
class World:
    """A registry's search, and what it was filled with."""

    search: Search
    store: MemoryStore
    shelf: Shelf
    cache: KeptVectors

    @property
    def index(self) -> MemoryIndex:
        """The index in force."""
        index = self.search.indexing.index
        assert isinstance(index, MemoryIndex)
        return index


def opened(store: MemoryStore, index: MemoryIndex, cache: KeptVectors) -> World:
    """A search over a store as the composition root builds it."""
    access, shelf = Access(), Shelf(store)
    search = Search(index, Invented(), access, Visibility(access, "dev"), shelf, vectors=cache)
    return World(search, store, shelf, cache)


def memory() -> float:
    """What this process holds, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def queries(count: int, seed: int) -> list[str]:
    """What is asked for: five words, as rare as those of the documents."""
    words = Words(seed)
    return [words.text(5) for _ in range(count)]


async def timed(ask: Callable[[str], Awaitable[object]], texts: Sequence[str]) -> list[float]:
    """Milliseconds of each."""
    taken = []
    for text in texts:
        before = time.perf_counter()
        await ask(text)
        taken.append(1000 * (time.perf_counter() - before))
    return taken


async def searches(world: World, report: Report, size: int, rounds: int) -> float:
    """One search after the other, by several callers and filters; the median of a plain one."""
    search, wanted = world.search, SIZES.get(size)
    first = await timed(lambda text: search.find(GUEST, text), queries(1, 3))
    report.line("the first find of a caller", first[0], "ms")
    await timed(lambda text: search.find(STAFF, text), queries(2, 4))
    texts, worked = queries(rounds, 5), time.process_time()
    plain = await timed(lambda text: search.find(STAFF, text), texts)
    worked = 1000 * (time.process_time() - worked) / rounds
    report.line("find, p50", statistics.median(plain), "ms", wanted)
    report.line("find, CPU of all threads", worked, "ms", note="what other work on the machine disturbs least")
    report.line("find, p95", statistics.quantiles(plain, n=20)[18], "ms")
    asked: dict[str, Callable[[str], Awaitable[object]]] = {
        "a caller who may not see all": lambda text: search.find(GUEST, text),
        "kinds": lambda text: search.find(STAFF, text, kinds=["tool"]),
        "a tag of all": lambda text: search.find(STAFF, text, tags=["common"]),
        "owner, stage and health": lambda text: search.find(
            STAFF, text, facets={"owner": ["team-3", "team-4"], "stage": ["monitored"], "health": ["healthy"]}
        ),
        "explained": lambda text: search.find(STAFF, text, explain=True),
    }
    for name, ask in asked.items():
        await timed(ask, queries(1, 6))
        taken = statistics.median(await timed(ask, queries(rounds, 5 + len(name))))
        report.line(f"find, {name}, p50", taken, "ms", note=f"{taken / statistics.median(plain):.2f} of plain")
    return statistics.median(plain)


def baselines(documents: Sequence[IndexDocument], found: float, report: Report, rounds: int) -> None:
    """What numpy takes for the heads alone, and scoring by words over arrays that are built once."""
    heads = np.stack([document.vectors[0] for document in documents])
    taken = [_milliseconds(partial(np.matmul, heads, heads[n % len(heads)])) for n in range(rounds)]
    product = statistics.median(taken)
    report.line("numpy: heads times a query, p50", product, "ms", note=f"find takes {found / product:.1f} times that")
    before = time.perf_counter()
    texts = [term_weights(document.fields) for document in documents]
    lengths = np.array([round(length) for _, length in texts])
    holders: dict[str, list[tuple[int, float]]] = {}
    for place, (weights, _) in enumerate(texts):
        for term, weight in weights.items():
            holders.setdefault(term, []).append((place, weight))
    eager = {}
    for term, postings in holders.items():
        slots, weights_of = (np.array(column) for column in zip(*postings, strict=True))
        rarity = idf(len(texts), len(slots))
        eager[term] = slots, bm25(weights_of.astype(float), lengths[slots], lengths.mean(), rarity)
    report.line("scores of words, built once", time.perf_counter() - before, "s", note="and again for each change")

    def score(text: str) -> None:
        scores = np.zeros(len(texts))
        for term in set(tokens(text)):
            if term in eager:
                slots, scored = eager[term]
                scores[slots] += scored
        np.argpartition(scores, -10)

    taken = [_milliseconds(partial(score, text)) for text in queries(rounds, 7)]
    report.line("scores of words, looked up, p50", statistics.median(taken), "ms")


def _milliseconds(act: Callable[[], object]) -> float:
    before = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - before)


async def updates(world: World, report: Report) -> None:
    """One more asset, and its removal, the making of texts and vectors apart."""
    words, added, removed, tools = Words(8), [], [], []

    def put(documents: Sequence[IndexDocument]) -> None:
        for document in documents:
            world.index.put(document)

    for number in range(30):
        asset = server(words, number, "new")
        documents = await world.search.indexing.prepare(asset)
        added.append(_milliseconds(partial(put, documents[:1])))
        tools.append(_milliseconds(partial(put, documents[1:])))
        removed.append(_milliseconds(partial(world.index.remove, documents[0].id)))
        for document in documents[1:]:
            world.index.remove(document.id)
    report.line("a document more, p50", statistics.median(added), "ms", UPDATE)
    report.line("a document less, p50", statistics.median(removed), "ms", UPDATE)
    report.line(f"{len(documents) - 1} documents more, p50", statistics.median(tools), "ms")
    asset = server(words, 0, "new")
    await world.shelf.create(asset)
    before = time.perf_counter()
    await world.search.on_event(Event("server:register", asset, "user:ann"))
    report.line("a server with its tools, as registered", 1000 * (time.perf_counter() - before), "ms")
    await world.shelf.delete(asset)
    await world.search.on_event(Event("server:delete", asset, "user:ann"))


async def crowd(world: World, report: Report) -> None:
    """Many users at once, and how long the event loop is kept from its work meanwhile."""
    taken: list[float] = []
    blocked = [0.0]

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await anyio.sleep(0.001)
            blocked.append(1000 * (time.perf_counter() - before) - 1)

    async def user(number: int) -> None:
        await anyio.sleep(number / 1000)  # requests come one after the other over a network, however many they are
        texts = asked[number::USERS]
        taken.extend(await timed(lambda text: world.search.find(STAFF, text), texts))

    asked = queries(USERS * TURNS, 10)
    with anyio.move_on_after(2):
        await watch()
    idle, blocked[:] = max(blocked), [0.0]
    before = time.perf_counter()
    async with anyio.create_task_group() as watching:
        watching.start_soon(watch)
        async with anyio.create_task_group() as users:
            for number in range(USERS):
                users.start_soon(user, number)
        watching.cancel_scope.cancel()
    rate = len(taken) / (time.perf_counter() - before)
    report.line(f"{USERS} users, p50", statistics.median(taken), "ms", note=f"{rate:.0f} searches a second")
    report.line(f"{USERS} users, the slowest answer", max(taken), "ms", SLOWEST_USER)
    report.line("the event loop was blocked at most", max(blocked), "ms", LONGEST_BLOCK, f"idle it is {idle:.1f}")


async def restart(world: World, report: Report) -> None:
    """Save everything, and start from what was saved."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        before = time.perf_counter()
        save(folder, world.cache)
        save_index(folder, world.index)
        report.line("saved", time.perf_counter() - before, "s")
        report.line("on disk", sum(each.stat().st_size for each in os.scandir(folder)) / 1e6, "MB")
        report.line("memory, of the index alone", await alone(folder), "MB")
        documents = await prepared(world)
        gc.collect()
        before = time.perf_counter()
        cache, index = load(folder, world.cache.fingerprint), load_index(folder)
        loaded = time.perf_counter() - before
        for document in documents:
            index.put(document)
        taken = time.perf_counter() - before
        report.line("start of the index", taken, "s", START, note=f"{loaded:.2f} of them to read the files")
        assert len(index) == len(world.index)
        assert len(cache) == len(world.cache)
        del index, documents
        again = opened(world.store, load_index(folder), load(folder, world.cache.fingerprint))
        before = time.perf_counter()
        await again.search.rebuild()
        await again.search.embed_all()
        report.line("all assets read and held, as at a start", time.perf_counter() - before, "s")
        same = [text for text in queries(5, 9) if await _ids(again, text) != await _ids(world, text)]
        assert not same, "the restored index answers otherwise"


async def alone(folder: Path) -> float:
    """What a process holds more, in MB, when it has loaded the index of a folder."""
    act = f"from benchmarks.find import *; before = memory(); index = load_index(Path({str(folder)!r}))"
    ended = await anyio.run_process([sys.executable, "-c", f"{act}; print(memory() - before)"])
    return float(ended.stdout)


async def prepared(world: World) -> list[IndexDocument]:
    """All documents, their vectors from the cache."""
    return [
        d for asset in list(world.search.indexing.assets.values()) for d in await world.search.indexing.prepare(asset)
    ]


async def _ids(world: World, text: str) -> list[tuple[str, float]]:
    return [(hit.asset.path, hit.score) for hit in (await world.search.find(SYSTEM, text)).hits]


async def measure(size: int, rounds: int) -> list[str]:
    """Fill a registry's search and measure it; what missed its target."""
    report, store, before = Report(), MemoryStore(), memory()
    world = opened(store, MemoryIndex(), KeptVectors("invented"))
    began = time.perf_counter()
    for asset in catalog(size):
        await world.shelf.create(asset)
    with TemporaryDirectory() as name:
        await world.search.indexing.fill(Progress())
        save(Path(name), world.cache)
    filled = time.perf_counter() - began
    gc.collect()
    gc.freeze()  # as `serve` does
    documents = len(world.index)
    print(f"{size:,} things to be found, {documents:,} documents of the index, filled in {filled:.0f} s")
    report.line("memory, with the catalog itself", memory() - before, "MB")
    found = await searches(world, report, size, rounds)
    await updates(world, report)
    if size == CROWD:
        await crowd(world, report)
    await restart(world, report)
    baselines(await prepared(world), found, report, rounds)
    return report.missed


def main(argv: Sequence[str] | None = None) -> int:
    """Measure each size in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--assets", type=int, action="append", help="measure at this size; may be repeated")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--here", action="store_true", help="in this process, with the threads it has")
    arguments = parser.parse_args(argv)
    sizes = arguments.assets or list(SIZES)
    if arguments.here:
        missed = [what for size in sizes for what in anyio.run(measure, size, arguments.rounds)]
        return 1 if missed else 0
    command = [sys.executable, "-m", "benchmarks.find", "--here", "--rounds", str(arguments.rounds), "--assets"]
    ended = [subprocess.run([*command, str(size)], env=os.environ | ONE_THREAD, check=False) for size in sizes]
    return max(process.returncode for process in ended)


if __name__ == "__main__":
    sys.exit(main())
