"""Scans, watched."""

from collections import Counter
from time import perf_counter

from airegistry.core.errors import ScanFailed
from airegistry.core.ports import AnyAsset
from airegistry.core.scans import ScanReport, Scans
from airegistry.core.telemetry import Telemetry


class WatchedScans(Scans):
    """See `Scans`; each scan is a span, and is counted with what it found."""

    telemetry: Telemetry

    async def run(self, asset: AnyAsset, approved: AnyAsset | None = None) -> ScanReport:
        """See `Scans`."""
        began = perf_counter()
        with self.telemetry.span("scan", {"kind": asset.kind, "path": asset.path}) as span:
            try:
                report = await super().run(asset, approved)
            except ScanFailed:
                self.telemetry.count("airegistry.scans", kind=asset.kind, verdict="failed")
                raise
            span.set({"verdict": report.verdict, "findings": len(report.findings)})
        self.telemetry.count("airegistry.scans", kind=asset.kind, verdict=report.verdict)
        self.telemetry.record("airegistry.scan.duration", perf_counter() - began, kind=asset.kind)
        for severity, found in Counter(finding.severity for finding in report.findings).items():
            self.telemetry.count("airegistry.scan.findings", found, kind=asset.kind, severity=severity)
        return report
