"""Entries of an MCP registry (`ServerResponse` of its API), and what their versions come to as offers of ours.

Each entry is one version of a server. Those of one name make one offer: the version that the registry calls the latest
first, the others from the newest down; deleted ones do not count.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from re import split

import orjson
from pydantic import JsonValue

from airegistry.core.assets import MAX_TAGS, Deprecation, Json, Server
from airegistry.core.errors import Invalid
from airegistry.core.server_forms import current, text
from airegistry.core.server_json import server_of, version_of
from airegistry.core.sources import Offer

OFFICIAL = "io.modelcontextprotocol.registry/official"
"""The member of `_meta` in which a registry says what it knows of an entry."""

TAG = "ANTHROPIC"
MAX_NAME = 200
MAX_VERSIONS = 100
MAX_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a server, `document` its `server.json`, and what the registry says of it; times are in UTC."""

    name: str
    version: str
    document: Json
    status: str = "active"
    message: str = ""
    latest: bool = False
    published: datetime | None = None
    updated: datetime | None = None
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are taken: of names that fit one of the globs; the latest version alone; those that are remote."""

    globs: Sequence[str] = ()
    latest_only: bool = False
    remotes_only: bool = False

    def takes(self, name: str) -> bool:
        """Whether a server of this name is wanted at all; case does not matter."""
        return not self.globs or any(fnmatchcase(name.lower(), glob.lower()) for glob in self.globs)


def entry_of(value: JsonValue) -> Entry:
    """An entry as the API lists it, or a bare `server.json`, whose `_meta` may say what the registry's would.

    Raises:
        Invalid: it is no object with a name and a version.
    """
    if not isinstance(value, dict):
        raise Invalid("an entry is no JSON object")
    wrapped = value.get("server")
    document, beside = (wrapped if isinstance(wrapped, dict) else value), value.get("_meta")
    name = text(document.get("name"))
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid("an entry has no name", field="name")
    said = beside.get(OFFICIAL) if isinstance(beside, dict) else None
    meta: Json = said if isinstance(said, dict) else {}
    older = document.get("version_detail")
    detail: Json = older if isinstance(older, dict) else {}
    return Entry(
        name=name,
        version=version_of(current(document)),
        document=document,
        status=text(meta.get("status")) or text(document.get("status")) or "active",
        message=text(meta.get("statusMessage"))[:MAX_MESSAGE],
        latest=meta.get("isLatest", detail.get("is_latest")) is True,
        published=_moment(meta.get("publishedAt", detail.get("release_date"))),
        updated=_moment(meta.get("updatedAt")),
        changed=_moment(meta.get("statusChangedAt")),
    )


def unnamed(value: JsonValue, error: Invalid) -> Offer:
    """The offer that stands for an entry which is none, under an id of its own that is the same in each pass."""
    named = value.get("server", value) if isinstance(value, dict) else None
    name = named.get("name") if isinstance(named, dict) else None
    try:
        hashed = hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]
    except orjson.JSONEncodeError:
        hashed = "unreadable"
    return Offer(id=f"{name[:MAX_NAME] if isinstance(name, str) and name else '?'}#{hashed}", refused=error.message)


def offers_of(name: str, entries: Sequence[Entry], wanted: Wanted, url: str) -> Iterator[Offer]:
    """The offer of a server, given all of its entries, then one for each version that cannot be an asset of ours.

    A server of which nothing is left is offered without versions: it is gone. `url` is the registry's.
    """
    refused: list[Offer] = []
    taken: list[Server] = []
    hashed = hashlib.sha256()
    for number, entry in enumerate(_served(entries, wanted)):
        try:
            if number >= MAX_VERSIONS:
                raise Invalid(f"the server has more than {MAX_VERSIONS} versions: only the newest are taken")
            hash = _hash(entry)
            taken.append(_server(entry, taken[0].version if taken else None, url))
            hashed.update(hash)
        except Invalid as error:
            refused.append(Offer(id=f"{name}@{entry.version[:MAX_NAME]}", refused=error.message))
    if refused and not taken:
        yield Offer(id=name, refused=refused[0].refused)
    else:
        yield Offer(id=name, versions=taken, digest=f"sha256:{hashed.hexdigest()}")
        yield from refused


def _served(entries: Sequence[Entry], wanted: Wanted) -> Sequence[Entry]:
    """The versions that count, each once, as they are ordered."""
    each = {entry.version: entry for entry in entries}  # a registry that changes under way may list one twice
    there = [entry for entry in each.values() if entry.status != "deleted"]
    there.sort(key=_rank, reverse=True)
    there = there[:1] if wanted.latest_only else there
    return [entry for entry in there if entry.document.get("remotes")] if wanted.remotes_only else there


def _rank(entry: Entry) -> tuple[bool, datetime, list[tuple[int, str]]]:
    number = [
        (int(part), "") if part.isdecimal() and len(part) < 20 else (-1, part)
        for part in split("[._+-]", entry.version)
    ]
    return entry.latest, entry.published or datetime.min.replace(tzinfo=UTC), number


def _server(entry: Entry, default: str | None, url: str) -> Server:
    """The version as an asset, `default` being the version that is served where none is named, if it is another."""
    server = server_of(entry.document)
    changes: dict[str, object] = {
        "tags": [TAG, *(tag for tag in server.tags if tag != TAG)][:MAX_TAGS],
        "provenance": server.provenance.model_copy(update={"url": url}),
    }
    if entry.status == "deprecated":
        changes["deprecation"] = Deprecation(since=_since(entry), successor=default)
        if entry.message:
            changes["metadata"] = {**server.metadata, "status_message": entry.message}
    return server.model_copy(update=changes)


def _since(entry: Entry) -> datetime:
    return entry.changed or entry.updated or entry.published or datetime(1970, 1, 1, tzinfo=UTC)


def _hash(entry: Entry) -> bytes:
    """A hash over everything that the asset is made of.

    Raises:
        Invalid: the document cannot be written as JSON.
    """
    beside = [entry.message, _since(entry)] if entry.status == "deprecated" else []
    try:
        return hashlib.sha256(orjson.dumps([entry.document, *beside], option=orjson.OPT_SORT_KEYS)).digest()
    except orjson.JSONEncodeError as error:
        raise Invalid(f"the document cannot be written as JSON: {error}") from None


def _moment(value: JsonValue) -> datetime | None:
    """A time of RFC 3339; None for what is none."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
