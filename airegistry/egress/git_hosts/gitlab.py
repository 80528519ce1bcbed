"""GitLab, wherever it is: API v4."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import JsonValue

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.api import Api, escaped
from airegistry.egress.git_hosts.host import (
    MAX_ENTRIES,
    MAX_PAGES,
    Entry,
    Ref,
    Refs,
    check_hash,
    commit_id,
    count_in,
    inner,
    listed,
    moment,
    objects,
    path_in,
    text_in,
)
from airegistry.egress.git_hosts.places import Namespace, Place

PAGE = 100
_LINK, _PROGRAM = "120000", "100755"
_LISTS: tuple[tuple[Literal["heads", "tags"], str], ...] = (("heads", "branches"), ("tags", "tags"))


class GitLab:
    """The `Host` port for a project by its full path."""

    def __init__(self, api: Api, place: Place) -> None:
        self._api = api
        self._place = place
        self._project = f"projects/{escaped(place.repository)}"
        self._base = f"{self._project}/repository"

    async def refs(self, first: str) -> Refs:
        """See `Host`."""
        found: list[Ref] = []
        whole = True
        for namespace, kind in _LISTS:
            query = {"search": f"^{first}", "per_page": str(PAGE)}
            named = listed(self._api.name, (await self._api.get(f"{self._base}/{kind}", query)).json())
            whole = whole and len(named) < PAGE
            for each in named:
                commit = commit_id(self._api.name, inner(each, "commit", "id"))
                found.append(Ref(text_in(each, "name"), namespace, commit))
        return Refs(found, whole)

    async def commit(self, ref: str | None, namespace: Namespace = "") -> str:
        """See `Host`."""
        name = f"refs/{namespace}/{ref}" if namespace and ref else ref or "HEAD"
        answer = await self._api.get(f"{self._base}/commits/{escaped(name)}", {"stats": "false"})
        return commit_id(self._api.name, answer.object().get("id"))

    async def tree(self, commit: str, folder: str) -> Sequence[Entry]:
        """See `Host`."""
        query = {"ref": commit, "recursive": "true", "per_page": str(PAGE), "pagination": "keyset"}
        query |= {"path": folder} if folder else {}
        found: list[Entry] = []
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            answer = await self._api.get(f"{self._base}/tree", query)
            found += [_entry(each) for each in listed(self._api.name, answer.json()) if each.get("type") != "tree"]
            after = _next_page(answer.headers.get("link", ""))
            if after is None:
                return sorted(found, key=lambda entry: entry.path)
            if not after or str(after) in seen or len(found) > MAX_ENTRIES:
                break
            seen.add(str(after))
            query |= after
        raise UpstreamFailed(f"the tree that {self._api.name} tells of is too large, or has no end")

    async def blob(self, commit: str, entry: Entry, limit: int) -> bytes:
        """See `Host`."""
        answer = await self._api.get(f"{self._base}/blobs/{escaped(entry.id)}/raw", accept="*/*", limit=limit)
        return check_hash(self._api.name, entry, answer.body)

    async def facts(self) -> Facts:
        """See `Host`."""
        known = (await self._api.get(self._project, {"license": "true"})).object()
        self._api.check_shown(known.get("visibility") == "public")
        languages = (await self._api.get(f"{self._project}/languages")).object()
        releases: JsonValue = []
        commits: JsonValue = []
        with suppress(Gone):
            releases = (await self._api.get(f"{self._project}/releases", {"per_page": "1"})).json()
        with suppress(Gone):
            commits = (await self._api.get(f"{self._base}/commits", {"per_page": "1"})).json()
        release = next(iter(objects(releases)), Json())
        last = next(iter(objects(commits)), Json())
        return Facts(
            license=text_in(known, "license", "nickname") or text_in(known, "license", "name") or None,
            stars=count_in(known, "star_count"), forks=count_in(known, "forks_count"), language=_most(languages),
            open_issues=count_in(known, "open_issues_count"), archived=known.get("archived") is True,
            last_release=text_in(release, "tag_name") or None,
            last_release_at=moment(text_in(release, "released_at")),
            last_commit_at=moment(text_in(last, "committed_date")),
        )  # fmt: skip

    def link(self, commit: str, path: str) -> str:
        """See `Host`."""
        return f"{self._place.web}/{escaped(f'{self._place.repository}/-/blob/{commit}/{path}', safe='/')}"


def _entry(each: Json) -> Entry:
    mode, kind = text_in(each, "mode"), each.get("type")
    if kind == "commit":
        return Entry(path_in(each), "module", text_in(each, "id"))
    return Entry(path_in(each), "link" if mode == _LINK else "file", text_in(each, "id"), None, mode == _PROGRAM)


def _next_page(link: str) -> dict[str, str] | None:
    """The parameters of the next page, None after the last one. Its URL is not followed: another origin could stand
    in it."""
    for each in islice(link.split(","), 10):
        url, _, about = each.partition(";")
        if 'rel="next"' in about:
            asked = parse_qs(urlsplit(url.strip().strip("<>")).query)
            return {name: asked[name][0][:500] for name in ("page_token", "page", "cursor") if name in asked}
    return None


def _most(languages: Json) -> str | None:
    shares = {name: share for name, share in languages.items() if isinstance(share, int | float)}
    return max(shares, key=lambda name: shares[name])[:100] if shares else None
