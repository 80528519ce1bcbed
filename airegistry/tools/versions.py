"""Versions of an asset: which there are, which one is the default, and which ones end when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airegistry.core.services import Services
from airegistry.core.versions import Version
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.listing import ListingTools
from airegistry.tools.shapes import AssetKind, AssetShape, OnlyLook, Path, Shape, endpoint_of

Number = Annotated[str, Field(description="The version's number, as `list_versions` shows it.")]


class VersionShape(Shape):
    """One version. `callable` is false from its sunset on; `pinned_by` are virtual servers that use this version."""

    version: str
    default: bool
    enabled: bool
    stage: str
    health: str
    callable: bool
    deprecated: bool
    deprecated_since: datetime | None = None
    sunset: datetime | None = None
    successor: str | None = None
    pinned_by: list[str] = Field(default_factory=list)
    endpoint: str | None = None


class VersionsAnswer(Shape):
    """All versions of an asset, the default first."""

    kind: str
    path: str
    default: str
    versions: list[VersionShape]


class DeletedVersion(Shape):
    """That a version is gone; of a dry run, that it would be, and the virtual servers that would lose their part."""

    kind: str
    path: str
    version: str
    deleted: bool = True
    dry_run: bool = False
    used_by: list[str] = Field(default_factory=list)


def _gone(arguments: Mapping[str, Any]) -> str:
    """What is asked before a version is deleted; nothing for a dry run."""
    if arguments["dry_run"]:
        return ""
    asked = "Delete version {version} of {kind} '{path}'? This cannot be undone."
    return asked.format_map(arguments)


class VersionTools:
    """Tools for versions. They change nothing of a running call: it ends at the version that it began with."""

    def __init__(self, services: Services, listing: ListingTools) -> None:
        self._services = services
        self._listing = listing

    @tool("List versions", read_only=True)
    async def list_versions(self, path: Path, kind: AssetKind = "server") -> VersionsAnswer:
        """The versions of a server, or of another asset: which one is the default, and which ones end when.

        A version is called at its own endpoint, whatever the default is.
        """
        found = await self._services.versions.list(current_principal(), kind, path)
        shapes = [self._shape(version) for version in found]
        return VersionsAnswer(kind=kind, path=found[0].asset.path, default=shapes[0].version, versions=shapes)

    @tool("Make a version the default", destructive=True, idempotent=True)
    async def set_default_version(self, path: Path, version: Number, kind: AssetKind = "server") -> AssetShape:
        """Let a version answer where callers name none. The one before stays, so that the same tool takes it back.

        No call is lost: each one goes to the one or the other. Who may see the asset does not change.
        """
        who = current_principal()
        return await self._listing.shape(who, await self._services.versions.set_default(who, kind, path, version))

    @tool("Deprecate a version", destructive=True, idempotent=True)
    async def deprecate_version(
        self, path: Path, version: Number,
        sunset: Annotated[
            datetime | None, Field(description="When it ends, as in 2027-03-01T00:00:00Z; from then on it is refused.")
        ] = None,
        successor: Annotated[str | None, Field(description="The version that takes its place.")] = None,
        deprecated: Annotated[bool, Field(description="False takes the deprecation back.")] = True,
        kind: AssetKind = "server",
    ) -> AssetShape:  # fmt: skip
        """Tell the callers of a version that it ends, by the headers `Deprecation`, `Sunset` and `Link` of each answer.

        Before the sunset calls work as ever; after it they are refused, with the successor or the default named.
        """
        who = current_principal()
        asset = await self._services.versions.deprecate(
            who, kind, path, version, sunset=sunset, successor=successor, deprecated=deprecated
        )
        return await self._listing.shape(who, asset)

    @tool(
        "Delete a version",
        destructive=True,
        idempotent=True,
        confirm=_gone,
    )
    async def delete_version(
        self, path: Path, version: Number, kind: AssetKind = "server", dry_run: OnlyLook = False
    ) -> DeletedVersion:
        """Take down one version; this cannot be undone. `conflict` when it is the default or virtual servers pin it.

        With `dry_run` nothing goes: the answer is the same, or the refusal.
        """
        gone = await self._services.versions.delete(current_principal(), kind, path, version, dry_run=dry_run)
        return DeletedVersion(
            kind=kind, path=path.removeprefix("/"), version=version, deleted=not dry_run, dry_run=dry_run,
            used_by=[*gone.used_by],
        )  # fmt: skip

    def _shape(self, version: Version) -> VersionShape:
        asset, deprecation = version.asset, version.deprecation
        return VersionShape(
            version=asset.version, default=version.default, enabled=asset.enabled, stage=asset.stage,
            health=asset.health, callable=asset.enabled and not version.over and getattr(asset, "callable", True),
            deprecated=deprecation is not None, deprecated_since=deprecation.since if deprecation else None,
            sunset=deprecation.sunset if deprecation else None,
            successor=deprecation.successor if deprecation else None, pinned_by=[*version.pinned_by],
            endpoint=None if version.over else endpoint_of(self._services.gateway_url, asset, asset.version),
        )  # fmt: skip
