"""Scans of what is in the catalog already: on demand, when rules change, on schedule; and judging anew when a waiver
comes or ends.

A scan that gives no answer leaves an asset as it is, and says so in its report.
"""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import anyio
from pydantic import BaseModel, Field

from airegistry.core.access import Access
from airegistry.core.assets import Kind, Model
from airegistry.core.audit import Audit
from airegistry.core.catalog import RETRIES, Catalog
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import AirError, Conflict, NotFound, ScanFailed
from airegistry.core.events import Event, Events
from airegistry.core.leases import Lease, LeaseLost
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.scans import ScanReport, Scans, applied
from airegistry.core.shelf import Named, Shelf, ref
from airegistry.core.waivers import Waiver, Waivers

log = logging.getLogger(__name__)
LOOKS = 30.0
"""Seconds at most between looks at what is due."""
SHOWN = 100
"""Assets that a sweep could not scan and that are named."""
SWEEPS = "sweeps"
_LAST, _PROGRESS = "last", "progress"
TELLS = 1.0
"""Seconds at least between two words to other processes on how far a sweep is."""

Why = Literal["rules", "schedule", "asked"]
Judge = Callable[[AnyAsset], Awaitable[ScanReport]]


class Sweep(Model):
    """A pass over the whole catalog, under one set of rules: why, and from when to when.

    What was scanned under these rules since `started` is not scanned again, so a sweep goes on after a restart. One for
    the sake of new rules takes any scan under them.
    """

    why: Why
    ruleset: str
    started: datetime
    ended: datetime | None = None


class Progress(BaseModel):
    """How far a sweep is: assets with all their versions, and why some could not be scanned, at most 100 of them."""

    total: int = 0
    done: int = 0
    held: int = 0
    failures: int = 0
    failed: dict[str, str] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SweepStatus:
    """The last sweep, running as long as it has no end; None before the first. `ruleset` is the one in force."""

    ruleset: str
    last: Sweep | None
    progress: Progress


class Rescans:
    """Scans and judges again, and holds an asset or lets it go by what comes out."""

    def __init__(
        self,
        store: DocumentStore,
        shelf: Shelf,
        catalog: Catalog,
        scans: Scans,
        waivers: Waivers,
        access: Access,
        audit: Audit,
        events: Events,
        clock: Clock,
        *,
        hours: float = 0,
    ) -> None:
        """`hours` lie between the starts of two sweeps; 0 means only when rules change."""
        self._store = store
        self._sweeps = Repository(store, SWEEPS, Sweep)
        self._shelf = shelf
        self._catalog = catalog
        self._scans = scans
        self._waivers = waivers
        self._access = access
        self._audit = audit
        self._events = events
        self._clock = clock
        self._every = timedelta(hours=hours)
        self._last: Sweep | None = None
        self._revision = 0
        """Of what is stored of the last sweep: whoever begins or ends one does so over what it knew, so that a process
        that was paused, and sweeps no more, undoes nothing."""
        self._progress = Progress()
        self._sweeping = False
        self._lease: Lease | None = None
        self._told = float("-inf")
        self._wanted = anyio.Event()

    @property
    def waivers(self) -> Waivers:
        """The waivers that scans are judged with."""
        return self._waivers

    async def follow(self) -> None:
        """Know how the last sweep stands that another process began or ended, and how far it is; do what is due of it,
        where that is done."""
        await self._read()
        told = None if self._sweeping else await self._store.get(SWEEPS, _PROGRESS)
        if told is not None:
            self._progress = Progress.model_validate(told.body)
        self._wanted.set()

    def under(self, lease: Lease | None) -> None:
        """Sweep for other processes too, as long as the lease holds; None when it does no more."""
        self._lease = lease

    async def _read(self) -> None:
        found = await self._sweeps.find_one(_LAST)
        self._last, self._revision = (None, 0) if found is None else found

    async def scan(
        self, who: Principal, kind: Kind, path: str, *, version: str | None = None
    ) -> tuple[AnyAsset, ScanReport]:
        """Scan an asset as it is stored, and hold it or let it go by the verdict.

        Raises:
            ScanFailed: a scanner gave no answer; the report says so, and nothing changes.
            AccessDenied, NotFound: see `Catalog.get`.
        """
        path = path.removeprefix("/")
        async with self._audit.attempt(who, f"{kind}:scan", f"{kind}/{path}") as attempt:
            asset = await self._catalog.get(who, kind, path, version, to="scan")
            attempt.reason = self._access.require(who, "scan", asset).reason
            attempt.data_classification = asset.data_classification
            after, report, changed = await self._renewed(asset, self._scanned)
            attempt.reason += f"; {report.verdict}"
            if not changed:
                await self._events.emit(Event(f"{kind}:scan", after, who.subject))
        return after, report

    async def waive(
        self, who: Principal, kind: Kind, path: str, fingerprint: str, reason: str, until: datetime, *,
        version: str | None = None,
    ) -> tuple[Waiver, AnyAsset]:  # fmt: skip
        """Let a finding of the last scan count for nothing until a time; the asset is judged anew at once.

        Raises:
            AccessDenied, Invalid, NotFound: see `Waivers.put`.
        """
        asset = await self._catalog.get(who, kind, path, version)
        report = await self._scans.kept(asset)
        findings = [] if report is None else report.findings
        waiver = await self._waivers.put(who, asset, findings, fingerprint, reason, until)
        return waiver, await self._judged_anew(asset)

    async def unwaive(self, who: Principal, kind: Kind, path: str, fingerprint: str) -> tuple[Waiver, AnyAsset]:
        """Let a finding count again; the asset is judged anew at once.

        Raises:
            AccessDenied, NotFound: see `Waivers.remove`.
        """
        asset = await self._catalog.get(who, kind, path)
        waiver = await self._waivers.remove(who, asset, fingerprint)
        return waiver, await self._judged_anew(asset)

    async def lapse(self) -> None:
        """Judge anew what has waivers that ended, and forget these."""
        for waiver in self._waivers.ended():
            found = await self._shelf.get(waiver.kind, waiver.path)
            if found is not None:
                await self._judged_anew(found[0])
            await self._waivers.end(waiver)

    def status(self, who: Principal) -> SweepStatus:
        """How far the last sweep is, for administrators of policy."""
        self._access.require(who, "policy")
        return SweepStatus(self._scans.ruleset, self._last, self._progress)

    async def sweep(self, who: Principal) -> SweepStatus:
        """Begin to scan everything again, in the background.

        Raises:
            AccessDenied: the caller does not administer policy.
            Conflict: that goes on already.
        """
        async with self._audit.attempt(who, "scan:sweep", "registry/") as attempt:
            attempt.reason = self._access.require(who, "policy").reason
            await self._read()
            if self._last is not None and self._last.ended is None:
                raise Conflict("everything is being scanned already; see `scan_status`")
            await self._begin("asked")
        self._wanted.set()
        return self.status(who)

    async def run(self) -> None:
        """Do what is due, until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_waivers)
            tasks.start_soon(self._watch_rules)

    async def _watch_waivers(self) -> None:
        while True:
            try:
                await self.lapse()
            except Exception:  # one asset that cannot be written must not keep the waivers of others in force
                log.exception("waivers that ended could not be put out of force")
            await anyio.sleep(LOOKS)

    async def _watch_rules(self) -> None:
        while True:
            self._wanted = anyio.Event()
            try:
                await self.catch_up()
            except Conflict:
                log.debug("another process began a sweep, or ended it, just now")
            except Exception:  # a defect in one sweep must not end all later ones
                log.exception("the catalog could not be scanned again")
            with anyio.move_on_after(LOOKS):
                await self._wanted.wait()

    async def catch_up(self) -> None:
        """Sweep the catalog if that is due: under new rules, after the hours of the schedule, or to end one begun."""
        await self._read()
        last, ruleset = self._last, self._scans.ruleset
        if last is None or last.ruleset != ruleset:
            await self._begin("rules")
        elif last.ended is not None:
            if not self._every or self._clock.now() < last.started + self._every:
                return
            await self._begin("schedule")
        assert self._last is not None  # one was begun
        await self._do(self._last)

    async def _begin(self, why: Why) -> None:
        """Begin a sweep; Conflict when another process did, or ended one, since it was looked at."""
        begun = Sweep(why=why, ruleset=self._scans.ruleset, started=self._clock.now())
        self._revision = await self._sweeps.save(_LAST, begun, expect=self._revision)
        self._last, self._progress = begun, Progress()

    async def _do(self, sweep: Sweep) -> None:
        """Scan whatever was not scanned in this sweep."""
        self._sweeping, revision = True, self._revision
        try:
            progress = await self._scan_all(sweep)
            ended = sweep.model_copy(update={"ended": self._clock.now()})
            self._revision = await self._sweeps.save(_LAST, ended, expect=revision)
            self._last = ended
        finally:
            self._sweeping = False
        self._note_end(sweep, progress)

    async def _scan_all(self, sweep: Sweep) -> Progress:
        self._progress = progress = Progress()
        names = [name async for name in self._everything()]  # and no asset: each would be held until its turn
        progress.total = len(names)
        for name in names:
            started = self._clock.monotonic()
            found = await self._shelf.get(*name)
            if found is not None:  # else it was deleted meanwhile
                await self._visit(sweep, found[0])
            progress.done += 1
            await self._tell_others()
            # As long as it took, others have the machine: nobody waits for this.
            await anyio.sleep(self._clock.monotonic() - started)
        await self._tell_others(at_once=True)
        return progress

    async def _tell_others(self, *, at_once: bool = False) -> None:
        """Say how far the sweep is, where other processes are asked too."""
        now = self._clock.monotonic()
        if self._lease is not None and (at_once or now - self._told >= TELLS):
            self._told = now
            with suppress(LeaseLost):  # then this is about to be cancelled
                await self._lease.put(self._store, SWEEPS, _PROGRESS, self._progress.model_dump(mode="json"))

    def _note_end(self, sweep: Sweep, progress: Progress) -> None:
        said = f"{progress.done} assets scanned ({sweep.why}), {progress.held} held anew, {progress.failures} not read"
        news = progress.held or progress.failures
        log.log(logging.WARNING if news else logging.DEBUG, "rules %s: %s", sweep.ruleset, said)
        self._audit.note(self._audit.event(
            SYSTEM, "scan:sweep:end", None, None, decision="allow", outcome="failed" if progress.failures else "ok",
            reason=said,
        ))  # fmt: skip

    async def _visit(self, sweep: Sweep, asset: AnyAsset) -> None:
        """Scan one asset, unless it has been; one that cannot be scanned stays as it is."""
        report = await self._scans.kept(asset)
        if report is not None and _is_of(report, sweep):
            return
        try:
            after, _, changed = await self._renewed(asset, self._scanned)
            self._progress.held += changed and asset.enabled and not after.enabled
        except NotFound:
            return  # it was deleted meanwhile
        except Exception as error:  # noqa: BLE001  # whatever is wrong with one: the others are to be scanned
            message = error.message if isinstance(error, AirError) else f"{type(error).__name__}: {error}"
            log.warning("%s could not be scanned again: %s", ref(asset), message)
            self._progress.failures += 1
            if len(self._progress.failed) < SHOWN:
                self._progress.failed[f"{ref(asset)}@{asset.version}"] = message

    async def _everything(self) -> AsyncIterator[Named]:
        async for _, asset in self._shelf.walk():
            yield asset.kind, asset.path, asset.version
        async for asset in self._shelf.walk_versions():
            yield asset.kind, asset.path, asset.version

    async def _judged_anew(self, asset: AnyAsset) -> AnyAsset:
        """Judge all versions of an asset by the findings they have; the default one as it is then."""

        async def rejudged(current: AnyAsset) -> ScanReport:
            report = await self._scans.kept(current)
            return await self._scanned(current) if report is None else self._scans.rejudged(current, report)

        default, _, _ = await self._renewed(asset, rejudged)
        for version in await self._shelf.versions(asset.kind, asset.path):
            await self._renewed(asset.model_copy(update={"version": version}), rejudged)
        return default

    async def _scanned(self, asset: AnyAsset) -> ScanReport:
        try:
            return await self._scans.run(asset, asset)
        except ScanFailed as failure:
            await self._scans.keep_error(asset, failure)
            raise

    async def _renewed(self, asset: AnyAsset, judge: Judge) -> tuple[AnyAsset, ScanReport, bool]:
        """Judge an asset as it is stored, anew when it is written meanwhile; and whether that changed it."""
        for _ in range(RETRIES):
            found = await self._shelf.get(asset.kind, asset.path, asset.version)
            if found is None or found[0].kind != asset.kind:
                raise NotFound(f"no {asset.kind} named {asset.path!r}")
            before, revision = found
            known = await self._scans.revision(before)
            report = await judge(before)
            after = applied(before, report.verdict)
            changed = _standing(after) != _standing(before)
            if changed:
                try:
                    async with self._events.telling(Event(f"{after.kind}:scan", after, SYSTEM.subject)):
                        await self._shelf.replace(after, revision)
                        with suppress(Conflict):  # what was written just now has been scanned already
                            await self._scans.keep(after, report, expect=known)
                except Conflict:
                    continue
                self._note(before, after, report)
            elif await self._shelf.get(asset.kind, asset.path, asset.version) != found:
                continue
            else:
                try:  # over the report that was there before: this process may have been paused since
                    await self._scans.keep(after, report, expect=known)
                except Conflict:
                    continue
            return after, report, changed
        raise Conflict(f"{asset.kind} {asset.path!r} keeps changing; try again")

    def _note(self, before: AnyAsset, after: AnyAsset, report: ScanReport) -> None:
        held = "held" if before.enabled and not after.enabled else "let go" if after.enabled else "tagged anew"
        rules = sorted({finding.rule for finding in report.findings if finding.tier != "none"})
        self._audit.note(self._audit.event(
            SYSTEM, f"{after.kind}:scan:verdict", ref(after), None, decision="allow", outcome="ok",
            reason=f"{held}: {report.verdict}" + (f", {', '.join(rules)}" if rules else ""),
        ))  # fmt: skip


def _is_of(report: ScanReport, sweep: Sweep) -> bool:
    return report.ruleset == sweep.ruleset and (sweep.why == "rules" or report.scanned_at >= sweep.started)


def _standing(asset: AnyAsset) -> tuple[bool, bool, tuple[str, ...]]:
    return asset.enabled, asset.held_by_scan, tuple(asset.tags)
