"""Reading the catalog: lists and details."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from airegistry.core.assets import Agent, Json, Kind, Server, Skill, VirtualServer, now
from airegistry.core.catalog import Registered
from airegistry.core.documents import Where
from airegistry.core.errors import NotFound, Unsupported
from airegistry.core.git_skills import pinned_of
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.quality import Seen, quality
from airegistry.core.said import body_of
from airegistry.core.services import Services
from airegistry.core.shelf import ref
from airegistry.core.virtual import View
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import (
    AnyVersion,
    AssetKind,
    AssetShape,
    AssetsPage,
    Cursor,
    Detail,
    Limit,
    Path,
    Shape,
    ToolShape,
    composed,
    endpoint_of,
    shown,
    unaddressed,
)

Tags = Annotated[list[str] | None, Field(description="Only those with one of these tags.")]
Owner = Annotated[str | None, Field(description="Only those of this owner team.")]
Enabled = Annotated[bool | None, Field(description="Only those switched on (true) or off (false).")]
Level = Annotated[Detail, Field(description="`brief` leaves out schemas and long texts: enough to choose from.")]


class ServicesPage(AssetsPage):
    """A page of MCP servers."""

    services: list[AssetShape]
    next_cursor: str | None = None


class AgentsPage(AssetsPage):
    """A page of A2A agents."""

    agents: list[AssetShape]
    next_cursor: str | None = None


class SkillsPage(AssetsPage):
    """A page of skills."""

    skills: list[AssetShape]
    next_cursor: str | None = None


class VirtualServersPage(AssetsPage):
    """A page of virtual servers."""

    virtual_servers: list[AssetShape]
    next_cursor: str | None = None


class EntitiesPage(AssetsPage):
    """A page of entities."""

    entities: list[AssetShape]
    next_cursor: str | None = None


class ServerTool(ToolShape):
    """A tool, and the path of its server."""

    server: str


class ServiceTools(Shape):
    """Tools with their input schemas."""

    tools: list[ServerTool]


class SkillContent(Shape):
    """A file of a skill, and the names of the others; `hash` pins the whole skill.

    `pinned` says where it was read in a Git repository, with each file's size, SHA-256 and mode.
    """

    path: str
    resource: str
    content: str
    resources: list[str]
    hash: str
    pinned: Json | None = None


def _every(asset: AnyAsset) -> bool:
    return True


class ListingTools:
    """Tools that read the catalog. Every one shows only what the caller may see."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("List MCP servers", read_only=True)
    async def list_services(
        self, limit: Limit = 50, cursor: Cursor = None, tags: Tags = None, owner_team: Owner = None,
        enabled: Enabled = None, detail: Level = "full",
    ) -> ServicesPage:  # fmt: skip
        """List the registered MCP servers in order of path. To look for something, use `search_registry` instead."""
        found, after = await self._page("server", limit, cursor, _filter(tags, owner_team, enabled), detail)
        return ServicesPage(services=found, next_cursor=after)

    @tool("List A2A agents", read_only=True)
    async def list_agents(
        self, limit: Limit = 50, cursor: Cursor = None, tags: Tags = None, owner_team: Owner = None,
        enabled: Enabled = None, detail: Level = "full",
        skill: Annotated[
            str | None, Field(description="Only those with a skill of this id, name or tag, as their cards write it.")
        ] = None,
    ) -> AgentsPage:  # fmt: skip
        """List the registered A2A agents with their agent cards, in order of path.

        To find one by what it can do in plain words, use `search_registry` with kinds ["agent"].
        """
        fits = _every if skill is None else self._skilled(current_principal(), skill)
        where = _filter(tags, owner_team, enabled)
        found, after = await self._page("agent", limit, cursor, where, detail, fits)
        return AgentsPage(agents=found, next_cursor=after)

    @tool("List skills", read_only=True)
    async def list_skills(
        self, limit: Limit = 50, cursor: Cursor = None, tags: Tags = None, owner_team: Owner = None,
        enabled: Enabled = None, detail: Level = "full",
    ) -> SkillsPage:  # fmt: skip
        """List the registered agent skills, in order of path. Read one with `get_skill_content`."""
        found, after = await self._page("skill", limit, cursor, _filter(tags, owner_team, enabled), detail)
        return SkillsPage(skills=found, next_cursor=after)

    @tool("List virtual servers", read_only=True)
    async def list_virtual_servers(
        self, limit: Limit = 50, cursor: Cursor = None, tags: Tags = None, owner_team: Owner = None,
        enabled: Enabled = None, detail: Level = "full",
    ) -> VirtualServersPage:  # fmt: skip
        """List the virtual servers, which offer tools of several servers at one endpoint, in order of path."""
        found, after = await self._page("virtual_server", limit, cursor, _filter(tags, owner_team, enabled), detail)
        return VirtualServersPage(virtual_servers=found, next_cursor=after)

    @tool("List entities", read_only=True)
    async def list_entities(
        self, limit: Limit = 50, cursor: Cursor = None,
        type: Annotated[str | None, Field(description="Only entities of this type.")] = None,
        tags: Tags = None, owner_team: Owner = None, enabled: Enabled = None, detail: Level = "full",
    ) -> EntitiesPage:  # fmt: skip
        """List the entities of the company's own types, in order of path."""
        found, after = await self._page("entity", limit, cursor, _filter(tags, owner_team, enabled, type), detail)
        return EntitiesPage(entities=found, next_cursor=after)

    @tool("Show an MCP server", read_only=True)
    async def get_server_details(self, path: Path, version: AnyVersion = None) -> AssetShape:
        """Everything the registry knows of one MCP server: tools with schemas, health, owner, lifecycle, endpoint, and
        its quality grade with the reasons.

        Of a virtual server also its parts: the servers behind it and how they are.
        """
        who = current_principal()
        server = await self._get(who, path, version)
        shape = await self.details(who, server)
        return shape if version is None else shape.model_copy(update={"endpoint": self._endpoint(server)})

    @tool("Show an asset", read_only=True)
    async def get_asset(self, kind: AssetKind, path: Path, version: AnyVersion = None) -> AssetShape:
        """Everything the registry knows of one agent, skill, entity, server or virtual server, by its kind and path."""
        who = current_principal()
        return await self.details(who, await self._services.catalog.get(who, kind, path, version))

    @tool("Show tools of a server", read_only=True)
    async def get_service_tools(
        self,
        path: Annotated[str | None, Field(description="The server's path; all servers when left out.")] = None,
        version: AnyVersion = None,
    ) -> ServiceTools:
        """The tools of one server, or of all, with their input schemas. Read a tool's schema before you call it."""
        who = current_principal()
        catalog = self._services.catalog
        if path is not None:
            servers: Sequence[AnyAsset] = [await self._get(who, path, version)]
        else:
            servers = (await catalog.list(who, ["server"], limit=10_000, where={"enabled": True})).assets
        tools: list[Json] = []
        for server in servers:
            if isinstance(server, VirtualServer):
                seen = (await self._services.compositions.view(who, server)).tools
            else:
                dumped = (
                    tool.model_dump(mode="json", by_alias=True, exclude_none=True)
                    for tool in catalog.tools(who, server)
                )
                seen = [*dumped]
            tools += ({**tool, "server": server.path} for tool in seen)
        return ServiceTools(tools=[ServerTool.model_validate(tool) for tool in tools])

    @tool("Read a skill", read_only=True)
    async def get_skill_content(
        self,
        path: Path,
        resource: Annotated[str | None, Field(description="A companion file by name; SKILL.md when left out.")] = None,
    ) -> SkillContent:
        """The text of a skill's SKILL.md, or of one of its companion files. Follow a skill as its text says."""
        skill = await self._services.catalog.usable(current_principal(), "skill", path)
        assert isinstance(skill, Skill)  # the catalog answers with the kind asked for
        files = {"SKILL.md": skill.content, **skill.files}
        name = resource or "SKILL.md"
        if name not in files:
            pinned = pinned_of(skill)
            if pinned is not None and any(file.name == name for file in pinned.files):
                raise Unsupported(f"{name!r} of skill {path!r} is no text: its hash is kept, not its content")
            raise NotFound(f"skill {path!r} has no file named {name!r}")
        return SkillContent(
            path=skill.path, resource=name, content=files[name], resources=sorted(files), hash=skill.content_hash,
            pinned=skill.pinned,
        )  # fmt: skip

    async def details(self, who: Principal, asset: AnyAsset) -> AssetShape:
        """An asset in full, with the caller's own stars; a server, agent or skill with its quality grade and what its
        repository's host says."""
        more: dict[str, object] = {}
        if stars := await self._services.ratings.own(who, asset):
            more["your_rating"] = stars
        if not isinstance(asset, Server | Agent | Skill):
            return await self.shape(who, asset, "full", **more)
        report, known = await self._services.scans.kept(asset), await self._services.repositories.of(asset)
        shape = await self.shape(who, asset)
        seen = Seen(report, self._services.vitals.circuit(asset), known)
        part = self._services.catalog.part(who, asset)  # a tool that is hidden from the caller has no part in it
        assert isinstance(part, Server | Agent | Skill)
        more["quality"] = quality(part, seen, now()).model_dump(mode="json", exclude_none=True)
        if known is not None:
            more["repository"] = known.model_dump(mode="json", exclude_none=True, exclude={"failures"})
        return shape.model_copy(update=more)

    async def shape(self, who: Principal, asset: AnyAsset, detail: Detail = "full", **more: object) -> AssetShape:
        """An asset as the caller may see it."""
        view = await self._services.compositions.view(who, asset) if isinstance(asset, VirtualServer) else None
        return self._shape(who, asset, detail, view, **more)

    async def registered(self, who: Principal, done: Registered, dry_run: bool) -> AssetShape:
        """What was registered, and what it is like; of a dry run with `scan`: the verdict, and the findings where the
        caller may read reports of such an asset."""
        more: dict[str, object] = {"duplicates": [each.model_dump(mode="json") for each in done.duplicates]}
        if dry_run:
            told = self._services.access.allows(who, "scan", done.asset)
            left_out = {"asset", "version", "error", "failed_at", *(() if told else ("findings",))}
            more |= {"dry_run": True, "scan": done.report.model_dump(mode="json", exclude=left_out)}
        return await self.shape(who, done.asset, "full", **more)

    def _shape(self, who: Principal, asset: AnyAsset, detail: Detail, view: View | None, **more: object) -> AssetShape:
        vitals = self._services.vitals
        applied, circuit = vitals.applied(asset), vitals.circuit(asset)
        part = self._services.catalog.part(who, applied)
        if circuit is not None:
            more["circuit"] = circuit
        over = self._services.versions.is_over(asset)
        stored = self._stored(asset, applied) if part is applied else body_of(part)
        body = shown(part, stored, self._services.gateway_url, detail=detail, over=over)
        if isinstance(asset, Agent) and self._services.gateway_url:
            body = body if self._services.access.allows(who, "update", asset) else unaddressed(body)
        if view is not None:
            body |= composed(view, detail)
        return AssetShape.of({**body, **more})

    def _stored(self, asset: AnyAsset, applied: AnyAsset) -> Json:
        """An asset as it is stored, with its last check."""
        stored = self._services.catalog.body(asset)
        if applied is asset:
            return stored
        return {**stored, "health_report": applied.health_report.model_dump(mode="json", exclude_none=True)}

    async def _get(self, who: Principal, path: str, version: str | None) -> AnyAsset:
        """A server, or a virtual one: they share their paths."""
        try:
            return await self._services.catalog.get(who, "virtual_server", path, version)
        except NotFound:
            return await self._services.catalog.get(who, "server", path, version)

    def _skilled(self, who: Principal, skill: str) -> Callable[[AnyAsset], bool]:
        """Agents that have a skill that the caller may see."""

        def has(asset: AnyAsset) -> bool:
            return isinstance(agent := self._services.catalog.part(who, asset), Agent) and any(
                wanted in {each.id.casefold(), each.name.casefold(), *(tag.casefold() for tag in each.tags)}
                for each in agent.skills
            )

        wanted = skill.casefold()
        return has

    def _endpoint(self, server: AnyAsset) -> str | None:
        """Where this very version is called; None when it is not."""
        over = self._services.versions.is_over(server)
        return None if over else endpoint_of(self._services.gateway_url, server, server.version)

    async def _page(
        self, kind: Kind, limit: int, cursor: str | None, where: Where, detail: Detail,
        fits: Callable[[AnyAsset], bool] = _every,
    ) -> tuple[list[AssetShape], str | None]:  # fmt: skip
        who = current_principal()
        page = await self._services.catalog.list(who, [kind], limit=limit, cursor=cursor, where=where, fits=fits)
        virtual = [asset for asset in page.assets if isinstance(asset, VirtualServer)]
        views = dict(zip(map(ref, virtual), await self._services.compositions.views(who, virtual), strict=True))
        return [self._shape(who, asset, detail, views.get(ref(asset))) for asset in page.assets], page.next_cursor


def _filter(tags: list[str] | None, owner_team: str | None, enabled: bool | None, type_: str | None = None) -> Where:
    where: Where = {"tags": tags, "owner_team": owner_team, "enabled": enabled, "type": type_}
    return {field: wanted for field, wanted in where.items() if wanted is not None and wanted != []}
