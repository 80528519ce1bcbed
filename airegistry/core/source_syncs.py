"""The passes over sources: opened, made, settled; what they came to is saved in one write, and told.

The mark of the next pass is saved last: whatever a pass is cut short of, the next one does.
"""

import json
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import anyio

from airegistry.core.assets import Entity, Json
from airegistry.core.audit import Audit
from airegistry.core.errors import AirError, Conflict, Internal, NotFound
from airegistry.core.events import Event, Events
from airegistry.core.leases import Lease, LeaseLost
from airegistry.core.masking import masked_url
from airegistry.core.ports import Cipher, Clock
from airegistry.core.shelf import Shelf
from airegistry.core.source_diff import Held, held_by_id
from airegistry.core.source_intake import Arrivals, Origin, courier
from airegistry.core.source_pass import CAPS, Caps, Pass, Ways, digest_of
from airegistry.core.source_records import LONGEST_ERROR, RUNS, Run, SourceRecord, SourceState
from airegistry.core.source_schedule import begins_at, next_due
from airegistry.core.source_secrets import Keeper
from airegistry.core.source_store import SourceStore
from airegistry.core.sources import Source, SourceConfig, SourceDrivers
from airegistry.core.telemetry import Telemetry

log = logging.getLogger(__name__)
TELLS = 2.0
"""Seconds at least between two words to other processes on how far a pass is."""


class Syncs:
    """Makes passes over sources, and takes down what came from those that are removed."""

    def __init__(
        self, sources: SourceStore, drivers: SourceDrivers, arrivals: Arrivals, shelf: Shelf, audit: Audit,
        events: Events, cipher: Cipher, clock: Clock, telemetry: Telemetry, *,
        caps: Caps = CAPS, chance: Callable[[], float] = lambda: secrets.randbelow(1 << 30) / (1 << 30),
    ) -> None:  # fmt: skip
        """`chance` is evenly spread over [0, 1)."""
        self.sources = sources
        self.drivers = drivers
        self.caps = caps
        self._arrivals = arrivals
        self._shelf = shelf
        self._audit = audit
        self._events = events
        self._cipher = cipher
        self._clock = clock
        self._telemetry = telemetry
        self._chance = chance
        self._lease: Lease | None = None
        self._running: dict[str, Run] = {}
        self._told: dict[str, float] = {}
        self._turns: dict[str, anyio.Lock] = {}
        self._under_way: dict[str, tuple[anyio.CancelScope, SourceRecord, str]] = {}
        sources.subscribe(self._look)

    def under(self, lease: Lease | None) -> None:
        """Make passes for other processes too, as long as the lease holds; None when it does no more."""
        self._lease = lease

    def sealed(self, secrets: Json) -> str:
        """The secrets of a source as they are kept."""
        return self._cipher.encrypt(json.dumps(secrets)) if secrets else ""

    def config(self, record: SourceRecord) -> SourceConfig:
        """A source as its driver sees it."""
        opened = json.loads(self._cipher.decrypt(record.sealed)) if record.sealed else {}
        keep = Keeper(self.sources, self._cipher, record.name, opened)
        return SourceConfig(record.name, record.kind, record.url, dict(record.options), opened, keep)

    def running(self, name: str) -> Run | None:
        """The pass over a source that is under way in this process, as far as it is."""
        return self._running.get(name)

    def under_way(self, name: str) -> bool:
        """Whether a pass over a source is under way in this process."""
        return name in self._running

    async def sync(self, name: str) -> Run:
        """Make a pass over a source now, here, and save where the next one begins; what becomes of it is told.

        Raises:
            NotFound: there is no such source.
            Internal: the registry cannot go on.
        """
        async with self._turns.setdefault(name, anyio.Lock()):
            record = self.sources.record(name)
            state = self.sources.state(record)
            if forced := bool(state.wanted) and state.forced == state.wanted:
                state = state.model_copy(update={"mark": None})  # only a whole pass retires
            self._running[name] = run = Run(started=self._clock.now(), request=state.wanted)
            mark, error = None, None
            with anyio.CancelScope() as scope:
                self._under_way[name] = scope, record, state.stop
                try:
                    async with self._audit.attempt(courier(name), "source:sync", f"source/{name}") as attempt:
                        attempt.target = masked_url(record.url)
                        run, mark, error = await self.opened(record, state, self._ways(record, forced=forced))
                        attempt.reason = run.summary
                finally:
                    del self._under_way[name]
                    left = self._running.pop(name)
            if scope.cancelled_caught:
                run = left.model_copy(update={"ended": self._clock.now(), "outcome": "cancelled"})
            with suppress(NotFound):  # it was removed meanwhile
                await self._settle(record, run, mark, error)
        return run

    async def clear(self, name: str) -> None:
        """Take down all that came from a source that is being removed, then forget it.

        Raises:
            Conflict: something of it cannot be taken down.
        """
        record = self.sources.record(name)
        origin = Origin(name, record.kind, 0, record.terms, courier(name))
        while held := held_by_id(*await self._shelf.of_source(name)):
            done = list[bool]()
            async with anyio.create_task_group() as tasks:
                gate = anyio.CapacityLimiter(self.caps.at_once)
                for each in held.values():
                    tasks.start_soon(self._taken_down, origin, each, gate, done)
            if not any(done):  # the next look would find the same
                raise Conflict(f"{len(held)} things of source {name!r} cannot be taken down")
        for type_, known in self.sources.state(record).types.items():
            with suppress(Conflict, NotFound):  # somebody uses it, or removed it
                if digest_of(await self._arrivals.types.get(type_)) == known:  # else somebody made it another one
                    await self._arrivals.types.delete(origin.who, type_)
        await self.sources.remove(name)
        self._turns.pop(name, None)

    async def _taken_down(self, origin: Origin, held: Held, gate: anyio.CapacityLimiter, done: list[bool]) -> None:
        async with gate:
            self._check()
            done.append(await self._arrivals.delete(origin, held))

    async def opened(
        self, record: SourceRecord, state: SourceState, ways: Ways
    ) -> tuple[Run, str | None, AirError | None]:
        """A pass over a source that is opened for it; see `passed`."""
        config = self.config(record)
        try:
            async with self.drivers.open(config) as source:
                return await self.passed(record, state, source, ways)
        except (Internal, LeaseLost):
            raise
        except AirError as error:  # it could not be opened, or closed
            failure = error
        except Exception as error:  # as in `passed`: without a run it would be tried again and again
            log.exception("source %s", record.name)
            failure = _defect(error)
        run = Run(started=self._clock.now(), ended=self._clock.now(), outcome="failed", request=state.wanted)
        return run.model_copy(update={"error": failure.message[:LONGEST_ERROR], "code": failure.code}), None, failure

    async def passed(
        self, record: SourceRecord, state: SourceState, source: Source, ways: Ways
    ) -> tuple[Run, str | None, AirError | None]:
        """What a pass over an open source did, the mark that it ended with, and why it did not come to an end."""
        origin = Origin(record.name, record.kind, state.generation + 1, record.terms, courier(record.name))
        held = held_by_id(*await self._shelf.of_source(record.name))
        run = Run(started=self._clock.now(), dry_run=ways.dry, request=state.wanted)
        under_way = Pass(origin, held, self._arrivals, self._shelf, self._clock, run, ways, state.types)
        mark: str | None = None
        ended: dict[str, object] = {"outcome": "ok"}
        failure: AirError | None = None
        try:
            mark = await under_way.go(source, begins_at(state, self._clock.now()))
        except (Internal, LeaseLost):
            raise
        except AirError as error:
            failure = error
        except Exception as error:  # whatever a driver makes of what it is sent: that is a failure of this pass alone
            log.exception("source %s", record.name)
            failure = _defect(error)
        if failure is not None:
            ended = {"outcome": "failed", "error": failure.message[:LONGEST_ERROR], "code": failure.code}
        return under_way.run.model_copy(update={**ended, "ended": self._clock.now()}), mark, failure

    async def _settle(self, record: SourceRecord, run: Run, mark: str | None, error: AirError | None) -> None:
        """Save how a pass ended, in one write, then tell of it."""
        now, chance = self._clock.now(), self._chance()

        def advanced(state: SourceState) -> Mapping[str, object]:
            failures = state.failures + 1 if run.outcome == "failed" else 0
            fields: dict[str, object] = {
                "running": None, "failures": failures, "wanted": "" if state.wanted == run.request else state.wanted,
                "forced": "" if state.forced == run.request else state.forced,
                "runs": [run, *(_short(each) for each in state.runs)][:RUNS],
            }  # fmt: skip
            if self.sources.record(record.name).same_as(record):  # else another pass is due already
                fields["due"] = next_due(record, failures, error, now, chance)
                if run.outcome == "ok":
                    fields["mark"] = mark
            if run.outcome == "ok":
                fields["succeeded"] = run.started
            if run.outcome == "ok" and run.whole:
                fields |= {"generation": state.generation + 1, "whole_at": run.started}
            return fields

        await self.sources.advance(record, advanced)
        self._measure(record, run)
        done = "failed" if run.outcome == "failed" else "done"
        if run.outcome == "failed":
            log.warning("source %s: %s", record.name, run.summary)
        about = Entity(
            path=record.name, name=record.name, type="source", description=run.summary, tags=[record.kind]
        )  # fmt: skip
        await self._events.announce(Event(f"source:sync:{done}", about, courier(record.name).subject))

    def _measure(self, record: SourceRecord, run: Run) -> None:
        outcome, ended = run.outcome or "failed", run.ended or run.started
        self._telemetry.count("airegistry.sync.runs", kind=record.kind, outcome=outcome)
        seconds = (ended - run.started).total_seconds()
        self._telemetry.record("airegistry.sync.duration", seconds, kind=record.kind, outcome=outcome)
        for change in ("added", "changed", "retired", "deleted", "refused"):
            if count := getattr(run, change):
                self._telemetry.count("airegistry.sync.changes", count, kind=record.kind, change=change)

    def _ways(self, record: SourceRecord, *, forced: bool) -> Ways:
        async def keep_types(types: Mapping[str, str]) -> None:
            await self.sources.advance(record, lambda _: {"types": dict(types)})

        tell = partial(self._tell, record)
        return Ways(forced=forced, caps=self.caps, check=self._check, tell=tell, keep_types=keep_types)

    async def _tell(self, record: SourceRecord, run: Run) -> None:
        """Keep how far a pass is, for others too where it changes anything and takes its time."""
        self._running[record.name] = run
        now = self._clock.monotonic()
        told = self._told.setdefault(record.name, now)
        if self._lease is not None and now - told >= TELLS and run.added + run.changed + run.retired:
            self._told[record.name] = now
            await self.sources.advance(record, lambda _: {"running": _short(run)})

    def _look(self, name: str) -> None:
        """End the pass over a source that is no more what it was when the pass began."""
        if name in self._under_way:
            scope, record, stop = self._under_way[name]
            now = self.sources.find(name)
            same = now is not None and now.enabled and now.same_as(record)
            if now is None or not same or self.sources.state(now).stop != stop:
                scope.cancel()

    def _check(self) -> None:
        """Go on only while this process is the one that makes passes."""
        if self._lease is not None:
            self._lease.check()


def _defect(error: Exception) -> AirError:
    return Internal(f"the pass was broken by a defect: {type(error).__name__}")


def _short(run: Run) -> Run:
    """What is remembered of a pass once another has followed."""
    return run.model_copy(update={"refusals": [], "planned": []})
