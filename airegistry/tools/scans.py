"""Security scans of assets."""

from datetime import datetime

from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import AnyVersion, AssetKind, Path, Shape


class ReportShape(Shape):
    """A scan: `verdict` is `pass`, `review` or `block`."""

    asset: str
    verdict: str
    scanned_at: datetime
    scanners: list[str]
    findings: list[dict[str, object]]


class ScanTools:
    """Tools for whoever reviews assets."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Scan an asset", open_world=False)
    async def scan_asset(self, kind: AssetKind, path: Path, version: AnyVersion = None) -> ReportShape:
        """Scan an asset as it is stored. A verdict of block disables it and tags it `security-pending`."""
        who = current_principal()
        asset = await self._services.catalog.rescan(who, kind, path, version=version)
        report = await self._services.scans.report(who, asset)
        return ReportShape.model_validate(report.model_dump())

    @tool("Show the scan report", read_only=True)
    async def get_scan_report(self, kind: AssetKind, path: Path, version: AnyVersion = None) -> ReportShape:
        """The findings of an asset's last scan, with rule, severity, place, evidence and codes."""
        who = current_principal()
        asset = await self._services.catalog.get(who, kind, path, version)
        report = await self._services.scans.report(who, asset)
        return ReportShape.model_validate(report.model_dump())
