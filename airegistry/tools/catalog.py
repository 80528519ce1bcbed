"""Writing the catalog: register, change, take down."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from airegistry.core.assets import Agent, Json, Rating, check_path
from airegistry.core.card_forms import lacking
from airegistry.core.catalog import Registered
from airegistry.core.services import Services
from airegistry.core.validation import validated
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.listing import ListingTools
from airegistry.tools.shapes import AnyVersion, AssetKind, AssetShape, OnlyLook, Path, Shape

NewPath = Annotated[
    str, Field(description="Where it will be reached: lower-case letters, digits, dot, dash, underscore; at most 64.")
]
OnDuplicate = Annotated[
    Literal["report", "reject"], Field(description="What to do when another asset has the same URL, tools or meaning.")
]
Groups = Annotated[list[str] | None, Field(description="Only members of these groups see it; everybody when left out.")]
Risk = Literal["low", "medium", "high", "critical"]
Classification = Literal["public", "internal", "confidential", "restricted"]
Governance = Annotated[
    Json | None,
    Field(
        description="Further fields: license, owner_team, technical_owner, business_capability, environment, "
        "risk_level, data_classification, documentation_url, repository_url, icons, metadata."
    ),
]
Tags = Annotated[list[str] | None, Field(max_length=64, description="Short words to filter by.")]
DryRun = Annotated[bool, Field(description="Store nothing; answer with what would be stored, and with its `scan`.")]


class Deleted(Shape):
    """That an asset is gone, with these versions and so many credentials; of a dry run, that it would be.

    Then `used_by` are the virtual servers that would lose their part.
    """

    kind: str
    path: str
    deleted: bool = True
    dry_run: bool = False
    versions: list[str] = Field(default_factory=list)
    credentials: int = 0
    used_by: list[str] = Field(default_factory=list)


def _gone(arguments: Mapping[str, Any]) -> str:
    """What is asked before an asset, or a version of it, is deleted; nothing for a dry run."""
    if arguments["dry_run"]:
        return ""
    version = arguments["version"]
    which = "with all its versions" if version is None else f"in version {version}"
    return f"Delete {arguments['kind']} '{arguments['path']}' {which}? This cannot be undone."


class CatalogTools:
    """Tools that change the catalog. Every one is decided, scanned and audited."""

    def __init__(self, services: Services, listing: ListingTools) -> None:
        self._services = services
        self._listing = listing

    @tool("Register an MCP server", open_world=True)
    async def register_service(
        self, name: str, path: NewPath,
        url: Annotated[str | None, Field(description="The server's MCP endpoint.")] = None,
        description: str = "", tags: Tags = None,
        transport: Literal["streamable-http", "sse", "stdio"] = "streamable-http",
        command: Annotated[str | None, Field(description="For stdio: npx, uvx, docker or another command.")] = None,
        args: list[str] | None = None, env: Annotated[list[str] | None, Field(description="Names, not values.")] = None,
        tools: Annotated[list[Json] | None, Field(description="Tool definitions, for stdio or fetch=false.")] = None,
        fetch: Annotated[bool, Field(description="Ask the live server for its tools; or store what is given.")] = True,
        on_duplicate: OnDuplicate = "report", groups: Groups = None,
        visibility: Literal["public", "group", "private"] | None = None, version: str | None = None,
        license: str | None = None, owner_team: str | None = None, technical_owner: str | None = None,
        business_capability: str | None = None, environment: str | None = None, risk_level: Risk | None = None,
        data_classification: Classification | None = None, health_url: str | None = None,
        documentation_url: str | None = None, repository_url: str | None = None, icons: list[Json] | None = None,
        retirement_date: datetime | None = None, requires_approval: list[str] | None = None,
        metadata: Json | None = None,
        credential: Annotated[Json | None, Field(description="As set_credential takes it.")] = None,
        dry_run: DryRun = False,
    ) -> AssetShape:  # fmt: skip
        """Register an MCP server and get it back with its tools; then whoever is entitled finds and calls it here.

        A remote server (url) is asked for its tools now, and nothing is stored when it does not answer
        (`upstream_failed`). A local one (transport stdio) is a launch recipe with its tools given by value.
        `conflict` means the path is taken; `duplicates` in the answer names others like it.
        """
        fields = _given(locals(), leave_out={"self", "fetch", "on_duplicate", "credential", "dry_run"})
        asset = validated({"kind": "server", **fields, "path": check_path(path)})
        who = current_principal()
        done = await self._services.catalog.register(
            who, asset, fetch=fetch, on_duplicate=on_duplicate, credential=credential, dry_run=dry_run
        )
        return await self._answer(done, dry_run)

    @tool("Register an A2A agent", open_world=True)
    async def register_agent(
        self, path: NewPath,
        card: Annotated[Json | None, Field(description="The agent card itself.")] = None,
        url: Annotated[str | None, Field(description="Where the agent card is, instead of `card`.")] = None,
        tags: Tags = None, groups: Groups = None, governance: Governance = None, on_duplicate: OnDuplicate = "report",
        dry_run: DryRun = False,
    ) -> AssetShape:  # fmt: skip
        """Register an A2A agent by its agent card (A2A 0.3 or 1.0), given by value or by URL.

        `card_lacks` names what the specification requires and the card leaves out; other registries may refuse it.
        """
        done = await self._services.intake.agent(
            current_principal(), path, card=card, url=url, governance=_governance(governance, tags, groups),
            on_duplicate=on_duplicate, dry_run=dry_run,
        )  # fmt: skip
        return await self._answer(done, dry_run, lacking(done.asset.card) if isinstance(done.asset, Agent) else [])

    @tool("Register a skill", open_world=True)
    async def register_skill(
        self, path: NewPath,
        content: Annotated[str | None, Field(description="The text of SKILL.md, with its frontmatter.")] = None,
        url: Annotated[
            str | None, Field(description="Where SKILL.md is, instead of `content`; at a Git host also its folder.")
        ] = None,
        files: Annotated[dict[str, str] | None, Field(description="Companion files: relative name to text.")] = None,
        tags: Tags = None, groups: Groups = None, governance: Governance = None, on_duplicate: OnDuplicate = "report",
        dry_run: DryRun = False,
    ) -> AssetShape:  # fmt: skip
        """Register an agent skill: a SKILL.md with frontmatter, and its companion files.

        By its URL at GitHub, GitLab or Bitbucket its companions come with it, and `pinned` names the commit.
        """
        done = await self._services.intake.skill(
            current_principal(), path, content=content, url=url, files=files,
            governance=_governance(governance, tags, groups), on_duplicate=on_duplicate, dry_run=dry_run,
        )  # fmt: skip
        return await self._answer(done, dry_run)

    @tool("Register an entity")
    async def register_entity(
        self, type: str, path: NewPath, data: Annotated[Json, Field(description="Fits the type's schema.")],
        tags: Tags = None, groups: Groups = None, governance: Governance = None, on_duplicate: OnDuplicate = "report",
        dry_run: DryRun = False,
    ) -> AssetShape:  # fmt: skip
        """Register an entity of one of the company's own types."""
        done = await self._services.intake.entity(
            current_principal(), type, path, data, governance=_governance(governance, tags, groups),
            on_duplicate=on_duplicate, dry_run=dry_run,
        )  # fmt: skip
        return await self._answer(done, dry_run)

    @tool("Change an asset", destructive=True, idempotent=True, open_world=True)
    async def update_asset(self, kind: AssetKind, path: Path, changes: Json, version: AnyVersion = None) -> AssetShape:
        """Change fields of an asset, as in {"description": "…", "tags": ["…"], "groups": ["…"]}.

        Switching on and off, lifecycle, and fetching tools anew have tools of their own. A changed url is fetched and
        scanned before it is stored.
        """
        who = current_principal()
        changed = await self._services.intake.update(who, kind, path, changes, version=version)
        return await self._listing.shape(who, changed)

    @tool("Switch a server on or off", destructive=True, idempotent=True)
    async def toggle_service(
        self, path: Path, enabled: bool, kind: AssetKind = "server", version: AnyVersion = None
    ) -> AssetShape:
        """Enable or disable an asset. A disabled server takes no calls and is in no search result.

        With its default version all others are off, too.
        """
        who = current_principal()
        changed = await self._services.catalog.toggle(who, kind, path, enabled, version=version)
        return await self._listing.shape(who, changed)

    @tool("Fetch a server's tools anew", idempotent=True, open_world=True)
    async def refresh_service(
        self, path: Path, version: AnyVersion = None, kind: Literal["server", "agent", "skill"] = "server"
    ) -> AssetShape:
        """Ask the live server for its tools, resources and prompts, and scan them before they are served.

        Of an agent the card is fetched anew, from the URL it was registered by; `changes` tell what differs in it. Of a
        skill it is SKILL.md. What means more than what was approved waits: see `get_definition_changes`.
        """
        who = current_principal()
        if kind == "skill":
            return await self._listing.shape(who, await self._services.intake.refresh_skill(who, path, version=version))
        if kind == "agent":
            agent, changes = await self._services.intake.refresh_agent(who, path, version=version)
            return await self._listing.shape(who, agent, changes=[change.model_dump() for change in changes])
        server = await self._services.catalog.refresh(who, path, version=version, foreign=True)
        return await self._listing.shape(who, server)

    @tool("Delete an asset", destructive=True, idempotent=True, confirm=_gone)
    async def delete_asset(
        self, kind: AssetKind, path: Path, version: AnyVersion = None, dry_run: OnlyLook = False
    ) -> Deleted:
        """Take an asset out of the catalog, with all its versions, or the one that is named. This cannot be undone.

        With `dry_run` nothing goes: the answer says what would, and which virtual servers use it.
        """
        who = current_principal()
        if version is None:
            gone = await self._services.catalog.delete(who, kind, path, dry_run=dry_run)
        else:
            gone = await self._services.versions.delete(who, kind, path, version, dry_run=dry_run)
        return Deleted(
            kind=kind, path=path.removeprefix("/"), deleted=not dry_run, dry_run=dry_run, versions=[*gone.versions],
            credentials=gone.credentials, used_by=[*gone.used_by],
        )  # fmt: skip

    @tool("Rate an asset", idempotent=True)
    async def rate_asset(
        self, kind: AssetKind, path: Path, stars: Annotated[int, Field(description="1 to 5.")]
    ) -> Rating:
        """Give an asset one to five stars, in place of your earlier rating; the answer counts everybody's."""
        return await self._services.ratings.rate(current_principal(), kind, path.removeprefix("/"), stars)

    @tool("Take a rating back", idempotent=True)
    async def withdraw_rating(self, kind: AssetKind, path: Path) -> Rating:
        """Take your rating of an asset back; the answer counts those of the others."""
        return await self._services.ratings.withdraw(current_principal(), kind, path.removeprefix("/"))

    async def _answer(self, done: Registered, dry_run: bool, card_lacks: Sequence[str] | None = None) -> AssetShape:
        shape = await self._listing.registered(current_principal(), done, dry_run)
        return shape if card_lacks is None else shape.model_copy(update={"card_lacks": [*card_lacks]})


def _given(arguments: dict[str, object], leave_out: set[str]) -> dict[str, JsonValue]:
    """The arguments that were given: None means the field's default."""
    return {name: value for name, value in arguments.items() if value is not None and name not in leave_out}  # type: ignore[misc]  # pydantic checks them next


def _governance(fields: Json | None, tags: list[str] | None, groups: list[str] | None) -> Json:
    return {**(fields or {}), **_given({"tags": tags, "groups": groups}, set())}
