"""Approvers look at definitions that changed since they were approved, and take them over or keep them out.

That is decided here of what comes from a source too: an approval changes nothing but what of it is served.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from airegistry.core.access import Access
from airegistry.core.assets import Agent, Kind, Server
from airegistry.core.catalog import Catalog
from airegistry.core.definitions import hashes_of
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, ScanFailed
from airegistry.core.pins import PendingPart, Pins, approved_with, hash_of, held_as, why_held
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.reviews import LONGEST_REASON, check_second_person
from airegistry.core.scans import Scans
from airegistry.core.shelf import ref
from airegistry.core.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Changes:
    """An asset as it is served, the hashes of its definitions by part, and what waits; `hash` names all of that."""

    asset: AnyAsset
    hashes: Mapping[str, str]
    pending: Mapping[str, PendingPart]
    hash: str | None


class DefinitionApprovals:
    """Every operation on pending definitions. `version` is the default one unless it is named."""

    def __init__(self, catalog: Catalog, pins: Pins, scans: Scans, access: Access, telemetry: Telemetry) -> None:
        self._catalog = catalog
        self._pins = pins
        self._scans = scans
        self._access = access
        self._telemetry = telemetry

    async def changes(self, who: Principal, kind: Kind, path: str, *, version: str | None = None) -> Changes:
        """What waits for an approval. Unapproved text is for those who review it: it may speak to whoever reads it.

        Raises:
            NotFound, AccessDenied: there is no such asset, or the caller may neither approve, scan nor change it.
        """
        asset = await self._catalog.get(who, kind, path, version)
        if not any(self._access.allows(who, action, asset) for action in ("approve", "update")):
            self._access.require(who, "scan", asset)
        pending = (await self._pins.find(asset)).parts
        return Changes(asset, hashes_of(asset), pending, hash_of(pending) if pending else None)

    async def waiting(
        self, who: Principal, *, limit: int = 50, cursor: str | None = None
    ) -> tuple[Sequence[Changes], str | None]:
        """Every version of an asset of which something waits that the caller may look at, in order of path."""
        page: list[Changes] = []
        last = cursor
        async for key, kind, path, version in self._pins.waiting(cursor):
            if len(page) == limit:
                return page, last
            last = key
            with suppress(NotFound, AccessDenied):  # it is not for this caller, or is gone
                found = await self.changes(who, kind, path, version=version)
                if found.pending:
                    page.append(found)
        return page, None

    async def approve(
        self, who: Principal, kind: Kind, path: str, hash: str, *, tool: str | None = None, reason: str,
        version: str | None = None,
    ) -> AnyAsset:  # fmt: skip
        """Serve what waits: all of it, or one `tool` or other part. `hash` names what was looked at.

        Raises:
            NotFound: nothing of that waits, or there is no such asset.
            Conflict: another definition has come since; look again.
            AccessDenied, ApprovalRequired: the caller may not approve; an asset of high risk takes a second person.
            ScanFailed: the scan would block it, or gave no answer; it waits on.
            Invalid: no reason is given.
        """
        _check_reason(reason)
        taken: dict[str, PendingPart] = {}

        async def amend(asset: AnyAsset) -> AnyAsset:
            nonlocal taken
            check_second_person(who, asset)
            taken = await self._chosen(asset, tool, hash)
            changed = approved_with(asset, taken)
            report = await self._scans.run(changed)
            if report.verdict == "block":
                raise ScanFailed(f"the scan blocks what waits of {ref(asset)}: it is not taken over")
            return changed

        why = f"approved {hash}: {reason}"
        asset = await self._catalog.amend(who, "approve", kind, path, amend, version=version, why=why)
        await self._pins.taken(asset, taken)
        self._telemetry.count("airegistry.definitions.approved", len(taken), kind=kind)
        return asset

    async def reject(
        self, who: Principal, kind: Kind, path: str, hash: str, *, tool: str | None = None, reason: str,
        version: str | None = None,
    ) -> AnyAsset:  # fmt: skip
        """Keep out what waits. Its tools stay held until the backend lists what was approved, or something else again.

        Raises:
            NotFound, Conflict, AccessDenied, Invalid: see `approve`.
        """
        _check_reason(reason)

        async def amend(asset: AnyAsset) -> AnyAsset:
            chosen = await self._chosen(asset, tool, hash)
            kept = await self._pins.reject(asset, chosen, who.subject, reason)
            if not isinstance(asset, Server | Agent):
                return asset
            said = {held_as(part): why_held(kept.parts[part]) for part in chosen if part in kept.parts}
            held = {name: said.get(name, why) for name, why in asset.held.items()}
            return asset.model_copy(update={"held": held})

        why = f"rejected {hash}: {reason}"
        asset = await self._catalog.amend(who, "approve", kind, path, amend, review=False, version=version, why=why)
        self._telemetry.count("airegistry.definitions.rejected", kind=kind)
        return asset

    async def _chosen(self, asset: AnyAsset, tool: str | None, hash: str) -> dict[str, PendingPart]:
        parts = (await self._pins.find(asset)).chosen(tool)
        if not parts:
            raise NotFound(
                f"no definition of {ref(asset)} waits" + ("" if tool is None else f" that is named {tool!r}")
            )
        if hash_of(parts) != hash:
            raise Conflict(f"what waits of {ref(asset)} is not {hash[:80]}: look at it again")
        return parts


def _check_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Invalid(f"say why, in at most {LONGEST_REASON} characters", field="reason")
