"""What a database of the peer holds, read from an export: one file of Extended JSON for each collection.

`mongoexport` writes a document a line, or with `--jsonArray` one array; both are read. A collection's name is that of
its file; the peer adds the name of its namespace to each, as in `mcp_servers_default`.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import JsonValue

from airegistry.core.documents import Json
from airegistry.core.errors import Invalid

SORTS = {
    "mcp_scopes": "scope",
    "mcp_custom_types": "entity type",
    "mcp_servers": "server",
    "mcp_agents": "agent",
    "agent_skills": "skill",
    "mcp_custom_entities": "entity",
    "virtual_servers": "virtual server",
}
"""The collections that are taken over, and what is in them; in this order, as the later ones name the earlier."""

NUMBERS = frozenset({"$numberInt", "$numberLong", "$numberDouble", "$numberDecimal"})


def sort_of(collection: str) -> str | None:
    """What is in a collection of the peer; None for what is not taken over."""
    name = collection.removeprefix("mcp_")
    for known, sort in SORTS.items():
        bare = known.removeprefix("mcp_")
        if name == bare or name.startswith(f"{bare}_"):
            return sort
    return None


def read_export(path: Path) -> dict[str, list[Json]]:
    """Documents by what they are, from a folder of files or from one of them.

    Raises:
        Invalid: there is no collection that is taken over, or a file is no JSON.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    found: dict[str, list[Json]] = {}
    for file in files:
        sort = sort_of(file.name.removesuffix(".json"))
        if sort is not None:
            found.setdefault(sort, []).extend(_documents(file))
    if not found:
        raise Invalid(f"{path} has no file of a collection of the peer, as in mcp_servers_default.json", field="file")
    return sorted_out(found)


def sorted_out(found: Mapping[str, list[Json]]) -> dict[str, list[Json]]:
    """Documents by what they are, in the order of `SORTS`."""
    return {sort: found[sort] for sort in SORTS.values() if sort in found}


def _documents(file: Path) -> Iterator[Json]:
    try:
        text = file.read_text("utf-8")
        if text.lstrip().startswith("["):
            members = json.loads(text)
        else:
            members = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (OSError, ValueError, RecursionError) as error:
        raise Invalid(f"{file} is no export of a collection: {error}", field="file") from None
    for member in members:
        plain_member = plain(member)
        if not isinstance(plain_member, dict):
            raise Invalid(f"{file} holds something that is no document", field="file")
        yield plain_member


def plain(value: JsonValue) -> JsonValue:
    """Extended JSON as JSON: identifiers and dates are text, numbers are numbers."""
    if isinstance(value, list):
        return [plain(member) for member in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        ((name, inner),) = value.items()
        if name in NUMBERS and isinstance(inner, str):
            return float(inner) if "." in inner or name in {"$numberDouble", "$numberDecimal"} else int(inner)
        if name in {"$oid", "$uuid"} or (name == "$date" and isinstance(inner, str)):
            return inner
        if name in {"$date", "$binary"}:
            return None
    return {name: plain(member) for name, member in value.items()}
