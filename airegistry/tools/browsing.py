"""Looking through the catalog, as a page for people does: cards, counts, and who is looking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from airegistry import __version__
from airegistry.core.assets import Agent, Entity, Health, Server, VirtualServer
from airegistry.core.browsing import Browsed, Browsing
from airegistry.core.lifecycle import Stage
from airegistry.core.ports import AnyAsset
from airegistry.core.principals import Principal
from airegistry.core.services import Services
from airegistry.core.shelf import ref
from airegistry.core.sketches import has_endpoint
from airegistry.core.standing import actions_of
from airegistry.core.versions import deprecation_of
from airegistry.core.virtual import View
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.found import sized
from airegistry.tools.shapes import AssetKind, Cursor, Shape, endpoint_of

Values = list[str] | None


class Card(Shape):
    """An asset in a few lines. `tools` counts those you may see, or the skills of an agent; `type` is an entity's.

    Of the last health check there are `health`, `checked_at`, `latency_ms` and `problem`; `held` counts tools that
    changed since they were approved. `retires_at` is the last day of what is deprecated.
    Of a match `match` says how good it is by itself, and `why` names words by field and `meaning`.
    """

    kind: str
    path: str
    name: str
    title: str | None = None
    description: str = ""
    type: str | None = None
    tags: list[str] = Field(default_factory=list)
    version: str
    stage: str
    enabled: bool
    visibility: str
    health: str | None = None
    checked_at: datetime | None = None
    latency_ms: float | None = None
    problem: str | None = None
    held: int = 0
    retires_at: datetime | None = None
    owner: str | None = None
    environment: str | None = None
    risk: str | None = None
    source: str
    tools: int | None = None
    stars: float | None = None
    ratings: int = 0
    updated_at: datetime
    endpoint: str | None = None
    match: str | None = None
    why: list[str] | None = None


class Counted(Shape):
    """How many assets bear a value."""

    value: str
    count: int


class BrowseAnswer(Shape):
    """Cards, in order of path or best match first, and how many there are in all.

    `facets` count, for `kind` and whatever else answers are narrowed by, the assets that you would be shown with each
    value in place of those chosen; the most frequent 50 values of each, whatever the query.
    """

    results: list[Card]
    total: int
    next_cursor: str | None = None
    suggestions: list[str] = Field(default_factory=list)
    facets: dict[str, list[Counted]] = Field(default_factory=dict)


class Standing(Shape):
    """Who you are here. `actions` are what you may do on something at least."""

    subject: str
    kind: str
    client: str = ""
    groups: list[str]
    scopes: list[str]
    actions: list[str]
    url: str
    gateway_url: str
    version: str


class BrowsingTools:
    """Tools that show the catalog to people."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._browsing = Browsing(services.search)

    @tool("Browse the registry", read_only=True)
    async def browse_registry(
        self,
        query: Annotated[str | None, Field(max_length=2000, description="Best matches first; else by path.")] = None,
        kinds: Annotated[list[AssetKind] | None, Field(description="Only these kinds.")] = None,
        type: Annotated[Values, Field(description="Only entities of one of these types.")] = None,
        tags: Annotated[Values, Field(description="Only those with one of these tags.")] = None,
        owner: Annotated[Values, Field(description="Only those of one of these owner teams.")] = None,
        environment: Annotated[Values, Field(description="Only those of one of these environments.")] = None,
        stage: Annotated[list[Stage] | None, Field(description="Only those at one of these stages.")] = None,
        risk: Annotated[Values, Field(description="Only those of one of these risk levels.")] = None,
        health: Annotated[list[Health] | None, Field(description="Only those whose last check said so.")] = None,
        source: Annotated[Values, Field(description="Only those from one of these; `local` is here.")] = None,
        include_disabled: Annotated[bool, Field(description="Also assets that are switched off.")] = False,
        limit: Annotated[int, Field(ge=1, le=200, description="At most this many.")] = 50,
        cursor: Cursor = None,
    ) -> BrowseAnswer:
        """Look through all assets you may see, of every kind, with counts by kind, tag, owner, stage and so on.

        To find what can do a task use `intelligent_tool_finder` or `search_registry`: this is for an overview. With a
        `query` there is one page, the best matches.
        """
        who = current_principal()
        facets: dict[str, Sequence[str] | None] = {
            "type": type, "tags": tags, "owner": owner, "environment": environment, "stage": stage, "risk": risk,
            "health": health, "source": source,
        }  # fmt: skip
        given = {name: values for name, values in facets.items() if values}
        chosen = kinds or (["entity"] if type else [])
        if query is not None and query.strip():
            found = await self._browsing.find(
                who, query, kinds=chosen, facets=given, include_disabled=include_disabled, limit=limit
            )
        else:
            found = await self._browsing.page(
                who, kinds=chosen, facets=given, include_disabled=include_disabled, limit=limit, cursor=cursor
            )
        return BrowseAnswer(
            results=await self._cards(who, found), total=found.total, next_cursor=found.next_cursor,
            suggestions=[*found.suggestions],
            facets={
                name: [Counted(value=each.value, count=each.count) for each in counts]
                for name, counts in found.facets.items()
            },
        )  # fmt: skip

    @tool("Who am I", read_only=True)
    async def whoami(self) -> Standing:
        """Who you are to the registry, your groups and scopes, and which actions you may take on something at least.

        To learn whether you may do one thing, and why, use `explain_access`.
        """
        who, services, access = current_principal(), self._services, self._services.access
        return Standing(
            subject=who.subject, kind=who.kind, client=who.client, groups=sorted(who.groups),
            scopes=sorted(access.scopes_of(who.groups, who.scopes)), actions=[*actions_of(access, who)],
            url=services.url, gateway_url=services.gateway_url, version=__version__,
        )  # fmt: skip

    async def _cards(self, who: Principal, found: Browsed) -> list[Card]:
        virtual = [asset for asset in found.assets if isinstance(asset, VirtualServer)]
        views = dict(zip(map(ref, virtual), await self._services.compositions.views(who, virtual), strict=True))
        cards = [self._card(who, asset, views.get(ref(asset))) for asset in found.assets]
        for card, hit in zip(cards, found.hits, strict=False):
            card.match, card.why = hit.match, [*hit.why]
        return cards

    def _card(self, who: Principal, asset: AnyAsset, view: View | None) -> Card:
        part: AnyAsset = asset if view is not None else self._services.catalog.part(who, asset)
        end = deprecation_of(asset)
        card = Card(
            kind=asset.kind, path=asset.path, name=asset.name, title=asset.title,
            description=sized(asset.description, "brief"), type=asset.type if isinstance(asset, Entity) else None,
            tags=[*asset.tags], version=asset.version, stage=asset.stage, enabled=asset.enabled,
            visibility=asset.visibility, health=_health(asset, view), owner=asset.owner_team,
            environment=asset.environment, risk=asset.risk_level, source=asset.provenance.source,
            tools=_parts(part, view),
            retires_at=asset.retirement_date if end is None else end.sunset,
            stars=asset.rating.average if asset.rating.count else None,
            ratings=asset.rating.count, updated_at=asset.updated_at,
            endpoint=endpoint_of(self._services.gateway_url, asset),
        )  # fmt: skip
        if isinstance(part, Server | Agent) and self._services.access.allows(who, "read", asset):
            report = part.health_report
            card.checked_at, card.latency_ms, card.problem = report.checked_at, report.latency_ms, report.error
            card.held = len(part.held)
        return card


def _parts(part: AnyAsset, view: View | None) -> int | None:
    if view is not None:
        return len(view.tools)
    if isinstance(part, Server):
        return len(part.tools)
    return len(part.skills) if isinstance(part, Agent) else None


def _health(asset: AnyAsset, view: View | None) -> str | None:
    if view is not None:
        return view.health
    return asset.health if has_endpoint(asset) else None
