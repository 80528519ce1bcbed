"""The assets of the catalog: one tagged union on `kind`, frozen, in the shape that every surface answers with."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, computed_field, field_validator

from airegistry.core.errors import Invalid
from airegistry.core.lifecycle import Review, Stage

Kind = Literal["server", "agent", "skill", "virtual_server", "entity"]
Visibility = Literal["public", "group", "private"]
Transport = Literal["streamable-http", "sse", "stdio"]
Health = Literal["unknown", "healthy", "unhealthy"]
Json = dict[str, JsonValue]
Link = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+\S*$", max_length=2048)]

MAX_TAGS = 64
RESERVED = frozenset(
    (
        "mcp airegistry-tools api agents oauth oauth2 authorize token register revoke introspect login logout consent "
        "callback account jwks scim healthz readyz metrics static assets web ui docs openapi.json v0 v0.1 well-known "
        "admin sse favicon.ico robots.txt messages device device_authorization"
    ).split()
)
"""First path segments that the product's own routes use, or will."""

_PATH = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_path(raw: str) -> str:
    """A path in its canonical form, one leading slash removed.

    Raises:
        Invalid: not of the form `[a-z0-9][a-z0-9._-]{0,63}`, or reserved.
    """
    path = raw.removeprefix("/")
    if not _PATH.fullmatch(path):
        raise Invalid(f"path {raw[:80]!r} is not of the form [a-z0-9][a-z0-9._-]{{0,63}}", field="path")
    if path in RESERVED or ".." in path:
        raise Invalid(f"path {path!r} is reserved", field="path")
    return path


def namespace_of(kind: Kind) -> str:
    """The namespace a kind's paths are unique in: servers and virtual servers share one."""
    return "server" if kind == "virtual_server" else kind


class Model(BaseModel):
    """A frozen value. Fields of other people's formats keep their camelCase as aliases."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="forbid", defer_build=True)


class Tool(Model):
    """An MCP tool definition as the backend states it; members unknown here are kept."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="allow")

    name: str = Field(min_length=1, max_length=256)
    title: str | None = None
    description: str = ""
    input_schema: Json = Field(default={"type": "object"}, alias="inputSchema")
    output_schema: Json | None = Field(default=None, alias="outputSchema")
    annotations: Json | None = None


def repeated(tools: Sequence[Tool]) -> str | None:
    """The first name that two tools share: calls to it would be ambiguous."""
    seen: set[str] = set()
    for tool in tools:
        if tool.name in seen:
            return tool.name
        seen.add(tool.name)
    return None


class Resource(Model):
    """An MCP resource or resource template (then `uriTemplate` is set), members unknown here kept."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="allow")

    name: str = ""
    uri: str | None = None
    uri_template: str | None = Field(default=None, alias="uriTemplate")
    description: str = ""


class Prompt(Model):
    """An MCP prompt, members unknown here kept."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="allow")

    name: str
    description: str = ""


class Provenance(Model):
    """Where an asset came from; assets of a source other than `local` are read-only: see `core/sources.py`.

    `via` are the registries it came through, its first one first. `digest` is of what the source said of it.
    """

    source: str = "local"
    kind: str | None = None
    id: str | None = None
    url: str | None = None
    generation: int | None = None
    digest: str | None = None
    via: list[str] = Field(default_factory=list)


class HealthReport(Model):
    """The last health check: when, and what went wrong."""

    checked_at: datetime | None = None
    error: str | None = None
    latency_ms: float | None = None


class Rating(Model):
    """Stars given by users, one each; `distribution` counts those who gave 1 to 5."""

    average: float = 0.0
    count: int = 0
    distribution: dict[str, int] = Field(default_factory=lambda: dict.fromkeys("12345", 0))


class Deprecation(Model):
    """That a version should not be used any more: since when, until when it answers, which takes its place, and why."""

    since: datetime
    sunset: datetime | None = None
    successor: str | None = None
    message: str | None = None


AnsStatus = Literal["verified", "failed", "stale", "unknown"]


class AnsBadge(Model):
    """A name of the Agent Name Service, and what came of looking it up: since when it is so, and why if it is not well.

    `checked_at` is the last answer, `tried_at` the last attempt, `url` where the asset was reached at that answer.
    """

    name: str
    status: AnsStatus = "unknown"
    since: datetime
    why: str = ""
    checked_at: datetime | None = None
    tried_at: datetime | None = None
    url: str | None = None
    linked_by: str = ""


class Duplicate(Model):
    """Another asset that looks like this one; `reason` is `url`, `tools` or `meaning`."""

    path: str
    reason: Literal["url", "tools", "meaning"]
    score: float


def now() -> datetime:
    """The present in UTC."""
    return datetime.now(UTC)


class Governed(Model):
    """What every asset has, whatever its kind (rows A1 to A8)."""

    path: str
    name: str = Field(min_length=1, max_length=200)
    title: str | None = None
    description: str = Field(default="", max_length=65_536)
    version: str = Field(default="1.0.0", min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")
    tags: list[str] = Field(default_factory=list, max_length=MAX_TAGS)
    enabled: bool = True
    held_by_scan: bool = False
    """Whether its scan disabled it, so that one that passes enables it again."""
    stage: Stage = "approved_dev"
    visibility: Visibility = "public"
    groups: list[str] = Field(default_factory=list)
    health: Health = "unknown"
    health_report: HealthReport = Field(default_factory=HealthReport)
    license: str | None = None
    owner_team: str | None = None
    technical_owner: str | None = None
    business_capability: str | None = None
    environment: str | None = None
    risk_level: Literal["low", "medium", "high", "critical"] | None = None
    data_classification: Literal["public", "internal", "confidential", "restricted"] | None = None
    health_url: Link | None = None
    documentation_url: Link | None = None
    repository_url: Link | None = None
    icons: list[Json] = Field(default_factory=list)
    metadata: Json = Field(default_factory=dict)
    retirement_date: datetime | None = None
    stage_reason: str | None = None
    stage_since: datetime | None = None
    deprecation: Deprecation | None = None
    review: Review = Field(default_factory=Review)
    requires_approval: list[str] = Field(default_factory=list)
    rating: Rating = Field(default_factory=Rating)
    provenance: Provenance = Field(default_factory=Provenance)
    created_at: datetime = Field(default_factory=now)
    created_by: str = ""
    updated_at: datetime = Field(default_factory=now)
    updated_by: str = ""


class Server(Governed):
    """An MCP server: remote, or local by its launch recipe."""

    kind: Literal["server"] = "server"
    transport: Transport = "streamable-http"
    url: str | None = None
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    env: list[str] = Field(default_factory=list)
    tools: list[Tool] = Field(default_factory=list)
    resources: list[Resource] = Field(default_factory=list)
    resource_templates: list[Resource] = Field(default_factory=list)
    prompts: list[Prompt] = Field(default_factory=list)
    instructions: str | None = None
    server_info: Json = Field(default_factory=dict)
    protocol_version: str | None = None
    manifest: Json = Field(default_factory=dict)
    """The `server.json` it was published with, as its publisher wrote it: see `core/server_json.py`."""
    fetched_at: datetime | None = None
    ans: AnsBadge | None = None
    held: dict[str, str] = Field(default_factory=dict)
    """Tools, and `prompts/…` and `resources/…`, that changed or went since they were approved, and how. They are still
    shown as they were approved, and not called: see `core/pins.py`."""

    @field_validator("tools")
    @classmethod
    def _each_once(cls, tools: list[Tool]) -> list[Tool]:
        if twice := repeated(tools):
            raise ValueError(f"two tools are named {twice!r}")
        return tools

    @computed_field  # type: ignore[prop-decorator]  # pydantic documents this order; mypy cannot follow it
    @property
    def callable(self) -> bool:
        """Whether the gateway can reach it: remote, and its definitions fetched and scanned once."""
        return self.transport != "stdio" and self.fetched_at is not None


GONE = "the server does not list it any more"
"""Why a tool is held that is not there."""


def usable_tools(server: Server) -> Sequence[Tool]:
    """The tools that may be found and called: those that are still as they were approved."""
    return [tool for tool in server.tools if tool.name not in server.held] if server.held else server.tools


def served_tools(server: Server) -> Sequence[Tool]:
    """The tools that are listed, as they were approved; calls to those that changed since are held."""
    return [tool for tool in server.tools if server.held.get(tool.name) != GONE] if server.held else server.tools


class AgentSkill(Model):
    """One skill of an agent card, members unknown here kept."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, extra="allow")

    id: str
    name: str
    description: str = ""
    tags: list[str] = Field(default_factory=list)
    examples: list[str] = Field(default_factory=list)


class Agent(Governed):
    """An A2A agent. `card` is the agent card as its publisher wrote it."""

    kind: Literal["agent"] = "agent"
    url: str | None = None
    card_url: str | None = None
    ans: AnsBadge | None = None
    card: Json = Field(default_factory=dict)
    skills: list[AgentSkill] = Field(default_factory=list)
    held: dict[str, str] = Field(default_factory=dict)
    """Under `card`, how the card changed since it was approved, where it did: the agent is not called then."""


class Skill(Governed):
    """An agent skill: SKILL.md with frontmatter, and its companion files by relative name."""

    kind: Literal["skill"] = "skill"
    content: str = ""
    url: str | None = None
    frontmatter: Json = Field(default_factory=dict)
    files: dict[str, str] = Field(default_factory=dict)
    content_hash: str = ""
    pinned: Json | None = None
    """Where it was read, if that was a Git repository: `Pinned` of `core/git_skills.py`."""


class Lent(Model):
    """Something of `server`, at its default version unless one is pinned, in a virtual server.

    `scopes`: the caller must hold one of them, where some are named. `lent` is set by the registry: whoever put it in
    may change the server, so that a grant on the virtual server is enough; else callers need one on the server too.
    `owner` had registered the server then: whoever registers another one at its path has lent nothing.
    """

    server: str
    version: str | None = None
    scopes: list[str] = Field(default_factory=list)
    lent: bool = False
    owner: str = ""


class VirtualTool(Lent):
    """One tool of a virtual server: `tool` of `server`, shown as `alias`.

    `description` stands in place of the tool's own. `summary` is the tool's own when it was put in, for search.
    """

    tool: str
    alias: str | None = None
    description: str | None = Field(default=None, max_length=65_536)
    summary: str = ""

    @property
    def origin(self) -> str:
        """The name that the server knows."""
        return self.tool

    @property
    def shown_as(self) -> str:
        """The name that clients see."""
        return self.alias or self.tool


class VirtualPrompt(Lent):
    """One prompt of a virtual server: `prompt` of `server`, shown as `alias`."""

    prompt: str
    alias: str | None = None

    @property
    def origin(self) -> str:
        """The name that the server knows."""
        return self.prompt

    @property
    def shown_as(self) -> str:
        """The name that clients see."""
        return self.alias or self.prompt


class VirtualResource(Lent):
    """Resources of a virtual server: those of `server` whose URI, or template, fits the glob `uri`."""

    uri: str = "*"


class VirtualServer(Governed):
    """Tools, prompts and resources of several servers behind one endpoint.

    With `follows`, prompts and resources are all those of the tools' servers, as of the last composition.
    """

    kind: Literal["virtual_server"] = "virtual_server"
    tools: list[VirtualTool] = Field(default_factory=list)
    prompts: list[VirtualPrompt] = Field(default_factory=list)
    resources: list[VirtualResource] = Field(default_factory=list)
    follows: bool = True


class Entity(Governed):
    """An instance of an administrator's own type."""

    kind: Literal["entity"] = "entity"
    type: str
    data: Json = Field(default_factory=dict)


class EntityType(Model):
    """An administrator's type: a name and a JSON Schema 2020-12."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    schema_: Json = Field(alias="schema")
    description: str = ""


Asset = Annotated[Server | Agent | Skill | VirtualServer | Entity, Field(discriminator="kind")]
ASSET: TypeAdapter[Server | Agent | Skill | VirtualServer | Entity] = TypeAdapter(Asset)
MODELS: dict[Kind, type[Server | Agent | Skill | VirtualServer | Entity]] = {
    "server": Server, "agent": Agent, "skill": Skill, "virtual_server": VirtualServer, "entity": Entity,
}  # fmt: skip
