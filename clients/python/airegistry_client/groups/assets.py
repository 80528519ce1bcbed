"""What can be done with an asset of any kind."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from airegistry_client.connection import Json, Members, route
from airegistry_client.models.access import Credentials
from airegistry_client.models.assets import Asset, Deleted, DeletedVersion, Lifecycle, Rating, Versions
from airegistry_client.models.reviews import AnsLink, AssetHealth, DefinitionChanges, ScanReport, Waiver
from airegistry_client.modes import Group, M, operation

Visibility = Literal["public", "group", "private"]
OnDuplicate = Literal["report", "reject"]
Detail = Literal["brief", "full"]


class Governance(TypedDict, total=False):
    """Who stands for an asset, and what holds of it."""

    visibility: Visibility
    version: str
    license: str
    owner_team: str
    technical_owner: str
    business_capability: str
    environment: str
    risk_level: Literal["low", "medium", "high", "critical"]
    data_classification: Literal["public", "internal", "confidential", "restricted"]
    documentation_url: str
    repository_url: str
    icons: Sequence[Json]
    retirement_date: datetime
    requires_approval: Sequence[str]
    metadata: Json


class Assets(Group[M]):
    """The assets of one kind."""

    collection: ClassVar[str]

    def _at(self, path: str, *more: str) -> str:
        return route(self.collection, path, *more)

    async def _pages(self, member: str, query: Members) -> AsyncGenerator[Asset, None]:
        async for asset in self._connection.pages(Asset, route(self.collection), member, query):
            yield asset

    @operation
    async def get(self, path: str, *, version: str | None = None, known: Asset | None = None) -> Asset:
        """One asset. `known` is how you read it before: it is answered itself while it is as it was."""
        return await self._connection.known(self._at(path), query={"version": version}, asset=known)

    @operation
    async def delete(
        self, path: str, *, version: str | None = None, dry_run: bool | None = None, if_match: str | None = None
    ) -> Deleted:
        """Remove an asset, or one version of it; with `dry_run` only say what would go."""
        query = {"version": version, "dry_run": dry_run}
        return await self._connection.ask(Deleted, "DELETE", self._at(path), query=query, if_match=if_match)

    @operation
    async def set_enabled(
        self, path: str, enabled: bool, *, version: str | None = None, if_match: str | None = None
    ) -> Asset:
        """Switch an asset on, or off."""
        body = {"enabled": enabled, "version": version}
        return await self._connection.ask(Asset, "PUT", self._at(path, "enabled"), body=body, if_match=if_match)

    @operation
    async def rate(self, path: str, stars: int) -> Rating:
        """Give an asset 1 to 5 stars; a second rating takes the place of the first."""
        return await self._connection.ask(Rating, "PUT", self._at(path, "rating"), body={"stars": stars})

    @operation
    async def withdraw_rating(self, path: str) -> Rating:
        """Take your stars back."""
        return await self._connection.ask(Rating, "DELETE", self._at(path, "rating"))

    @operation
    async def versions(self, path: str) -> Versions:
        """All versions of an asset."""
        return await self._connection.ask(Versions, "GET", self._at(path, "versions"))

    @operation
    async def set_default_version(self, path: str, version: str) -> Asset:
        """Say which version is meant where none is named."""
        return await self._connection.ask(Asset, "PUT", self._at(path, "default-version"), body={"version": version})

    @operation
    async def deprecate_version(
        self, path: str, version: str, *, sunset: datetime | None = None, successor: str | None = None,
        deprecated: bool | None = None,
    ) -> Asset:  # fmt: skip
        """Say that a version is going to end at `sunset`, or with `deprecated=False` that it is not."""
        place = self._at(path, "versions", version, "deprecation")
        body = {"sunset": sunset, "successor": successor, "deprecated": deprecated}
        return await self._connection.ask(Asset, "PUT", place, body=body)

    @operation
    async def delete_version(self, path: str, version: str, *, dry_run: bool | None = None) -> DeletedVersion:
        """Remove one version; with `dry_run` only say whether it would go."""
        place = self._at(path, "versions", version)
        return await self._connection.ask(DeletedVersion, "DELETE", place, query={"dry_run": dry_run})

    @operation
    async def scan(self, path: str, *, version: str | None = None) -> ScanReport:
        """Scan an asset now."""
        return await self._connection.ask(ScanReport, "POST", self._at(path, "scans"), body={"version": version})

    @operation
    async def scan_report(self, path: str, *, version: str | None = None, sarif: bool | None = None) -> ScanReport:
        """The last scan of an asset, as SARIF too if asked for."""
        query = {"version": version, "sarif": sarif}
        return await self._connection.ask(ScanReport, "GET", self._at(path, "scans", "latest"), query=query)

    @operation
    async def waive(
        self, path: str, fingerprint: str, reason: str, *, days: int | None = None, version: str | None = None,
        key: str | None = None,
    ) -> Waiver:  # fmt: skip
        """Let a finding of an asset count for nothing for some days."""
        body = {"fingerprint": fingerprint, "reason": reason, "days": days, "version": version}
        return await self._connection.ask(Waiver, "POST", self._at(path, "waivers"), body=body, key=key)

    @operation
    async def unwaive(self, path: str, fingerprint: str) -> Waiver:
        """Let a finding count again."""
        return await self._connection.ask(Waiver, "DELETE", self._at(path, "waivers", fingerprint))

    @operation
    async def lifecycle(self, path: str, *, version: str | None = None) -> Lifecycle:
        """Where an asset stands, how it came there, and where it may go."""
        return await self._connection.ask(Lifecycle, "GET", self._at(path, "lifecycle"), query={"version": version})

    @operation
    async def move(
        self, path: str, stage: str, *, reason: str | None = None, version: str | None = None,
        retirement_date: datetime | None = None, if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Move an asset to another stage of its life."""
        body = {"stage": stage, "reason": reason, "version": version, "retirement_date": retirement_date}
        place = self._at(path, "lifecycle", "transitions")
        return await self._connection.ask(Asset, "POST", place, body=body, if_match=if_match)

    @operation
    async def definition_changes(self, path: str, *, version: str | None = None) -> DefinitionChanges:
        """What changed in an asset since it was approved, and waits."""
        place = self._at(path, "definition-changes")
        return await self._connection.ask(DefinitionChanges, "GET", place, query={"version": version})

    @operation
    async def approve_definition(
        self, path: str, hash: str, reason: str, *, tool: str | None = None, version: str | None = None,
        if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Let what changed be served; `hash` is that of what you have read."""
        body = {"hash": hash, "reason": reason, "tool": tool, "version": version}
        place = self._at(path, "definition-changes", "approvals")
        return await self._connection.ask(Asset, "POST", place, body=body, if_match=if_match)

    @operation
    async def reject_definition(
        self, path: str, hash: str, reason: str, *, tool: str | None = None, version: str | None = None,
        if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Hold what changed."""
        body = {"hash": hash, "reason": reason, "tool": tool, "version": version}
        place = self._at(path, "definition-changes", "rejections")
        return await self._connection.ask(Asset, "POST", place, body=body, if_match=if_match)


class Updatable(Assets[M]):
    """Assets whose fields are changed one by one."""

    @operation
    async def update(
        self, path: str, changes: Json, *, version: str | None = None, if_match: str | None = None
    ) -> Asset:
        """Replace each field that is named, as a whole."""
        return await self._connection.ask(
            Asset, "PATCH", self._at(path), query={"version": version}, document=changes, if_match=if_match
        )


class Fetched(Updatable[M]):
    """Assets that are read from where they are."""

    @operation
    async def refresh(self, path: str, *, version: str | None = None, if_match: str | None = None) -> Asset:
        """Read an asset again from where it is, and scan it."""
        place = self._at(path, "refresh")
        return await self._connection.ask(Asset, "POST", place, body={"version": version}, if_match=if_match)


class Called(Fetched[M]):
    """Assets that are called: they have a health, a credential, and perhaps a name in ANS."""

    @operation
    async def check_health(self, path: str) -> AssetHealth:
        """Ask a backend how it is."""
        return await self._connection.ask(AssetHealth, "POST", self._at(path, "health-checks"))

    @operation
    async def credential(self, path: str) -> Credentials:
        """What the registry shows to a backend, without the secrets."""
        return await self._connection.ask(Credentials, "GET", self._at(path, "credential"))

    @operation
    async def set_credential(self, path: str, credential: Json, *, url: str | None = None) -> Credentials:
        """Give the registry what a backend wants to see; it is sealed, and sent to that origin alone."""
        body = {"credential": credential, "url": url}
        return await self._connection.ask(Credentials, "PUT", self._at(path, "credential"), body=body)

    @operation
    async def delete_credential(self, path: str) -> None:
        """Forget it."""
        await self._connection.done("DELETE", self._at(path, "credential"))

    @operation
    async def link_ans(self, path: str, name: str) -> AnsLink:
        """Say that an asset has this name in the Agent Name Service."""
        return await self._connection.ask(AnsLink, "PUT", self._at(path, "ans"), body={"name": name})

    @operation
    async def unlink_ans(self, path: str) -> None:
        """Take the name away."""
        await self._connection.done("DELETE", self._at(path, "ans"))

    @operation
    async def verify_ans(self, path: str) -> AnsLink:
        """Look the name up again."""
        return await self._connection.ask(AnsLink, "POST", self._at(path, "ans", "verifications"))
