"""Sources: other registries, clouds and hosts whose assets are brought in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.core.federation import Federation, Standing
from airegistry.core.source_records import Run
from airegistry.core.sources import SourceKind
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Done, OnlyLook, Shape

WAIT = 25.0
"""Seconds that a tool waits for a pass, or a removal, which goes on without it."""
MOST_NAMED = 1000
"""Assets that a dry run of a removal names."""
Name = Annotated[str, Field(min_length=1, max_length=64, description="Its name, as in `official` or `team-b`.")]
Url = Annotated[str, Field(max_length=2048, description="Where the source is; empty for kinds that need none.")]
Options = Annotated[
    dict[str, object] | None, Field(description="Settings of this kind of source, by name: see docs/federation.md.")
]
Secrets = Annotated[
    dict[str, object] | None,
    Field(description="Credentials, by name, as the kind takes them; sealed, and never shown again."),
]
Names = Annotated[list[str] | None, Field(description="Globs of names, ids or paths; only what fits comes in.")]
Tags = Annotated[list[str] | None, Field(description="Only what has one of these tags comes in.")]
Namespace = Annotated[
    list[str] | None, Field(description="What names may begin with; anything else that is offered is refused.")
]
Prefix = Annotated[str | None, Field(max_length=32, description="Put before the path of each asset that comes in.")]
Groups = Annotated[list[str] | None, Field(description="Groups that see what comes in.")]
Audience = Annotated[Literal["public", "group", "private"] | None, Field(description="Who sees what comes in.")]
Interval = Annotated[float | None, Field(ge=60, description="Seconds between two passes; 3600 by default.")]
Duplicates = Annotated[
    Literal["report", "reject"] | None,
    Field(description="`reject` refuses what looks like an asset that is here; left out, nothing is compared."),
]


class RunShape(Shape):
    """One pass. `codes` counts what was refused by error code; `refusals` and, of a dry run, `planned` are the first
    hundred. `outcome` is missing while it goes on."""

    started: datetime
    ended: datetime | None = None
    outcome: str | None = None
    error: str = ""
    code: str = ""
    dry_run: bool = False
    whole: bool = False
    pages: int = 0
    offers: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    deleted: int = 0
    held: int = 0
    filtered: int = 0
    repeated: int = 0
    refused: int = 0
    codes: dict[str, int] = Field(default_factory=dict)
    refusals: list[dict[str, object]] = Field(default_factory=list)
    planned: list[dict[str, object]] = Field(default_factory=list)


class SourceShape(Shape):
    """A source without its secrets. `lag` is how many seconds ago the last pass that succeeded began."""

    name: str
    kind: str
    url: str
    enabled: bool
    removing: bool
    description: str
    options: dict[str, object]
    has_secrets: bool
    interval: float
    jitter: float
    visibility: str
    groups: list[str]
    prefix: str
    tags: list[str]
    names: list[str]
    namespace: list[str]
    on_duplicate: str | None = None
    circuit: str
    failures: int
    due: datetime | None = None
    lag: float | None = None
    generation: int
    created_by: str
    created_at: datetime
    running: RunShape | None = None
    last: RunShape | None = None


class SourceDetails(SourceShape):
    """A source with its last passes, newest first."""

    runs: list[RunShape]


class SourceList(Shape):
    """All sources by name."""

    sources: list[SourceShape]


class Synced(Shape):
    """What came of a request: the source, and its last pass, or what a dry run would do. `running` says that the pass
    goes on."""

    name: str
    running: bool
    run: RunShape | None = None


class RemovedSource(Done):
    """That a source is gone, or with `ok` false, is going; of a dry run how many assets would go, and the first of
    them as `kind/path`."""

    dry_run: bool = False
    total: int = 0
    assets: list[str] = Field(default_factory=list)


def _removed(arguments: Mapping[str, Any]) -> str:
    """What is asked before a source is removed; nothing for a dry run."""
    asked = "Remove source '{name}'? All assets that came from it are deleted."
    return "" if arguments["dry_run"] else asked.format_map(arguments)


class SourceTools:
    """Tools for whoever decides what comes in from elsewhere."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    @tool("Add a source", open_world=True, needs="policy")
    async def add_source(
        self, name: Name, kind: SourceKind, url: Url = "", options: Options = None, secrets: Secrets = None,
        names: Names = None, tags: Tags = None, namespace: Namespace = None, prefix: Prefix = None,
        visibility: Audience = None, groups: Groups = None, interval: Interval = None, on_duplicate: Duplicates = None,
        enabled: bool = True, description: Annotated[str, Field(max_length=1000)] = "",
    ) -> SourceShape:  # fmt: skip
        """Bring in what another registry, cloud or host offers, from now on, and keep up with it.

        Everything is scanned, read-only and never takes the place of what is here. The first pass begins at once: see
        `get_source`. To see first what would come in, add it with `enabled=false` and call `sync_source` with
        `dry_run=true`.
        """
        fields = _given(
            url=url, options=options, names=names, tags=tags, namespace=namespace, prefix=prefix,
            visibility=visibility, groups=groups, interval=interval, on_duplicate=on_duplicate, enabled=enabled,
            description=description,
        )  # fmt: skip
        return SourceShape(
            **_shown(await self._federation.add(current_principal(), name, kind, fields, _json(secrets)))
        )

    @tool("List sources", read_only=True, needs="policy")
    async def list_sources(self) -> SourceList:
        """All sources: how each stands, when it is asked next, and what its last pass did."""
        return SourceList(sources=[SourceShape(**_shown(each)) for each in self._federation.list(current_principal())])

    @tool("Show a source", read_only=True, needs="policy")
    async def get_source(self, name: Name) -> SourceDetails:
        """A source with its last passes: what came in, what was retired, and what was refused for which reason."""
        return _details(self._federation.get(current_principal(), name))

    @tool("Change a source", destructive=True, idempotent=True, needs="policy")
    async def update_source(
        self, name: Name, url: Annotated[str | None, Field(max_length=2048)] = None, options: Options = None,
        secrets: Secrets = None, names: Names = None, tags: Tags = None, namespace: Namespace = None,
        prefix: Prefix = None, visibility: Audience = None, groups: Groups = None, interval: Interval = None,
        on_duplicate: Duplicates = None,
        enabled: Annotated[bool | None, Field(description="False: it is asked nothing; what came in stays.")] = None,
        description: Annotated[str | None, Field(max_length=1000)] = None,
    ) -> SourceShape:  # fmt: skip
        """Change what is given of a source. Secrets that are given take the place of all that it has; what a new filter
        leaves out is retired by the next pass."""
        changes = _given(
            url=url, options=options, names=names, tags=tags, namespace=namespace, prefix=prefix,
            visibility=visibility, groups=groups, interval=interval, on_duplicate=on_duplicate, enabled=enabled,
            description=description,
        )  # fmt: skip
        given = None if secrets is None else _json(secrets)
        return SourceShape(**_shown(await self._federation.update(current_principal(), name, changes, given)))

    @tool(
        "Remove a source", destructive=True, idempotent=True, needs="policy",
        confirm=_removed,
    )  # fmt: skip
    async def remove_source(self, name: Name, dry_run: OnlyLook = False) -> RemovedSource:
        """Delete a source and all assets that came from it; `ok` is false while that goes on in the background.

        With `dry_run` nothing goes: `assets` are those that would.
        """
        if dry_run:
            assets = await self._federation.removal(current_principal(), name)
            return RemovedSource(ok=False, dry_run=True, total=len(assets), assets=[*assets[:MOST_NAMED]])
        return RemovedSource(ok=await self._federation.remove(current_principal(), name, wait=WAIT))

    @tool("Sync a source now", destructive=True, open_world=True, needs="policy")
    async def sync_source(
        self, name: Name,
        dry_run: Annotated[bool, Field(description="Only say what a whole pass would do; nothing is scanned.")] = False,
        cancel: Annotated[bool, Field(description="End the pass that is under way instead.")] = False,
        force: Annotated[
            bool, Field(description="Retire what the source does not name, even if that is most of what came from it.")
        ] = False,
    ) -> Synced:  # fmt: skip
        """Ask a source now what it has, without waiting for its time. A long pass goes on in the background: see
        `get_source`."""
        who = current_principal()
        if dry_run:
            return Synced(name=name, running=False, run=_run(await self._federation.preview(who, name)))
        if cancel:
            standing = await self._federation.cancel(who, name)
        else:
            standing = await self._federation.request(who, name, wait=WAIT, forced=force)
        running = standing.running is not None or bool(standing.state.wanted)
        last = standing.running or next(iter(standing.state.runs), None)
        return Synced(name=name, running=running, run=None if last is None else _run(last))


def _given(**fields: object) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def _json(secrets: dict[str, object] | None) -> Json:
    return dict(secrets or {})  # type: ignore[arg-type]  # it came as JSON


def _run(run: Run) -> RunShape:
    return RunShape(**run.model_dump(exclude={"request"}))


def _shown(standing: Standing) -> dict[str, object]:
    record, state = standing.record, standing.state
    last = next(iter(state.runs), None)
    return {
        **record.model_dump(exclude={"sealed", "updated_by", "updated_at"}),
        "has_secrets": bool(record.sealed), "circuit": standing.circuit, "failures": state.failures, "due": state.due,
        "lag": standing.lag, "generation": state.generation,
        "running": None if standing.running is None else _run(standing.running),
        "last": None if last is None else _run(last),
    }  # fmt: skip


def _details(standing: Standing) -> SourceDetails:
    return SourceDetails(**_shown(standing), runs=[_run(each) for each in standing.state.runs])
