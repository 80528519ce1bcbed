"""Versions of an asset side by side: which one answers by default, which are on their way out, and when they end.

A version says of itself that it is deprecated (`deprecate`), or its lifecycle does: stage `deprecated`, and the
`retirement_date` as its end. Both count, and the earlier end.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from re import split

import anyio

from airegistry.core.access import Access
from airegistry.core.admission import PREVIEW
from airegistry.core.assets import Deprecation, Kind, Server, VirtualServer
from airegistry.core.audit import Audit
from airegistry.core.catalog import RETRIES, check_local
from airegistry.core.errors import Conflict, Invalid, NotFound, Retired, ScanFailed
from airegistry.core.events import Event, Events
from airegistry.core.grants import Action
from airegistry.core.parts import entries_of
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import Principal
from airegistry.core.removal import Removal
from airegistry.core.scans import Scans, check_enabled
from airegistry.core.shelf import Shelf
from airegistry.core.visibility import Visibility

CARRIED = ("visibility", "groups", "created_by", "created_at", "rating")
"""Fields that belong to the asset and not to a version: a switch changes neither whose it is nor who sees it."""
Headers = list[tuple[bytes, bytes]]


def deprecation_of(asset: AnyAsset) -> Deprecation | None:
    """Since when, until when and in whose favour a version is deprecated; None when it is not."""
    own = asset.deprecation
    if asset.stage != "deprecated":
        return own
    since, sunset = asset.stage_since or asset.updated_at, asset.retirement_date
    if own is None:
        return Deprecation(since=_aware(since), sunset=None if sunset is None else _aware(sunset))
    ends = [_aware(end) for end in (own.sunset, sunset) if end is not None]
    return Deprecation(since=min(_aware(since), own.since), sunset=min(ends, default=None), successor=own.successor)


def is_over(asset: AnyAsset, now: datetime) -> bool:
    """Whether the sunset of a version has passed."""
    if asset.deprecation is None and asset.stage != "deprecated":  # nearly always: this is asked at each call
        return False
    deprecation = deprecation_of(asset)
    return deprecation is not None and deprecation.sunset is not None and deprecation.sunset <= now


def check_sunset(asset: AnyAsset, now: datetime, *, default: str | None = None) -> None:
    """Refuse a version whose sunset has passed. `default` is the number of the default version, where it is known.

    Raises:
        Retired: its sunset has passed; the message names what to use instead.
    """
    if not is_over(asset, now):
        return
    deprecation = deprecation_of(asset)
    assert deprecation is not None  # or it would not be over
    instead = deprecation.successor or (default if default != asset.version else None)
    advice = f"use version {instead}" if instead else "it has no successor"
    ended = f"{deprecation.sunset:%Y-%m-%dT%H:%M:%SZ}"
    raise Retired(
        f"version {asset.version} of {asset.kind} {asset.path!r} ended at {ended}; {advice}", successor=instead
    )


def sunset_headers(asset: AnyAsset, now: datetime) -> Headers:
    """What each answer of a deprecated version says: `Deprecation` (RFC 9745), `Sunset` (RFC 8594), its successor."""
    if asset.deprecation is None and asset.stage != "deprecated":
        return []
    deprecation = deprecation_of(asset)
    assert deprecation is not None  # one of the two says so
    headers = [(b"deprecation", b"@%d" % min(deprecation.since, now).timestamp())]
    if deprecation.sunset is not None:
        headers.append((b"sunset", format_datetime(deprecation.sunset.astimezone(UTC), usegmt=True).encode("ascii")))
    if deprecation.successor is not None and isinstance(asset, Server | VirtualServer):
        target = f"</{asset.path}@{deprecation.successor}/mcp>"
        headers.append((b"link", f'{target}; rel="successor-version"'.encode("ascii")))
    return headers


@dataclass(frozen=True, slots=True)
class Version:
    """One version as a caller sees it; `pinned_by` are the paths of virtual servers, visible ones only."""

    asset: AnyAsset
    default: bool
    deprecation: Deprecation | None
    over: bool
    pinned_by: Sequence[str]


class Versions:
    """Every operation on versions. Who may see the asset, and the version itself, sees it listed."""

    def __init__(
        self,
        shelf: Shelf,
        access: Access,
        visibility: Visibility,
        scans: Scans,
        audit: Audit,
        events: Events,
        clock: Clock,
    ) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._scans = scans
        self._audit = audit
        self._events = events
        self._clock = clock

    async def list(self, who: Principal, kind: Kind, path: str) -> Sequence[Version]:
        """All versions the caller may see, the default first, then by number from the highest down.

        Raises:
            NotFound, AccessDenied: see `Catalog.get`.
        """
        head, _, _ = await self._found(who, "read", kind, path)
        others = [
            found[0]
            for version in await self._shelf.versions(kind, head.path)
            if (found := await self._shelf.get(kind, head.path, version)) and found[0].version != head.version
        ]
        seen = [asset for asset in others if self._visibility.shows(who, asset)]
        seen.sort(key=lambda asset: _number(asset.version), reverse=True)
        pins = await self._pins(who, head)
        now = self._clock.now()
        return [
            Version(
                asset, asset is head, deprecation_of(asset), is_over(asset, now), sorted(pins.get(asset.version, ()))
            )
            for asset in (head, *seen)
        ]

    def is_over(self, asset: AnyAsset) -> bool:
        """Whether the sunset of a version has passed by now."""
        return is_over(asset, self._clock.now())

    async def set_default(self, who: Principal, kind: Kind, path: str, version: str) -> AnyAsset:
        """Let a version answer where none is named, in place of the present default, which stays callable by its
        number. Taking that back is the same operation.

        Raises:
            NotFound, AccessDenied: see `Catalog.get`; also when there is no such version, or it is disabled.
            ScanFailed: its scan holds it, or it was never fetched.
            Retired: its sunset has passed, or its lifecycle has ended.
            Conflict: the asset keeps changing.
        """
        path = path.removeprefix("/")
        async with self._audit.attempt(who, f"{kind}:set_default", f"{kind}/{path}") as attempt:
            for _ in range(RETRIES):
                head, head_revision, reason = await self._found(who, "update", kind, path)
                attempt.reason, attempt.data_classification = reason, head.data_classification
                if head.version == version:
                    return head
                attempt.reason = f"{reason}; {head.version} -> {version}"
                asset, revision, _ = await self._found(who, "update", kind, path, version)
                check_local(head)
                self._check_fit(asset)
                moment = {"updated_by": who.subject, "updated_at": self._clock.now()}
                carried = {field: getattr(head, field) for field in CARRIED}
                enabled = asset.enabled and head.enabled
                asset = asset.model_copy(update={**carried, **moment, "enabled": enabled})
                try:
                    with anyio.CancelScope(shield=True):  # once it is switched, lists and searches must hear of it
                        async with self._events.telling(Event(f"{kind}:set_default", asset, who.subject)):
                            await self._shelf.promote(asset, revision, head, head_revision)
                except Conflict:
                    continue
                return asset
            raise Conflict(f"{kind} {path!r} keeps changing; try again")

    async def deprecate(
        self, who: Principal, kind: Kind, path: str, version: str, *, sunset: datetime | None = None,
        successor: str | None = None, message: str | None = None, deprecated: bool = True,
    ) -> AnyAsset:  # fmt: skip
        """Tell callers of a version that it ends at `sunset` (None: no day is set), which one comes after it and why;
        or take that back with `deprecated` False. From its sunset on it is refused.

        Raises:
            NotFound, AccessDenied, Conflict: as `set_default`.
            Invalid: the successor is no other version of the asset.
        """
        path = path.removeprefix("/")
        async with self._audit.attempt(who, f"{kind}:deprecate", f"{kind}/{path}") as attempt:
            for _ in range(RETRIES):
                asset, revision, reason = await self._found(who, "transition", kind, path, version)
                check_local(asset)
                if successor is not None:
                    await self._check_successor(who, asset, successor)
                now = self._clock.now()
                deprecation = _deprecation(asset, now, sunset, successor, message) if deprecated else None
                end = "no day is set" if deprecation is None or sunset is None else f"ends {deprecation.sunset}"
                attempt.reason = f"{reason}; {version}: {end if deprecated else 'not deprecated any more'}"
                attempt.data_classification = asset.data_classification
                moment = {"updated_by": who.subject, "updated_at": now}
                asset = asset.model_copy(update={"deprecation": deprecation, **moment})
                try:
                    async with self._events.telling(Event(f"{kind}:deprecate", asset, who.subject)):
                        await self._shelf.replace(asset, revision)
                except Conflict:
                    continue
                return asset
            raise Conflict(f"{kind} {path!r} keeps changing; try again")

    async def delete(self, who: Principal, kind: Kind, path: str, version: str, *, dry_run: bool = False) -> Removal:
        """Take down one version; with `dry_run` only say what would go. Virtual servers that pin it and that the caller
        may see are in the way until its sunset has passed; others lose their part, as when the whole asset goes.

        Raises:
            NotFound, AccessDenied: as `set_default`.
            Conflict: it is the default, the successor of another version, or pinned.
        """
        path = path.removeprefix("/")
        act = f"{kind}:delete_version:{PREVIEW}" if dry_run else f"{kind}:delete_version"
        async with self._audit.attempt(who, act, f"{kind}/{path}") as attempt:
            head, _, _ = await self._found(who, "delete", kind, path)
            asset, _, reason = await self._found(who, "delete", kind, path, version)
            attempt.reason, attempt.data_classification = f"{reason}; {version}", asset.data_classification
            check_local(asset)
            if asset.version == head.version:
                raise Conflict(
                    f"version {version} is the default of {kind} {path!r}; make another one the default first"
                )
            await self._check_unused(who, asset)
            if dry_run:
                return Removal([version], used_by=sorted((await self._pins(who, head)).get(version, ())))
            async with self._events.telling(Event(f"{kind}:delete_version", asset, who.subject)):
                await self._shelf.delete_version(asset)
                await self._scans.forget(asset)
        return Removal([version])

    async def _found(
        self, who: Principal, action: Action, kind: Kind, path: str, version: str | None = None
    ) -> tuple[AnyAsset, int, str]:
        """A version, its revision, and why the caller may do this with it: who may not see the asset sees none."""
        path = path.removeprefix("/")
        head = await self._shelf.get(kind, path)
        if head is None or head[0].kind != kind or not self._visibility.shows(who, head[0]):
            raise NotFound(f"no {kind} named {path!r}")
        found = head if version is None else await self._shelf.get(kind, path, version)
        if found is None or not self._visibility.shows(who, found[0]):
            raise NotFound(f"{kind} {path!r} has no version {version}")
        return *found, self._access.require(who, action, found[0]).reason

    def _check_fit(self, asset: AnyAsset) -> None:
        """Refuse as a default what would refuse every call."""
        check_sunset(asset, self._clock.now())
        if asset.stage == "retired":
            raise Retired(f"version {asset.version} of {asset.kind} {asset.path!r} is retired")
        check_enabled(asset)
        if isinstance(asset, Server) and asset.transport != "stdio" and not asset.callable:
            raise ScanFailed(f"version {asset.version} of server {asset.path!r} was never fetched; refresh it first")

    async def _check_successor(self, who: Principal, asset: AnyAsset, successor: str) -> None:
        found = await self._shelf.get(asset.kind, asset.path, successor)
        if successor == asset.version or found is None or not self._visibility.shows(who, found[0]):
            raise Invalid(f"{successor!r} is no other version of {asset.kind} {asset.path!r}", field="successor")

    async def _check_unused(self, who: Principal, asset: AnyAsset) -> None:
        for version in await self.list(who, asset.kind, asset.path):
            if version.deprecation is not None and version.deprecation.successor == asset.version:
                raise Conflict(f"version {asset.version} is the successor of {version.asset.version}")
            if version.asset.version == asset.version and version.pinned_by and not version.over:
                raise Conflict(
                    f"version {asset.version} is pinned by virtual servers: {', '.join(version.pinned_by)}; "
                    "deprecate it with a sunset, or have them move on"
                )

    async def _pins(self, who: Principal, server: AnyAsset) -> Mapping[str, Collection[str]]:
        """By version the paths of virtual servers that pin it, as far as the caller may see them."""
        pins = defaultdict[str, set[str]](set)
        if server.kind != "server":
            return pins
        async for _, asset in self._shelf.walk(where={"kind": "virtual_server"}):
            assert isinstance(asset, VirtualServer)  # by its kind
            if self._visibility.shows(who, asset):
                for entry in entries_of(asset):
                    if entry.server == server.path and entry.version is not None:
                        pins[entry.version].add(asset.path)
        return pins


def _deprecation(
    asset: AnyAsset, now: datetime, sunset: datetime | None, successor: str | None, message: str | None
) -> Deprecation:
    end = None if sunset is None else _aware(sunset)
    since = asset.deprecation.since if asset.deprecation is not None else now
    since = since if end is None else min(since, end)
    return Deprecation(since=since, sunset=end, successor=successor, message=message)


def _number(version: str) -> list[tuple[int, str]]:
    """What versions are ordered by: 1.10 comes after 1.9, and a word before any number."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in split("[._+-]", version)]


def _aware(moment: datetime) -> datetime:
    """A moment in UTC; one without a zone is meant so. What is beyond the calendar there is its first or last day."""
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return (datetime.min if moment.year == 1 else datetime.max).replace(tzinfo=UTC)
