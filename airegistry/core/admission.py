"""Whether an asset may enter the catalog, and as what: duplicates, then the gate, then the scan; fail closed."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from sys import intern
from typing import Literal, Protocol
from urllib.parse import urlsplit

from airegistry.core.access import Access
from airegistry.core.assets import Duplicate, Server
from airegistry.core.errors import Conflict, ScanFailed
from airegistry.core.events import Event
from airegistry.core.grants import EVERY_TOOL
from airegistry.core.known_names import KnownNames
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.scans import ScanReport, Scans, applied
from airegistry.core.search import Search
from airegistry.core.shelf import ref
from airegistry.core.sketches import Sketch

OnDuplicate = Literal["report", "reject"]
PREVIEW = "preview"
"""What a registration is called that only shows what would come of it. No gate is asked: nothing passes."""


_Mark = str | bytes
"""A URL, or the digest of the names of tools."""


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


class Twins:
    """Servers by URL and by tool set, so that a duplicate is found in one look."""

    def __init__(self) -> None:
        self._by_mark: dict[_Mark, str | tuple[str, ...]] = {}
        self._known: dict[str, tuple[str, Sequence[_Mark], Sketch]] = {}
        """Version, marks and sketch by ref."""

    def put(self, asset: AnyAsset) -> None:
        """Remember an asset, in place of what was known of it; versions beside the default one do not count."""
        name = intern(ref(asset))
        known = self._known.get(name)
        if known is not None and known[0] != asset.version:
            return
        self.remove(asset)
        marks = _marks(asset)
        self._known[name] = intern(asset.version), marks, Sketch.of(asset)
        for mark in marks:
            others = self._named(mark)
            self._by_mark[mark] = (*others, name) if others else name

    def remove(self, asset: AnyAsset) -> None:
        """Forget an asset."""
        name = ref(asset)
        known = self._known.pop(name, None)
        for mark in known[1] if known is not None else ():
            left = tuple(other for other in self._named(mark) if other != name)
            if left:
                self._by_mark[mark] = left if len(left) > 1 else left[0]
            else:
                del self._by_mark[mark]

    def of(self, asset: AnyAsset) -> list[tuple[Sketch, Literal["url", "tools"]]]:
        """Other assets with the same URL or the same set of tools."""
        found: list[tuple[Sketch, Literal["url", "tools"]]] = []
        for mark in _marks(asset):
            reason: Literal["url", "tools"] = "url" if isinstance(mark, str) else "tools"
            found += [(self._known[name][2], reason) for name in self._named(mark) if name != ref(asset)]
        return found

    def _named(self, mark: _Mark) -> tuple[str, ...]:
        found = self._by_mark.get(mark, ())
        return (found,) if isinstance(found, str) else found


@dataclass(frozen=True, slots=True)
class Compared:
    """What registrations are compared with, of everything in the catalog."""

    names: KnownNames = field(default_factory=KnownNames)
    twins: Twins = field(default_factory=Twins)

    def put(self, asset: AnyAsset) -> None:
        """Know an asset."""
        self.names.put(asset)
        self.twins.put(asset)


def _marks(asset: AnyAsset) -> Sequence[_Mark]:
    url = getattr(asset, "url", None)
    marks: list[_Mark] = [_normal(url)] if url else []
    if isinstance(asset, Server) and asset.tools:
        names = "\n".join(sorted(tool.name for tool in asset.tools))
        marks.append(hashlib.sha256(names.encode("utf-8", "surrogatepass")).digest())
    return marks


def _normal(url: str) -> str:
    parts = urlsplit(url)
    port = {"http": 80, "https": 443}.get(parts.scheme)
    host = (parts.hostname or "").lower() + (f":{parts.port}" if parts.port and parts.port != port else "")
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}?{parts.query}"


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
