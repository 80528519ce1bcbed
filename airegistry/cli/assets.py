"""`airegistry register`, `list`, `show`, `update`, `toggle`, `refresh` and `delete`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.consent import OnlyLook, Yes, make_sure
from airegistry.cli.errors import Usage
from airegistry.cli.labels import DryRun
from airegistry.cli.output import note, one_line, show_fields, show_table
from airegistry.cli.values import Json, parse_array, parse_pairs, path_from_url, read_input

Kind = Literal["server", "agent", "skill", "virtual_server", "entity"]
LISTS: dict[Kind, tuple[str, str]] = {
    "server": ("list_services", "services"),
    "agent": ("list_agents", "agents"),
    "skill": ("list_skills", "skills"),
    "virtual_server": ("list_virtual_servers", "virtual_servers"),
    "entity": ("list_entities", "entities"),
}
"""The tool that lists a kind, and the member of its answer that holds the assets."""

FINDING = ("severity", "rule", "field", "message")
COLUMNS = ("path", "stage", "enabled", "health", "description")
DETAILS = (
    "path", "name", "kind", "version", "description", "tags", "transport", "url", "command", "args", "endpoint",
    "enabled", "stage", "visibility", "groups", "health", "owner_team", "license", "risk_level",
)  # fmt: skip
GOING = ("versions", "credentials", "used_by")
"""What a dry run of `delete` shows."""

AssetPath = Annotated[str, Parameter(help="Path of the asset.")]
OfKind = Annotated[Kind, Parameter(help="Its kind.")]
Version = Annotated[str | None, Parameter(help="One of its versions, else the default one.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Page:
    """Which assets of a kind, and how many at once."""

    tag: Annotated[list[str] | None, Parameter(help="Only assets with this tag; may be repeated.")] = None
    limit: Annotated[int | None, Parameter(help="At most this many.")] = None
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None

    @property
    def arguments(self) -> Json:
        """As the tools take them."""
        return given(tags=self.tag, limit=self.limit, cursor=self.cursor)


FIRST = Page()


def register(
    url: Annotated[str | None, Parameter(help="URL of the MCP server; none for a stdio server.")] = None,
    /,
    *,
    path: Annotated[str | None, Parameter(help="Path it gets in the registry, else taken from the URL.")] = None,
    name: Annotated[str | None, Parameter(help="Its name, else the path.")] = None,
    description: Annotated[str | None, Parameter(help="What it does.")] = None,
    tag: Annotated[list[str] | None, Parameter(help="A tag; may be repeated.")] = None,
    group: Annotated[list[str] | None, Parameter(help="Show it to this group only; may be repeated.")] = None,
    transport: Annotated[
        Literal["streamable-http", "sse", "stdio"] | None, Parameter(help="How it speaks, else streamable-http.")
    ] = None,
    command: Annotated[str | None, Parameter(help="Command that launches a stdio server.")] = None,
    arg: Annotated[
        list[str] | None, Parameter(help="An argument of that command; may be repeated.", allow_leading_hyphen=True)
    ] = None,
    tools: Annotated[
        Path | None,
        Parameter(help="File that holds its tools as a JSON list; `-` reads stdin.", allow_leading_hyphen=True),
    ] = None,
    no_fetch: Annotated[bool, Parameter(help="Do not connect to it now.", show_default=False)] = False,
    on_duplicate: Annotated[
        Literal["report", "reject"] | None, Parameter(help="What to do when it looks like another, else report.")
    ] = None,
    set: Annotated[
        list[str] | None, Parameter(help="Any other field as `name=value`; may be repeated.")
    ] = None,
    dry_run: DryRun = False,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Register an MCP server and fetch its tools."""
    if url is None and path is None:
        raise Usage("neither a URL nor `--path` is given", "run `airegistry register --help`")
    path = path or path_from_url(url or "")
    name = name or path
    if url is not None:
        note(f"registering `{url}` as path `{path}` with name `{name}`")
    wanted = given(
        path=path, name=name, url=url, description=description, tags=tag, groups=group,
        transport=transport, command=command, args=arg, on_duplicate=on_duplicate,
        fetch=False if no_fetch else None, dry_run=dry_run or None,
    )  # fmt: skip
    if tools is not None:
        wanted["tools"] = parse_array(read_input(tools), "--tools")
    if asset := fetch(target, "register_service", {**wanted, **parse_pairs(set or (), "--set")}):
        show_made(asset)


def list_assets(
    *,
    kind: Annotated[Kind, Parameter(help="What to list.")] = "server",
    page: Page = FIRST,
    target: Target = HERE,
) -> None:
    """List what is registered, in order of path."""
    tool, member = LISTS[kind]
    show_page(fetch(target, tool, page.arguments), member)


def show(path: AssetPath, /, *, kind: OfKind = "server", version: Version = None, target: Target = HERE) -> None:
    """Show everything the registry knows of an asset."""
    wanted = given(path=path, version=version)
    if kind == "server":
        asset = fetch(target, "get_server_details", wanted)
    else:
        asset = fetch(target, "get_asset", {"kind": kind, **wanted})
    if asset:
        _show(asset)


def update(
    path: AssetPath,
    change: Annotated[list[str], Parameter(help="A field as `name=value`, the value as JSON or else as text.")],
    /,
    *,
    kind: OfKind = "server",
    version: Version = None,
    dry_run: Annotated[
        bool, Parameter(help="Show what is there now beside it, and change nothing.", show_default=False)
    ] = False,
    target: Target = HERE,
) -> None:
    """Change fields of an asset; what means more than before waits for an approval."""
    changes = parse_pairs(change, "FIELD")
    place = given(kind=kind, path=path, version=version)
    if not dry_run:
        if (asset := fetch(target, "update_asset", {**place, "changes": changes})) is not None:
            _show(asset)
    elif (asset := fetch(target, "get_asset", place)) is not None:
        show_table(("field", "now", "then"), [[name, asset.get(name), value] for name, value in changes.items()])
        note("nothing is changed")


def toggle(
    path: AssetPath,
    state: Annotated[Literal["on", "off"], Parameter(help="Whether it may be called.")],
    /,
    *,
    kind: OfKind = "server",
    version: Version = None,
    target: Target = HERE,
) -> None:
    """Switch an asset on or off."""
    wanted = {"path": path, "enabled": state == "on", **_unless_server(kind), **given(version=version)}
    if fetch(target, "toggle_service", wanted) is not None:
        note(f"{kind.replace('_', ' ')} `{path}` is {state}")


def refresh(
    path: AssetPath,
    /,
    *,
    kind: Annotated[Literal["server", "agent", "skill"], Parameter(help="Its kind.")] = "server",
    version: Version = None,
    target: Target = HERE,
) -> None:
    """Fetch a server's tools again, an agent's card or a skill's text, and scan them."""
    if asset := fetch(target, "refresh_service", {"path": path, **_unless_server(kind), **given(version=version)}):
        _show(asset)


def delete(
    path: AssetPath,
    /,
    *,
    kind: OfKind = "server",
    yes: Yes = False,
    dry_run: OnlyLook = False,
    target: Target = HERE,
) -> None:
    """Remove an asset from the registry, with all its versions."""
    named = f"{kind.replace('_', ' ')} `{path}`"
    make_sure(f"Delete {named} with all its versions?", yes or dry_run)
    gone = fetch(target, "delete_asset", {"kind": kind, "path": path, **given(dry_run=dry_run or None)})
    if gone is None:
        return
    if dry_run:
        show_fields({name: gone.get(name) for name in GOING})
    note(f"nothing is deleted; {named} would be" if dry_run else f"deleted {named}")


def show_made(asset: Json) -> None:
    """Print an asset that was just registered, or would be, and what it looks like."""
    _show(asset)
    if isinstance(scan := asset.get("scan"), dict):
        print()
        if found := items(scan.get("findings")):
            show_table(FINDING, [[each.get(column) for column in FINDING] for each in found])
        note(f"the scan says {scan.get('verdict')}; nothing is stored")
    for other in items(asset.get("duplicates")):
        note(f"looks like `{other.get('path')}` by {other.get('reason')}: {one_line(other.get('score'))}")


def show_page(page: Json | None, member: str) -> None:
    """Print the assets of a page's member, and how to go on; nothing of what was printed as JSON."""
    if page is None:
        return
    if assets := items(page[member]):
        show_table(COLUMNS, [[asset.get(column) for column in COLUMNS] for asset in assets])
    else:
        note(f"no {member.replace('_', ' ')}")
    if page.get("next_cursor"):
        note(f"more with `--cursor {page['next_cursor']}`")


def _unless_server(kind: str) -> Json:
    return {} if kind == "server" else {"kind": kind}


def _show(asset: Json) -> None:
    """Print an asset's fields and, under them, its tools."""
    show_fields({name: asset.get(name) for name in DETAILS})
    if tools := items(asset.get("tools")):
        print()
        show_table(("tool", "description"), [[tool.get("name"), tool.get("description")] for tool in tools])
