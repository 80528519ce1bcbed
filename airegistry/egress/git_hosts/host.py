"""What is asked of a Git host, whichever it is: references, commits, trees, files and facts of one repository."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Protocol

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.places import Namespace

MAX_ENTRIES = 100_000
"""Files and folders of one repository."""
MAX_PAGES = 200
"""Requests for one list or tree."""

EntryKind = Literal["file", "link", "module"]


@dataclass(frozen=True, slots=True)
class Ref:
    """A branch or tag by its short name, with its commit where the host tells it."""

    name: str
    namespace: Namespace
    commit: str | None = None


@dataclass(frozen=True, slots=True)
class Refs:
    """Branches and tags that were asked for; not `whole` when there are more."""

    found: Sequence[Ref]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """What is not a folder in a tree, by its path from the root of the repository. `id` is its blob, `size` in bytes,
    where the host tells them."""

    path: str
    kind: EntryKind = "file"
    id: str = ""
    size: int | None = None
    executable: bool = False


class Host(Protocol):
    """One repository at one host. All methods raise what `Api.get` does."""

    async def refs(self, first: str) -> Refs:
        """The branches and tags whose names begin with a text."""
        ...

    async def commit(self, ref: str | None, namespace: Namespace = "") -> str:
        """The commit that a branch, tag or commit is; of the default branch when None."""
        ...

    async def tree(self, commit: str, folder: str) -> Sequence[Entry]:
        """Everything in and below a folder at a commit, in order of path; the root is an empty text."""
        ...

    async def blob(self, commit: str, entry: Entry, limit: int) -> bytes:
        """The content of a file, at most `limit` bytes."""
        ...

    async def facts(self) -> Facts:
        """What the host says of the repository; it is Gone where the token alone reads it."""
        ...

    def link(self, commit: str, path: str) -> str:
        """Where a person reads a file at a commit."""
        ...


def objects(value: JsonValue) -> list[Json]:
    """The objects of a list; what is none is left out."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def listed(host: str, value: JsonValue) -> list[Json]:
    """The objects of a list that has to be one: what is no list must not pass for an empty folder.

    Raises:
        UpstreamFailed: it is none, or holds something else.
    """
    found = objects(value)
    if not isinstance(value, list) or len(found) < len(value):
        raise UpstreamFailed(f"{host} answered without the list that was asked for")
    return found


def inner(value: Json, *names: str) -> JsonValue:
    """The member of a member of an object, and so on; None where one is missing."""
    found: JsonValue = value
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def text_in(value: Json, *names: str) -> str:
    """A member as `inner` finds it, cut to 300 characters; empty when it is no text."""
    found = inner(value, *names)
    return found[:300] if isinstance(found, str) else ""


def count_in(value: Json, name: str) -> int | None:
    """A member that counts something; None when it is no such number."""
    found = value.get(name)
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 2**53 else None


def moment(text: str) -> datetime | None:
    """A moment in ISO 8601, in UTC; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).astimezone(UTC)


def path_in(value: Json) -> str:
    """The path of an entry of a tree.

    Raises:
        UpstreamFailed: it has none.
    """
    path = value.get("path")
    if not isinstance(path, str) or not path:
        raise UpstreamFailed("the Git host lists a file without a path")
    return path


def check_hash(host: str, entry: Entry, body: bytes) -> bytes:
    """The content of a blob, as its id has it.

    Raises:
        UpstreamFailed: it is another one.
    """
    made = hashlib.sha1 if len(entry.id) == 40 else hashlib.sha256
    if made(b"blob %d\0" % len(body) + body).hexdigest() != entry.id:
        raise UpstreamFailed(f"{host} sent another file than the one that its tree names")
    return body


def commit_id(host: str, value: JsonValue) -> str:
    """The id of a commit.

    Raises:
        UpstreamFailed: it is none.
    """
    if isinstance(value, str) and len(value) in {40, 64} and set(value) <= set("0123456789abcdef"):
        return value
    raise UpstreamFailed(f"{host} answered without the id of a commit")
