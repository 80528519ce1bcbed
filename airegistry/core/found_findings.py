"""The findings of all last scans, as far as a caller may see them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import TypeAdapter

from airegistry.core.access import Access
from airegistry.core.assets import Kind, namespace_of
from airegistry.core.errors import Invalid
from airegistry.core.findings import SEVERITIES, Finding, Severity, Verdict
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.scans import ScanReport, Scans
from airegistry.core.shelf import Named, Shelf
from airegistry.core.visibility import Visibility
from airegistry.core.waivers import Waiver, Waivers

KIND: TypeAdapter[Kind] = TypeAdapter(Kind)
AT_ONCE = 100
"""Reports whose assets are read together."""


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings to answer; what is left out does not narrow. `severity` is the least, `rule` a rule or a family,
    `verdict` that of the whole scan."""

    kind: Kind | None = None
    path: str | None = None
    severity: Severity | None = None
    rule: str | None = None
    verdict: Verdict | None = None

    def fits(self, finding: Finding) -> bool:
        """Whether a finding is among those asked for."""
        least = 0 if self.severity is None else SEVERITIES.index(self.severity)
        named = self.rule is None or self.rule in {finding.rule, finding.family}
        return named and SEVERITIES.index(finding.severity) >= least


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, where it is, and by which waiver it counts for nothing."""

    asset: AnyAsset
    report: ScanReport
    finding: Finding
    waiver: Waiver | None


class FoundFindings:
    """Reads reports for whoever may scan what they are of."""

    def __init__(self, shelf: Shelf, access: Access, visibility: Visibility, scans: Scans, waivers: Waivers) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._scans = scans
        self._waivers = waivers

    async def list(
        self, who: Principal, wanted: FindingFilter, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[Found], str | None]:
        """One page of findings, in order of asset and then as the scan has them, and where the next page begins.

        Raises:
            Invalid: the cursor is none of this registry's.
        """
        key, skipped = _read(cursor)
        page: list[Found] = []
        async for at, asset, report in self._reports(who, wanted, key):
            waivers = self._waivers.of(asset)
            for number, finding in enumerate(report.findings):
                if not wanted.fits(finding) or (at == key and number < skipped):
                    continue
                if len(page) == limit:
                    return page, f"{number}/{at}"
                page.append(Found(asset, report, finding, waivers.get(finding.fingerprint)))
        return page, None

    async def waivers(self, who: Principal) -> Sequence[Waiver]:
        """The waivers in force, of what the caller may scan, in order of asset."""
        seen: list[Waiver] = []
        waivers = self._waivers.all()
        assets = await self._shelf.many([*{(waiver.kind, waiver.path, None) for waiver in waivers}])
        for waiver in waivers:
            found = assets.get((waiver.kind, waiver.path, None))
            if found is not None and self._may_read(who, found[0]):
                seen.append(waiver)
        return seen

    def of(self, asset: AnyAsset) -> Mapping[str, Waiver]:
        """The waivers in force of one asset, by fingerprint."""
        return self._waivers.of(asset)

    def _may_read(self, who: Principal, asset: AnyAsset) -> bool:
        return self._visibility.shows(who, asset) and self._access.allows(who, "scan", asset)

    async def _reports(
        self, who: Principal, wanted: FindingFilter, key: str | None
    ) -> AsyncIterator[tuple[str, AnyAsset, ScanReport]]:
        prefix = f"{namespace_of(wanted.kind)}/" if wanted.kind else ""
        waiting: list[tuple[str, ScanReport, Named]] = []
        async for at, report in self._scans.reports(since=key):
            if not report.findings or not at.startswith(prefix) or wanted.verdict not in {None, report.verdict}:
                continue
            kind, _, path = report.asset.partition("/")
            if wanted.kind not in {None, kind} or (wanted.path and wanted.path.removeprefix("/") != path):
                continue
            waiting.append((at, report, (KIND.validate_python(kind), path, report.version)))
            if len(waiting) == AT_ONCE:
                for each in await self._readable(who, waiting):
                    yield each
                waiting = []
        for each in await self._readable(who, waiting):
            yield each

    async def _readable(
        self, who: Principal, reports: Sequence[tuple[str, ScanReport, Named]]
    ) -> Sequence[tuple[str, AnyAsset, ScanReport]]:
        """Reports with their assets, of those that the caller may read."""
        found = await self._shelf.many([name for _, _, name in reports]) if reports else {}
        assets = {name: asset for name, (asset, _) in found.items() if asset.kind == name[0]}
        return [
            (at, assets[name], report)
            for at, report, name in reports
            if name in assets and self._may_read(who, assets[name])
        ]


def _read(cursor: str | None) -> tuple[str | None, int]:
    if cursor is None:
        return None, 0
    number, slash, key = cursor.partition("/")
    if not slash or not number.isdigit() or len(number) > 9:
        raise Invalid(f"cursor {cursor[:40]!r} is none of this registry's", field="cursor")
    return key, int(number)
