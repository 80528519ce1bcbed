"""`airegistry versions`: versions of an asset side by side."""

from typing import Annotated

from cyclopts import App, Parameter

from airegistry.cli.assets import Kind
from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import OnlyLook, Yes, make_sure
from airegistry.cli.output import note, show_fields, show_table

versions = App("versions", help="List versions of an asset, choose the default, deprecate and delete them.")

AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
Number = Annotated[str, Parameter(help="The version.")]
OfKind = Annotated[Kind, Parameter(help="Its kind.")]

_SHOWN = (
    "version", "default", "stage", "enabled", "health", "callable", "deprecated", "sunset", "successor", "pinned_by",
)  # fmt: skip


@versions.command(name="list")
def list_versions(path: AssetPath, /, *, kind: OfKind = "server", target: Target = HERE) -> None:
    """List the versions, the default one first."""
    if (found := fetch(target, "list_versions", {"path": path, "kind": kind})) is not None:
        show_table(_SHOWN, [[one.get(column) for column in _SHOWN] for one in items(found["versions"])])


@versions.command(name="default")
def set_default(path: AssetPath, version: Number, /, *, kind: OfKind = "server", target: Target = HERE) -> None:
    """Let a version answer where callers name none; the one before stays."""
    if fetch(target, "set_default_version", {"path": path, "version": version, "kind": kind}) is not None:
        note(f"{version} is the default version of {kind.replace('_', ' ')} `{path}`")


@versions.command
def deprecate(
    path: AssetPath,
    version: Number,
    /,
    *,
    sunset: Annotated[str | None, Parameter(help="When it ends, as in 2027-03-01T00:00:00Z.")] = None,
    successor: Annotated[str | None, Parameter(help="The version that takes its place.")] = None,
    undo: Annotated[bool, Parameter(help="Take the deprecation back.", show_default=False)] = False,
    kind: OfKind = "server",
    target: Target = HERE,
) -> None:
    """Tell the callers of a version that it ends; after the sunset they are refused."""
    wanted = given(
        path=path, version=version, sunset=sunset, successor=successor, deprecated=False if undo else None, kind=kind
    )
    if fetch(target, "deprecate_version", wanted) is not None:
        note(f"version {version} of {kind.replace('_', ' ')} `{path}` is {'no longer ' if undo else ''}deprecated")


@versions.command
def delete(
    path: AssetPath,
    version: Number,
    /,
    *,
    kind: OfKind = "server",
    yes: Yes = False,
    dry_run: OnlyLook = False,
    target: Target = HERE,
) -> None:
    """Take down one version for good."""
    named = f"version {version} of {kind.replace('_', ' ')} `{path}`"
    make_sure(f"Delete {named}?", yes or dry_run)
    wanted = {"path": path, "version": version, "kind": kind, **given(dry_run=dry_run or None)}
    if (gone := fetch(target, "delete_version", wanted)) is None:
        return
    if users := gone.get("used_by"):
        show_fields({"used_by": users})
    note(f"nothing is deleted; {named} would be" if dry_run else f"deleted {named}")
