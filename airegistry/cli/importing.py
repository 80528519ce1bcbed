"""`airegistry import`: servers from a file, or once from another registry."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from pydantic import JsonValue

from airegistry.cli.client import HERE, Target, ask, given, items
from airegistry.cli.errors import Refused, Usage
from airegistry.cli.output import note, show_fields, show_json, show_table
from airegistry.cli.progress import Tell, progress, watched
from airegistry.cli.values import Json, read_input

COUNTS = ("offers", "added", "changed", "unchanged", "retired", "deleted", "held", "filtered", "repeated", "refused")
MAX_BYTES, MAX_DOCUMENTS = 1_048_576, 500
"""What one call carries at most; the registry's tools take 4 MiB."""
SHOWN = 100
_REFUSED = ("code", "id", "reason")
_PLANNED = ("change", "kind", "path", "version", "id")


def import_servers(
    place: Annotated[
        str,
        Parameter(
            help="URL of a registry, or a file: a `server.json`, a list of them, or a registry's answer; `-` is stdin.",
            allow_leading_hyphen=True,
        ),
    ],
    /, *,
    source: Annotated[str, Parameter(help="Name under which they come in.")] = "import",
    name: Annotated[list[str] | None, Parameter(help="Only the server of this name; may be repeated.")] = None,
    filter_: Annotated[
        list[str] | None, Parameter(name="--filter", help="Only servers whose name fits this glob; may be repeated.")
    ] = None,
    latest_only: Annotated[
        bool, Parameter(help="Of a registry: the latest version of each only.", show_default=False)
    ] = False,
    retire: Annotated[
        bool, Parameter(help="Of a registry: retire what came so before and is gone.", show_default=False)
    ] = False,
    dry_run: Annotated[bool, Parameter(help="Only say what would be done.", show_default=False)] = False,
    target: Target = HERE,
) -> None:  # fmt: skip
    """Bring in MCP servers once, and say what came in, changed, or was refused and why.

    Begun again after a break, it goes on with what is left. `airegistry sync remove NAME` takes everything down again.
    """
    asked = given(source=source, names=name, filter=filter_, dry_run=dry_run or None)
    if place.startswith(("http://", "https://")):
        total = _structured(target, {**asked, "url": place, **_given(latest_only=latest_only, retire=retire)})
    else:
        if latest_only or retire:
            raise Usage("`--latest-only` and `--retire` are for the URL of a registry")
        documents = _documents(read_input(Path(place)))
        total = _carried(target, asked, documents)
    _show(target, total)


def _carried(target: Target, asked: Json, documents: Sequence[Json]) -> Json:
    """Send documents a few at a time; what all calls did, up to one that failed."""
    with progress(lines=False) as tell:
        return _sent(target, asked, documents, tell)


def _sent(target: Target, asked: Json, documents: Sequence[Json], tell: Tell) -> Json:
    counts: Counter[str] = Counter()
    lists: dict[str, list[JsonValue]] = {"refusals": [], "planned": []}
    total: Json = {"outcome": "ok"}
    sent = 0
    for chunk in _chunks(documents):
        tell("importing", sent, len(documents))
        run = _structured(target, {**asked, "documents": [*chunk]})
        sent += len(chunk)
        counts.update({count: number for count in COUNTS if isinstance(number := run.get(count), int)})
        for member, found in lists.items():
            found.extend(items(run.get(member))[: SHOWN - len(found)])
        total = {**{count: counts[count] for count in COUNTS}, **lists, "outcome": run.get("outcome")}
        if run.get("outcome") != "ok":
            return {**total, "error": run.get("error"), "code": run.get("code")}
        if len(documents) > len(chunk) and not watched():
            note(f"{sent} of {len(documents)} documents: {_said(total)}")
    return total


def _chunks(documents: Sequence[Json]) -> Iterator[Sequence[Json]]:
    """The documents in calls that are not too large, all of a server in one."""
    servers: dict[str, list[Json]] = {}
    for number, document in enumerate(documents):
        within = document.get("server")
        name = (within if isinstance(within, dict) else document).get("name")
        servers.setdefault(name if isinstance(name, str) else f"#{number}", []).append(document)
    chunk: list[Json] = []
    size = 0
    for versions in servers.values():
        length = len(json.dumps(versions))
        if chunk and (size + length > MAX_BYTES or len(chunk) + len(versions) > MAX_DOCUMENTS):
            yield chunk
            chunk, size = [], 0
        chunk.extend(versions)
        size += length
    if chunk:
        yield chunk


def _documents(text: str) -> Sequence[Json]:
    """The documents of a file.

    Raises:
        Usage: it holds none.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Usage("the file is no JSON") from None
    if isinstance(value, dict) and isinstance(value.get("servers"), list):
        value = value["servers"]
    found = [value] if isinstance(value, dict) else items(value)
    if not found:
        raise Usage("the file holds no servers", "it is a `server.json`, a list of them, or a registry's answer")
    return found


def _structured(target: Target, arguments: Json) -> Json:
    structured = ask(target, "import_servers", arguments).structured
    if not isinstance(structured, dict):
        raise Refused("internal", "import_servers answered without structured content")
    return structured


def _show(target: Target, run: Json) -> None:
    """Show what came of it; an import that broke off is a command that failed."""
    if target.json:
        show_json(run)
    else:
        show_fields({count: run.get(count) or None for count in COUNTS})
        if planned := items(run.get("planned")):
            show_table(_PLANNED, [[one.get(column) for column in _PLANNED] for one in planned])
        if refusals := items(run.get("refusals")):
            show_table(_REFUSED, [[one.get(column) for column in _REFUSED] for one in refusals])
            if isinstance(count := run.get("refused"), int) and count > len(refusals):
                note(f"and {count - len(refusals)} more")
    if run.get("outcome") == "failed":
        raise Refused(str(run.get("code") or "upstream_failed"), str(run.get("error")))


def _said(run: Json) -> str:
    return ", ".join(f"{run[count]} {count}" for count in COUNTS[1:] if run.get(count))


def _given(**flags: bool) -> Json:
    return {name: True for name, flag in flags.items() if flag}
