"""What was looked into, and what waits for a decision: scans, approvals, the audit trail."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Literal

from pydantic import JsonValue, RootModel

from airegistry_client.connection import Said, route
from airegistry_client.models.reviews import (
    Approval,
    AuditEvent,
    AuditHeads,
    AuditVerification,
    Finding,
    Pruned,
    RotatedAuditKey,
    Sweep,
    WaitingDefinitions,
    Waiver,
)
from airegistry_client.modes import Group, M, iterated, operation

Kind = Literal["server", "agent", "skill", "virtual_server", "entity"]


class Record(RootModel[dict[str, JsonValue]]):
    """A record of the audit trail as it is chained and signed."""


class Scans(Group[M]):
    """What the scanner found, all assets together; `servers.scan` and its sisters are for one."""

    @iterated
    async def findings(
        self, *, kind: Kind | None = None, path: str | None = None,
        severity: Literal["info", "low", "medium", "high", "critical"] | None = None, rule: str | None = None,
        verdict: Literal["pass", "review", "block"] | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Finding, None]:  # fmt: skip
        """Every finding, worst assets first."""
        query = {
            "kind": kind, "path": path, "severity": severity, "rule": rule, "verdict": verdict, "limit": page_size,
        }  # fmt: skip
        async for finding in self._connection.pages(Finding, "/findings", "findings", query):
            yield finding

    @operation
    async def waivers(self) -> Sequence[Waiver]:
        """The findings that count for nothing at the moment."""
        return await self._connection.many(Waiver, "/waivers", "waivers")

    @operation
    async def rescan_all(self) -> Sweep:
        """Scan everything again."""
        return await self._connection.ask(Sweep, "POST", "/scans")

    @operation
    async def status(self) -> Sweep:
        """How far the last scan of everything is."""
        return await self._connection.ask(Sweep, "GET", "/scans/latest")


class Definitions(Group[M]):
    """Definitions that changed since they were approved; `servers.definition_changes` and its sisters show them."""

    @iterated
    async def waiting(self, *, page_size: int | None = None) -> AsyncGenerator[WaitingDefinitions, None]:
        """Every asset of which something waits, and that you may approve, scan or change."""
        query = {"limit": page_size}
        async for asset in self._connection.pages(WaitingDefinitions, "/definition-changes", "changes", query):
            yield asset


class Approvals(Group[M]):
    """Calls that wait for a person."""

    @iterated
    async def list(
        self, *, status: Literal["pending", "approved", "used", "refused", "withdrawn", "expired", "all"] | None = None,
        page_size: int | None = None,
    ) -> AsyncGenerator[Approval, None]:  # fmt: skip
        """Every request for approval that is yours to see."""
        query = {"status": status, "limit": page_size}
        async for approval in self._connection.pages(Approval, "/approvals", "approvals", query):
            yield approval

    @operation
    async def decide(self, id: str, decision: Literal["approve", "refuse"], *, reason: str | None = None) -> Approval:
        """Let a call be made, or not."""
        body = {"decision": decision, "reason": reason}
        return await self._connection.ask(Approval, "POST", route("approvals", id, "decisions"), body=body)


class Audit(Group[M]):
    """The audit trail: who did what, and what was decided."""

    @iterated
    async def events(
        self, *, since: datetime | None = None, until: datetime | None = None, subject: str | None = None,
        asset: str | None = None, tool: str | None = None, action: str | None = None, decision: str | None = None,
        request_id: str | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[AuditEvent, None]:  # fmt: skip
        """Every act that fits, newest first."""
        query = {
            "since": since, "until": until, "subject": subject, "asset": asset, "tool": tool, "action": action,
            "decision": decision, "request_id": request_id, "limit": page_size,
        }  # fmt: skip
        async for event in self._connection.pages(AuditEvent, "/audit/events", "events", query):
            yield event

    @iterated
    async def records(
        self, *, since: datetime | None = None, until: datetime | None = None, subject: str | None = None,
        asset: str | None = None, tool: str | None = None, action: str | None = None, decision: str | None = None,
        request_id: str | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[Said, None]:  # fmt: skip
        """Every record that fits, as it is chained and signed, oldest first: for an archive."""
        query = {
            "since": since, "until": until, "subject": subject, "asset": asset, "tool": tool, "action": action,
            "decision": decision, "request_id": request_id, "limit": page_size,
        }  # fmt: skip
        async for record in self._connection.pages(Record, "/audit/records", "records", query):
            yield record.root

    @operation
    async def heads(self) -> AuditHeads:
        """Signed statements of how far the trail goes."""
        return await self._connection.ask(AuditHeads, "GET", "/audit/heads")

    @operation
    async def verify(self) -> AuditVerification:
        """Whether every record is where it was written, as it was written."""
        return await self._connection.ask(AuditVerification, "GET", "/audit/verification")

    @operation
    async def prune(self, before: datetime, *, dry_run: bool | None = None) -> Pruned:
        """Remove what is older; with `dry_run` only say how much."""
        query = {"before": before, "dry_run": dry_run}
        return await self._connection.ask(Pruned, "DELETE", "/audit/events", query=query)

    @operation
    async def rotate_key(self) -> RotatedAuditKey:
        """Sign with another key from now on."""
        return await self._connection.ask(RotatedAuditKey, "POST", "/audit/key/rotations")
