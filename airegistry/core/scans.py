"""Runs the scanners over an asset and keeps the report."""

from collections.abc import Sequence
from datetime import datetime

import anyio
from pydantic import Field

from airegistry.core.access import Access
from airegistry.core.assets import Model
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import NotFound, ScanFailed
from airegistry.core.findings import Finding, Verdict, judged
from airegistry.core.ports import AnyAsset, Clock, Names, Scanner, Surroundings
from airegistry.core.principals import Principal
from airegistry.core.shelf import key_of, ref

SECURITY_PENDING = "security-pending"


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
    """What a scan found: `verdict` is `pass`, `review` (tagged only) or `block` (held)."""

    asset: str
    version: str
    scanned_at: datetime
    scanners: list[str]
    verdict: Verdict
    findings: list[Finding] = Field(default_factory=list)


class Scans:
    """Scans assets before they are stored; a scanner that breaks is no pass."""

    def __init__(
        self, store: DocumentStore, scanners: Sequence[Scanner], names: Names, access: Access, clock: Clock
    ) -> None:
        self._reports = Repository(store, "scans", ScanReport)
        self._scanners = scanners
        self._names = names
        self._access = access
        self._clock = clock

    async def run(self, asset: AnyAsset, approved: AnyAsset | None = None) -> ScanReport:
        """Scan an asset as it is going to be stored; `approved` is what is served of it now.

        Raises:
            ScanFailed: a scanner could not give an answer.
        """
        findings: list[Finding] = []
        around = Surroundings(self._names, approved)
        for scanner in self._scanners:
            try:
                seen = await anyio.to_thread.run_sync(scanner.scan, asset, around)
            except Exception as error:  # whatever breaks a scanner: no answer is no pass
                raise ScanFailed(f"scanner {scanner.name} could not read {ref(asset)}: {error}") from error
            findings += seen
        verdict, found = judged(findings)
        return ScanReport(
            asset=ref(asset), version=asset.version, scanned_at=self._clock.now(),
            scanners=[scanner.name for scanner in self._scanners], verdict=verdict, findings=found,
        )  # fmt: skip

    async def keep(self, asset: AnyAsset, report: ScanReport) -> None:
        """Store the report of an asset."""
        await self._reports.save(self._key(asset), report)

    async def forget(self, asset: AnyAsset) -> None:
        """Remove the report of an asset that is gone."""
        await self._reports.delete(self._key(asset))

    async def report(self, who: Principal, asset: AnyAsset) -> ScanReport:
        """The last report of an asset.

        Raises:
            AccessDenied: the caller may not read reports of it.
            NotFound: it was never scanned.
        """
        self._access.require(who, "scan", asset)
        found = await self._reports.find_one(self._key(asset))
        if found is None:
            raise NotFound(f"no scan report of {ref(asset)!r}")
        return found[0]

    @staticmethod
    def _key(asset: AnyAsset) -> str:
        return f"{key_of(asset.kind, asset.path)}@{asset.version}"
