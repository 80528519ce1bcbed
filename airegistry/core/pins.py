"""The definitions that were approved stay the ones that are served, until what changed of them is approved in turn.

What was registered or imported, and passed its admission, is approved. From then on a refresh takes over what is new or
means no more than before, if the scan finds nothing in it; the rest is kept here as pending, with diff and findings.
"""

import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from datetime import datetime

from pydantic import Field, TypeAdapter

from airegistry.core.assets import GONE, Agent, Kind, Model, Prompt, Resource, Server, Skill, Tool
from airegistry.core.canonical import canonical, digest
from airegistry.core.cards import content_hash, read_card, read_skill
from airegistry.core.definitions import Change, Definition, changes_of, classify, parts_of, plain
from airegistry.core.documents import DocumentStore, Repository
from airegistry.core.errors import ScanFailed
from airegistry.core.findings import Finding, Verdict, judged
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.scans import SECURITY_PENDING, Scans
from airegistry.core.shelf import key_of
from airegistry.core.telemetry import Telemetry

KIND: TypeAdapter[Kind] = TypeAdapter(Kind)
CHANGED = "changed since it was approved"


class PendingPart(Model):
    """A definition that waits: `definition` is its canonical JSON, `hash` names it. Who rejected it, and why."""

    definition: str
    hash: str
    since: datetime
    change: Change
    verdict: Verdict
    findings: list[Finding] = Field(default_factory=list)
    rejected_by: str = ""
    reason: str = ""


class Pending(Model):
    """What is known beside the approved definitions of a version of an asset, by part.

    `gone` are approved definitions that a refresh found missing, `origins` those that minor changes were taken over of:
    what comes back, or goes on changing, is compared with them. All as canonical JSON.
    """

    created_at: datetime
    parts: dict[str, PendingPart] = Field(default_factory=dict)
    gone: dict[str, str] = Field(default_factory=dict)
    origins: dict[str, str] = Field(default_factory=dict)

    def chosen(self, part: str | None) -> dict[str, PendingPart]:
        """One part, which may be a tool by its bare name; or all of them."""
        if part is None:
            return dict(self.parts)
        name = part if part in self.parts else f"tools/{part}"
        return {name: self.parts[name]} if name in self.parts else {}


def hash_of(parts: Mapping[str, PendingPart]) -> str:
    """The hash that an approval names: of the one part, or of the set."""
    if len(parts) == 1:
        return next(iter(parts.values())).hash
    return digest({name: part.hash for name, part in parts.items()})


def why_held(pending: PendingPart) -> str:
    """The reason for which calls are held, in words of the registry alone."""
    members = sorted({edit.at.split("/")[1] for edit in pending.change.edits if edit.at})
    said = f"{CHANGED}: {', '.join(members) or pending.change.part}"
    said += "; it may do more than before" if pending.change.grade == "privilege_widened" else ""
    return f"{said}; rejected by {pending.rejected_by}" if pending.rejected_by else said


class Pins:
    """Tells what of a live definition may be served, and keeps the rest."""

    def __init__(self, store: DocumentStore, scans: Scans, clock: Clock, telemetry: Telemetry) -> None:
        self._pending = Repository(store, "pending_definitions", Pending)
        self._scans = scans
        self._clock = clock
        self._telemetry = telemetry

    async def find(self, asset: AnyAsset) -> Pending:
        """What waits for an approval of a version of an asset."""
        found = await self._pending.find_one(_key(asset))
        if found is None or found[0].created_at != asset.created_at:  # else it is of one that had this path before
            return Pending(created_at=asset.created_at)
        return found[0]

    async def waiting(self, after: str | None = None) -> AsyncIterator[tuple[str, Kind, str, str]]:
        """Keys, kinds, paths and versions of assets of which something waits, in order of key."""
        async for key, pending in self._pending.find(after=after):
            if pending.parts:
                kind, _, name = key.partition("/")
                path, _, version = name.rpartition("@")
                yield key, KIND.validate_python(kind), path, version

    async def settled(self, approved: AnyAsset, live: AnyAsset) -> AnyAsset:
        """The live asset with the definitions that may be served; the others are kept, and their tools are held.

        Of what was never approved everything is new: its admission decides.

        Raises:
            ScanFailed: no scanner's answer could be had.
        """
        known = await self.find(approved)
        if not _was_approved(approved):
            if not known.gone or not isinstance(approved, Server) or approved.fetched_at is not None:
                await self._forget(approved)
                return live
            approved = with_parts(approved, {})  # what was approved is known from where it was before: see `moved`
        old, new = parts_of(approved), parts_of(live)
        pending = await self._weighed(approved, live, known, known.gone.keys() | old.keys() | new.keys())
        served = {name: old.get(name) if name in pending.parts else new[name] for name in new}
        gone = {name: canonical(plain(old[name])) for name in old if name not in new}
        taken = {name for name in new if name not in pending.parts and name in old}
        origins = {
            name: canonical(plain(old[name])) for name in taken if canonical(plain(old[name])) != _text_of(new[name])
        }
        kept = pending.model_copy(
            update={
                "gone": {name: text for name, text in {**pending.gone, **gone}.items() if served.get(name) is None},
                "origins": {name: text for name, text in {**origins, **pending.origins}.items() if name in new},
            }
        )
        await self._save(approved, known, kept)
        held = {} if isinstance(live, Skill) else {"held": _held(old, kept)}
        if not isinstance(live, Server) and changes_of(old, served) == []:
            return approved.model_copy(update=held)
        return with_parts(live, served).model_copy(update=held)

    async def moved(self, approved: Server, moved: Server) -> None:
        """Have a server that was not fetched where it is now be compared there with what was approved of it before."""
        known = await self.find(approved)
        parts = parts_of(approved) if _was_approved(approved) else {}
        gone = {**known.gone, **{name: _text_of(each) for name, each in parts.items() if each is not None}}
        if gone:
            await self._pending.save(
                _key(moved), Pending(created_at=moved.created_at, gone=gone, origins=known.origins)
            )

    async def looked(self, approved: Server | Agent, live: Server | Agent, *, whole: bool = False) -> dict[str, str]:
        """What to hold of an asset while it is as `live` has it, with the reason.

        What is new is not served anyhow; what means the same is taken over by the next refresh. Of a server its tools
        alone were looked at, or the `whole`.
        """
        known = await self.find(approved)
        old, new = parts_of(approved), parts_of(live)
        looked = {name for name in old if whole or not isinstance(approved, Server) or name.startswith("tools/")}
        pending = await self._weighed(approved, live, known, looked, lenient=True)
        beside = {name: part for name, part in known.parts.items() if name not in looked}
        kept = pending.model_copy(update={"parts": {**beside, **pending.parts}})
        await self._save(approved, known, kept)
        beside_gone = {name for name in old if name not in looked and approved.held.get(held_as(name)) == GONE}
        return _held(old, kept, gone={name for name in looked if name not in new} | beside_gone)

    async def taken(self, asset: AnyAsset, parts: Mapping[str, PendingPart]) -> None:
        """Note that pending parts are approved and served."""
        known = await self.find(asset)
        left = {name: part for name, part in known.parts.items() if parts.get(name, part) == part and name not in parts}
        left |= {name: part for name, part in known.parts.items() if name in parts and part.hash != parts[name].hash}
        forgotten = {
            field: {name: text for name, text in getattr(known, field).items() if name not in parts}
            for field in ("gone", "origins")
        }
        await self._save(asset, known, known.model_copy(update={"parts": left, **forgotten}))

    async def reject(self, asset: AnyAsset, parts: Mapping[str, PendingPart], by: str, reason: str) -> Pending:
        """Note that pending parts are not wanted; their tools stay held until the backend changes them again."""
        known = await self.find(asset)
        rejected = {
            name: part.model_copy(update={"rejected_by": by, "reason": reason})
            for name, part in known.parts.items()
            if name in parts and part.hash == parts[name].hash
        }
        kept = known.model_copy(update={"parts": {**known.parts, **rejected}})
        await self._save(asset, known, kept)
        return kept

    async def _weighed(
        self, approved: AnyAsset, live: AnyAsset, known: Pending, looked: Iterable[str], *, lenient: bool = False
    ) -> Pending:
        """The parts among those looked at that are not to be served as they are now."""
        old, new = parts_of(approved), parts_of(live)
        changes: dict[str, Change] = {}
        for name in sorted(set(looked) & new.keys()):
            direct = classify(old.get(name), new[name], name)
            if direct is not None:
                origin = known.origins.get(name) or known.gone.get(name)
                base = old.get(name) if origin is None else json.loads(origin)
                changes[name] = classify(base, new[name], name) or direct.model_copy(update={"grade": "cosmetic"})
        same = all(name in known.parts and known.parts[name].hash == digest(plain(new[name])) for name in changes)
        if same:
            return known.model_copy(update={"parts": {name: known.parts[name] for name in changes}})
        report = await self._report(live, approved, lenient=lenient)
        parts = {}
        for name, change in changes.items():
            added = name not in old and name not in known.gone
            findings = _of(report, new, name)
            if findings or (change.held and not added):
                parts[name] = self._part(change, new[name], findings, known.parts.get(name))
                self._telemetry.count("airegistry.definitions.pending", kind=approved.kind, grade=change.grade)
        return known.model_copy(update={"parts": parts})

    async def _report(self, live: AnyAsset, approved: AnyAsset, *, lenient: bool) -> Sequence[Finding]:
        """What the scan finds; where that is lenient, nothing if it gives no answer: an approval scans again."""
        try:
            return (await self._scans.run(live, approved)).findings
        except ScanFailed:
            if lenient:
                return []
            raise

    def _part(
        self, change: Change, now: Definition, findings: list[Finding], before: PendingPart | None
    ) -> PendingPart:
        hashed = digest(plain(now))
        if before is not None and before.hash == hashed:
            return before.model_copy(update={"change": change, "findings": findings, "verdict": judged(findings)[0]})
        return PendingPart(
            definition=_text_of(now), hash=hashed, since=self._clock.now(), change=change,
            findings=findings, verdict=judged(findings)[0],
        )  # fmt: skip

    async def _save(self, asset: AnyAsset, before: Pending, pending: Pending) -> None:
        if pending != before:
            await self._pending.save(_key(asset), pending)

    async def _forget(self, asset: AnyAsset) -> None:
        await self._pending.delete(_key(asset))


def held_as(part: str) -> str:
    """What a part is called in `held`: a tool by its bare name."""
    return part.removeprefix("tools/")


def with_parts(asset: AnyAsset, served: Mapping[str, Definition]) -> AnyAsset:
    """An asset with these definitions and no others; those that are None are left out.

    Raises:
        Invalid: a card or a SKILL.md does not follow its format.
    """
    there = {name: plain(definition) for name, definition in served.items() if definition is not None}
    if isinstance(asset, Server):
        return asset.model_copy(
            update={
                "tools": [Tool.model_validate(there[name]) for name in _under(there, "tools/")],
                "prompts": [Prompt.model_validate(there[name]) for name in _under(there, "prompts/")],
                "resources": [Resource.model_validate(there[name]) for name in _under(there, "resources/")],
                "resource_templates": [
                    Resource.model_validate(there[name]) for name in _under(there, "resource_templates/")
                ],
                "instructions": there.get("instructions"),
            }
        )
    if isinstance(asset, Agent) and isinstance(card := there.get("card"), dict):
        name, description, _, endpoints, skills = read_card(card)
        url = next(iter(endpoints), None)
        return asset.model_copy(
            update={"card": card, "name": name, "description": description, "url": url, "skills": skills}
        )
    if isinstance(asset, Skill):
        content = str(there["SKILL.md"])
        files = {name.removeprefix("files/"): str(there[name]) for name in _under(there, "files/")}
        name, description, frontmatter = read_skill(content)
        return asset.model_copy(
            update={
                "content": content, "files": files, "name": name, "description": description,
                "frontmatter": frontmatter, "content_hash": content_hash(content, files),
            }
        )  # fmt: skip
    return asset


def approved_with(asset: AnyAsset, parts: Mapping[str, PendingPart]) -> AnyAsset:
    """An asset with pending parts in place of the approved ones; their tools are held no more."""
    now: dict[str, Definition] = {name: json.loads(part.definition) for name, part in parts.items()}
    changed = with_parts(asset, {**parts_of(asset), **now})
    if not isinstance(changed, Server | Agent):
        return changed
    held = {name: why for name, why in changed.held.items() if name not in {held_as(part) for part in parts}}
    return changed.model_copy(update={"held": held})


def _under(names: Iterable[str], prefix: str) -> list[str]:
    return [name for name in names if name.startswith(prefix)]


def _held(old: Mapping[str, Definition], pending: Pending, gone: Collection[str] = ()) -> dict[str, str]:
    """What is served still and has another definition by now, or is gone; in the order of the asset."""
    why = {name: why_held(part) for name, part in pending.parts.items()} | dict.fromkeys(gone, GONE)
    return {held_as(name): why[name] for name in old if name in why}


def _was_approved(asset: AnyAsset) -> bool:
    if isinstance(asset, Server) and asset.fetched_at is None:
        return False
    return asset.enabled or SECURITY_PENDING not in asset.tags


def _of(report: Sequence[Finding], parts: Mapping[str, Definition], name: str) -> list[Finding]:
    """What is to be looked at in one part. That it changed, which is a finding too, is known here."""
    family, _, _ = name.partition("/")
    place = family
    if family in {"tools", "prompts", "resources", "resource_templates"}:
        place = f"{family}/{_under(parts, f'{family}/').index(name)}"
    whole = name in {"card", "SKILL.md"}
    return [
        finding
        for finding in report
        if finding.tier != "none"
        and finding.family != "drift"
        and (whole or finding.field == f"/{place}" or finding.field.startswith(f"/{place}/"))
    ]


def _text_of(definition: Definition) -> str:
    return canonical(plain(definition))


def _key(asset: AnyAsset) -> str:
    return f"{key_of(asset.kind, asset.path)}@{asset.version}"
