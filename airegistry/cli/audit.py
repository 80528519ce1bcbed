"""`airegistry audit`: read, check, take out and prune the trail of a registry, or of a data folder."""

import json
import re
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import anyio
from cyclopts import App, Parameter

from airegistry.cli.client import HERE, Target, ask, fetch, given, items
from airegistry.cli.consent import OnlyLook, Yes, make_sure
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_json, show_table
from airegistry.cli.progress import progress
from airegistry.cli.values import Json

if TYPE_CHECKING:
    from airegistry.core.audit_chain import Verification
    from airegistry.core.audit_writers import Writers
    from airegistry.stores.open import Stores

audit = App("audit", help="Read, verify, export and prune the audit trail.")

_FRACTION = re.compile(r"\.\d+")
PAGE = 500
Line = Callable[[Json], str]
Folder = Annotated[
    Path | None, Parameter(help="Data folder of a stopped registry, else AIREGISTRY_DATA, else ~/.airegistry.")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events."""

    since: Annotated[str | None, Parameter(help="Only events from then on, as in 2026-11-20T12:00:00Z.")] = None
    until: Annotated[str | None, Parameter(help="Only events up to then.")] = None
    subject: Annotated[str | None, Parameter(help="Only acts of this caller.")] = None
    asset: Annotated[str | None, Parameter(help="Only acts on this asset.")] = None
    tool: Annotated[str | None, Parameter(help="Only acts on this tool.")] = None
    action: Annotated[str | None, Parameter(help="Only this action.")] = None
    decision: Annotated[str | None, Parameter(help="Only this decision: allow or deny.")] = None
    request_id: Annotated[str | None, Parameter(help="Only acts of the request with this id.")] = None

    @property
    def arguments(self) -> Json:
        """As the tools take them."""
        return given(
            since=self.since, until=self.until, subject=self.subject, asset=self.asset, tool=self.tool,
            action=self.action, decision=self.decision, request_id=self.request_id,
        )  # fmt: skip


ALL = Wanted()


@audit.command
def query(
    *,
    wanted: Wanted = ALL,
    limit: Annotated[int | None, Parameter(help="At most this many events.")] = None,
    cursor: Annotated[str | None, Parameter(help="The next page, as the page before names it.")] = None,
    target: Target = HERE,
) -> None:
    """Show who did what, newest first."""
    page = fetch(target, "query_audit", {**wanted.arguments, **given(limit=limit, cursor=cursor)})
    if page is None:
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
    data: Folder = None,
    heads: Annotated[
        Path | None, Parameter(help="File of `airegistry audit heads`, which the trail has to agree with.")
    ] = None,
    running: Annotated[
        bool, Parameter(help="Ask the running registry instead, which may have to read for long.", show_default=False)
    ] = False,
    target: Target = HERE,
) -> None:
    """Check that no record of the audit trail was changed, removed, reordered or cut off."""
    if not running:
        told, signed, problem = _verified(data, heads)
    elif data is not None or heads is not None:
        raise Usage("`--running` goes with neither `--data` nor `--heads`")
    else:
        answer = ask(target, "verify_audit", {}).structured
        assert isinstance(answer, dict), "verify_audit answers with an object"
        told, signed = answer, items(answer["writers"])
        problem = None if answer["intact"] else str(answer["error"])
    if target.json:
        show_json(told)
    else:
        print(f"records verified: {told['records']}")
        if signed:
            columns = ("stream", "last", "signed", "pruned")
            show_table(columns, [[each[column] for column in columns] for each in signed])
    if problem is not None:
        raise Refused("audit_broken", problem)


@audit.command
def export(
    *,
    wanted: Wanted = ALL,
    format: Annotated[Literal["jsonl", "csv"], Parameter(help="A JSON object a line, or CSV.")] = "jsonl",
    data: Annotated[
        Path | None, Parameter(help="Data folder of a stopped registry; without it the running one is asked.")
    ] = None,
    cursor: Annotated[str | None, Parameter(help="Go on where an export ended, as it said.")] = None,
    target: Target = HERE,
) -> None:
    """Write the records of the trail to the standard output, oldest first."""
    from airegistry.core.audit_printing import csv_head, csv_line, json_line

    line = csv_line if format == "csv" else json_line
    if format == "csv":
        sys.stdout.write(csv_head())
    if data is not None:
        anyio.run(_export_folder, data, wanted, cursor, line)
        return
    # On a terminal the records themselves are what is seen.
    with progress(lines=False) if not sys.stdout.isatty() else nullcontext() as tell:
        for number, record in enumerate(_asked_for(target, wanted, cursor), 1):
            sys.stdout.write(line(record))
            if tell is not None and number % PAGE == 0:
                tell("exporting", number)


@audit.command
def heads(*, target: Target = HERE) -> None:
    """Print what is signed of the trail, as JSON: kept elsewhere, `audit verify --heads` checks against it."""
    show_json(ask(target, "get_audit_heads", {}).structured)


@audit.command(name="rotate-key")
def rotate_key(*, target: Target = HERE) -> None:
    """Sign the trail with a new key from now on; what was signed before still verifies."""
    if (done := fetch(target, "rotate_audit_key", {})) is not None:
        note(f"{done['after']} signs now, in the place of {done['before']}")


@audit.command
def prune(
    before: Annotated[str, Parameter(help="Acts that ended before this moment go, as in 2026-01-01T00:00:00Z.")],
    /,
    *,
    yes: Yes = False,
    dry_run: OnlyLook = False,
    target: Target = HERE,
) -> None:
    """Remove old records for good; the rest can still be verified."""
    make_sure(f"Remove all records of the audit trail from before {before}?", yes or dry_run)
    if (done := fetch(target, "prune_audit", {"before": before, **given(dry_run=dry_run or None)})) is not None:
        records, streams = done["records"], done["streams"]
        note(f"{'nothing is removed; would remove' if dry_run else 'removed'} {records} records of {streams} streams")


def _verified(data: Path | None, heads: Path | None) -> tuple[Json, list[Json], str | None]:
    """What is told of the trail of a folder, the writers whose chains are signed, and what is wrong with it."""

    async def walk() -> "tuple[Verification, str | None]":
        from airegistry.core.audit_verify import verify_trail

        async with _opened(data) as (stores, writers):
            found = await verify_trail(stores.log, writers, _heads_in(heads))
            # Reading may find more damage, so the list is taken last.
            return found, found.error or next(iter(stores.damage), None)

    found, problem = anyio.run(walk)
    signed: list[Json] = [
        {"stream": each.stream, "last": each.last, "signed": each.signed, "pruned": each.pruned}
        for each in found.writers
    ]
    told: Json = {"records": found.records, "intact": problem is None, "error": problem}
    return ({**told, "writers": [*signed]} if signed else told), signed, problem


def _asked_for(target: Target, wanted: Wanted, cursor: str | None) -> Iterator[Json]:
    """The records of a running registry, page by page."""
    while True:
        page = ask(target, "export_audit", {**wanted.arguments, **given(limit=PAGE, cursor=cursor)}).structured
        assert isinstance(page, dict), "export_audit answers with an object"
        yield from items(page.get("records"))
        cursor = str(page["next_cursor"])
        if not page.get("more"):
            note(f"go on later with `--cursor {cursor}`")
            return


async def _export_folder(data: Path, wanted: Wanted, cursor: str | None, line: Line) -> None:
    from airegistry.core.audit_events import AuditFilter
    from airegistry.core.audit_reading import Reading, Span

    asked = AuditFilter.model_validate(wanted.arguments)
    async with _opened(data) as (stores, writers):
        span = Span(asked.since, asked.until, asked.where, newest_first=False)
        # A trail of before streams had writers has none.
        reading = Reading(stores.log, writers if await writers.heads() else None, span, cursor)
        async for entry in reading.entries():
            if asked.fits(entry.body, entry.time):
                sys.stdout.write(line({**entry.body, "stream": entry.stream, "seq": entry.seq}))


@asynccontextmanager
async def _opened(data: Path | None) -> "AsyncIterator[tuple[Stores, Writers]]":
    """The stores of a stopped registry, and what is signed there.

    Raises:
        Usage: there is no such folder.
    """
    # The stores and the core take half a second to import, which `--help` must not wait for.
    from airegistry.clock import SystemClock
    from airegistry.core.audit_writers import Writers
    from airegistry.settings import load
    from airegistry.stores.open import open_stores
    from airegistry.stores.signatures import Ed25519

    settings = load(data=data)
    shared = None if data is not None else settings.shared_store
    if shared is None and not settings.data.is_dir():
        raise Usage(f"there is no data folder `{settings.data}`")
    async with open_stores(settings.data, shared) as stores:
        writers = Writers(stores.documents, stores.cipher, Ed25519(), SystemClock())
        await writers.open(create=False)
        yield stores, writers


def _heads_in(path: Path | None) -> list[Json]:
    """The heads in a file that `airegistry audit heads` printed.

    Raises:
        Usage: it is none.
    """
    if path is None:
        return []
    try:
        kept = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise Usage(f"cannot read `{path}`: {error}") from None
    if not isinstance(kept, dict) or not items(kept.get("heads")):
        raise Usage(f"`{path}` holds no heads of a trail")
    return items(kept["heads"])


def _where(event: Json) -> str:
    return " ".join(str(part) for part in (event.get("asset"), event.get("tool")) if part)
