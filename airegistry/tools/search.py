"""Discovery: what there is, in plain words."""

from collections.abc import Sequence
from typing import Annotated, get_args

from pydantic import Field

from airegistry.core.answers import Hit
from airegistry.core.assets import Health, VirtualServer
from airegistry.core.lifecycle import Stage
from airegistry.core.principals import Principal
from airegistry.core.services import Services
from airegistry.core.shelf import ref
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.found import result_of, tool_of
from airegistry.tools.shapes import Detail, SearchAnswer, SearchKind, SearchResult, ToolsAnswer

Level = Annotated[Detail, Field(description="`brief` cuts descriptions; `full` has all of them, and more fields.")]
Values = list[str] | None


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
        tags: Annotated[Values, Field(description="Only assets with one of these tags.")] = None,
        include_disabled: Annotated[bool, Field(description="Also assets that are switched off.")] = False,
        owner: Annotated[Values, Field(description="Only assets of one of these owner teams.")] = None,
        environment: Annotated[Values, Field(description="Only assets of one of these environments.")] = None,
        stage: Annotated[list[Stage] | None, Field(description="Only assets at one of these stages.")] = None,
        source: Annotated[Values, Field(description="Only assets from one of these; `local` is here.")] = None,
        health: Annotated[list[Health] | None, Field(description="Only assets whose last check said so.")] = None,
        by_kind: Annotated[bool, Field(description="The best of each kind, in `groups`; `limit` is of each.")] = False,
        detail: Level = "brief",
    ) -> SearchAnswer:
        """Find MCP servers, tools, A2A agents, skills, virtual servers and entities by what they do.

        Use this first when you look for anything the company offers. Results come best first, and only what you may
        see. Trust a `strong` match; of a `weak` one read the description first: there may be nothing that fits. When
        you typed a name and `suggestions` has one like it, search for that. For a tool, pass its `server` and `tool`
        to `call_tool`, or read its schema with `get_service_tools`.
        """
        who, search = current_principal(), self._services.search
        facets = {"owner": owner, "environment": environment, "stage": stage, "source": source, "health": health}
        given = {name: values for name, values in facets.items() if values}
        groups = None
        if by_kind:
            by = await search.find_by_kind(
                who, query, kinds or get_args(SearchKind), tags=tags, facets=given, include_disabled=include_disabled,
                limit=limit, explain=True,
            )  # fmt: skip
            groups = {kind: await self._results(who, found.hits, detail) for kind, found in by.items()}
            hits, total = [], sum(found.total for found in by.values())
        else:
            found = await search.find(
                who, query, kinds=kinds, tags=tags, facets=given, include_disabled=include_disabled, limit=limit,
                explain=True,
            )  # fmt: skip
            hits, total = [*found.hits], found.total
        results = await self._results(who, hits, detail)
        suggestions = await search.suggest(who, query, kinds=kinds, include_disabled=include_disabled)
        return SearchAnswer(results=results, total=total, suggestions=suggestions, groups=groups)

    async def _results(self, who: Principal, hits: Sequence[Hit], detail: Detail) -> list[SearchResult]:
        virtual = [hit.asset for hit in hits if isinstance(hit.asset, VirtualServer)]
        views = dict(zip(map(ref, virtual), await self._services.compositions.views(who, virtual), strict=True))
        results = []
        for hit in hits:
            result = result_of(hit, self._services.gateway_url, detail)
            if (view := views.get(ref(hit.asset))) is not None:
                result.health = view.health
            results.append(result)
        return results

    @tool("Find tools for a task", read_only=True)
    async def intelligent_tool_finder(
        self,
        task: Annotated[str, Field(min_length=1, max_length=4000, description="The task, as you would tell a person.")],
        limit: Annotated[int, Field(ge=1, le=1000, description="At most this many tools.")] = 5,
        detail: Annotated[
            Detail, Field(description="`brief` cuts descriptions, those in schemas too; `full` has all of them.")
        ] = "brief",
    ) -> ToolsAnswer:
        """Find the tools that can do a task, best first, with the input schema of each and how to call it.

        For a task of several steps ("look up the weather and mail it to Ann") you get tools that do it together.
        Pass `call` of one to `call_tool`, with your values in place of those in angle brackets; or connect to its
        `endpoint`. A `weak` match may not fit: read its description first.
        """
        who, services = current_principal(), self._services
        found = await services.search.find_tools(who, task, limit=limit, explain=True, unfit=services.versions.is_over)
        tools = [
            tool_of(
                hit, hit.tool, services.gateway_url, detail,
                may_call=services.access.allows(who, "call", hit.asset, tool=hit.tool.name, method="tools/call"),
            )
            for hit in found.hits
            if hit.tool is not None
        ]  # fmt: skip
        return ToolsAnswer(tools=tools)
