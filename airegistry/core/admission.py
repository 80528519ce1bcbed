"""Whether an asset may enter the catalog, and as what: duplicates, then the gate, then the scan; fail closed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from airegistry.core.access import Access
from airegistry.core.assets import Duplicate
from airegistry.core.errors import Conflict, ScanFailed
from airegistry.core.events import Event
from airegistry.core.grants import EVERY_TOOL
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.scans import ScanReport, Scans, applied
from airegistry.core.search import Search
from airegistry.core.sketches import Sketch
from airegistry.core.twins import Twins

OnDuplicate = Literal["report", "reject"]
PREVIEW = "preview"
"""What a registration is called that only shows what would come of it. No gate is asked: nothing passes."""


class Gate(Protocol):
    """An outside judge of registrations."""

    async def review(self, who: Principal, act: str, asset: AnyAsset) -> None:
        """Return to let an act pass (`register`, `update`, `refresh`, …); `asset` is what would be stored.

        Raises:
            GateRejected: it said no, or did not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Admitted:
    """An asset as it may be stored: held (disabled and tagged) when the scan said block."""

    asset: AnyAsset
    report: ScanReport
    duplicates: Sequence[Duplicate]


@dataclass(frozen=True, slots=True)
class Compared:
    """What registrations are compared with, of everything in the catalog."""

    names: KnownNames = field(default_factory=KnownNames)
    twins: Twins = field(default_factory=Twins)

    def put(self, asset: AnyAsset, sketch: Sketch) -> None:
        """Know an asset, and the sketch of it."""
        self.names.put(asset)
        self.twins.put(asset, sketch)


class Admission:
    """The one way in, for registrations, updates, refreshes and imports alike."""

    def __init__(
        self, scans: Scans, search: Search, access: Access, gate: Gate | None = None, twins: Twins | None = None
    ) -> None:
        self._scans = scans
        self._search = search
        self._access = access
        self._gate = gate
        self.twins = twins or Twins()

    async def on_event(self, event: Event) -> None:
        """Follow what happens to assets."""
        if event.switches:
            self.twins.remove(event.asset)  # the version that it was known by
        (self.twins.remove if event.deletes else self.twins.put)(event.asset)

    async def review(
        self, who: Principal, asset: AnyAsset, *, approved: AnyAsset | None = None,
        on_duplicate: OnDuplicate | None = None, act: str = "register",
    ) -> Admitted:  # fmt: skip
        """Judge an asset; `approved` is what is served of it now. Duplicates are looked for where `on_duplicate` says
        what becomes of them: it takes vectors.

        Raises:
            Conflict: it duplicates another and duplicates are to be rejected.
            GateRejected: the gate refused, or did not answer.
            ScanFailed: no scanner's answer could be had.
        """
        duplicates = await self._duplicates(who, asset) if on_duplicate else []
        if duplicates and on_duplicate == "reject":
            raise Conflict(f"{asset.path!r} duplicates {duplicates[0].path!r} (same {duplicates[0].reason})")
        if self._gate is not None and act != PREVIEW:
            await self._gate.review(who, act, asset)
        try:
            report = await self._scans.run(asset, approved)
        except ScanFailed as failure:
            if approved is not None:
                await self._scans.keep_error(approved, failure)
            raise
        return Admitted(applied(asset, report.verdict), report, duplicates)

    async def _duplicates(self, who: Principal, asset: AnyAsset) -> list[Duplicate]:
        """Others like it that the caller may see; each once, by its strongest reason."""
        found: dict[str, Duplicate] = {}
        for other, reason in self.twins.of(asset):
            # Of a server whose tools the caller may not all see it is not told which tools it has.
            told = self._access.sees(who, other, EVERY_TOOL if reason == "tools" else None)
            if told and self._search.shows(who, other) and other.path not in found:
                found[other.path] = Duplicate(path=other.path, reason=reason, score=1.0)
        for near, score in await self._search.similar(who, asset):
            if near.path not in found:
                found[near.path] = Duplicate(path=near.path, reason="meaning", score=round(min(score, 1.0), 3))
        return list(found.values())
