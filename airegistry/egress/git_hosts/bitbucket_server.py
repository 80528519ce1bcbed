"""Bitbucket Server and Data Center: REST API 1.0. It lists a folder at a time, and tells no modes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.git_skills import MAX_DEPTH, Gone
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.api import Api, escaped
from airegistry.egress.git_hosts.host import (
    MAX_ENTRIES,
    MAX_PAGES,
    Entry,
    Refs,
    commit_id,
    count_in,
    inner,
    listed,
    objects,
    text_in,
)
from airegistry.egress.git_hosts.places import Namespace, Place

PAGE = 500
_DEPTH = MAX_DEPTH + 4


class BitbucketServer:
    """The `Host` port for a repository `PROJECT/slug`."""

    def __init__(self, api: Api, place: Place) -> None:
        self._api = api
        self._place = place
        project, _, slug = place.repository.partition("/")
        self._where = f"projects/{escaped(project, safe='~')}/repos/{escaped(slug)}"

    async def refs(self, first: str) -> Refs:
        """See `Host`. None: its URLs state the reference apart from the path."""
        return Refs([])

    async def commit(self, ref: str | None, namespace: Namespace = "") -> str:
        """See `Host`."""
        name = f"refs/{namespace}/{ref}" if namespace and ref else ref
        commits = await self._commits({"until": name} if name else {})
        if not commits:
            raise Gone(f"{self._place.repository} at {self._api.name} is empty", field="url")
        return commit_id(self._api.name, commits[0].get("id"))

    async def tree(self, commit: str, folder: str) -> Sequence[Entry]:
        """See `Host`. A request a folder."""
        found: list[Entry] = []
        todo, asked = [(folder, 0)], 0
        while todo:
            at, depth = todo.pop()
            start: int | None = 0
            while start is not None:
                asked += 1
                if asked > MAX_PAGES or len(found) > MAX_ENTRIES:
                    raise UpstreamFailed(f"the tree that {self._api.name} tells of is too large, or has no end")
                children, after = await self._children(commit, at, start)
                for each in children:
                    path = f"{at}/{_name(each)}" if at else _name(each)
                    if each.get("type") != "DIRECTORY":
                        kind = "module" if each.get("type") == "SUBMODULE" else "file"
                        id_, size = text_in(each, "contentId"), count_in(each, "size")
                        found.append(Entry(path, "module" if kind == "module" else "file", id_, size))
                    elif depth < _DEPTH:
                        todo.append((path, depth + 1))
                if after is not None and after <= start:
                    raise UpstreamFailed(f"{self._api.name} names a next page that is none")
                start = after
        return sorted(found, key=lambda entry: entry.path)

    async def _children(self, commit: str, folder: str, start: int) -> tuple[list[Json], int | None]:
        """A page of what is in a folder, and where the next one starts."""
        path = f"{self._where}/browse/{escaped(folder, safe='/')}".rstrip("/")
        query = {"at": commit, "limit": str(PAGE), "start": str(start)}
        children = (await self._api.get(path, query)).object().get("children")
        if not isinstance(children, dict):
            raise Gone(f"{self._api.name} has a file at {folder[:200]!r}, not a folder", field="url")
        more = children.get("isLastPage") is False
        after = (count_in(children, "nextPageStart") or 0) if more else None  # 0 is where no further page starts
        return listed(self._api.name, children.get("values")), after

    async def blob(self, commit: str, entry: Entry, limit: int) -> bytes:
        """See `Host`."""
        path = f"{self._where}/raw/{escaped(entry.path, safe='/')}"
        return (await self._api.get(path, {"at": commit}, accept="*/*", limit=limit)).body

    async def facts(self) -> Facts:
        """See `Host`. It knows no stars, languages, licences or issues; a release is a tag."""
        known = (await self._api.get(self._where)).object()
        self._api.check_shown(known.get("public"))
        commits = await self._commits({})
        query = {"orderBy": "MODIFICATION", "limit": "1"}
        tags = objects((await self._api.get(f"{self._where}/tags", query)).object().get("values"))
        tagged = await self._commits({"until": text_in(tags[0], "latestCommit")}) if tags else []
        return Facts(
            archived=known.get("archived") is True, last_commit_at=_moment(commits),
            last_release=text_in(tags[0], "displayId") or None if tags else None, last_release_at=_moment(tagged),
        )  # fmt: skip

    def link(self, commit: str, path: str) -> str:
        """See `Host`."""
        base = self._place.api.removesuffix("/rest/api/1.0")
        return f"{base}/{self._where}/browse/{escaped(path, safe='/')}?at={commit}"

    async def _commits(self, query: Mapping[str, str]) -> list[Json]:
        return objects((await self._api.get(f"{self._where}/commits", {**query, "limit": "1"})).object().get("values"))


def _name(each: Json) -> str:
    name = inner(each, "path", "name")
    if not isinstance(name, str) or not name:
        raise UpstreamFailed("the Git host lists a file without a name")
    return name


def _moment(commits: Sequence[Json]) -> datetime | None:
    milliseconds = count_in(commits[0], "committerTimestamp") if commits else None
    try:
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
