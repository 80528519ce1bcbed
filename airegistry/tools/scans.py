"""Security scans: what was found in assets, what a person lets pass, and scanning everything again."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from airegistry import __version__
from airegistry.core.assets import Json, now
from airegistry.core.findings import Severity, Verdict
from airegistry.core.found_findings import FindingFilter, Found
from airegistry.core.ports import AnyAsset
from airegistry.core.rescans import SweepStatus
from airegistry.core.sarif import Scanned, sarif
from airegistry.core.scans import ScanReport
from airegistry.core.services import Services
from airegistry.core.waivers import LONGEST, Waiver
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import AnyVersion, AssetKind, Cursor, Limit, Path, Shape

Fingerprint = Annotated[str, Field(min_length=1, max_length=64, description="The finding's `fingerprint`.")]


class ReportShape(Shape):
    """A scan: `verdict` is `pass`, `review` or `block`. With `error` the last scan gave no answer, and this is the one
    before. Findings that are waived carry `waiver`."""

    asset: str
    version: str
    verdict: str
    scanned_at: datetime
    scanners: list[str]
    ruleset: str
    findings: list[dict[str, object]]
    error: str | None = None
    failed_at: datetime | None = None
    sarif: Json | None = None


class FindingShape(Shape):
    """One finding: `asset` is `kind/path`, `field` a JSON pointer into it, `verdict` that of the whole scan."""

    asset: str
    version: str
    verdict: str
    rule: str
    severity: str
    tier: str
    field: str
    message: str
    fingerprint: str


class FindingsShape(Shape):
    """One page of findings."""

    findings: list[FindingShape]
    next_cursor: str | None


class WaiverShape(Shape):
    """A finding of `asset`, `kind/path`, that counts for nothing until a time, by whom and why."""

    asset: str
    fingerprint: str
    rule: str
    message: str
    reason: str
    by: str
    since: datetime
    until: datetime


class WaivedShape(WaiverShape):
    """The waiver, and how the asset stands now."""

    enabled: bool
    tags: list[str]


class WaiversShape(Shape):
    """The waivers in force."""

    waivers: list[WaiverShape]


class SweepShape(Shape):
    """The last scan of everything: it goes on while `started` stands without `ended`. `why` is `rules` (they changed),
    `schedule` or `asked`. `held` counts what it disabled; `failed` names assets that could not be scanned and why."""

    ruleset: str
    why: str | None
    started: datetime | None
    ended: datetime | None
    total: int
    done: int
    held: int
    failures: int
    failed: dict[str, str]


class ScanTools:
    """Tools for whoever reviews assets."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Scan an asset", open_world=False)
    async def scan_asset(self, kind: AssetKind, path: Path, version: AnyVersion = None) -> ReportShape:
        """Scan an asset as it is stored. A verdict of block disables it, tags it `security-pending` and ends its calls;
        review tags it only; one that passes lifts what the scan held.
        """
        asset, report = await self._services.rescans.scan(current_principal(), kind, path, version=version)
        return self._report(asset, report)

    @tool("Show the scan report", read_only=True)
    async def get_scan_report(
        self, kind: AssetKind, path: Path, version: AnyVersion = None,
        sarif: Annotated[bool, Field(description="Whether to add the report as SARIF 2.1.0.")] = False,
    ) -> ReportShape:  # fmt: skip
        """The findings of an asset's last scan, with rule, severity, place, evidence, codes and fingerprint."""
        who = current_principal()
        asset = await self._services.catalog.get(who, kind, path, version)
        return self._report(asset, await self._services.scans.report(who, asset), sarif=sarif)

    @tool("List findings", read_only=True)
    async def list_findings(
        self,
        kind: Annotated[AssetKind | None, Field(description="Of assets of this kind only.")] = None,
        path: Annotated[str | None, Field(description="Of the asset at this path only.")] = None,
        severity: Annotated[Severity | None, Field(description="At least this severe.")] = None,
        rule: Annotated[str | None, Field(description="Of this rule, or of this family of rules.")] = None,
        verdict: Annotated[Verdict | None, Field(description="Of assets with this verdict only.")] = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> FindingsShape:
        """What the last scans found in all assets that you may scan: with `verdict="review"` what waits for a person.
        Findings that are waived carry `waiver`.
        """
        wanted = FindingFilter(kind, path, severity, rule, verdict)
        found, after = await self._services.findings.list(current_principal(), wanted, limit=limit, cursor=cursor)
        return FindingsShape(findings=[_finding(each) for each in found], next_cursor=after)

    @tool("Waive a finding")
    async def waive_finding(
        self, kind: AssetKind, path: Path, fingerprint: Fingerprint,
        reason: Annotated[str, Field(max_length=1000, description="Why it is harmless; others will read it.")],
        days: Annotated[int, Field(ge=1, le=LONGEST.days, description="When it counts again, in days.")] = 90,
        version: AnyVersion = None,
    ) -> WaivedShape:  # fmt: skip
        """Let one finding of an asset's last scan count for nothing for a while. The asset is judged anew at once, and
        lifted if nothing else holds it. The finding comes back when the time is over, or as soon as its evidence
        changes.
        """
        until = now() + timedelta(days=days)
        made, asset = await self._services.rescans.waive(
            current_principal(), kind, path, fingerprint, reason, until, version=version
        )
        return _waived(made, asset)

    @tool("Let a finding count again", destructive=True)
    async def unwaive_finding(self, kind: AssetKind, path: Path, fingerprint: Fingerprint) -> WaivedShape:
        """End a waiver: the finding counts again, and the asset is judged anew at once."""
        return _waived(*await self._services.rescans.unwaive(current_principal(), kind, path, fingerprint))

    @tool("List waivers", read_only=True)
    async def list_waivers(self) -> WaiversShape:
        """The waivers in force of assets that you may scan: what counts for nothing, until when, by whom and why."""
        found = await self._services.findings.waivers(current_principal())
        return WaiversShape(waivers=[WaiverShape.model_validate(_waiver(each)) for each in found])

    @tool("Scan everything again", needs="policy")
    async def rescan_all(self) -> SweepShape:
        """Begin to scan the whole catalog again, in the background; `scan_status` says how far it is. Changed rules and
        the schedule do this by themselves.
        """
        return _sweep(await self._services.rescans.sweep(current_principal()))

    @tool("Show the scan of everything", read_only=True, needs="policy")
    async def scan_status(self) -> SweepShape:
        """How far the last scan of the whole catalog is, why it was begun, and what could not be scanned."""
        return _sweep(self._services.rescans.status(current_principal()))

    def _report(self, asset: AnyAsset, report: ScanReport, *, sarif: bool = False) -> ReportShape:
        waivers = self._services.findings.of(asset)
        body = report.model_dump()
        for finding in body["findings"]:
            if (waiver := waivers.get(finding["fingerprint"])) is not None:
                finding["waiver"] = _waiver(waiver)
        return ReportShape(**body, sarif=_sarif(asset, report, waivers) if sarif else None)


def _sarif(asset: AnyAsset, report: ScanReport, waivers: Mapping[str, Waiver]) -> Json:
    return sarif([Scanned(asset, report.findings, waivers)], version=__version__, ruleset=report.ruleset)


def _finding(found: Found) -> FindingShape:
    named: dict[str, object] = {
        "asset": found.report.asset, "version": found.report.version, "verdict": found.report.verdict,
    }  # fmt: skip
    if found.waiver is not None:
        named["waiver"] = _waiver(found.waiver)
    return FindingShape.model_validate({**found.finding.model_dump(), **named})


def _waiver(waiver: Waiver) -> dict[str, object]:
    return {"asset": waiver.asset, **waiver.model_dump(exclude={"kind", "path"})}


def _waived(waiver: Waiver, asset: AnyAsset) -> WaivedShape:
    return WaivedShape.model_validate({**_waiver(waiver), "enabled": asset.enabled, "tags": asset.tags})


def _sweep(status: SweepStatus) -> SweepShape:
    last, progress = status.last, status.progress
    return SweepShape(
        ruleset=status.ruleset, why=last and last.why, started=last and last.started, ended=last and last.ended,
        total=progress.total, done=progress.done, held=progress.held, failures=progress.failures,
        failed=dict(progress.failed),
    )  # fmt: skip
