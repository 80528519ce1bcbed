"""Bitbucket Cloud: API 2.0. Its trees name no blobs, so what changed is known by reading it."""

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import parse_qs, urlsplit

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.git_skills import MAX_DEPTH, Gone
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.api import Api, escaped
from airegistry.egress.git_hosts.host import (
    MAX_ENTRIES,
    MAX_PAGES,
    Entry,
    EntryKind,
    Ref,
    Refs,
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
_DEPTH = MAX_DEPTH + 4
"""Folders below the one that is listed: one of a source has those of skills in it."""


class BitbucketCloud:
    """The `Host` port for a repository `workspace/slug`."""

    def __init__(self, api: Api, place: Place) -> None:
        self._api = api
        self._place = place
        self._base = f"repositories/{escaped(place.repository, safe='/')}"

    async def refs(self, first: str) -> Refs:
        """See `Host`."""
        quoted = first.replace("\\", "\\\\").replace('"', '\\"')
        query = {"q": f'name ~ "{quoted}"', "pagelen": str(PAGE)}
        answer = (await self._api.get(f"{self._base}/refs", query)).object()
        found = [
            Ref(name, "tags" if each.get("type") == "tag" else "heads",
                commit_id(self._api.name, inner(each, "target", "hash")))
            for each in objects(answer.get("values")) if (name := text_in(each, "name")).startswith(first)
        ]  # fmt: skip
        return Refs(found, "next" not in answer)

    async def commit(self, ref: str | None, namespace: Namespace = "") -> str:
        """See `Host`."""
        ref = ref or text_in((await self._api.get(self._base)).object(), "mainbranch", "name")
        if not ref:
            raise Gone(f"{self._place.repository} at {self._api.name} is empty", field="url")
        answer = await self._api.get(f"{self._base}/commits", {"include": ref, "pagelen": "1"})
        commits = objects(answer.object().get("values"))
        return commit_id(self._api.name, commits[0].get("hash") if commits else None)

    async def tree(self, commit: str, folder: str) -> Sequence[Entry]:
        """See `Host`."""
        path = f"{self._base}/src/{commit}/{escaped(folder, safe='/')}".rstrip("/") + "/"
        query = {"max_depth": str(_DEPTH), "pagelen": str(PAGE)}
        found: list[Entry] = []
        seen: set[str] = set()
        for _ in range(MAX_PAGES):
            answer = (await self._api.get(path, query)).object()
            for each in listed(self._api.name, answer.get("values")):
                if each.get("type") == "commit_file":
                    found.append(_entry(each))
            if "next" not in answer:
                return sorted(found, key=lambda entry: entry.path)
            page = parse_qs(urlsplit(text_in(answer, "next")).query).get("page", [""])[0]
            if not page or page in seen or len(found) > MAX_ENTRIES:
                break
            seen.add(page)
            query["page"] = page
        raise UpstreamFailed(f"the tree that {self._api.name} tells of is too large, or has no end")

    async def blob(self, commit: str, entry: Entry, limit: int) -> bytes:
        """See `Host`. A file of Git LFS is a redirect to another host, which is not followed."""
        path = f"{self._base}/src/{commit}/{escaped(entry.path, safe='/')}"
        return (await self._api.get(path, accept="*/*", limit=limit)).body

    async def facts(self) -> Facts:
        """See `Host`. It knows no stars and no licence; a release is a tag."""
        known = (await self._api.get(self._base)).object()
        self._api.check_shown(known.get("is_private") is False)
        main, issues = text_in(known, "mainbranch", "name"), None
        forks = count_in((await self._api.get(f"{self._base}/forks", {"pagelen": "1"})).object(), "size")
        newest = {"sort": "-target.date", "pagelen": "1"}
        tags = objects((await self._api.get(f"{self._base}/refs/tags", newest)).object().get("values"))
        commits: list[Json] = []
        if main:
            with suppress(Gone):
                asked = {"include": main, "pagelen": "1"}
                commits = objects((await self._api.get(f"{self._base}/commits", asked)).object().get("values"))
        if known.get("has_issues") is True:
            asked = {"q": 'state = "new" OR state = "open"', "pagelen": "1"}
            with suppress(Gone):
                issues = count_in((await self._api.get(f"{self._base}/issues", asked)).object(), "size")
        tag = tags[0] if tags else Json()
        return Facts(
            forks=forks, language=text_in(known, "language") or None, open_issues=issues,
            last_release=text_in(tag, "name") or None, last_release_at=moment(text_in(tag, "target", "date")),
            last_commit_at=moment(text_in(commits[0], "date")) if commits else None,
        )  # fmt: skip

    def link(self, commit: str, path: str) -> str:
        """See `Host`."""
        return f"{self._place.web}/{escaped(f'{self._place.repository}/src/{commit}/{path}', safe='/')}"


def _entry(each: Json) -> Entry:
    listed = each.get("attributes")
    attributes = listed if isinstance(listed, list) else []
    kind: EntryKind = "link" if "link" in attributes else "module" if "subrepository" in attributes else "file"
    return Entry(path_in(each), kind, "", count_in(each, "size"), "executable" in attributes)
