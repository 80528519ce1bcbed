"""What the tools answer with. Fields may be added, never renamed or narrowed: see CONTRACTS."""

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from airegistry.core.answers import Strength
from airegistry.core.assets import MODELS, Agent, Json, Kind, Server, VirtualServer
from airegistry.core.card_signatures import signatures_of
from airegistry.core.cards import without_addresses
from airegistry.core.ports import AnyAsset
from airegistry.core.virtual import View

Detail = Literal["brief", "full"]
AssetKind = Literal["server", "agent", "skill", "virtual_server", "entity"]
SearchKind = Literal["server", "tool", "agent", "skill", "virtual_server", "entity"]
Path = Annotated[str, Field(description="The asset's path, as lists and search results show it.")]
AnyVersion = Annotated[str | None, Field(description="A version by its number; the default one when left out.")]
Name = Annotated[str, Field(min_length=1, max_length=128)]
Limit = Annotated[int, Field(ge=1, le=1000, description="At most this many.")]
Cursor = Annotated[str | None, Field(description="`next_cursor` of the page before; leave out for the first page.")]

OnlyLook = Annotated[bool, Field(description="Remove nothing; answer with what would go.")]


class Shape(BaseModel):
    """An answer; members beyond those named may come."""

    model_config = ConfigDict(extra="allow", populate_by_name=True, serialize_by_alias=True)

    def told(self) -> Json:
        """It as JSON."""
        return self.model_dump(mode="json")


class Done(Shape):
    """That it was done."""

    ok: bool = True


class ToolShape(Shape):
    """A tool of a server."""

    name: str
    description: str = ""
    input_schema: Json = Field(default_factory=dict, alias="inputSchema")


class AssetShape(Shape):
    """An asset. Servers have `tools` and `endpoint`, agents `card`, skills `frontmatter`, entities `data`."""

    kind: str
    path: str
    name: str
    description: str
    enabled: bool
    tags: list[str]
    stage: str
    visibility: str
    health: str
    version: str

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "AssetShape":
        """That of an asset that was dumped from its model, and need not be checked again."""
        return cls.model_construct(**body)

    def told(self) -> Json:
        return {**self.__dict__, **(self.__pydantic_extra__ or {})}


class AssetsPage(Shape):
    """A page of assets of one kind."""

    def told(self) -> Json:
        return {name: [each.told() for each in value] if isinstance(value, list) else value for name, value in self}


class SearchResult(Shape):
    """One match. For a tool `server` is its server's path and `tool` its name.

    `score` orders this answer; `match` says how good it is by itself. `why` names words by field and `meaning`.
    """

    kind: str
    path: str
    name: str
    description: str
    score: float
    match: Strength = "weak"
    why: list[str] = Field(default_factory=list)
    server: str | None = None
    tool: str | None = None
    endpoint: str | None = None
    health: str | None = None


class SearchAnswer(Shape):
    """The best matches, best first, and how many visible ones there were before the limit.

    With `by_kind` they stand in `groups`. `suggestions` are names nearly like the one that was typed.
    """

    results: list[SearchResult]
    total: int
    suggestions: list[str] = Field(default_factory=list)
    groups: dict[str, list[SearchResult]] | None = None


class FoundTool(Shape):
    """A tool for the task. Call it with `call_tool(**call)`, its arguments filled in, or at `endpoint`.

    `call` is None where the registry cannot call it; `may_call` is whether you hold the right to.
    """

    server: str
    tool: str
    description: str
    input_schema: Json = Field(alias="inputSchema")
    score: float
    endpoint: str
    match: Strength = "weak"
    why: list[str] = Field(default_factory=list)
    call: Json | None = None
    may_call: bool = False


class ToolsAnswer(Shape):
    """Tools, best first; for a task of several steps each is the best beside those before it."""

    tools: list[FoundTool]


def endpoint_of(url: str, asset: AnyAsset, version: str | None = None) -> str | None:
    """Where an asset, or one version of it, is called; None when it is not, by anybody but its user.

    `url` is that of the gateway, empty where the registry has none: then it is the backend's own.
    """
    if isinstance(asset, Server) and asset.transport == "stdio":
        return None
    if not url:
        return asset.url if isinstance(asset, Server | Agent) else None
    if isinstance(asset, Agent):
        return f"{url}/agents/{asset.path}" if asset.url else None
    if not isinstance(asset, Server | VirtualServer):
        return None
    return f"{url}/{asset.path}/mcp" if version is None else f"{url}/{asset.path}@{version}/mcp"


def shown(asset: AnyAsset, stored: Json, url: str, *, detail: Detail = "full", over: bool = False) -> Json:
    """An asset as answers show it, from how it is `stored`; brief ones come without schemas and long texts. `over` is
    one past its sunset."""
    hidden = {"review", *({"content", "files"} if asset.kind == "skill" else ())}
    if detail == "brief":
        hidden |= {"card", "resources", "resource_templates", "prompts", "instructions", "server_info", "metadata"}
    whole = {**_usual(asset.kind), **stored}
    body: Json = {field: value for field, value in whole.items() if field not in hidden}
    if isinstance(asset, Server):
        body["callable"] = asset.callable
    if detail == "brief" and isinstance(asset, Server):
        body["tools"] = [{"name": tool.name, "description": tool.description} for tool in asset.tools]
    if isinstance(asset, Agent) and detail == "full" and (signatures := signatures_of(asset.card)):
        body["card_signatures"] = [each.model_dump() for each in signatures]
    body["endpoint"] = None if over else endpoint_of(url, asset)
    return {**body, "callable": False} if over else body


@cache
def _usual(kind: Kind) -> Json:
    """What assets of a kind say that say nothing else: those stored by older versions leave out what they knew not."""
    model: type[BaseModel] = MODELS[kind]
    said = model.model_construct().model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"callable"})
    return {field: value for field, value in said.items() if field not in {"created_at", "updated_at"}}


_ADDRESSED = frozenset(("url", "card_url", "health_url", "card_signatures"))


def unaddressed(body: Json) -> Json:
    """What answers show of an agent without where it is: callers reach it at its `endpoint`."""
    card = body.get("card")
    told: Json = {name: value for name, value in body.items() if name not in _ADDRESSED}
    return {**told, "card": without_addresses(card)} if isinstance(card, dict) else told


def composed(view: View, detail: Detail) -> Json:
    """What answers show of a virtual server's parts beside its own fields."""
    tools = view.tools
    if detail == "brief":
        tools = [{"name": tool["name"], "description": tool["description"]} for tool in tools]
    body: Json = {
        "tools": [*tools], "parts": [*view.parts], "health": view.health,
        "requires_approval": [*view.requires_approval],
    }  # fmt: skip
    return body if detail == "brief" else {**body, "prompts": [*view.prompts], "resources": [*view.resources]}
