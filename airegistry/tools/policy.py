"""Scopes and groups: who may do what, and why."""

from typing import Annotated, TypeVar

import anyio
from pydantic import Field, JsonValue, ValidationError

from airegistry.core.access_preview import Page, Preview, Previews
from airegistry.core.assets import Json
from airegistry.core.errors import Invalid
from airegistry.core.explain import Explanation
from airegistry.core.grants import Grant, Group, Scope
from airegistry.core.scope_import import parsed
from airegistry.core.services import Services
from airegistry.core.validation import invalid
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Done, Name, Shape

M = TypeVar("M", Scope, Group)


class PolicyShape(Shape):
    """Scopes and groups in force."""

    scopes: list[Scope]
    groups: list[Group]


class ImportShape(PolicyShape):
    """What was taken over, or would be; `notes` name what was left out and what became wider."""

    notes: list[str]
    dry_run: bool


class RuleShape(Shape):
    """A grant: `grant` counts those of the scope from 0; `effect` is `allow` or `deny`."""

    scope: str
    grant: int
    effect: str


class ExplanationShape(Shape):
    """Whether somebody may do something, which rule decided, and what would help.

    `via` are the groups through which the subject holds the rule's scope; empty when it holds it directly.
    `visibility` says why the subject may know of the asset, or not. `stops` is what keeps a call from going out
    whatever the rules say. `step_up` are scopes that a broader token of the same subject would carry.
    """

    allowed: bool
    reason: str
    missing: list[str]
    step_up: list[str]
    rule: RuleShape | None
    via: list[str]
    visibility: str
    stops: list[str]


class ReachShape(Shape):
    """One asset: `why` it may be known of, the `actions` allowed on it, and which `tools` (of an agent: skills) may be
    called, of how many `parts`. One that a denial hides is `hidden`."""

    kind: str
    path: str
    name: str
    stage: str
    enabled: bool
    visibility: str
    why: str
    hidden: bool
    actions: list[str]
    tools: list[str]
    parts: int


class PreviewShape(Shape):
    """Assets in order of path. `total` counts those of all pages, `callable` those of which something may be called."""

    assets: list[ReachShape]
    total: int
    callable: int
    next_cursor: str | None = None


class PolicyTools:
    """Tools for administrators of policy, and `explain_access` for everybody."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._previews = Previews(services.access, services.policy, services.explainer, services.search, services.parts)

    @tool("Define a scope", destructive=True, idempotent=True, needs="policy")
    async def put_scope(self, name: Name, grants: list[Grant], description: str = "") -> Scope:
        """Create or replace a scope: grants of kinds, assets, methods, tools (globs) and actions, allow or deny.

        A list left out means everything of its sort; actions left out mean list, read and call. It holds from the
        next request on. Example: {"assets": ["weather"], "tools": ["get_*"], "actions": ["call"]}.
        """
        scope = _made(Scope, name=name, grants=grants, description=description)
        return await self._services.policy.put_scope(current_principal(), scope)

    @tool("Define a group", destructive=True, idempotent=True, needs="policy")
    async def put_group(self, name: Name, scopes: list[str], description: str = "") -> Group:
        """Create or replace a group and the scopes its members hold. Name it as the identity provider does."""
        group = _made(Group, name=name, scopes=scopes, description=description)
        return await self._services.policy.put_group(current_principal(), group)

    @tool("Show scopes and groups", read_only=True, needs="policy")
    async def get_policy(self) -> PolicyShape:
        """All scopes with their grants and all groups with their scopes."""
        who, policy = current_principal(), self._services.policy
        return PolicyShape(scopes=await policy.scopes(who), groups=await policy.groups(who))

    @tool(
        "Remove a scope",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove scope '{name}'? Groups and tokens that name it hold nothing by it any more.",
    )
    async def delete_scope(self, name: Name) -> Done:
        """Remove a scope; whoever held it holds nothing by it from the next request on."""
        return Done(ok=await self._services.policy.delete_scope(current_principal(), name))

    @tool(
        "Remove a group",
        destructive=True,
        idempotent=True,
        needs="policy",
        confirm="Remove group '{name}'? Its members hold nothing by it any more.",
    )
    async def delete_group(self, name: Name) -> Done:
        """Remove a group; its members hold nothing by it from the next request on."""
        return Done(ok=await self._services.policy.delete_group(current_principal(), name))

    @tool("Import scopes of another registry", destructive=True, idempotent=True, needs="policy")
    async def import_scopes(
        self,
        document: Annotated[
            Json | list[Json] | None, Field(description="The document, or a list of scope documents.")
        ] = None,
        yaml: Annotated[str | None, Field(description="The document as YAML or JSON, instead of `document`.")] = None,
        dry_run: Annotated[bool, Field(description="Show what would be stored, and store nothing.")] = True,
    ) -> ImportShape:
        """Take over scopes and groups of agentic-community/mcp-gateway-registry: its scopes.yml or scope documents.

        Read the notes of a dry run first: they name what is left out, what becomes wider and what is replaced.
        """
        if (document is None) == (yaml is None):
            raise Invalid("give either `document` or `yaml`", field="document")
        content: JsonValue = [*document] if isinstance(document, list) else document
        content = content if yaml is None else await anyio.to_thread.run_sync(parsed, yaml)
        found = await self._services.policy.import_(current_principal(), content, dry_run=dry_run)
        return ImportShape(scopes=found.scopes, groups=found.groups, notes=found.notes, dry_run=dry_run)

    @tool("Explain access", read_only=True)
    async def explain_access(
        self,
        subject: Annotated[
            str, Field(description="`me`, or `token:`, `user:`, `client:`, `group:` or `scope:` and a name.")
        ],
        action: Annotated[str, Field(description="As in list, read, call, register, update; or a method of MCP.")],
        asset: Annotated[str, Field(description="The asset as `kind/path`; a path alone means a server.")],
        tool: str | None = None,
    ) -> ExplanationShape:
        """Whether a caller may do something with an asset, which rule decided and why, and which scopes would help."""
        found = await self._services.explainer.explain(current_principal(), subject, action, asset, tool=tool)
        return _explained(found)

    @tool("Preview access", read_only=True, needs="policy")
    async def preview_access(
        self,
        subject: Annotated[
            str | None, Field(description="As in explain_access: `user:`, `group:`, `token:` … and a name.")
        ] = None,
        grants: Annotated[
            list[Grant] | None, Field(description="Grants that are not stored yet, instead of `subject`.")
        ] = None,
        path: Annotated[str, Field(description="Show only assets with this in their path.")] = "",
        limit: Annotated[int, Field(ge=1, le=200, description="At most this many.")] = 50,
        cursor: Cursor = None,
    ) -> PreviewShape:
        """What somebody may see and call, asset by asset; or what some grants would name and give, before `put_scope`
        stores them. For one asset with the rule that decides use `explain_access`."""
        if (subject is None) == (grants is None):
            raise Invalid("give either `subject` or `grants`", field="subject")
        who, page = current_principal(), Page(limit, path, cursor)
        if grants is not None:
            return _previewed(await self._previews.of_grants(who, grants, page))
        return _previewed(await self._previews.of_subject(who, subject or "", page))


def _previewed(found: Preview) -> PreviewShape:
    shown = [
        ReachShape(
            kind=each.asset.kind, path=each.asset.path, name=each.asset.title or each.asset.name,
            stage=each.asset.stage, enabled=each.asset.enabled, visibility=each.asset.visibility, why=each.why,
            hidden=each.hidden, actions=[*each.actions], tools=[*each.tools], parts=each.parts,
        )
        for each in found.reaches
    ]  # fmt: skip
    return PreviewShape(assets=shown, total=found.total, callable=found.callable, next_cursor=found.next_cursor)


def _explained(found: Explanation) -> ExplanationShape:
    rule = found.rule
    effect = "deny" if rule is not None and rule.deny else "allow"
    return ExplanationShape(
        allowed=found.allowed,
        reason=found.reason,
        missing=list(found.missing),
        step_up=list(found.step_up),
        rule=None if rule is None else RuleShape(scope=rule.scope, grant=rule.grant, effect=effect),
        via=list(found.via),
        visibility=found.visibility,
        stops=list(found.stops),
    )


def _made(model: type[M], **fields: object) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
