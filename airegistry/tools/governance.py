"""Policy, tokens, scans and the audit trail: what administrators do."""

from datetime import UTC, datetime
from typing import Annotated, TypeVar

from pydantic import Field, ValidationError

from airegistry.core.access import Grant, Group, Scope
from airegistry.core.audit import AuditEvent, AuditFilter
from airegistry.core.services import Services
from airegistry.core.validation import invalid
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import AssetKind, Cursor, Limit, Path, Shape

M = TypeVar("M", Scope, Group)
Name = Annotated[str, Field(min_length=1, max_length=128)]


class Minted(Shape):
    """A new token. It is shown this once."""

    id: str
    token: str
    name: str
    expires_at: datetime


class TokenShape(Shape):
    """What is known of a token; the token itself is not kept."""

    id: str
    name: str
    groups: list[str]
    scopes: list[str]
    created_by: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None


class TokenList(Shape):
    """All static tokens."""

    tokens: list[TokenShape]


class PolicyShape(Shape):
    """Scopes and groups in force."""

    scopes: list[Scope]
    groups: list[Group]


class Done(Shape):
    """That it was done."""

    ok: bool = True


class AuditPage(Shape):
    """Events, newest first."""

    events: list[AuditEvent]
    next_cursor: str | None = None


class Explanation(Shape):
    """Whether somebody may do something, which rule decided, and what would help."""

    allowed: bool
    reason: str
    missing: list[str]


class ReportShape(Shape):
    """A scan: `verdict` is `pass`, `review` or `block`."""

    asset: str
    verdict: str
    scanned_at: datetime
    scanners: list[str]
    findings: list[dict[str, object]]


class GovernanceTools:
    """Tools for whoever answers for the registry."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Define a scope", destructive=True, idempotent=True)
    async def put_scope(self, name: Name, grants: list[Grant], description: str = "") -> Scope:
        """Create or replace a scope: grants of kinds, assets, methods, tools (globs) and actions, allow or deny.

        A list left out means everything of its sort; actions left out mean list, read and call. It holds from the
        next request on. Example: {"assets": ["weather"], "tools": ["get_*"], "actions": ["call"]}.
        """
        scope = _made(Scope, name=name, grants=grants, description=description)
        return await self._services.policy.put_scope(current_principal(), scope)

    @tool("Define a group", destructive=True, idempotent=True)
    async def put_group(self, name: Name, scopes: list[str], description: str = "") -> Group:
        """Create or replace a group and the scopes its members hold. Name it as the identity provider does."""
        group = _made(Group, name=name, scopes=scopes, description=description)
        return await self._services.policy.put_group(current_principal(), group)

    @tool("Show scopes and groups", read_only=True)
    async def get_policy(self) -> PolicyShape:
        """All scopes with their grants and all groups with their scopes."""
        who, policy = current_principal(), self._services.policy
        return PolicyShape(scopes=await policy.scopes(who), groups=await policy.groups(who))

    @tool("Remove a scope", destructive=True, idempotent=True)
    async def delete_scope(self, name: Name) -> Done:
        """Remove a scope; whoever held it holds nothing by it from the next request on."""
        return Done(ok=await self._services.policy.delete_scope(current_principal(), name))

    @tool("Remove a group", destructive=True, idempotent=True)
    async def delete_group(self, name: Name) -> Done:
        """Remove a group; its members hold nothing by it from the next request on."""
        return Done(ok=await self._services.policy.delete_group(current_principal(), name))

    @tool("Create a token")
    async def create_token(
        self,
        name: Name,
        groups: Annotated[list[str] | None, Field(description="Groups its holder is a member of.")] = None,
        scopes: Annotated[list[str] | None, Field(description="Scopes it holds directly.")] = None,
        expires_in: Annotated[int, Field(ge=1, description="Seconds until it ends.")] = 86400,
    ) -> Minted:
        """Mint a named bearer token for a machine. The token is shown in this answer only; hand it over safely."""
        record, token = await self._services.tokens.create(
            current_principal(), name, groups=groups or [], scopes=scopes or [], expires_in=expires_in
        )
        return Minted(id=record.id, token=token, name=record.name, expires_at=record.expires_at)

    @tool("Revoke a token", destructive=True, idempotent=True)
    async def revoke_token(self, id: Annotated[str, Field(description="The token's id.")]) -> Done:
        """End a token at once, by its id: the next request that carries it is refused."""
        await self._services.tokens.revoke(current_principal(), id)
        return Done()

    @tool("List tokens", read_only=True)
    async def list_tokens(self) -> TokenList:
        """All static tokens, what they hold and when they end; never the tokens themselves."""
        records = await self._services.tokens.records(current_principal())
        return TokenList(tokens=[TokenShape.model_validate(r.model_dump(exclude={"hash"})) for r in records])

    @tool("Read the audit trail", read_only=True)
    async def query_audit(
        self, since: datetime | None = None, until: datetime | None = None, subject: str | None = None,
        asset: Annotated[str | None, Field(description="As in `server/weather`, or a path alone.")] = None,
        tool: str | None = None, action: str | None = None, decision: str | None = None,
        limit: Limit = 100, cursor: Cursor = None,
    ) -> AuditPage:  # fmt: skip
        """Who did what, on which asset and tool, whether it was allowed and why, and how it ended; newest first.

        Calls through the gateway have the MCP method as `action`, other acts read like `server:register`.
        """
        since, until = (moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None for moment in (since, until))
        wanted = AuditFilter(
            since=since, until=until, subject=subject, asset=asset, tool=tool, action=action, decision=decision
        )
        events, after = await self._services.audit.query(current_principal(), wanted, limit=limit, cursor=cursor)
        return AuditPage(events=events, next_cursor=after)

    @tool("Scan an asset", open_world=False)
    async def scan_asset(self, kind: AssetKind, path: Path) -> ReportShape:
        """Scan an asset as it is stored. A verdict of block disables it and tags it `security-pending`."""
        who = current_principal()
        asset = await self._services.catalog.rescan(who, kind, path)
        report = await self._services.scans.report(who, asset)
        return ReportShape.model_validate(report.model_dump())

    @tool("Show the scan report", read_only=True)
    async def get_scan_report(self, kind: AssetKind, path: Path) -> ReportShape:
        """The findings of an asset's last scan, with rule, severity, place, evidence and codes."""
        who = current_principal()
        asset = await self._services.catalog.get(who, kind, path)
        report = await self._services.scans.report(who, asset)
        return ReportShape.model_validate(report.model_dump())

    @tool("Explain access", read_only=True)
    async def explain_access(
        self,
        subject: Annotated[str, Field(description="`me`, `token:NAME`, `group:NAME` or `scope:NAME`.")],
        action: Annotated[str, Field(description="As in list, read, call, register, update; or a method of MCP.")],
        asset: Annotated[str, Field(description="The asset as `kind/path`; a path alone means a server.")],
        tool: str | None = None,
    ) -> Explanation:
        """Whether a caller may do something with an asset, which rule decided, and which scopes would help."""
        decision = await self._services.explainer.explain(current_principal(), subject, action, asset, tool=tool)
        return Explanation(allowed=decision.allowed, reason=decision.reason, missing=list(decision.missing))


def _made(model: type[M], **fields: object) -> M:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(error) from None
