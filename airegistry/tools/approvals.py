"""Calls that wait for a person's approval: who may decide sees them, and decides."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from airegistry.core.approval_requests import ApprovalRequest, Status
from airegistry.core.approvals import Approvals
from airegistry.core.assets import Json
from airegistry.tools.caller import current_principal
from airegistry.tools.declare import tool
from airegistry.tools.shapes import Cursor, Limit, Shape

ApprovalId = Annotated[str, Field(description="As `list_approvals` and the refusal `approval_required` name it.")]


class MarkShape(Shape):
    """What is marked to need approval: a tool, prompt, resource or skill of an asset."""

    kind: str
    path: str
    name: str


class ApprovalShape(Shape):
    """A call that waits, or waited. `arguments` have secrets masked and long texts cut; `complete` says whether
    nothing else was left out. `marks` are why it waits. `expires_at` is until when it can be decided, and an approval
    used."""

    id: str
    status: str
    subject: str
    client: str
    kind: str
    path: str
    tool: str
    method: str
    arguments: Json
    complete: bool
    marks: list[MarkShape]
    asked_of: str
    asked_at: datetime
    expires_at: datetime
    decided_by: str
    reason: str


class ApprovalsShape(Shape):
    """A page of requests for approval, the oldest first."""

    approvals: list[ApprovalShape]
    next_cursor: str | None = None


class ApprovalTools:
    """Tools for whoever approves calls, or waits for that."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    @tool("Approve or refuse a call", destructive=True)
    async def approve_call(
        self,
        id: ApprovalId,
        decision: Literal["approve", "refuse"],
        reason: Annotated[str, Field(max_length=1000, description="Told to the caller, and kept.")] = "",
    ) -> ApprovalShape:
        """Decide on a call that waits in the queue; it goes on, or is refused, at once.

        Only a person with the action `approve` on every asset whose mark asks may decide, and nobody on a call of its
        own. An approval is good for one call of the same caller in the same words. `conflict`: somebody else decided
        first, or the caller went away.
        """
        return _shape(await self._approvals.decide(current_principal(), id, decision, reason))

    @tool("List calls that wait for approval", read_only=True)
    async def list_approvals(
        self,
        status: Annotated[
            Status | Literal["all"], Field(description="What has become of them; those that wait when left out.")
        ] = "pending",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> ApprovalsShape:
        """Requests for approval that you may decide on, and your own, the oldest first."""
        wanted = None if status == "all" else status
        found, following = await self._approvals.list(current_principal(), status=wanted, limit=limit, cursor=cursor)
        return ApprovalsShape(approvals=[_shape(each) for each in found], next_cursor=following)


def _shape(request: ApprovalRequest) -> ApprovalShape:
    return ApprovalShape(
        id=request.id, status=request.status, subject=request.subject, client=request.client, kind=request.kind,
        path=request.path, tool=request.name, method=request.method, arguments=request.arguments,
        complete=request.arguments_whole, marks=[MarkShape(**mark.model_dump()) for mark in request.marks],
        asked_of=request.channel, asked_at=request.asked_at, expires_at=request.expires_at,
        decided_by=request.decided_by, reason=request.reason,
    )  # fmt: skip
