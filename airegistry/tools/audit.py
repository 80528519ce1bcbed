"""The audit trail."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from airegistry.core.assets import Json
from airegistry.core.audit_events import AuditEvent, AuditFilter, Moment
from airegistry.core.services import Services
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Limit, OnlyLook, Shape

Request = Annotated[str | None, Field(description="Of one HTTP request: its `X-Request-Id`.")]
Asset = Annotated[str | None, Field(description="As in `server/weather`, or a path alone.")]


class AuditPage(Shape):
    """Events, newest first."""

    events: list[AuditEvent]
    next_cursor: str | None = None


class AuditRecords(Shape):
    """Records as they stand in the trail, each with its `stream` and `seq` there, oldest first."""

    records: list[Json]
    next_cursor: str
    more: bool


class WriterShape(Shape):
    """How far the chain of one writer goes, up to where it is signed, and how many of its records were pruned."""

    stream: str
    last: int
    signed: int
    pruned: int


class AuditVerified(Shape):
    """How many records hold, and the first thing wrong; `writers` is empty where nothing is signed."""

    records: int
    intact: bool
    error: str | None
    writers: list[WriterShape]


class AuditHeads(Shape):
    """Signed statements of how far each writer's chain goes, and the public keys (Ed25519) to check them with.

    Each names its `key` by an id, the beginning of the key's SHA-256.
    """

    public_key: str
    retired_keys: list[str]
    heads: list[Json]


class AuditKeyRotated(Shape):
    """The ids of the key before and of the one that signs now."""

    before: str
    after: str


class AuditPruned(Shape):
    """How many records were removed, of how many streams; of a dry run, how many would be."""

    records: int
    streams: int
    dry_run: bool = False


def _pruned(arguments: Mapping[str, Any]) -> str:
    """What is asked before records are removed; nothing for a dry run."""
    asked = "Remove all records of the audit trail from before {before}?"
    return "" if arguments["dry_run"] else asked.format_map(arguments)


class AuditTools:
    """Tools for whoever reads the trail."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @tool("Read the audit trail", read_only=True)
    async def query_audit(
        self, since: datetime | None = None, until: datetime | None = None, subject: str | None = None,
        asset: Asset = None, tool: str | None = None, action: str | None = None, decision: str | None = None,
        request_id: Request = None, limit: Limit = 100, cursor: Cursor = None,
    ) -> AuditPage:  # fmt: skip
        """Who did what, on which asset and tool, whether it was allowed and why, and how it ended; newest first.

        Calls through the gateway have the MCP method as `action`, other acts read like `server:register`.
        """
        wanted = _wanted(since, until, subject, asset, tool, action, decision, request_id)
        events, after = await self._services.audit.query(current_principal(), wanted, limit=limit, cursor=cursor)
        return AuditPage(events=events, next_cursor=after)

    @tool("Export the audit trail", read_only=True)
    async def export_audit(
        self, since: datetime | None = None, until: datetime | None = None, subject: str | None = None,
        asset: Asset = None, tool: str | None = None, action: str | None = None, decision: str | None = None,
        request_id: Request = None, limit: Limit = 500, cursor: Cursor = None,
    ) -> AuditRecords:  # fmt: skip
        """The trail's own records with their hashes, oldest first, page by page, to be kept or checked elsewhere.

        An act that was recorded before it began is two records of one `id`. `next_cursor` goes on even after the last
        page: ask again later for what came since.
        """
        wanted = _wanted(since, until, subject, asset, tool, action, decision, request_id)
        page = await self._services.audit_care.export(current_principal(), wanted, limit=limit, cursor=cursor)
        records: list[Json] = [{**entry.body, "stream": entry.stream, "seq": entry.seq} for entry in page.entries]
        return AuditRecords(records=records, next_cursor=page.cursor, more=page.more)

    @tool("Verify the audit trail", read_only=True)
    async def verify_audit(self) -> AuditVerified:
        """Check that no record of the audit trail was changed, removed, reordered or cut off; names the first that was.

        It reads the whole trail, which takes about a second for each hundred thousand records.
        """
        found = await self._services.audit_care.verify(current_principal())
        writers = [
            WriterShape(stream=each.stream, last=each.last, signed=each.signed, pruned=each.pruned)
            for each in found.writers
        ]
        return AuditVerified(records=found.records, intact=found.error is None, error=found.error, writers=writers)

    @tool("Get the signed heads of the audit trail", read_only=True)
    async def get_audit_heads(self) -> AuditHeads:
        """What is signed of the audit trail now. Kept elsewhere, it shows later whether the trail was rewritten."""
        public, heads = await self._services.audit_care.heads(current_principal())
        retired = [*self._services.audit_care.retired_keys]
        return AuditHeads(public_key=public, retired_keys=retired, heads=heads)

    @tool("Change the key of the audit trail", needs="policy")
    async def rotate_audit_key(self) -> AuditKeyRotated:
        """Sign the audit trail with a new key from now on. What was signed before still verifies.

        Take the signed heads of before from `get_audit_heads` and keep them elsewhere when the old key may be known.
        """
        before, after = await self._services.audit_care.rotate_key(current_principal())
        return AuditKeyRotated(before=before, after=after)

    @tool("Prune the audit trail", destructive=True, needs="policy", confirm=_pruned)
    async def prune_audit(
        self, before: Annotated[Moment, Field(description="Acts that ended before this moment are removed.")],
        dry_run: OnlyLook = False,
    ) -> AuditPruned:  # fmt: skip
        """Remove old records of the audit trail for good. What is left can still be verified, from a signed checkpoint.

        Nothing is removed of a trail that does not verify, and nothing of the last hour. With `dry_run` the records
        that would go are checked and counted.
        """
        done = await self._services.audit_care.prune(current_principal(), before, dry_run=dry_run)
        return AuditPruned(records=done.records, streams=done.streams, dry_run=dry_run)


def _wanted(
    since: datetime | None, until: datetime | None, subject: str | None, asset: str | None, tool: str | None,
    action: str | None, decision: str | None, request_id: str | None,
) -> AuditFilter:  # fmt: skip
    return AuditFilter(
        since=since, until=until, subject=subject, asset=asset, tool=tool, action=action, decision=decision,
        request_id=request_id,
    )  # fmt: skip
