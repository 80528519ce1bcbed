"""Discovery: what there is, in plain words."""

from typing import Annotated

from pydantic import Field

from airegistry.core.assets import VirtualServer
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import FoundTool, SearchAnswer, SearchKind, ToolsAnswer, endpoint_of, result_of


class SearchTools:
    """Tools that find assets and tools."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Search the registry", read_only=True)
    async def search_registry(
        self,
        query: Annotated[str, Field(min_length=1, max_length=2000, description="What you need, in plain words.")],
        kinds: Annotated[list[SearchKind] | None, Field(description="Only these kinds; all when left out.")] = None,
        limit: Annotated[int, Field(ge=1, le=1000, description="At most this many results.")] = 10,
        tags: Annotated[list[str] | None, Field(description="Only assets with one of these tags.")] = None,
        include_disabled: Annotated[bool, Field(description="Also assets that are switched off.")] = False,
    ) -> SearchAnswer:
        """Find MCP servers, tools, A2A agents, skills, virtual servers and entities by what they do.

        Use this first when you look for anything the company offers. Results come best first, and only what you may
        use. For a tool, pass its `server` and `tool` to `call_tool`, or read its schema with `get_service_tools`.
        """
        who = current_principal()
        found = await self._services.search.find(
            who, query, kinds=kinds, tags=tags, include_disabled=include_disabled, limit=limit
        )
        url = self._services.gateway_url
        results = [result_of(hit, url) for hit in found.hits]
        for hit, result in zip(found.hits, results, strict=True):
            if isinstance(hit.asset, VirtualServer):
                result.health = (await self._services.compositions.view(who, hit.asset)).health
        return SearchAnswer(results=results, total=found.total)

    @tool("Find tools for a task", read_only=True)
    async def intelligent_tool_finder(
        self,
        task: Annotated[str, Field(min_length=1, max_length=4000, description="The task, as you would tell a person.")],
        limit: Annotated[int, Field(ge=1, le=1000, description="At most this many tools.")] = 5,
    ) -> ToolsAnswer:
        """Find the tools that can do a task, best first, with the input schema of each and how to call it.

        Call one with `call_tool(server, tool, arguments)`, or connect to its `endpoint` directly.
        """
        who = current_principal()
        found = await self._services.search.find(who, task, kinds=["tool"], limit=limit)
        tools = [
            FoundTool(
                server=hit.asset.path, tool=hit.tool.name, description=hit.tool.description, score=round(hit.score, 4),
                input_schema=hit.tool.input_schema, endpoint=endpoint_of(self._services.gateway_url, hit.asset) or "",
            )
            for hit in found.hits
            if hit.tool is not None and not self._services.versions.is_over(hit.asset)
        ]  # fmt: skip
        return ToolsAnswer(tools=tools)
