"""The audit trail."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from airegistry.core.audit import AuditEvent, AuditFilter
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Limit, Shape


class AuditPage(Shape):
    """Events, newest first."""

    events: list[AuditEvent]
    next_cursor: str | None = None


class AuditTools:
    """Tools for whoever reads the trail."""

    def __init__(self, services: Services) -> None:
        self._services = services

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
