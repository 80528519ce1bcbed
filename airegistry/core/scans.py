"""Runs the scanners over an asset, keeps the report, and says how the asset may be stored by the verdict."""

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime

import anyio
from pydantic import Field

from airegistry.core.access import Access
from airegistry.core.assets import MAX_TAGS, Model, Server, VirtualServer
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import NotFound, ScanFailed
from airegistry.core.findings import Finding, Verdict, judged
from airegistry.core.ports import AnyAsset, Clock, Names, OutsideScanner, Scanner, Surroundings
from airegistry.core.principals import Principal
from airegistry.core.shelf import key_of, ref

SECURITY_PENDING = "security-pending"
THREADS = 2
"""Assets that are scanned at once; others wait."""

DEADLINE = 60.0
"""Seconds that the built-in scanners have for one asset, waiting included, and each other scanner besides."""


def check_enabled(asset: AnyAsset) -> None:
    """Refuse what is switched off.

    Raises:
        ScanFailed: its scan holds it.
        NotFound: somebody disabled it.
    """
    if asset.enabled:
        return
    if SECURITY_PENDING in asset.tags:
        raise ScanFailed(f"{asset.kind} {asset.path!r} is held by its security scan")
    raise NotFound(f"{asset.kind} {asset.path!r} is disabled")


class ScanReport(Model):
    """What a scan found: `verdict` is `pass`, `review` (tagged only) or `block` (held).

    `scanners` carry their versions, `ruleset` names all the rules that were in force. With `error` a later scan gave no
    answer, at `failed_at`: what is said here is of the one before.
    """

    asset: str
    version: str
    scanned_at: datetime
    scanners: list[str]
    verdict: Verdict
    findings: list[Finding] = Field(default_factory=list)
    ruleset: str = ""
    error: str | None = None
    failed_at: datetime | None = None


def applied(asset: AnyAsset, verdict: Verdict) -> AnyAsset:
    """An asset as it may be stored: held when the verdict is block, tagged when it is review, and let go when it
    passes; then it is enabled again if its scan had disabled it."""
    tags = [tag for tag in asset.tags if tag != SECURITY_PENDING]
    if verdict == "pass":
        enabled = asset.enabled or asset.held_by_scan
        return asset.model_copy(update={"tags": tags, "enabled": enabled, "held_by_scan": False})
    update: dict[str, object] = {"tags": [*tags[: MAX_TAGS - 1], SECURITY_PENDING]}
    if verdict == "block":
        update |= {"enabled": False, "held_by_scan": asset.enabled or asset.held_by_scan}
    return asset.model_copy(update=update)


Waived = Callable[[AnyAsset], frozenset[str]]
"""Looks up the fingerprints of an asset's findings that count for nothing now."""

PartsOf = Callable[[VirtualServer], Awaitable[Sequence[Server]]]
"""Looks up the servers behind a virtual one, as they are now."""


async def no_parts(virtual: VirtualServer) -> Sequence[Server]:
    """Knows no servers."""
    return ()


class Scans:
    """Scans assets before they are stored; a scanner that breaks, or takes too long, is no pass."""

    def __init__(
        self, store: DocumentStore, scanners: Sequence[Scanner], names: Names, access: Access, clock: Clock, *,
        outside: Sequence[OutsideScanner] = (), ruleset: str = "",
        waived: Waived = lambda asset: frozenset(), deadline: float = DEADLINE, parts: PartsOf = no_parts,
    ) -> None:  # fmt: skip
        """`ruleset` names the rules in force; where it is empty their scanners' names do."""
        self._reports = Repository(store, "scans", ScanReport)
        self._scanners = scanners
        self._outside = outside
        self._names = names
        self._access = access
        self._clock = clock
        self._waived = waived
        self._deadline = deadline
        self._parts = parts
        self._ran = [*(scanner.name for scanner in scanners), *(scanner.name for scanner in outside)]
        self.ruleset = ruleset or hashlib.sha256("\n".join(self._ran).encode()).hexdigest()[:16]
        # Threads of its own: what is slow holds up other scans and nothing else, however many there are.
        self._threads = anyio.CapacityLimiter(THREADS)

    async def run(self, asset: AnyAsset, approved: AnyAsset | None = None) -> ScanReport:
        """Scan an asset as it is going to be stored; `approved` is what is served of it now.

        Raises:
            ScanFailed: a scanner could not give an answer.
        """
        parts = await self._parts(asset) if isinstance(asset, VirtualServer) else ()
        around = Surroundings(self._names, approved, parts)
        findings = await self._inside(asset, around)
        for scanner in self._outside:
            findings += await self._asked(scanner, asset, around)
        verdict, found = judged(findings, self._waived(asset))
        return ScanReport(
            asset=ref(asset), version=asset.version, scanned_at=self._clock.now(), scanners=self._ran,
            verdict=verdict, findings=found, ruleset=self.ruleset,
        )  # fmt: skip

    async def _inside(self, asset: AnyAsset, around: Surroundings) -> list[Finding]:
        late = time.monotonic() + self._deadline
        with anyio.move_on_after(self._deadline):
            return await anyio.to_thread.run_sync(
                self._read, asset, around, late, abandon_on_cancel=True, limiter=self._threads
            )
        raise self._too_long(asset)

    def _too_long(self, asset: AnyAsset) -> ScanFailed:
        return ScanFailed(f"the scan of {ref(asset)} took longer than {self._deadline:g} s")

    def _read(self, asset: AnyAsset, around: Surroundings, late: float) -> list[Finding]:
        findings: list[Finding] = []
        for scanner in self._scanners:
            if time.monotonic() > late:  # nobody waits for it any more
                raise self._too_long(asset)
            try:
                findings += scanner.scan(asset, around)
            except Exception as error:  # whatever breaks a scanner: no answer is no pass
                raise ScanFailed(f"scanner {scanner.name} could not read {ref(asset)}: {error}") from error
        return findings

    async def _asked(self, scanner: OutsideScanner, asset: AnyAsset, around: Surroundings) -> Sequence[Finding]:
        try:
            with anyio.fail_after(self._deadline):
                findings = await scanner.scan(asset, around)
        except ScanFailed:
            raise
        except TimeoutError:
            raise ScanFailed(f"scanner {scanner.name} gave no answer within {self._deadline:g} s") from None
        except Exception as error:  # whatever breaks a scanner: no answer is no pass
            raise ScanFailed(f"scanner {scanner.name} could not read {ref(asset)}: {error}") from error
        # What is outside proves nothing by how a thing is made.
        return [each.model_copy(update={"structural": False}) for each in findings]

    def rejudged(self, asset: AnyAsset, report: ScanReport) -> ScanReport:
        """A report as the waivers of now have it; nothing is scanned."""
        verdict, found = judged(report.findings, self._waived(asset))
        return report.model_copy(update={"verdict": verdict, "findings": found})

    async def keep(self, asset: AnyAsset, report: ScanReport, *, expect: int | None = None) -> None:
        """Store the report of an asset; `expect` is the revision of the one before, where that is to be.

        Raises:
            Conflict: it is another one.
        """
        await self._reports.save(self._key(asset), report, expect=expect)

    async def revision(self, asset: AnyAsset) -> int:
        """Of the last report of an asset; 0 when there is none."""
        found = await self._reports.find_one(self._key(asset))
        return 0 if found is None else found[1]

    async def keep_error(self, asset: AnyAsset, failure: ScanFailed) -> None:
        """Note with an asset's report that a scan of it gave no answer."""
        found = await self.kept(asset)
        if found is not None:
            update = {"error": failure.message[:1000], "failed_at": self._clock.now()}
            await self.keep(asset, found.model_copy(update=update))

    async def forget(self, asset: AnyAsset) -> None:
        """Remove the report of an asset that is gone."""
        await self._reports.delete(self._key(asset))

    async def kept(self, asset: AnyAsset) -> ScanReport | None:
        """The last report of an asset, for the registry itself."""
        found = await self._reports.find_one(self._key(asset))
        return None if found is None else found[0]

    async def reports(self, *, since: str | None = None) -> AsyncIterator[tuple[str, ScanReport]]:
        """Keys and reports in order of key, from the key `since` on; for the registry itself."""
        if since is not None and (first := await self._reports.find_one(since)) is not None:
            yield since, first[0]
        async for found in self._reports.find(after=since):
            yield found

    async def report(self, who: Principal, asset: AnyAsset) -> ScanReport:
        """The last report of an asset.

        Raises:
            AccessDenied: the caller may not read reports of it.
            NotFound: it was never scanned.
        """
        self._access.require(who, "scan", asset)
        found = await self.kept(asset)
        if found is None:
            raise NotFound(f"no scan report of {ref(asset)!r}")
        return found

    @staticmethod
    def _key(asset: AnyAsset) -> str:
        return f"{key_of(asset.kind, asset.path)}@{asset.version}"
