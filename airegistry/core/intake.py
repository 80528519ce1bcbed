"""Registrations that come as other formats: agent cards, SKILL.md, entities of administrators' types."""

import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from pydantic import JsonValue

from airegistry.core.access import Access
from airegistry.core.admission import PREVIEW, OnDuplicate
from airegistry.core.assets import Agent, AgentSkill, Entity, Json, Kind, Skill, check_path
from airegistry.core.audit import Audit
from airegistry.core.cards import (
    MAX_CARD,
    MAX_SKILL,
    CardChange,
    card_changes,
    content_hash,
    fetchable,
    interfaces_of_card,
    read_card,
    read_skill,
)
from airegistry.core.catalog import Catalog, Registered
from airegistry.core.definitions import parts_of
from airegistry.core.entity_types import EntityTypes, Moved
from airegistry.core.errors import AirError, Invalid
from airegistry.core.git_skills import Pinned, SkillHosts, SkillRead, dumped, served_from
from airegistry.core.pins import Pins, with_parts
from airegistry.core.ports import AnyAsset, Backends
from airegistry.core.principals import SYSTEM, Principal
from airegistry.core.validation import validated

GOVERNANCE = frozenset(
    (
        "title version tags visibility groups license owner_team technical_owner business_capability environment "
        "risk_level data_classification health_url documentation_url repository_url icons metadata retirement_date "
        "requires_approval name description"
    ).split()
)
"""Fields a registrant may set on any kind of asset; the rest is read from the format or set by the registry."""
READ_FROM_FORMAT = frozenset({"frontmatter", "skills", "content_hash", "card_url", "pinned"})


class Intake:
    """Reads a format, makes an asset of it and hands it to the catalog. `governance`: fields that every asset has."""

    def __init__(
        self,
        catalog: Catalog,
        entity_types: EntityTypes,
        backends: Backends,
        access: Access,
        audit: Audit,
        pins: Pins,
        hosts: SkillHosts | None = None,
    ) -> None:
        """Without `hosts` a skill's URL is that of its SKILL.md, and nothing else of its folder is read."""
        self._catalog = catalog
        self._entity_types = entity_types
        self._backends = backends
        self._access = access
        self._audit = audit
        self._pins = pins
        self._hosts = hosts

    async def agent(
        self,
        who: Principal,
        path: str,
        *,
        card: Json | None = None,
        url: str | None = None,
        governance: Json,
        on_duplicate: OnDuplicate = "report",
        dry_run: bool = False,
    ) -> Registered:
        """Register an A2A agent by its card, or by the card's URL. `dry_run`, here and below: see `Catalog.register`.

        Raises:
            Invalid: neither or both are given, or the card does not follow the specification.
        """
        path = check_path(path)
        _refuse(governance.keys() - GOVERNANCE)
        await self._may(who, "agent", path, dry_run)
        if (card is None) == (url is None):
            raise Invalid("give either the card or its url", field="card")
        if card is None and url is not None:
            self._backends.check_url(url)  # first: `urlsplit` fails on what is no URL at all
            if urlsplit(url).path in {"", "/"}:  # an agent's address: its card is where A2A says it is
                url = f"{url.rstrip('/')}/.well-known/agent-card.json"
            card = _object(await self._backends.fetch_text(url, limit=MAX_CARD))
        assert card is not None  # one of the two was given
        name, description, version, endpoints, skills = read_card(card)
        self._check_interfaces(card)
        fields: Json = {
            "kind": "agent", "path": path, "name": name, "description": description, "version": version,
            "url": next(iter(endpoints), None), "card_url": url, "card": card, "skills": _dumped(skills), **governance,
        }  # fmt: skip
        return await self._register(who, fields, on_duplicate, dry_run)

    async def skill(
        self,
        who: Principal,
        path: str,
        *,
        content: str | None = None,
        url: str | None = None,
        files: dict[str, str] | None = None,
        governance: Json,
        on_duplicate: OnDuplicate = "report",
        dry_run: bool = False,
    ) -> Registered:
        """Register a skill by its SKILL.md, or by the URL of that file. Of a Git host it is the URL of that file or of
        its folder, whose other files come with it.

        Raises:
            Invalid: neither or both are given, the frontmatter does not fit, a companion's name leaves the folder, or
                the folder holds what is not taken, or is not there.
            CredentialRefused, RateLimited, UpstreamFailed: the URL cannot be read.
        """
        path = check_path(path)
        _refuse(governance.keys() - GOVERNANCE)
        await self._may(who, "skill", path, dry_run)
        if (content is None) == (url is None):
            raise Invalid("give either the content or its url", field="content")
        if url is not None and (read := await self.read_skill(url)) is not None:
            if files:
                raise Invalid("files come with the folder that the url is of: give no others", field="files")
            fields = skill_fields(path, read.content, dict(read.texts), url)
            fields |= {"pinned": dumped(read.pinned), **governance}
            return await self._register(who, fields, on_duplicate, dry_run)
        if content is None and url is not None:
            content = await self._backends.fetch_text(url, limit=MAX_SKILL)
        assert content is not None  # one of the two was given
        fields = skill_fields(path, content, files or {}, url)
        return await self._register(who, {**fields, **governance}, on_duplicate, dry_run)

    async def read_skill(self, url: str, known: Pinned | None = None) -> SkillRead | None:
        """A skill as its Git host has it; None when it is as it is known, or the URL is none of a Git host.

        Raises:
            Gone, Invalid, CredentialRefused, RateLimited, UpstreamFailed: see `SkillHosts.read`.
        """
        if self._hosts is None or not self._hosts.reads(url):
            return None
        return await self._hosts.read(url, known)

    def in_git(self, url: str) -> bool:
        """Whether a URL is one of a Git host."""
        return self._hosts is not None and self._hosts.reads(url)

    async def entity(
        self,
        who: Principal,
        type_: str,
        path: str,
        data: Json,
        *,
        governance: Json,
        on_duplicate: OnDuplicate = "report",
        dry_run: bool = False,
    ) -> Registered:
        """Register an entity of an administrator's type.

        Raises:
            NotFound: there is no such type.
            Invalid: the data does not fit its schema.
            Moved: the type changed meanwhile; the entity is taken back.
        """
        path = check_path(path)
        _refuse(governance.keys() - GOVERNANCE)
        await self._may(who, "entity", path, dry_run)
        name = data.get("name") if isinstance(data.get("name"), str) else path
        described = data.get("description") if isinstance(data.get("description"), str) else ""
        fields: Json = {
            "kind": "entity", "path": path, "name": name, "description": described, "type": type_, "data": data,
            **governance,
        }  # fmt: skip
        try:
            async with self._entity_types.checked(type_, data):
                registered = await self._register(who, fields, on_duplicate, dry_run)
        except Moved:  # which comes after it was stored
            if not dry_run:
                await self._unregister(registered.asset)
            raise
        return registered

    async def update(
        self, who: Principal, kind: Kind, path: str, changes: Json, *, version: str | None = None
    ) -> AnyAsset:
        """Change an asset. What stands in a card or a SKILL.md is changed by giving it anew.

        Raises:
            Invalid: the changes do not fit the format.
        """
        _refuse(changes.keys() & READ_FROM_FORMAT)
        read: Json = {}
        if kind == "entity" and isinstance(data := changes.get("data"), dict):
            entity = await self._before_update(who, kind, path, version)
            try:
                async with self._entity_types.checked(getattr(entity, "type", ""), data):
                    updated = await self._catalog.update(who, kind, path, changes, version=version)
            except Moved:  # which comes after it was stored
                await self._restore(updated, entity)
                raise
            return updated
        if kind == "skill" and changes.keys() & {"content", "files"}:
            skill = await self._before_update(who, kind, path, version)
            read = _skill_changes(skill, changes)
        if kind == "agent" and isinstance(card := changes.get("card"), dict):
            name, description, _, endpoints, skills = read_card(card)
            self._check_interfaces(card)
            read = {
                "name": name,
                "description": description,
                "url": next(iter(endpoints), None),
                "skills": _dumped(skills),
            }
        return await self._catalog.update(who, kind, path, {**changes, **read}, version=version)

    async def refresh_agent(
        self, who: Principal, path: str, *, version: str | None = None
    ) -> tuple[AnyAsset, list[CardChange]]:
        """Fetch an agent's card anew and scan it before it is served; and what differs from the one that is.

        What means more than what was approved waits for an approval, and the agent is not called until then.

        Raises:
            Invalid: the agent was registered by value, or the card does not follow the specification any more.
            UpstreamFailed: it cannot be had; what was known stays.
            AccessDenied, NotFound, GateRejected, ScanFailed: see `Catalog.update`.
        """
        agent = await self._before_update(who, "agent", path, version)
        assert isinstance(agent, Agent)  # the catalog answers with the kind asked for
        if agent.card_url is None:
            raise Invalid(f"agent {agent.path!r} was registered by value: change it by its card", field="path")
        card = _object(await self._backends.fetch_text(agent.card_url, limit=MAX_CARD))
        changes = card_changes(agent.card, card)
        read_card(card)
        self._check_interfaces(card)

        async def amend(asset: AnyAsset) -> AnyAsset:
            return await self._pins.settled(asset, with_parts(asset, {"card": card}))

        return await self._catalog.amend(who, "refresh", "agent", path, amend, version=version, right="update"), changes

    async def refresh_skill(self, who: Principal, path: str, *, version: str | None = None) -> AnyAsset:
        """Fetch a skill's SKILL.md anew, from a Git host its companions too, and scan it before it is served. What
        means more than what was approved waits for an approval, and that is served on.

        Raises:
            Invalid: the skill was registered by value, or the frontmatter does not fit any more.
            UpstreamFailed: it cannot be had; what was known stays.
            AccessDenied, NotFound, GateRejected, ScanFailed: see `Catalog.update`.
        """
        skill = await self._before_update(who, "skill", path, version)
        assert isinstance(skill, Skill)  # the catalog answers with the kind asked for
        if skill.url is None:
            raise Invalid(f"skill {skill.path!r} was registered by value: change it by its content", field="path")
        url = skill.url

        async def amend(asset: AnyAsset) -> AnyAsset:
            # Fetched for what it is written over: a process that was paused writes no older text over a newer one.
            if (read := await self.read_skill(url)) is not None:
                return await self._as_read(asset, read)
            content = await self._backends.fetch_text(url, limit=MAX_SKILL)
            return await self._pins.settled(asset, with_parts(asset, {**parts_of(asset), "SKILL.md": content}))

        return await self._catalog.amend(who, "refresh", "skill", path, amend, version=version, right="update")

    async def _as_read(self, asset: AnyAsset, read: SkillRead) -> AnyAsset:
        """A skill with what may be served of what was read, pinned where that is from."""
        parts = {"SKILL.md": read.content, **{f"files/{name}": text for name, text in read.texts.items()}}
        live = with_parts(asset, parts).model_copy(update={"pinned": dumped(read.pinned)})
        served = await self._pins.settled(asset, live)
        assert isinstance(asset, Skill)  # as `refresh_skill` found it
        assert isinstance(live, Skill)
        assert isinstance(served, Skill)
        return served.model_copy(update={"pinned": served_from(served, asset, live)})

    async def _unregister(self, entity: AnyAsset) -> None:
        """Take back an entity that does not fit its type. A version beside the default one is switched off."""
        head = await self._catalog.get(SYSTEM, "entity", entity.path)
        if (head.version, head.created_at) == (entity.version, entity.created_at):
            await self._catalog.delete(SYSTEM, "entity", entity.path)
        else:
            await self._catalog.toggle(SYSTEM, "entity", entity.path, False, version=entity.version)

    async def _restore(self, entity: AnyAsset, before: AnyAsset) -> None:
        """Give an entity that does not fit its type the data it had before, unless somebody gave it others since."""
        assert isinstance(entity, Entity)  # the catalog answers with the kind asked for
        assert isinstance(before, Entity)

        async def restored(asset: AnyAsset) -> AnyAsset:
            mine = isinstance(asset, Entity) and asset.data == entity.data
            return asset.model_copy(update={"data": before.data}) if mine else asset

        why = f"type {entity.type!r} changed while it was being stored"
        await self._catalog.amend(SYSTEM, "update", "entity", entity.path, restored, version=entity.version, why=why)

    def _check_interfaces(self, card: Json) -> None:
        """Whether every address that a card names may be connected to.

        Raises:
            Invalid: one may not.
        """
        for interface in interfaces_of_card(card):
            self._backends.check_url(fetchable(interface))

    async def _before_update(self, who: Principal, kind: Kind, path: str, version: str | None) -> AnyAsset:
        """The asset a change is read against; who may not change it is refused, and recorded, as by the catalog."""
        try:
            return await self._catalog.get(who, kind, path, version, to="update")
        except AirError as refusal:
            async with self._audit.attempt(who, f"{kind}:update", f"{kind}/{path.removeprefix('/')}"):
                raise refusal

    async def _may(self, who: Principal, kind: Kind, path: str, dry_run: bool) -> None:
        """Decide before anything is fetched for the caller; the catalog decides again."""
        if self._access.decide(who, "register", target=(kind, path)).allowed:
            return
        act = PREVIEW if dry_run else "register"
        async with self._audit.attempt(who, f"{kind}:{act}", f"{kind}/{path}"):
            self._access.require(who, "register", target=(kind, path))

    async def _register(self, who: Principal, fields: Json, on_duplicate: OnDuplicate, dry_run: bool) -> Registered:
        return await self._catalog.register(who, validated(fields), on_duplicate=on_duplicate, dry_run=dry_run)


def _refuse(fields: Iterable[str]) -> None:
    if refused := sorted(fields):
        raise Invalid(f"{', '.join(refused)} cannot be set", field=refused[0])


def _skill_changes(skill: AnyAsset, changes: Json) -> Json:
    """What follows for a skill from a new SKILL.md or new companions."""
    assert isinstance(skill, Skill)  # the catalog answers with the kind asked for
    content, files = changes.get("content", skill.content), changes.get("files", skill.files)
    if not isinstance(content, str) or not isinstance(files, dict):
        raise Invalid("content is text, files map names to text", field="content")
    texts = {name: text for name, text in files.items() if isinstance(text, str)}
    if len(texts) != len(files):
        raise Invalid("files map names to text", field="files")
    fields = {**skill_fields(skill.path, content, texts, skill.url), "pinned": None}
    return {name: value for name, value in fields.items() if name not in {"kind", "path"}}


def skill_fields(path: str, content: str, files: dict[str, str], url: str | None = None) -> Json:
    """The fields of a skill, read from its SKILL.md.

    Raises:
        Invalid: see `read_skill`; or a companion's name is no relative name inside the folder, or a companion is longer
            than what scanners read of one.
    """
    for name, text in files.items():
        parts = name.split("/")
        if name == "SKILL.md" or "\\" in name or any(part in {"", ".", ".."} for part in parts):
            raise Invalid(f"companion {name[:80]!r} is no relative file name", field="files")
        if len(text) > MAX_SKILL:
            raise Invalid(f"companion {name[:80]!r} is longer than {MAX_SKILL} characters", field="files")
    return {
        "kind": "skill", "path": path, "url": url, "files": dict(files), "content_hash": content_hash(content, files),
        **_content_fields(content, files),
    }  # fmt: skip


def _content_fields(content: str, files: dict[str, str]) -> Json:
    name, description, frontmatter = read_skill(content)
    fields: Json = {"name": name, "description": description, "content": content, "frontmatter": frontmatter}
    license_ = frontmatter.get("license")
    return {**fields, "license": license_} if isinstance(license_, str) else fields


def _dumped(skills: list[AgentSkill]) -> list[JsonValue]:
    return [skill.model_dump(mode="json", by_alias=True) for skill in skills]


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("the agent card is no JSON", field="card") from None
    if not isinstance(value, dict):
        raise Invalid("the agent card is no JSON object", field="card")
    return value
