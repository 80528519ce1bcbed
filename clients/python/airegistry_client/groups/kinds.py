"""The five kinds of assets: how each is registered and listed, and what it alone can do."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Literal, Unpack

from airegistry_client.connection import Json, route
from airegistry_client.groups.assets import Assets, Called, Detail, Fetched, Governance, OnDuplicate, Updatable
from airegistry_client.models.assets import Asset, ServerTool, SkillContent
from airegistry_client.modes import M, iterated, operation


class Servers(Called[M]):
    """MCP servers."""

    collection = "servers"

    @iterated
    async def list(
        self, *, tags: Sequence[str] | None = None, owner_team: str | None = None, enabled: bool | None = None,
        detail: Detail | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Asset, None]:  # fmt: skip
        """Every server that you may see."""
        query = {"tags": tags, "owner_team": owner_team, "enabled": enabled, "detail": detail, "limit": page_size}
        async for asset in self._pages("services", query):
            yield asset

    @operation
    async def register(
        self, name: str, path: str, *, url: str | None = None, description: str | None = None,
        tags: Sequence[str] | None = None, transport: Literal["streamable-http", "sse", "stdio"] | None = None,
        command: str | None = None, args: Sequence[str] | None = None, env: Sequence[str] | None = None,
        tools: Sequence[Json] | None = None, fetch: bool | None = None, on_duplicate: OnDuplicate | None = None,
        groups: Sequence[str] | None = None, health_url: str | None = None, credential: Json | None = None,
        dry_run: bool | None = None, key: str | None = None, **governance: Unpack[Governance],
    ) -> Asset:  # fmt: skip
        """Register a server: its tools are read and scanned. `key` names the request, else one is made up.

        With `dry_run` nothing is stored: the answer is what would be, and its `scan`.
        """
        body = {
            "name": name, "path": path, "url": url, "description": description, "tags": tags, "transport": transport,
            "command": command, "args": args, "env": env, "tools": tools, "fetch": fetch,
            "on_duplicate": on_duplicate, "groups": groups, "health_url": health_url, "credential": credential,
            "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", route(self.collection), body={**body, **governance}, key=key)

    @operation
    async def tools(self, path: str, *, version: str | None = None) -> Sequence[ServerTool]:
        """The tools of a server."""
        query = {"version": version}
        return await self._connection.many(ServerTool, self._at(path, "tools"), "tools", query)


class Agents(Called[M]):
    """A2A agents."""

    collection = "agents"

    @iterated
    async def list(
        self, *, skill: str | None = None, tags: Sequence[str] | None = None, owner_team: str | None = None,
        enabled: bool | None = None, detail: Detail | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Asset, None]:  # fmt: skip
        """Every agent that you may see, or those with this skill."""
        query = {
            "skill": skill, "tags": tags, "owner_team": owner_team, "enabled": enabled, "detail": detail,
            "limit": page_size,
        }  # fmt: skip
        async for asset in self._pages("agents", query):
            yield asset

    @operation
    async def register(
        self, path: str, *, card: Json | None = None, url: str | None = None, tags: Sequence[str] | None = None,
        groups: Sequence[str] | None = None, governance: Governance | None = None,
        on_duplicate: OnDuplicate | None = None, dry_run: bool | None = None, key: str | None = None,
    ) -> Asset:  # fmt: skip
        """Register an agent by its card, or by the URL where that is."""
        body = {
            "path": path, "card": card, "url": url, "tags": tags, "groups": groups, "governance": governance,
            "on_duplicate": on_duplicate, "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", route(self.collection), body=body, key=key)


class Skills(Fetched[M]):
    """Skills: a SKILL.md and the files beside it."""

    collection = "skills"

    @iterated
    async def list(
        self, *, tags: Sequence[str] | None = None, owner_team: str | None = None, enabled: bool | None = None,
        detail: Detail | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Asset, None]:  # fmt: skip
        """Every skill that you may see."""
        query = {"tags": tags, "owner_team": owner_team, "enabled": enabled, "detail": detail, "limit": page_size}
        async for asset in self._pages("skills", query):
            yield asset

    @operation
    async def register(
        self, path: str, *, content: str | None = None, url: str | None = None, files: Mapping[str, str] | None = None,
        tags: Sequence[str] | None = None, groups: Sequence[str] | None = None, governance: Governance | None = None,
        on_duplicate: OnDuplicate | None = None, dry_run: bool | None = None, key: str | None = None,
    ) -> Asset:  # fmt: skip
        """Register a skill by its text and files, or by the URL where it is."""
        body = {
            "path": path, "content": content, "url": url, "files": files, "tags": tags, "groups": groups,
            "governance": governance, "on_duplicate": on_duplicate, "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", route(self.collection), body=body, key=key)

    @operation
    async def content(self, path: str, *, resource: str | None = None) -> SkillContent:
        """The text of a skill, or of one of its files."""
        place = self._at(path, "content")
        return await self._connection.ask(SkillContent, "GET", place, query={"resource": resource})


class VirtualServers(Assets[M]):
    """Servers made of the tools of others."""

    collection = "virtual-servers"

    @iterated
    async def list(
        self, *, tags: Sequence[str] | None = None, owner_team: str | None = None, enabled: bool | None = None,
        detail: Detail | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Asset, None]:  # fmt: skip
        """Every virtual server that you may see."""
        query = {"tags": tags, "owner_team": owner_team, "enabled": enabled, "detail": detail, "limit": page_size}
        async for asset in self._pages("virtual_servers", query):
            yield asset

    @operation
    async def create(
        self, path: str, name: str, *, tools: Sequence[Json] | None = None, description: str | None = None,
        prompts: Sequence[Json] | None = None, resources: Sequence[Json] | None = None,
        tags: Sequence[str] | None = None, groups: Sequence[str] | None = None,
        on_duplicate: OnDuplicate | None = None, title: str | None = None, dry_run: bool | None = None,
        key: str | None = None, **governance: Unpack[Governance],
    ) -> Asset:  # fmt: skip
        """Make a virtual server of tools, each `{"server": …, "tool": …}` and perhaps an `alias`."""
        body = {
            "path": path, "name": name, "tools": tools, "description": description, "prompts": prompts,
            "resources": resources, "tags": tags, "groups": groups, "on_duplicate": on_duplicate, "title": title,
            "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", route(self.collection), body={**body, **governance}, key=key)

    @operation
    async def update(
        self, path: str, *, name: str | None = None, tools: Sequence[Json] | None = None,
        description: str | None = None, prompts: Sequence[Json] | None = None,
        resources: Sequence[Json] | None = None, tags: Sequence[str] | None = None,
        groups: Sequence[str] | None = None, governance: Governance | None = None, version: str | None = None,
        if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Replace what is named of a virtual server, each as a whole."""
        body = {
            "name": name, "tools": tools, "description": description, "prompts": prompts, "resources": resources,
            "tags": tags, "groups": groups, "governance": governance, "version": version,
        }  # fmt: skip
        return await self._connection.ask(Asset, "PATCH", self._at(path), body=body, if_match=if_match)

    @operation
    async def tools(self, path: str, *, version: str | None = None) -> Sequence[ServerTool]:
        """The tools of a virtual server, by the names they have there."""
        query = {"version": version}
        return await self._connection.many(ServerTool, self._at(path, "tools"), "tools", query)

    @operation
    async def add_tool(
        self, path: str, server: str, tool: str, *, alias: str | None = None, description: str | None = None,
        version: str | None = None, scopes: Sequence[str] | None = None, if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Add a tool of a server to a virtual one."""
        body = {
            "server": server, "tool": tool, "alias": alias, "description": description, "version": version,
            "scopes": scopes,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", self._at(path, "tools"), body=body, if_match=if_match)

    @operation
    async def remove_tool(
        self, path: str, *, alias: str | None = None, server: str | None = None, tool: str | None = None,
        if_match: str | None = None,
    ) -> Asset:  # fmt: skip
        """Take a tool out, named by its alias or by its server and name."""
        query = {"alias": alias, "server": server, "tool": tool}
        return await self._connection.ask(Asset, "DELETE", self._at(path, "tools"), query=query, if_match=if_match)


class Entities(Updatable[M]):
    """Assets of types of the company's own."""

    collection = "entities"

    @iterated
    async def list(
        self, *, type: str | None = None, tags: Sequence[str] | None = None, owner_team: str | None = None,
        enabled: bool | None = None, detail: Detail | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Asset, None]:  # fmt: skip
        """Every entity that you may see, or those of one type."""
        query = {
            "type": type, "tags": tags, "owner_team": owner_team, "enabled": enabled, "detail": detail,
            "limit": page_size,
        }  # fmt: skip
        async for asset in self._pages("entities", query):
            yield asset

    @operation
    async def register(
        self, type: str, path: str, data: Json, *, tags: Sequence[str] | None = None,
        groups: Sequence[str] | None = None, governance: Governance | None = None,
        on_duplicate: OnDuplicate | None = None, dry_run: bool | None = None, key: str | None = None,
    ) -> Asset:  # fmt: skip
        """Register an entity; `data` is as the schema of its type wants it."""
        body = {
            "type": type, "path": path, "data": data, "tags": tags, "groups": groups, "governance": governance,
            "on_duplicate": on_duplicate, "dry_run": dry_run,
        }  # fmt: skip
        return await self._connection.ask(Asset, "POST", route(self.collection), body=body, key=key)
