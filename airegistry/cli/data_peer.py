"""`airegistry data import-peer`: takes over what mcp-gateway-registry keeps, by the tools of a running registry."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import anyio
from cyclopts import Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, ask
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.stores import is_url
from airegistry.cli.values import Json

if TYPE_CHECKING:
    from airegistry.data.peer import Documents, Step

TAKEN, HELD, THERE, LEFT, REFUSED = "taken over", "held by its scan", "there already", "left out", "refused"


def import_peer(
    export: Annotated[
        str,
        Parameter(help="Folder of files that `mongoexport` made of the collections, one of them, or a database's URL."),
    ],
    /,
    *,
    dry_run: Annotated[bool, Parameter(help="Show what would be done, and do nothing.", show_default=False)] = False,
    target: Target = HERE,
) -> None:
    """Take over servers, agents, skills, entities, virtual servers and scopes of mcp-gateway-registry.

    Each is registered as by hand: asked, scanned and checked. Begun again, it passes over what is there already.
    """
    # These imports take time that `--help` must not wait for.
    from airegistry.data.peer import steps

    rows: list[Json] = []
    for step in steps(_documents(export)):
        outcome, why = (LEFT, step.refusal) if step.refusal else ("", "") if dry_run else _take(target, step)
        notes: list[JsonValue] = [*step.notes, *([why] if why else [])]
        rows.append({"sort": step.sort, "name": step.name, "outcome": outcome or "would be taken over", "notes": notes})
    _show(rows, json=target.json)
    if refused := sum(row["outcome"] == REFUSED for row in rows):
        raise Refused("", f"{refused} of {len(rows)} were refused")


def _documents(export: str) -> "Documents":
    from airegistry.data.peer_files import plain, read_export, sort_of, sorted_out

    if not is_url(export):
        return read_export(Path(export))
    try:
        # The driver is an extra.
        from airegistry.stores.mongo.peer import read_database
    except ImportError as error:
        raise Usage(f"a URL needs the driver: {error}", "pip install 'airegistry[mongo]'") from None
    found = anyio.run(read_database, export, sort_of)
    documents: dict[str, list[Json]] = {}
    for sort, members in found.items():
        documents[sort] = [each for member in members if isinstance(each := plain(member), dict)]
    return sorted_out(documents)


def _take(target: Target, step: "Step") -> tuple[str, str]:
    """Do one step; what came of it, and what has to be said."""
    quiet = Target(target.url, target.token_file)
    try:
        try:
            answer, said = ask(quiet, step.tool, step.arguments).structured, ""
        except Refused as error:
            if error.code != "upstream_failed" or step.otherwise is None:
                raise
            said = f"its backend does not answer ({error.message}): taken over as the peer described it, not called yet"
            answer = ask(quiet, step.tool, step.otherwise).structured
        for tool, arguments in step.then:
            ask(quiet, tool, arguments)
    except Refused as error:
        return (THERE, "") if error.code == "conflict" else (REFUSED, f"{error.code}: {error.message}")
    if not isinstance(answer, dict):
        return TAKEN, said
    if answer.get("held_by_scan") is True:
        return HELD, said
    told = answer.get("notes")
    return TAKEN, "; ".join([said, *map(str, told)] if said else map(str, told)) if isinstance(told, list) else said


def _show(rows: list[Json], *, json: bool) -> None:
    counts = Counter(str(row["outcome"]) for row in rows)
    if json:
        found: list[JsonValue] = [*rows]
        show_json({"counts": dict(counts), "rows": found})
        return
    columns = ("sort", "name", "outcome", "notes")
    show_table(columns, [[row[column] for column in columns] for row in rows])
    note(", ".join(f"{outcome}: {count}" for outcome, count in counts.items()) or "there is nothing to take over")
