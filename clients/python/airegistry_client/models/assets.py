"""What the registry says of assets: what they are, where they are found, and what calling them gives."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import Field, JsonValue

from airegistry_client.models.answer import Answer


class AssetTool(Answer):
    """A tool that a server, or a virtual one, has."""

    name: str
    description: str = ""
    input_schema: Mapping[str, JsonValue] = Field({}, alias="inputSchema")


class Asset(Answer):
    """An asset. Servers have `tools` and `endpoint`, agents `card`, skills `frontmatter`, entities `data`; what a dry
    run would store has `scan`: the verdict on it, and the findings where you may read them.

    `etag` names the state in which it was read, where it was read by itself: `if_match` takes it.
    """

    kind: str
    path: str
    name: str
    description: str
    enabled: bool
    tags: tuple[str, ...]
    stage: str
    visibility: str
    health: str
    version: str
    endpoint: str | None = None
    tools: tuple[AssetTool, ...] = ()
    card: Mapping[str, JsonValue] | None = None
    frontmatter: Mapping[str, JsonValue] | None = None
    data: Mapping[str, JsonValue] | None = None
    scan: Mapping[str, JsonValue] | None = None
    etag: str | None = Field(None, exclude=True)


class Rating(Answer):
    """Stars given by users, one each; `distribution` counts those who gave 1 to 5."""

    average: float = 0.0
    count: int = 0
    distribution: Mapping[str, int] = {}


class SkillContent(Answer):
    """A file of a skill, and the names of the others; `hash` pins the whole skill.

    `pinned` says where it was read in a Git repository, with each file's size, SHA-256 and mode.
    """

    path: str
    resource: str
    content: str
    resources: tuple[str, ...]
    hash: str
    pinned: Mapping[str, JsonValue] | None = None


class Version(Answer):
    """One version. `callable` is false from its sunset on; `pinned_by` are virtual servers that use this version."""

    version: str
    default: bool
    enabled: bool
    stage: str
    health: str
    callable: bool
    deprecated: bool
    deprecated_since: datetime | None = None
    sunset: datetime | None = None
    successor: str | None = None
    pinned_by: tuple[str, ...] = ()
    endpoint: str | None = None


class Versions(Answer):
    """All versions of an asset, the default first."""

    kind: str
    path: str
    default: str
    versions: tuple[Version, ...]


class Deleted(Answer):
    """That an asset is gone, with these versions and so many credentials; of a dry run, that it would be, and which
    virtual servers would lose their part."""

    kind: str
    path: str
    deleted: bool = True
    dry_run: bool = False
    versions: tuple[str, ...] = ()
    credentials: int = 0
    used_by: tuple[str, ...] = ()


class DeletedVersion(Answer):
    """That a version is gone; of a dry run, that it would be, and which virtual servers would lose their part."""

    kind: str
    path: str
    version: str
    deleted: bool = True
    dry_run: bool = False
    used_by: tuple[str, ...] = ()


class Step(Answer):
    """A step that was taken."""

    at: datetime
    by: str
    from_: str = Field(alias="from")
    to: str
    reason: str


class Way(Answer):
    """A step that leads on. `rights`: any one of them makes it. `refusal` is why you cannot; absent where you can."""

    stage: str
    rights: tuple[str, ...]
    approval: bool
    reason_required: bool
    refusal: str | None = None


class Lifecycle(Answer):
    """Where an asset stands. `served`: it is listed and callable in this registry's environment. `four_eyes`: who
    registered, submitted or changed it does not approve it. `history` is oldest first, the last 50 steps.
    """

    kind: str
    path: str
    version: str
    stage: str
    served: bool
    four_eyes: bool
    registered_by: str
    history: tuple[Step, ...]
    next: tuple[Way, ...]
    since: datetime | None = None
    reason: str | None = None
    retires: datetime | None = None


class ServerTool(Answer):
    """A tool, and the path of its server."""

    name: str
    server: str
    description: str = ""
    input_schema: Mapping[str, JsonValue] = Field({}, alias="inputSchema")


class SearchResult(Answer):
    """One match. For a tool `server` is its server's path and `tool` its name.

    `score` orders this answer; `match` says how good it is by itself. `why` names words by field and `meaning`.
    """

    kind: str
    path: str
    name: str
    description: str
    score: float
    match: str = "weak"
    why: tuple[str, ...] = ()
    server: str | None = None
    tool: str | None = None
    endpoint: str | None = None
    health: str | None = None


class SearchAnswer(Answer):
    """The best matches, best first, and how many visible ones there were before the limit.

    With `by_kind` they stand in `groups`. `suggestions` are names nearly like the one that was typed.
    """

    results: tuple[SearchResult, ...]
    total: int
    suggestions: tuple[str, ...] = ()
    groups: Mapping[str, tuple[SearchResult, ...]] | None = None


class FoundTool(Answer):
    """A tool for the task. Call it with `call_tool(**call)`, its arguments filled in, or at `endpoint`.

    `call` is None where the registry cannot call it; `may_call` is whether you hold the right to.
    """

    server: str
    tool: str
    description: str
    input_schema: Mapping[str, JsonValue] = Field(alias="inputSchema")
    score: float
    endpoint: str
    match: str = "weak"
    why: tuple[str, ...] = ()
    call: Mapping[str, JsonValue] | None = None
    may_call: bool = False


class ToolResult(Answer):
    """What the called tool answered: `content` blocks, structured content, and whether it failed in its own words."""

    content: tuple[Mapping[str, JsonValue], ...]
    structured_content: JsonValue = Field(None, alias="structuredContent")
    is_error: bool = Field(False, alias="isError")

    @property
    def text(self) -> str:
        """The text blocks, one after the other."""
        return "\n".join(str(block.get("text", "")) for block in self.content if block.get("type") == "text")


class Progress(Answer):
    """How far a call is, of `total` where that is known."""

    progress: float
    total: float | None = None
    message: str | None = None


class Question(Answer):
    """What the backend of a call asks you, or whether you approve the call: `tools.answer` takes the answer.

    It is as `requested_schema` says; with `mode` `url` there is a `url` to visit instead.
    """

    call: str
    question: int
    message: str = ""
    mode: str = "form"
    requested_schema: Mapping[str, JsonValue] | None = Field(None, alias="requestedSchema")
    url: str | None = None


class UsageRow(Answer):
    """Calls of an asset, or of its tool, by a caller or in a period of that name: `of` says which.

    Half of the calls took at most `p50_ms`, 95 of 100 at most `p95_ms`; null is above all bounds. The histogram counts
    up to each bound of `buckets_ms`, and last what is above.
    """

    of: str
    name: str
    calls: int
    errors: int
    average_ms: float | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    histogram: tuple[int, ...] = ()
    last: datetime | None = None


class Usage(Answer):
    """Usage since some days ago: assets as `kind/path`, or what there is of one."""

    rows: tuple[UsageRow, ...]
    buckets_ms: tuple[int, ...] = ()


class Change(Answer):
    """What is told of live: `event` is `asset` (`kind` and `path` say which), `catalog`, `entitlement`, `approvals` or
    `reset`.

    After `reset` something may have been missed: read again what you show.
    """

    event: str
    kind: str | None = None
    path: str | None = None


class Card(Answer):
    """An asset in a few lines. `tools` counts those you may see, or the skills of an agent; `type` is an entity's.

    Of the last health check there are `health`, `checked_at`, `latency_ms` and `problem`; `held` counts tools that
    changed since they were approved. `retires_at` is the last day of what is deprecated.
    Of a match `match` says how good it is by itself, and `why` names words by field and `meaning`.
    """

    kind: str
    path: str
    name: str
    version: str
    stage: str
    enabled: bool
    visibility: str
    source: str
    updated_at: datetime
    title: str | None = None
    description: str = ""
    type: str | None = None
    tags: tuple[str, ...] = ()
    health: str | None = None
    checked_at: datetime | None = None
    latency_ms: float | None = None
    problem: str | None = None
    held: int = 0
    retires_at: datetime | None = None
    owner: str | None = None
    environment: str | None = None
    risk: str | None = None
    tools: int | None = None
    stars: float | None = None
    ratings: int = 0
    endpoint: str | None = None
    match: str | None = None
    why: tuple[str, ...] | None = None


class Counted(Answer):
    """How many assets bear a value."""

    value: str
    count: int


class Catalog(Answer):
    """Cards, in order of path or best match first, and how many there are in all.

    `facets` count, for `kind` and whatever else answers are narrowed by, the assets that you would be shown with each
    value in place of those chosen; the most frequent 50 values of each, whatever the query.
    """

    results: tuple[Card, ...]
    total: int
    next_cursor: str | None = None
    suggestions: tuple[str, ...] = ()
    facets: Mapping[str, tuple[Counted, ...]] = {}
