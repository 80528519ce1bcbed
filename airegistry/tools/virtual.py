"""Composing virtual servers: tools of several servers at one endpoint."""

from collections.abc import Mapping, Set
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.assets import Json, VirtualTool
from airegistry.core.composing import read_wishes
from airegistry.core.errors import Invalid
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.catalog import Classification, DryRun, Governance, Groups, NewPath, OnDuplicate, Risk, Tags
from airegistry.tools.declare import tool
from airegistry.tools.listing import ListingTools
from airegistry.tools.shapes import AnyVersion, AssetShape, Path

Parts = Annotated[
    list[Json] | None,
    Field(
        description='Members: `server` and `tool` ("*" for every tool of it); optional: `alias`, the name that clients '
        "see (at most 64 of letters, digits, `_`, `.`, `-`), `description` in place of the tool's own, `version` of "
        "the server to stay at, `scopes` of which a caller must hold one."
    ),
]
Prompts = Annotated[
    list[Json] | None,
    Field(description="As `tools`, with `prompt` for `tool`. Left out with `resources`: all prompts of the servers."),
]
Resources = Annotated[
    list[Json] | None,
    Field(description="Members: `server`, `uri` (a URI, a template or a glob); optional: `version`, `scopes`."),
]
_NOT_FIELDS = frozenset({"self", "who", "path", "name", "tools", "prompts", "resources", "on_duplicate", "dry_run"})
Alias = Annotated[str | None, Field(description="The name that clients see.")]


class VirtualTools:
    """Tools that make and change virtual servers."""

    def __init__(self, services: Services, listing: ListingTools) -> None:
        self._services = services
        self._listing = listing

    @tool("Create a virtual server")
    async def create_virtual_server(
        self, path: NewPath, name: str, tools: Parts = None, description: str = "", prompts: Prompts = None,
        resources: Resources = None, tags: Tags = None, groups: Groups = None,
        visibility: Literal["public", "group", "private"] | None = None, version: str | None = None,
        on_duplicate: OnDuplicate = "report", title: str | None = None, license: str | None = None,
        owner_team: str | None = None, technical_owner: str | None = None, business_capability: str | None = None,
        environment: str | None = None, risk_level: Risk | None = None,
        data_classification: Classification | None = None, documentation_url: str | None = None,
        repository_url: str | None = None, icons: list[Json] | None = None, retirement_date: datetime | None = None,
        requires_approval: list[str] | None = None, metadata: Json | None = None, dry_run: DryRun = False,
    ) -> AssetShape:  # fmt: skip
        """Put tools of several registered servers behind one MCP endpoint, and get it back with their names there.

        A tool keeps its name where it is free, else it is named SERVER_TOOL; names never change by themselves. Whoever
        may update a server lends its tools: a grant on the virtual server is then enough to call them.
        """
        who = current_principal()
        fields = _given(locals(), _NOT_FIELDS)
        done = await self._services.compositions.create(
            who, path, name, read_wishes(tools or [], prompts, resources), fields, on_duplicate=on_duplicate,
            dry_run=dry_run,
        )  # fmt: skip
        return await self._listing.registered(who, done, dry_run)

    @tool("Change a virtual server", destructive=True, idempotent=True)
    async def update_virtual_server(
        self, path: Path, name: str | None = None, tools: Parts = None, description: str | None = None,
        prompts: Prompts = None, resources: Resources = None, tags: Tags = None, groups: Groups = None,
        governance: Governance = None, version: AnyVersion = None,
    ) -> AssetShape:  # fmt: skip
        """Change a virtual server; what is left out stays. `tools` takes the place of all its tools.

        Tools that stay keep their names. To put one in or take one out use `add_virtual_tool`, `remove_virtual_tool`.
        """
        who = current_principal()
        named = {"name": name, "description": description, "tags": tags, "groups": groups}
        fields = {**(governance or {}), **_given(named)}
        wishes = read_wishes(tools, prompts, resources)
        changed = await self._services.compositions.update(who, path, wishes, fields, version=version)
        return await self._listing.shape(who, changed)

    @tool("Add a tool to a virtual server")
    async def add_virtual_tool(
        self, path: Path, server: str, tool: Annotated[str, Field(description='Its name there; "*" for all of them.')],
        alias: Alias = None,
        description: Annotated[str | None, Field(description="In place of the tool's own.")] = None,
        version: Annotated[str | None, Field(description="The version of the server to stay at.")] = None,
        scopes: Annotated[list[str] | None, Field(description="A caller must hold one of them.")] = None,
    ) -> AssetShape:  # fmt: skip
        """Put one more tool of a registered server into a virtual server. The names of the others stay as they are."""
        who = current_principal()
        stated = _given(locals(), {"self", "path", "who"})
        (added,) = read_wishes([stated]).tools or ()
        return await self._listing.shape(who, await self._services.compositions.add(who, path, added))

    @tool("Remove a tool from a virtual server", destructive=True)
    async def remove_virtual_tool(
        self, path: Path, alias: Alias = None,
        server: Annotated[str | None, Field(description="With `tool`, instead of `alias`; alone: all of it.")] = None,
        tool: Annotated[str | None, Field(description="The tool's name at its server.")] = None,
    ) -> AssetShape:  # fmt: skip
        """Take a tool out of a virtual server, by the name that clients see or by where it comes from."""
        who = current_principal()
        if alias is None and server is None:
            alias, tool = tool, None
        if alias is None and server is None:
            raise Invalid("name the tool by `alias`, or by `server` and `tool`", field="alias")

        def fits(each: VirtualTool) -> bool:
            named = alias is None or each.shown_as == alias
            came = server is None or each.server == server.removeprefix("/")
            return named and came and (tool is None or each.tool == tool)

        return await self._listing.shape(who, await self._services.compositions.remove(who, path, fits))


def _given(arguments: Mapping[str, object], leave_out: Set[str] = frozenset()) -> Json:
    """The arguments that were given: None means the field's default."""
    return {name: value for name, value in arguments.items() if value is not None and name not in leave_out}  # type: ignore[misc]  # the core checks them next
