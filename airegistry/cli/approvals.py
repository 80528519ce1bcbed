"""`airegistry approval`: calls that wait for a person."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.output import note, show_table

approval = App("approval", help="List, approve and refuse calls that wait for a person.")

Id = Annotated[str, Parameter(help="The request, as `approval list` shows it.")]
Reason = Annotated[str | None, Parameter(help="Told to the caller, and kept.")]
Status = Literal["pending", "approved", "used", "refused", "withdrawn", "expired", "all"]

_COLUMNS = ("id", "status", "subject", "path", "tool", "arguments", "expires_at")


@approval.command(name="list")
def list_approvals(
    *,
    status: Annotated[Status, Parameter(help="What has become of them.")] = "pending",
    target: Target = HERE,
) -> None:
    """List calls that you may decide on, and your own, the oldest first."""
    if (answer := fetch(target, "list_approvals", {"status": status})) is not None:
        show_table(_COLUMNS, [[one.get(column) for column in _COLUMNS] for one in items(answer["approvals"])])


@approval.command
def approve(
    id: Id,
    /,
    *,
    reason: Reason = None,
    target: Target = HERE,
) -> None:
    """Approve one call; it goes on at once, or when its caller makes it again in the same words."""
    if (made := fetch(target, "approve_call", given(id=id, decision="approve", reason=reason))) is not None:
        note(f"approved `{made['tool']}` of {made['path']} for {made['subject']}, once")


@approval.command
def refuse(
    id: Id,
    /,
    *,
    reason: Reason = None,
    target: Target = HERE,
) -> None:
    """Refuse one call."""
    if (made := fetch(target, "approve_call", given(id=id, decision="refuse", reason=reason))) is not None:
        note(f"refused `{made['tool']}` of {made['path']} for {made['subject']}")
