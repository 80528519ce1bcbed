"""What is called, how often, by whom, and how fast: counted in memory, written by the hour and by the day.

A document holds what one process counted of one asset in one hour or day, so that replicas never contend; its key
begins with the period, so that a span of time is a range of keys. A counter is text (`calls errors milliseconds`, then
the histogram), because an embedded store holds all documents in memory. What is not written yet is lost with a
process that is killed.
"""

import logging
import secrets
from bisect import bisect_left
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import anyio
from pydantic import JsonValue

from airegistry.core.calls import Call, Outcome
from airegistry.core.documents import Document, DocumentStore, Json
from airegistry.core.errors import AirError, Conflict
from airegistry.core.events import Event
from airegistry.core.grants import ASKS
from airegistry.core.ports import Clock
from airegistry.core.shelf import ref

HOURS, DAYS = "usage_hours", "usage_days"
FORMATS = {HOURS: "%Y-%m-%dT%H", DAYS: "%Y-%m-%d"}
BOUNDS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
"""Milliseconds up to which a call falls into a bucket of the histogram; the last bucket is for all that take longer."""
EMPTY = [0] * (3 + len(BOUNDS) + 1)
CALLS, ERRORS, MILLISECONDS, BUCKETS = 0, 1, 2, 3
FAILED = frozenset({"tool_error", "error", "upstream_failed", "upstream_refused"})
OTHERS = ""
"""Stands for the callers, or the tools, that are too many to be counted one by one."""
TOOLS, CALLERS = 200, {HOURS: 10, DAYS: 50}
"""How many tools and callers a document names, those with the most calls."""
MOST_COUNTERS = 4096
MOST_WAITING = 2048
FLUSH, CARE = 60.0, 3600.0
GRACE = timedelta(hours=1)
"""So long after its end a period takes no more writes, and what several processes counted becomes one document."""
AT_ONCE = 32
RECENT = timedelta(days=30)
PAUSE = 200
Counter = list[int]
Work = Callable[[], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """Calls of one asset: by tool, and by caller. `last` is the latest of them, as a Unix time."""

    tools: dict[str, Counter] = field(default_factory=dict)
    callers: dict[str, Counter] = field(default_factory=dict)
    last: int = 0

    @classmethod
    def of(cls, body: Json) -> "Tally":
        """What a document says."""
        tools, callers, last = body.get("tools"), body.get("callers"), body.get("last")
        return cls(_counters(tools), _counters(callers), last if isinstance(last, int) else 0)

    def add(self, other: "Tally") -> None:
        """Count what another one counted."""
        _merge(self.tools, other.tools)
        _merge(self.callers, other.callers)
        self.last = max(self.last, other.last)

    def body(self, asset: str, callers: int, merged: Iterable[str] = ()) -> Json:
        """A document of it; what is over the bounds is put together."""
        return {
            "asset": asset, "last": self.last, "merged": [*merged],
            "tools": _texts(bounded(self.tools, TOOLS)), "callers": _texts(bounded(self.callers, callers)),
        }  # fmt: skip


class Usage:
    """Counts calls as they end. `hours_kept` and `days_kept` are days."""

    def __init__(self, store: DocumentStore, clock: Clock, *, hours_kept: int = 7, days_kept: int = 365) -> None:
        self._store = store
        self._clock = clock
        self._kept = {HOURS: timedelta(days=hours_kept), DAYS: timedelta(days=days_kept)}
        self._writer = secrets.token_hex(4)
        self._counters: dict[tuple[str, str, str, str | None, str], Counter] = {}
        self._waiting: dict[tuple[str, str, str], Tally] = {}
        """What is to be written, by collection, period and asset."""
        self._since = clock.now()
        self._lock = anyio.Lock()
        self._popular: dict[str, int] = {}

    def count(self, call: Call, outcome: Outcome) -> None:
        """Count an admitted call that has ended. On the data path: no clock but one, no text is made."""
        asset, name, via = call.asset, call.name, call.via
        key = (asset.kind, asset.path, call.method, name, call.who.subject)
        counter = self._counters.get(key) or self._counter(key)
        if counter is None:
            return
        spent = (self._clock.monotonic() - call.started) * 1000
        _note(counter, outcome, spent)
        if via is not None:
            behind = None if name is None else f"{asset.path}/{name}"
            counter = self._counter((via.kind, via.path, call.method, behind, call.who.subject))
            if counter is not None:
                _note(counter, outcome, spent)

    def _counter(self, key: tuple[str, str, str, str | None, str]) -> Counter | None:
        """The counter of a kind, path, method, name and caller; None for what is no use of an asset."""
        kind, path, method, name, _ = key
        if method not in ("tools/call", "prompts/get", "resources/read", *ASKS):
            return None
        if method == "resources/read":  # URIs are made by callers: there is no end of them, and they may tell something
            name = None
        key = (kind, path, method, name, key[4])
        if key not in self._counters and len(self._counters) >= MOST_COUNTERS:
            key = (kind, path, method, name, OTHERS)
            if key not in self._counters and len(self._counters) >= 2 * MOST_COUNTERS:
                key = (kind, path, "tools/call", OTHERS, OTHERS)
        return self._counters.setdefault(key, EMPTY.copy())

    def popularity(self, name: str) -> int:
        """Calls in the last 30 days of an asset by its `kind/path`, or of a tool by `tool/path/name`."""
        return self._popular.get(name, 0)

    async def run(self) -> None:
        """Write what was counted every minute, and once more at the end; see what is popular every hour."""
        looked: float | None = None
        try:
            while True:
                if looked is None or self._clock.monotonic() - looked >= CARE:
                    await self._try(self.look)
                    looked = self._clock.monotonic()
                await anyio.sleep(FLUSH)
                await self._try(self.flush)
        finally:
            with anyio.CancelScope(shield=True):
                await self._try(self.flush)

    async def care(self) -> None:
        """Tidy up every hour, for all processes, until cancelled. Two at once do no harm: see `_join`."""
        while True:
            await self._try(self.tidy)
            await anyio.sleep(CARE)

    async def flush(self) -> None:
        """Write what was counted.

        Raises:
            AirError: some of it could not be written; it is kept, and goes with the next.
        """
        async with self._lock:
            self._gather()
            waiting = list(self._waiting)
            for start in range(0, len(waiting), AT_ONCE):
                failed: list[AirError] = []
                async with anyio.create_task_group() as group:
                    for slot in waiting[start : start + AT_ONCE]:
                        group.start_soon(self._write, slot, failed)
                if failed:
                    raise failed[0]

    async def tidy(self) -> None:
        """Remove what is too old, and make one document of those of several processes."""
        for collection in (HOURS, DAYS):
            await self._forget_before(collection, self._period(collection, self._clock.now() - self._kept[collection]))
            await self._consolidate(collection)

    async def look(self) -> None:
        """See what is popular."""
        popular: dict[str, int] = {}
        async for asset, tally in self.read(DAYS, self._clock.now() - RECENT):
            kind, _, path = asset.partition("/")
            for tool, counter in tally.tools.items():
                popular[asset] = popular.get(asset, 0) + counter[CALLS]
                if kind == "server":
                    name = f"tool/{path}/{tool}"
                    popular[name] = popular.get(name, 0) + counter[CALLS]
        self._popular = popular

    async def on_event(self, event: Event) -> None:
        """Forget what was counted of an asset that is gone: the next of its path starts anew."""
        if not event.deletes:
            return
        gone = ref(event.asset)
        async with self._lock:
            self._gather()
            self._waiting = {slot: tally for slot, tally in self._waiting.items() if slot[2] != gone}
            for collection in (HOURS, DAYS):
                async for document in self._store.find(collection, where={"asset": gone}):
                    await self._store.delete(collection, document.key)

    async def read(
        self, collection: str, since: datetime, asset: str | None = None
    ) -> AsyncIterator[tuple[str, Tally]]:
        """Assets and what was counted of them, in order of time; one more than once."""
        async for _, found, tally in self.periods(collection, since, asset):
            yield found, tally

    async def periods(
        self, collection: str, since: datetime, asset: str | None = None
    ) -> AsyncIterator[tuple[str, str, Tally]]:
        """The same with the period, as in `2026-11-20T17` or `2026-11-20`, before each."""
        where = None if asset is None else {"asset": asset}
        read = 0
        async for document in self._store.find(collection, where=where, after=self._period(collection, since)):
            read += 1
            if read % PAUSE == 0:
                await anyio.lowlevel.checkpoint()
            yield document.key.partition("|")[0], str(document.body["asset"]), Tally.of(document.body)

    def _gather(self) -> None:
        """Move what was counted to what waits, under the period in which it began."""
        counters, self._counters = self._counters, {}
        since, self._since = self._since, self._clock.now()
        tallies: dict[str, Tally] = {}
        for (kind, path, method, name, subject), counter in counters.items():
            tally = tallies.setdefault(f"{kind}/{path}", Tally(last=int(self._since.timestamp())))
            _merge(tally.tools, {_named(method, name): counter})
            _merge(tally.callers, {subject: counter})
        for asset, tally in tallies.items():
            for collection in (HOURS, DAYS):
                slot = (collection, self._period(collection, since), asset)
                if slot in self._waiting or len(self._waiting) < MOST_WAITING:
                    self._waiting.setdefault(slot, Tally()).add(tally)

    async def _write(self, slot: tuple[str, str, str], failed: list[AirError]) -> None:
        """Add what waits to its document; what fails is told, and waits on."""
        collection, period, asset = slot
        key = f"{period}|{asset}|{self._writer}"
        try:
            found = await self._store.get(collection, key)
            tally, merged = (Tally(), []) if found is None else (Tally.of(found.body), _merged(found))
            tally.add(self._waiting[slot])
            body = tally.body(asset, CALLERS[collection], merged)
            await self._store.put(collection, key, body, expect=0 if found is None else found.version)
        except AirError as error:
            failed.append(error)
            return
        del self._waiting[slot]

    async def _try(self, work: Work) -> None:
        try:
            await work()
        except AirError as error:  # counting goes on without its store; what waits is bounded
            log.warning("usage is not written: %s", error.message)

    async def _forget_before(self, collection: str, period: str) -> None:
        async for document in self._store.find(collection):
            if document.key >= period:
                return
            await self._store.delete(collection, document.key)

    async def _consolidate(self, collection: str) -> None:
        """Make one document of those that several processes wrote of a period that is over."""
        over = self._period(collection, self._clock.now() - GRACE)
        same: list[Document] = []
        async for document in self._store.find(collection):
            if document.key >= over:
                break
            if same and _of(document) != _of(same[0]):
                await self._join(collection, same)
                same = []
            same.append(document)
        await self._join(collection, same)

    async def _join(self, collection: str, same: list[Document]) -> None:
        """Add all documents to the first. It names those that are in it, so that none is counted twice, whoever else
        does the same, and wherever it ends."""
        if len(same) < 2:
            return
        first, *others = same
        tally, merged = Tally.of(first.body), _merged(first)
        for document in others:
            if _writer(document) not in merged:
                tally.add(Tally.of(document.body))
                merged.append(_writer(document))
        try:
            body = tally.body(str(first.body["asset"]), CALLERS[collection], merged)
            await self._store.put(collection, first.key, body, expect=first.version)
        except Conflict:
            return
        for document in others:
            await self._store.delete(collection, document.key)

    @staticmethod
    def _period(collection: str, moment: datetime) -> str:
        return moment.astimezone(UTC).strftime(FORMATS[collection])


def bounded(counters: Mapping[str, Counter], most: int) -> dict[str, Counter]:
    """The counters with the most calls, the others as one."""
    if len(counters) <= most:
        return dict(counters)
    ranked = sorted((name for name in counters if name != OTHERS), key=lambda name: (-counters[name][CALLS], name))
    kept = {name: counters[name] for name in ranked[: most - 1]}
    rest = EMPTY.copy()
    for name in (*ranked[most - 1 :], *([OTHERS] if OTHERS in counters else [])):
        add(rest, counters[name])
    return {**kept, OTHERS: rest}


def _note(counter: Counter, outcome: Outcome, milliseconds: float) -> None:
    counter[CALLS] += 1
    if outcome in FAILED:
        counter[ERRORS] += 1
    counter[MILLISECONDS] += int(milliseconds)
    counter[BUCKETS + bisect_left(BOUNDS, milliseconds)] += 1


def _named(method: str, name: str | None) -> str:
    """What a use of an asset is counted under: the name of the tool, or what else was used."""
    if method == "prompts/get":
        return f"prompts/{name}"
    return method if method == "resources/read" else name or OTHERS


def add(counter: Counter, other: Counter) -> None:
    """Add one counter to another."""
    for place, value in enumerate(other):
        counter[place] += value


def _merge(counters: dict[str, Counter], others: Mapping[str, Counter]) -> None:
    for name, other in others.items():
        add(counters.setdefault(name, EMPTY.copy()), other)


def _texts(counters: Mapping[str, Counter]) -> Json:
    return {name: " ".join(map(str, counter)) for name, counter in counters.items()}


def _counters(texts: JsonValue) -> dict[str, Counter]:
    if not isinstance(texts, dict):
        return {}
    return {name: [int(number) for number in str(text).split()] for name, text in texts.items()}


def _of(document: Document) -> str:
    """The period and the asset of a document."""
    return document.key.rpartition("|")[0]


def _writer(document: Document) -> str:
    return document.key.rpartition("|")[2]


def _merged(document: Document) -> list[str]:
    merged = document.body.get("merged")
    return [str(writer) for writer in merged] if isinstance(merged, list) else []
