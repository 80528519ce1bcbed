"""`airegistry virtual`: virtual servers, tools of several servers at one endpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import JsonValue

from airegistry.cli.assets import FIRST, Page, show_made, show_page
from airegistry.cli.client import HERE, Target, fetch, given
from airegistry.cli.errors import Usage
from airegistry.cli.labels import DryRun
from airegistry.cli.output import note
from airegistry.cli.values import Json, parse_array, parse_pairs, read_input

virtual = App("virtual", help="Put tools of several servers behind one endpoint: create, change and list these.")

VirtualPath = Annotated[str, Parameter(help="Path of the virtual server.")]
Name = Annotated[str | None, Parameter(help="Its name.")]
Set = Annotated[list[str] | None, Parameter(help="Any other field as `name=value`; may be repeated.")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Parts:
    """What a virtual server is put together from, and what is said of it."""

    tool: Annotated[
        list[str] | None,
        Parameter(help="A tool as `SERVER/TOOL`, `SERVER/TOOL=ALIAS`, or `SERVER` for all of it; may be repeated."),
    ] = None
    tools: Annotated[Path | None, Parameter(help="File with more tools as a JSON list, with all members.")] = None
    prompts: Annotated[Path | None, Parameter(help="File with its prompts as a JSON list.")] = None
    resources: Annotated[Path | None, Parameter(help="File with its resources as a JSON list.")] = None
    description: Annotated[str | None, Parameter(help="What it is for.")] = None
    tag: Annotated[list[str] | None, Parameter(help="A tag; may be repeated.")] = None
    group: Annotated[list[str] | None, Parameter(help="Show it to this group only; may be repeated.")] = None

    @property
    def arguments(self) -> Json:
        """As the tools take them."""
        said = given(description=self.description, tags=self.tag, groups=self.group)
        lists = (("tools", self.tools), ("prompts", self.prompts), ("resources", self.resources))
        said |= {name: parse_array(read_input(file), f"--{name}") for name, file in lists if file is not None}
        if self.tool:
            listed = said.get("tools", [])
            said["tools"] = [*(listed if isinstance(listed, list) else ()), *map(_part, self.tool)]
        return said


NOTHING = Parts()


@virtual.command
def create(
    path: Annotated[str, Parameter(help="Path it gets in the registry.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="Its name, else the path.")] = None,
    parts: Parts = NOTHING,
    set: Set = None,
    dry_run: DryRun = False,
    target: Target = HERE,
) -> None:
    """Create a virtual server; it is shown with the names its tools have there."""
    wanted = {"path": path, "name": name or path, **parts.arguments, **parse_pairs(set or (), "--set")}
    if (made := fetch(target, "create_virtual_server", {**wanted, **given(dry_run=dry_run or None)})) is not None:
        show_made(made)


@virtual.command
def update(
    path: VirtualPath, /, *, name: Name = None, parts: Parts = NOTHING, set: Set = None, target: Target = HERE
) -> None:
    """Change what is given of a virtual server; tools that are given take the place of all its tools."""
    wanted = {"path": path, **given(name=name), **parts.arguments}
    if fields := parse_pairs(set or (), "--set"):
        wanted["governance"] = fields
    if (made := fetch(target, "update_virtual_server", wanted)) is not None:
        show_made(made)


@virtual.command
def add(
    path: VirtualPath,
    server: Annotated[str, Parameter(help="Path of the server that has the tool.")],
    tool: Annotated[str, Parameter(help="Name of the tool there; `*` for all of them.")],
    /,
    *,
    alias: Annotated[str | None, Parameter(help="The name that clients see.")] = None,
    description: Annotated[str | None, Parameter(help="In place of the tool's own.")] = None,
    version: Annotated[str | None, Parameter(help="The version of the server to stay at.")] = None,
    scope: Annotated[list[str] | None, Parameter(help="A caller must hold one of them; may be repeated.")] = None,
    target: Target = HERE,
) -> None:
    """Put one more tool into a virtual server; the names of the others stay as they are."""
    wanted = given(
        path=path, server=server, tool=tool, alias=alias, description=description, version=version, scopes=scope
    )
    if (made := fetch(target, "add_virtual_tool", wanted)) is not None:
        show_made(made)


@virtual.command
def remove(
    path: VirtualPath,
    alias: Annotated[str | None, Parameter(help="The name that clients see.")] = None,
    /,
    *,
    server: Annotated[str | None, Parameter(help="What comes from this server, instead.")] = None,
    tool: Annotated[str | None, Parameter(help="With `--server`: only the tool of this name there.")] = None,
    target: Target = HERE,
) -> None:
    """Take a tool out of a virtual server, by the name that clients see or by where it comes from."""
    if alias is None and server is None:
        raise Usage("it is not said which tool", "name it as clients see it, or by `--server` and `--tool`")
    wanted = given(path=path, alias=alias, server=server, tool=tool)
    if fetch(target, "remove_virtual_tool", wanted) is not None:
        note(f"virtual server `{path}` is changed")


@virtual.command(name="list")
def list_virtual(*, page: Page = FIRST, target: Target = HERE) -> None:
    """List virtual servers, in order of path."""
    show_page(fetch(target, "list_virtual_servers", page.arguments), "virtual_servers")


def _part(text: str) -> JsonValue:
    """A tool of a virtual server by `SERVER/TOOL=ALIAS`, the later ones of which may be missing."""
    place, _, alias = text.partition("=")
    server, _, tool = place.removeprefix("/").partition("/")
    return given(server=server, tool=tool or "*", alias=alias or None)
