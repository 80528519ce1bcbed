"""The catalog: register, read, list, change, take down. Every act is decided, admitted, audited and told of."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import anyio

from airegistry.core.access import Access
from airegistry.core.admission import PREVIEW, Admission, OnDuplicate
from airegistry.core.assets import (
    Agent,
    Duplicate,
    HealthReport,
    Json,
    Kind,
    Server,
    Tool,
    VirtualServer,
    check_path,
    namespace_of,
)
from airegistry.core.audit import Audit
from airegistry.core.calls import Credentials
from airegistry.core.credentials import CredentialStore
from airegistry.core.documents import Where
from airegistry.core.errors import AccessDenied, Conflict, Invalid, NotFound, ScanFailed, UpstreamFailed
from airegistry.core.events import Event, Events
from airegistry.core.fetching import described, stated
from airegistry.core.grants import Action
from airegistry.core.lifecycle import FirstStage
from airegistry.core.pages import Page, Pages
from airegistry.core.parts import COMPOSITION, visible_part
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Backends, Clock
from airegistry.core.preconditions import check, met
from airegistry.core.principals import Principal
from airegistry.core.removal import Removal, users_of
from airegistry.core.reviews import begun, followed
from airegistry.core.scans import ScanReport, Scans, check_enabled
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sizes import check_sizes
from airegistry.core.validation import validated
from airegistry.core.visibility import Visibility

RETRIES = 8
FIXED = frozenset(
    (
        "kind path version created_at created_by updated_at updated_by enabled held_by_scan stage stage_reason "
        "stage_since deprecation review health health_report held rating provenance fetched_at callable server_info "
        "protocol_version type ans"
    ).split()
)
"""Fields that `update` does not set: what the asset is, or what its own operation changes."""
FETCHED = frozenset({"tools", "resources", "resource_templates", "prompts", "instructions"})
REFETCH = frozenset({"url", "transport"})

Audience = Literal["public", "group", "private"]
Amend = Callable[[AnyAsset], Awaitable[AnyAsset]]


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration led to, or would lead to."""

    asset: AnyAsset
    duplicates: Sequence[Duplicate]
    report: ScanReport


class Catalog:
    """Every operation on assets. The caller comes first and is always named."""

    def __init__(
        self,
        shelf: Shelf,
        access: Access,
        visibility: Visibility,
        admission: Admission,
        scans: Scans,
        audit: Audit,
        events: Events,
        backends: Backends,
        clock: Clock,
        credentials: CredentialStore,
        pins: Pins,
        first_stage: FirstStage = "approved_dev",
    ) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._admission = admission
        self._scans = scans
        self._audit = audit
        self._events = events
        self._backends = backends
        self._clock = clock
        self._credentials = credentials
        self._pins = pins
        self._first_stage = first_stage
        self._pages = Pages(shelf.near, access, visibility)

    async def register(
        self, who: Principal, asset: AnyAsset, *, fetch: bool = True, on_duplicate: OnDuplicate = "report",
        credential: Json | None = None, dry_run: bool = False,
    ) -> Registered:  # fmt: skip
        """Take an asset in; with `dry_run` do all of it but ask the gate, store and tell.

        A remote server is asked for its tools first, unless `fetch` is False: then it is stored as given and no
        call goes to it before its first refresh. The backend's `credential` is stored with it, or neither is.

        Raises:
            AccessDenied: the caller may not register here.
            Invalid: path, URL or recipe are malformed.
            Conflict: the path with that version is taken.
            UpstreamFailed: the server cannot be reached; nothing is stored.
            GateRejected, ScanFailed: it may not come in.
        """
        path = asset.path.removeprefix("/")
        act = PREVIEW if dry_run else "register"
        async with self._audit.attempt(who, f"{asset.kind}:{act}", f"{asset.kind}/{path}") as attempt:
            attempt.reason = self._access.require(who, "register", target=(asset.kind, path)).reason
            attempt.target, attempt.data_classification = getattr(asset, "url", None), asset.data_classification
            check_path(path)
            moment = self._clock.now()
            asset = asset.model_copy(
                update={
                    "path": path, "created_by": who.subject, "updated_by": who.subject,
                    "created_at": moment, "updated_at": moment, "visibility": _audience(asset),
                }
            )  # fmt: skip
            asset = begun(asset, who, self._first_stage, await self._check_free(who, asset))
            draft = await self._credentials.draft(who, asset, credential)
            if isinstance(asset, Server):
                live = fetch and asset.transport != "stdio"
                asset = await self._described(who, asset, draft) if live else stated(self._backends, asset)
            await anyio.to_thread.run_sync(check_sizes, asset)
            admitted = await self._admission.review(who, asset, on_duplicate=on_duplicate, act=act)
            registered = Registered(admitted.asset, admitted.duplicates, admitted.report)
            if dry_run:
                return registered
            async with self._events.telling(Event(f"{asset.kind}:register", admitted.asset, who.subject)):
                async with draft.stored():
                    await self._shelf.create(admitted.asset)
                await self._scans.keep(admitted.asset, admitted.report)
        return registered

    async def get(
        self, who: Principal, kind: Kind, path: str, version: str | None = None, *, to: Action = "read"
    ) -> AnyAsset:
        """An asset the caller may read, or do something else with.

        Raises:
            NotFound: there is none, or none the caller may know of.
            AccessDenied: the caller may know of it, but not do this.
        """
        return (await self._found(who, to, kind, path, version))[0]

    async def usable(self, who: Principal, kind: Kind, path: str) -> AnyAsset:
        """An asset the caller may use now; whoever may change it gets it disabled or held too, to review it.

        Raises:
            NotFound: there is none, none the caller may know of, or it is disabled.
            ScanFailed: its scan holds it.
        """
        asset = await self.get(who, kind, path)
        if not self._access.allows(who, "update", asset):
            check_enabled(asset)
        return asset

    def tools(self, who: Principal, asset: AnyAsset) -> Sequence[Tool]:
        """The tools of a server that the caller may see."""
        part = self.part(who, asset)
        return part.tools if isinstance(part, Server) else []

    def part(self, who: Principal, asset: AnyAsset) -> AnyAsset:
        """An asset without the tools, prompts and resources of it that the caller may not see."""
        return visible_part(self._access, who, asset)

    def body(self, asset: AnyAsset) -> Json:
        """An asset as it is stored, whoever asks; to be read only."""
        return self._shelf.body(asset)

    async def list(
        self, who: Principal, kinds: Sequence[Kind], *, limit: int = 50, cursor: str | None = None,
        where: Where | None = None, fits: Callable[[AnyAsset], bool] = lambda asset: True,
    ) -> Page:  # fmt: skip
        """One page of the assets the caller may see, in order of path, narrowed by `where` to what stored assets hold,
        and by `fits` for what that cannot say.

        Raises:
            Invalid: the cursor is none of this registry's.
        """
        return await self._pages.page(who, kinds, limit=limit, cursor=cursor, where=where or {}, fits=fits)

    async def update(
        self, who: Principal, kind: Kind, path: str, changes: Json, *, version: str | None = None,
        then: Amend | None = None,
    ) -> AnyAsset:  # fmt: skip
        """Change fields of an asset, of its default version unless one is named; `then` changes it further.

        A new URL is fetched and scanned before it is stored.

        Raises:
            Invalid: a field that does not exist or is not changed this way, or a value that does not fit.
            AccessDenied, NotFound, Conflict, UpstreamFailed, GateRejected, ScanFailed: see `register`.
        """
        if fixed := sorted(FIXED & changes.keys()):
            raise Invalid(
                f"update does not change {', '.join(fixed)}; each has an operation of its own", field=fixed[0]
            )

        async def amend(asset: AnyAsset) -> AnyAsset:
            _check_by_value(asset, changes)
            merged = {**asset.model_dump(mode="json", by_alias=True, exclude={"callable"}), **changes}
            if "groups" in changes and "visibility" not in changes:
                merged["visibility"] = "group" if changes["groups"] else "public"
            changed = validated(merged)
            if isinstance(changed, Server) and changed.transport != "stdio" and REFETCH & changes.keys():
                changed = await self._described(who, changed)
            elif isinstance(changed, Server):
                changed = stated(self._backends, changed)
            elif isinstance(changed, Agent) and changed.url and "url" in changes:
                self._backends.check_url(changed.url)
            return changed if then is None else await then(changed)

        foreign = changes.keys() == {"requires_approval"}  # who has to be asked here is not its source's to say
        return await self.amend(who, "update", kind, path, amend, version=version, foreign=foreign)

    async def toggle(
        self, who: Principal, kind: Kind, path: str, enabled: bool, *, version: str | None = None
    ) -> AnyAsset:
        """Enable or disable an asset. What a scan holds is enabled by a scan that passes, and not otherwise.

        Raises:
            ScanFailed: the scan holds it.
            AccessDenied, NotFound: see `get`.
        """

        async def amend(asset: AnyAsset) -> AnyAsset:
            return asset.model_copy(update={"enabled": enabled, "held_by_scan": False})

        return await self.amend(who, "toggle", kind, path, amend, review=enabled, version=version)

    async def refresh(
        self, who: Principal, path: str, *, version: str | None = None, foreign: bool = False
    ) -> AnyAsset:
        """Fetch a server's tools, resources and prompts anew, and scan them before they are served. What means more
        than what was approved waits for an approval; until then that is served: see `core/pins.py`. Of a server that
        comes from elsewhere only where `foreign` says so: what its backend offers is not its registry's to say.

        Raises:
            UpstreamFailed: it cannot be reached; what was known stays.
            Unsupported, AccessDenied, NotFound, ScanFailed: see `register`.
        """

        async def amend(asset: AnyAsset) -> AnyAsset:
            if not isinstance(asset, Server) or asset.transport == "stdio":
                raise Invalid(f"{ref(asset)} runs on its user's machine; register its tools by value", field="path")
            return await self._pins.settled(asset, await self._described(who, asset))

        try:
            return await self.amend(who, "refresh", "server", path, amend, version=version, foreign=foreign)
        except UpstreamFailed as failure:
            await self._mark_unhealthy(path.removeprefix("/"), version, failure)
            raise

    async def _mark_unhealthy(self, path: str, version: str | None, failure: UpstreamFailed) -> None:
        found = await self._shelf.get("server", path, version)
        if found is not None and not _is_told(found[0], failure.message):
            report = HealthReport(checked_at=self._clock.now(), error=failure.message)
            with suppress(Conflict):  # whoever wrote it meanwhile knows better
                sick = found[0].model_copy(update={"health": "unhealthy", "health_report": report})
                await self._shelf.replace(sick, found[1])

    async def delete(self, who: Principal, kind: Kind, path: str, *, dry_run: bool = False) -> Removal:
        """Take an asset down, with all its versions; with `dry_run` only say what would go.

        Raises:
            AccessDenied, NotFound: see `get`.
        """
        path = path.removeprefix("/")
        act = f"{kind}:delete:{PREVIEW}" if dry_run else f"{kind}:delete"
        async with self._audit.attempt(who, act, f"{kind}/{path}") as attempt:
            asset, _, attempt.reason = await self._found(who, "delete", kind, path)
            check_local(asset)
            versions, held = [asset.version, *await self._shelf.versions(kind, path)], self._credentials.count(asset)
            if dry_run:
                return Removal(versions, held, await users_of(self._shelf, self._visibility, who, asset))
            async with self._events.telling(Event(f"{kind}:delete", asset, who.subject)):
                await self._credentials.forget(asset)
                await self._shelf.delete(asset)
                for version in versions:
                    await self._scans.forget(asset.model_copy(update={"version": version}))
        return Removal(versions, held)

    async def amend(
        self, who: Principal, action: Action, kind: Kind, path: str, amend: Amend, *, review: bool = True,
        version: str | None = None, right: Action | None = None, why: str = "", foreign: bool = False,
    ) -> AnyAsset:  # fmt: skip
        """Change an asset by `amend`, anew on the current state when somebody wrote it meanwhile; `right` is the one it
        takes where that is not the action's own, `why` goes on record. Who approves a change is not its author. What
        comes from elsewhere is changed there, unless `foreign` lets it be done here."""
        path = path.removeprefix("/")
        async with self._audit.attempt(who, f"{kind}:{action}", f"{kind}/{path}") as attempt:
            for _ in range(RETRIES):
                asset, revision, attempt.reason = await self._found(who, right or action, kind, path, version)
                if action in {"update", "refresh"} and not foreign:
                    check_local(asset)
                attempt.data_classification = asset.data_classification
                attempt.reason += f"; {why}" if why else ""
                changed, approves = await amend(asset), action == "approve"
                if not approves:
                    changed = followed(asset, changed, who, self._clock.now(), action)
                    changed = changed.model_copy(update={"updated_by": who.subject})
                if changed.stage != asset.stage:
                    attempt.reason += f"; {asset.stage} -> {changed.stage}: {changed.stage_reason}"
                changed = changed.model_copy(update={"updated_at": self._clock.now()})
                await anyio.to_thread.run_sync(check_sizes, changed)
                now = None if approves else asset
                admitted = await self._admission.review(who, changed, approved=now, act=action) if review else None
                final = admitted.asset if admitted else changed
                if changed.enabled and not asset.enabled and not final.enabled:
                    raise ScanFailed(f"{ref(asset)} is held by its scan and stays disabled until a scan passes")
                try:
                    async with self._events.telling(Event(f"{kind}:{action}", final, who.subject)):
                        await self._shelf.replace(final, revision)
                        met((kind, path, version))
                        if admitted:
                            await self._scans.keep(final, admitted.report)
                except Conflict:
                    continue
                return final
            raise Conflict(f"{kind} {path!r} keeps changing; try again")

    async def _found(
        self, who: Principal, action: Action, kind: Kind, path: str, version: str | None = None
    ) -> tuple[AnyAsset, int, str]:
        """An asset, its revision, and why the caller may do this with it."""
        if version is not None:
            await self._found(who, "list", kind, path)  # whoever may not see the asset sees none of its versions
        found = await self._shelf.get(kind, path.removeprefix("/"), version)
        if found is None or found[0].kind != kind or not self._visibility.shows(who, found[0]):
            raise NotFound(f"no {kind} named {path!r}" + ("" if version is None else f" of version {version}"))
        reason = self._access.require(who, action, found[0]).reason
        check((kind, path.removeprefix("/"), version), found[1])
        return *found, reason

    async def _check_free(self, who: Principal, asset: AnyAsset) -> AnyAsset | None:
        """Refuse a taken path before the backend is asked for anything. A further version is for whoever may
        change the asset, whose default version is the answer: it answers under the asset's name."""
        found = await self._shelf.get(asset.kind, asset.path)
        if found is None:
            return None
        further = found[0].kind == asset.kind and found[0].version != asset.version
        if not further or not self._access.allows(who, "update", found[0]):
            raise Conflict(f"a {namespace_of(asset.kind)} named {asset.path!r} exists already")
        if asset.provenance.source != found[0].provenance.source:
            check_local(found[0])
        return found[0]

    async def _described(self, who: Principal, server: Server, credentials: Credentials | None = None) -> Server:
        return await described(self._backends, self._clock, server, who, credentials or self._credentials)


def _audience(asset: AnyAsset) -> Audience:
    """Public unless groups are named or something narrower was asked for."""
    return "group" if asset.groups and asset.visibility == "public" else asset.visibility


def check_local(asset: AnyAsset) -> None:
    """Refuse to change what another registry keeps.

    Raises:
        AccessDenied: the asset comes from elsewhere.
    """
    if asset.provenance.source != "local":
        raise AccessDenied(f"{ref(asset)} comes from {asset.provenance.source} and is changed there")


def _check_by_value(asset: AnyAsset, changes: Json) -> None:
    if isinstance(asset, Server) and asset.fetched_at and (fetched := sorted(FETCHED & changes.keys())):
        raise Invalid(f"{', '.join(fetched)} of a remote server are fetched, not written", field=fetched[0])
    if isinstance(asset, VirtualServer) and (composed := sorted(COMPOSITION & changes.keys())):
        raise Invalid(f"{', '.join(composed)} of a virtual server are composed, not written", field=composed[0])


def _is_told(asset: AnyAsset, error: str) -> bool:
    """Whether an asset says already that this is why it cannot be reached."""
    return asset.health == "unhealthy" and asset.health_report.error == error
