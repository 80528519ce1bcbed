"""`airegistry audit`: read the trail of a registry, verify the trail of a data folder."""

import re
from pathlib import Path
from typing import Annotated

import anyio
from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, fetch, given, items
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.values import Json

audit = App("audit", help="Read and verify the audit trail.")

_FRACTION = re.compile(r"\.\d+")


@audit.command
def query(
    *,
    since: Annotated[str | None, Parameter(help="Only events from then on, as in 2026-11-20T12:00:00Z.")] = None,
    until: Annotated[str | None, Parameter(help="Only events up to then.")] = None,
    subject: Annotated[str | None, Parameter(help="Only acts of this caller.")] = None,
    asset: Annotated[str | None, Parameter(help="Only acts on this asset.")] = None,
    tool: Annotated[str | None, Parameter(help="Only acts on this tool.")] = None,
    action: Annotated[str | None, Parameter(help="Only this action.")] = None,
    decision: Annotated[str | None, Parameter(help="Only this decision: allow or deny.")] = None,
    limit: Annotated[int | None, Parameter(help="At most this many events.")] = None,
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None,
    target: Target = HERE,
) -> None:
    """Show who did what, newest first."""
    wanted = given(
        since=since, until=until, subject=subject, asset=asset, tool=tool, action=action, decision=decision,
        limit=limit, cursor=cursor,
    )  # fmt: skip
    if (page := fetch(target, "query_audit", wanted)) is None:
        return
    rows = [
        [_FRACTION.sub("", str(event["time"])), event.get("subject"), event.get("action"), _where(event),
         event.get("outcome"), event.get("reason")]
        for event in items(page["events"])
    ]  # fmt: skip
    show_table(("time", "subject", "action", "asset", "outcome", "reason"), rows)
    if page.get("next_cursor"):
        note(f"more with `--cursor {page['next_cursor']}`")


@audit.command
def verify(
    *,
    data: Annotated[
        Path | None, Parameter(help="Data folder of a stopped registry, else AIREGISTRY_DATA, else ~/.airegistry.")
    ] = None,
    json: Annotated[bool, Parameter(help="Print the answer as JSON.", show_default=False)] = False,
) -> None:
    """Check that no record of the audit trail was changed, removed or reordered."""
    # The stores and the core take half a second to import, which `--help` must not wait for.
    from airegistry.core import audit_chain as trail
    from airegistry.settings import load
    from airegistry.stores.open import open_stores

    folder = load(data=data).data
    if not folder.is_dir():
        raise Usage(f"there is no data folder `{folder}`")

    async def walk() -> tuple[trail.Verification, list[str]]:
        async with open_stores(folder) as stores:
            # Reading may find more damage, so the list is taken last.
            return await trail.verify(stores.log), stores.damage

    found, damage = anyio.run(walk)
    problem = found.error or next(iter(damage), None)
    if json:
        show_json({"records": found.records, "intact": problem is None, "error": problem})
    else:
        print(f"records verified: {found.records}")
    if problem is not None:
        raise Refused("audit_broken", problem)


def _where(event: Json) -> str:
    return " ".join(str(part) for part in (event.get("asset"), event.get("tool")) if part)
