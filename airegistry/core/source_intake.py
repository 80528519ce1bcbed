"""Brings in what a source offers, one thing at a time: by the same admission, scan, audit and events as a registration.

What is governed here stays as it is here: whether a thing is switched on, its stage and approvals, ratings, health and
what is held of it. The rest is as its source has it. Of a server that was fetched its own definitions stand, and not
what its source says of them; of agents and skills a change waits for an approval as elsewhere (`core/pins.py`).

The report of a scan is kept before what was scanned is stored: what a crash leaves without its asset the next pass
writes over, and what has its digest has its report.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import NoReturn

import anyio

from airegistry.core.admission import Admission
from airegistry.core.assets import MAX_TAGS, Agent, Entity, HealthReport, Provenance, Rating, Server, Skill, check_path
from airegistry.core.audit import Audit
from airegistry.core.cards import fetchable, interfaces_of_card
from airegistry.core.credentials import CredentialStore
from airegistry.core.entity_types import EntityTypes, Moved
from airegistry.core.errors import AirError, Conflict, GateRejected, Invalid, ScanFailed
from airegistry.core.events import Event, Events
from airegistry.core.fetching import stated
from airegistry.core.git_skills import served_from
from airegistry.core.lifecycle import FirstStage
from airegistry.core.pins import Pins
from airegistry.core.ports import AnyAsset, Backends, Clock
from airegistry.core.principals import Principal
from airegistry.core.reviews import begun, followed, moved
from airegistry.core.scans import SECURITY_PENDING, Scans
from airegistry.core.shelf import Shelf, ref
from airegistry.core.sizes import check_sizes
from airegistry.core.source_diff import GONE, Held, versions_of
from airegistry.core.source_records import LOCAL, Terms
from airegistry.core.source_stages import follows, is_gone, offered_again
from airegistry.core.sources import Offer, SourceKind
from airegistry.core.versions import CARRIED

GOVERNED = (
    "enabled", "held_by_scan", "stage", "stage_reason", "stage_since", "review", "rating", "health", "health_report",
    "requires_approval", "created_at", "created_by",
)  # fmt: skip
"""Fields of an asset that are decided here, wherever it comes from."""
FETCHED = (
    "tools", "resources", "resource_templates", "prompts", "instructions", "server_info", "protocol_version",
    "fetched_at", "held", "health", "health_report",
)  # fmt: skip
"""What a server's backend said of itself, which stands as long as the server is where it was."""
DEFINED: Mapping[str, tuple[str, ...]] = {
    "agent": ("card", "name", "description", "url", "skills", "held"),
    "skill": ("content", "files", "name", "description", "frontmatter", "content_hash"),
}
"""What an agent or a skill is defined by: it changes as `core/pins.py` lets it."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where things come from in this pass, as what, and `who` brings them in."""

    name: str
    kind: SourceKind
    generation: int
    terms: Terms
    who: Principal


def courier(name: str) -> Principal:
    """The registry itself, as it acts for a source."""
    return Principal(subject=f"source:{name}", client="airegistry", operator=True)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What is here of an offer now, whether anything of it was changed, and why versions of it did not come in."""

    asset: AnyAsset
    changed: bool
    lost: Mapping[str, AirError] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Writes what comes from sources, and takes it down."""

    shelf: Shelf
    admission: Admission
    scans: Scans
    pins: Pins
    types: EntityTypes
    backends: Backends
    credentials: CredentialStore
    audit: Audit
    events: Events
    clock: Clock
    first_stage: FirstStage = "approved_dev"

    async def add(self, origin: Origin, offer: Offer, path: str) -> Arrived:
        """Take in something new, the default version first; the digest is written when all versions are there.

        Raises:
            Conflict: the path is taken, or it duplicates another asset that is here.
            Invalid, GateRejected, ScanFailed: as `Catalog.register`.
        """
        first, *others = versions_of(offer)
        held = Held(offer.id, first.kind, path, first.version, None, origin.terms.audience_key)
        async with self._fitting(origin, held):
            head = await self._added(origin, offer, first, path, digest="" if others else offer.digest)
        return await self.change(origin, offer, held) if others else Arrived(head, changed=True)

    async def change(self, origin: Origin, offer: Offer, held: Held) -> Arrived:
        """Have what is here be as it is offered; of versions beside the default one those that may come in.

        Raises:
            Conflict: somebody else wrote it meanwhile.
            Invalid, GateRejected, ScanFailed: as `Catalog.update`.
        """
        first, *others = versions_of(offer)
        if first.kind != held.kind:
            raise Invalid(f"it was a {held.kind} before and is a {first.kind} now", field="kind")
        changed, lost = False, dict[str, AirError]()
        async with self._fitting(origin, held):
            for version in others:
                try:
                    changed |= await self._beside(origin, offer, version, held)
                except Moved:
                    raise
                except (Conflict, GateRejected, Invalid, ScanFailed) as error:
                    lost[version.version] = error
            if first.version != held.version:
                changed |= await self._beside(origin, offer, first, held)
            offered = {version.version for version in (first, *others)}
            for number in held.beside.keys() - offered:
                changed |= await self._retired(origin, held, number)
            asset, switched = await self._head(origin, offer, first, held)
            if held.version not in offered:
                await self._retired(origin, held, held.version)
        return Arrived(asset, changed or switched, lost)

    async def retire(self, origin: Origin, held: Held) -> bool:
        """Take something out of service that is offered no more; whether it was in."""
        done = False
        for number in (*held.beside, held.version):
            done |= await self._retired(origin, held, number)
        return done

    async def delete(self, origin: Origin, held: Held) -> bool:
        """Take something down, with all its versions; False where there is none of this source."""
        found = await self.shelf.get(held.kind, held.path)
        if found is None or not _is_of(found[0], origin, held.id):
            return False
        asset, who = found[0], origin.who
        async with self.audit.attempt(who, f"{asset.kind}:delete", ref(asset)) as attempt:
            attempt.reason = f"from source {origin.name}"
            versions = [asset.version, *await self.shelf.versions(asset.kind, asset.path)]
            async with self.events.telling(Event(f"{asset.kind}:delete", asset, who.subject)):
                await self.credentials.forget(asset)
                await self.shelf.delete(asset)
                for version in versions:
                    await self.scans.forget(asset.model_copy(update={"version": version}))
        return True

    @asynccontextmanager
    async def _fitting(self, origin: Origin, held: Held) -> AsyncIterator[None]:
        """Around storing: an entity that does not fit its type any more, which changed meanwhile, is taken down."""
        try:
            yield
        except Moved:
            await self.delete(origin, held)
            raise

    async def _head(self, origin: Origin, offer: Offer, first: AnyAsset, held: Held) -> tuple[AnyAsset, bool]:
        """The default version, as offered and with the digest: from here on the offer is done with. And whether
        anything but the digest was written."""
        found = await self.shelf.get(held.kind, held.path)
        if found is None or not _is_of(found[0], origin, held.id):
            raise Conflict(f"{held.kind} {held.path!r} was deleted meanwhile")
        before, revision = found
        if before.version != first.version:
            return await self._switched(origin, offer, first.version, before, revision), True
        wanted = await self._wanted(origin, offer, first, before, offer.digest)
        if _is_as(before, wanted):
            if before.provenance.digest != offer.digest:
                await self._write(origin, before, wanted, revision, review=False)
            return wanted, False
        return await self._write(origin, before, wanted, revision), True

    async def _switched(self, origin: Origin, offer: Offer, version: str, head: AnyAsset, revision: int) -> AnyAsset:
        """The version that is the default there, made the default here."""
        found = await self.shelf.get(head.kind, head.path, version)
        if found is None or found[1] > 0:
            raise Conflict(f"version {version} of {head.path!r} is not there any more")
        who, asset = origin.who, found[0]
        async with self.audit.attempt(who, f"{asset.kind}:set_default", ref(asset)) as attempt:
            attempt.reason = f"from source {origin.name}; {head.version} -> {version}"
            provenance = asset.provenance.model_copy(update={"digest": offer.digest})
            carried = {field: getattr(head, field) for field in CARRIED}
            moment = {"updated_by": who.subject, "updated_at": self.clock.now()}
            asset = follows(asset, head, who, self.clock.now())
            asset = asset.model_copy(update={**carried, **moment, "provenance": provenance})
            with anyio.CancelScope(shield=True):
                async with self.events.telling(Event(f"{asset.kind}:set_default", asset, who.subject)):
                    await self.shelf.promote(asset, found[1], head, revision)
        return asset

    async def _beside(self, origin: Origin, offer: Offer, version: AnyAsset, held: Held) -> bool:
        """Have a version stand beside the default one as it is offered; whether that changed anything."""
        found = await self.shelf.get(held.kind, held.path, version.version)
        if found is None:
            await self._added(origin, offer, version, held.path, digest=offer.digest)
            return True
        before, revision = found
        if not _is_of(before, origin, held.id):
            raise Conflict(f"version {version.version} of {held.path!r} is not of this source")
        if before.provenance.digest == offer.digest and not is_gone(before) and revision < 0:
            return False
        wanted = await self._wanted(origin, offer, version, before, offer.digest)
        if _is_as(before, wanted):
            return False
        await self._write(origin, before, wanted, revision)
        return True

    async def _added(self, origin: Origin, offer: Offer, version: AnyAsset, path: str, *, digest: str) -> AnyAsset:
        """A version as it came in: the first of its asset, or a further one."""
        kind, who = version.kind, origin.who
        path = check_path(path)
        head = await self.shelf.get(kind, path)
        if head is not None and not _is_of(head[0], origin, offer.id):
            refuse_taken(head[0])
        asset = self._placed(origin, offer, version, path, digest)
        asset = self._fresh(asset, None if head is None else head[0], origin)
        self._check(asset)
        async with self.audit.attempt(who, f"{kind}:register", ref(asset)) as attempt, AsyncExitStack() as stack:
            attempt.reason = f"from source {origin.name}"
            attempt.target, attempt.data_classification = getattr(asset, "url", None), asset.data_classification
            await anyio.to_thread.run_sync(check_sizes, asset)
            if isinstance(asset, Entity):
                await stack.enter_async_context(self.types.checked(asset.type, asset.data))
            known = await self.scans.revision(asset)
            admitted = await self.admission.review(who, asset, on_duplicate=origin.terms.on_duplicate)
            await self.scans.keep(admitted.asset, admitted.report, expect=known)
            await self._pinned(None if head is None else head[0], admitted.asset)
            async with self.events.telling(Event(f"{kind}:register", admitted.asset, who.subject)):
                await (self.shelf.begin if head is None else self.shelf.create)(admitted.asset)
        return admitted.asset

    async def _write(
        self, origin: Origin, before: AnyAsset, wanted: AnyAsset, revision: int, *, review: bool = True
    ) -> AnyAsset:
        """Store a version in place of the revision it was made from, as its admission lets it in."""
        kind, who, now = wanted.kind, origin.who, self.clock.now()
        self._check(wanted)
        async with self.audit.attempt(who, f"{kind}:update", ref(wanted)) as attempt, AsyncExitStack() as stack:
            attempt.reason = f"from source {origin.name}"
            attempt.target, attempt.data_classification = getattr(wanted, "url", None), wanted.data_classification
            await anyio.to_thread.run_sync(check_sizes, wanted)
            wanted = followed(before, wanted, who, now, "update")
            wanted = wanted.model_copy(update={"updated_by": who.subject, "updated_at": now})
            if isinstance(wanted, Entity):
                await stack.enter_async_context(self.types.checked(wanted.type, wanted.data))
            if review:
                known = await self.scans.revision(wanted)
                admitted = await self.admission.review(who, wanted, approved=before, act="update")
                wanted = admitted.asset
                await self.scans.keep(wanted, admitted.report, expect=known)
                await self._pinned(before, wanted)
            async with self.events.telling(Event(f"{kind}:update", wanted, who.subject)):
                await self.shelf.replace(wanted, revision)
        return wanted

    async def _retired(self, origin: Origin, held: Held, version: str) -> bool:
        """Whether a version was taken out of service just now."""
        found = await self.shelf.get(held.kind, held.path, version)
        if found is None or not _is_of(found[0], origin, held.id) or found[0].stage == "retired":
            return False
        before, revision = found
        async with self.audit.attempt(origin.who, f"{before.kind}:transition", ref(before)) as attempt:
            attempt.reason = f"{before.stage} -> retired: {GONE} ({origin.name})"
            after = moved(before, "retired", origin.who, GONE, self.clock.now())
            async with self.events.telling(Event(f"{before.kind}:transition", after, origin.who.subject)):
                await self.shelf.replace(after, revision)
        return True

    async def _wanted(self, origin: Origin, offer: Offer, version: AnyAsset, before: AnyAsset, digest: str) -> AnyAsset:
        """A version as it is offered, with all that is governed here as it is here."""
        wanted = self._placed(origin, offer, version, before.path, digest)
        kept = {field: getattr(before, field) for field in GOVERNED}
        if SECURITY_PENDING in before.tags:
            kept["tags"] = [*wanted.tags[: MAX_TAGS - 1], SECURITY_PENDING]
        if isinstance(wanted, Server | Agent) and isinstance(before, Server | Agent):
            kept |= {"held": before.held, "ans": before.ans}
        wanted = wanted.model_copy(update=kept)
        if isinstance(wanted, Server):
            wanted = _as_fetched(wanted, before)
        elif (isinstance(wanted, Agent) and wanted.card) or isinstance(wanted, Skill):
            settled = await self.pins.settled(before, wanted)
            defined = {field: getattr(settled, field) for field in DEFINED[wanted.kind]}
            if isinstance(settled, Skill) and isinstance(wanted, Skill) and isinstance(before, Skill):
                defined["pinned"] = served_from(settled, before, wanted)
            wanted = wanted.model_copy(update=defined)
        return offered_again(wanted, before, origin.who, self.clock.now()) if is_gone(before) else wanted

    async def _pinned(self, before: AnyAsset | None, after: AnyAsset) -> None:
        """Before a server is stored that has to be fetched anew: what it offers there may not mean more than here."""
        if isinstance(before, Server) and isinstance(after, Server) and after.fetched_at is None:
            await self.pins.moved(before, after)

    def _placed(self, origin: Origin, offer: Offer, version: AnyAsset, path: str, digest: str) -> AnyAsset:
        """A version at its path, from its source, for those whom the terms name."""
        visibility, groups = origin.terms.audience
        provenance = Provenance(
            source=origin.name, kind=origin.kind, id=offer.id, url=version.provenance.url, via=version.provenance.via,
            generation=origin.generation, digest=digest or None,
        )  # fmt: skip
        return version.model_copy(
            update={"path": path, "provenance": provenance, "visibility": visibility, "groups": groups}
        )

    def _fresh(self, asset: AnyAsset, head: AnyAsset | None, origin: Origin) -> AnyAsset:
        """A version without anything that is not its source's to say."""
        now, who = self.clock.now(), origin.who
        update: dict[str, object] = {
            "created_at": now if head is None else head.created_at, "created_by": who.subject, "updated_at": now,
            "updated_by": who.subject, "enabled": True, "held_by_scan": False,
            "requires_approval": [] if head is None else head.requires_approval,
            "stage_reason": None, "stage_since": None, "rating": Rating() if head is None else head.rating,
            "health": "unknown", "health_report": HealthReport(),
        }  # fmt: skip
        if isinstance(asset, Server | Agent):
            update |= {"held": {}, "ans": None}
        if isinstance(asset, Server):
            update |= {"fetched_at": None}
        asset = begun(asset.model_copy(update=update), who, self.first_stage, head)
        return _as_fetched(asset, head) if isinstance(asset, Server) and head is not None else asset

    def _check(self, asset: AnyAsset) -> None:
        """Refuse addresses that may not be called.

        Raises:
            Invalid: one may not.
        """
        if isinstance(asset, Server):
            stated(self.backends, asset)
        if isinstance(asset, Agent):
            urls = {fetchable(interface) for interface in interfaces_of_card(asset.card)}
            for url in sorted(urls | {url for url in (asset.url, asset.card_url) if url}):
                self.backends.check_url(url)


def _as_fetched(server: Server, known: AnyAsset) -> Server:
    """A server with the definitions that its backend gave, where the one that is known was fetched from there."""
    if not isinstance(known, Server) or known.fetched_at is None:
        return server
    if (server.url, server.transport) != (known.url, known.transport):
        return server.model_copy(
            update={"fetched_at": None, "held": {}, "health": "unknown", "health_report": HealthReport()}
        )
    return server.model_copy(update={field: getattr(known, field) for field in FETCHED})


def _is_of(asset: AnyAsset, origin: Origin, id_: str) -> bool:
    return (asset.provenance.source, asset.provenance.id or "") == (origin.name, id_)


def _is_as(before: AnyAsset, wanted: AnyAsset) -> bool:
    """Whether nothing of an asset differs but the pass that it was seen in."""
    seen: dict[str, object] = {"generation": None, "digest": None}
    same = {"updated_at": before.updated_at, "updated_by": before.updated_by}
    one = before.model_copy(update={"provenance": before.provenance.model_copy(update=seen)})
    other = wanted.model_copy(update={**same, "provenance": wanted.provenance.model_copy(update=seen)})
    return one == other


def refuse_taken(asset: AnyAsset) -> NoReturn:
    """Say whose a path is that something new wishes for.

    Raises:
        Conflict: always.
    """
    source = asset.provenance.source
    whose = "was registered here" if source == LOCAL else f"comes from source {source!r}"
    raise Conflict(f"the path {asset.path!r} is taken: the {asset.kind} there {whose}")
