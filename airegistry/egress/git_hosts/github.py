"""GitHub, GitHub Enterprise Cloud and Server: contents by `git/trees` and `git/blobs` of REST API 2022-11-28."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from airegistry.core.assets import Json
from airegistry.core.errors import UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.api import Api, escaped
from airegistry.egress.git_hosts.host import (
    MAX_ENTRIES,
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
from airegistry.egress.json_http import Answer

JSON, RAW, SHA = "application/vnd.github+json", "application/vnd.github.raw+json", "application/vnd.github.sha"
_LINK, _MODULE, _PROGRAM = "120000", "160000", "100755"


class GitHub:
    """The `Host` port for a repository `owner/name`."""

    def __init__(self, api: Api, place: Place) -> None:
        self._api = api
        self._place = place
        self._base = f"repos/{escaped(place.repository, safe='/')}"

    async def refs(self, first: str) -> Refs:
        """See `Host`."""
        found: list[Ref] = []
        for namespace in ("heads", "tags"):
            answer = await self._get(f"git/matching-refs/{namespace}/{escaped(first, safe='/')}")
            for each in objects(answer.json()):
                name = text_in(each, "ref").removeprefix(f"refs/{namespace}/")
                commit = inner(each, "object", "sha") if inner(each, "object", "type") == "commit" else None
                known = commit_id(self._api.name, commit) if commit is not None else None  # else: an annotated tag
                found.append(Ref(name, "heads" if namespace == "heads" else "tags", known))
        return Refs(found)

    async def commit(self, ref: str | None, namespace: Namespace = "") -> str:
        """See `Host`."""
        name = f"{namespace}/{ref}" if namespace and ref else ref or "HEAD"
        answer = await self._get(f"commits/{escaped(name, safe='/')}", accept=SHA, limit=1024)
        return commit_id(self._api.name, answer.body.decode(errors="replace").strip())

    async def tree(self, commit: str, folder: str) -> Sequence[Entry]:
        """See `Host`. One request, but for a repository that is too large for one."""
        whole = await self._tree(commit, recursive=True)
        if whole.get("truncated") is True:
            return [each async for each in self._walked(commit, folder)]
        prefix = f"{folder}/" if folder else ""
        return [each for each in self._entries(whole, "") if each.path.startswith(prefix)]

    async def _walked(self, commit: str, folder: str) -> AsyncIterator[Entry]:
        """The entries of a folder, found step by step."""
        tree = commit
        for step in folder.split("/") if folder else ():
            some = await self._tree(tree)
            folders = [each for each in listed(self._api.name, some.get("tree")) if each.get("type") == "tree"]
            found = [text_in(each, "sha") for each in folders if each.get("path") == step]
            if not found and some.get("truncated") is True:
                raise UpstreamFailed(f"{self._api.name} lists no folder of that size in whole")
            if not found:
                return
            tree = commit_id(self._api.name, found[0])
        whole = await self._tree(tree, recursive=True)
        if whole.get("truncated") is True:
            raise UpstreamFailed(f"{self._api.name} lists no folder of that size in whole")
        for entry in self._entries(whole, f"{folder}/" if folder else ""):
            yield entry

    async def blob(self, commit: str, entry: Entry, limit: int) -> bytes:
        """See `Host`."""
        answer = await self._get(f"git/blobs/{escaped(entry.id)}", accept=RAW, limit=limit)
        return check_hash(self._api.name, entry, answer.body)

    async def facts(self) -> Facts:
        """See `Host`."""
        known = (await self._api.get(self._base, accept=JSON)).object()
        self._api.check_shown(known.get("private") is False)
        release: Json = {}
        with suppress(Gone):  # 404: it has none
            release = (await self._get("releases/latest")).object()
        commits: list[Json] = []
        with suppress(Gone):  # 409: it is empty
            commits = objects((await self._get("commits", query={"per_page": "1"})).json())
        license_ = text_in(known, "license", "spdx_id")
        return Facts(
            license=license_ if license_ not in {"", "NOASSERTION"} else None,
            stars=count_in(known, "stargazers_count"), forks=count_in(known, "forks_count"),
            language=text_in(known, "language") or None, open_issues=count_in(known, "open_issues_count"),
            archived=known.get("archived") is True, last_release=text_in(release, "tag_name") or None,
            last_release_at=moment(text_in(release, "published_at")),
            last_commit_at=moment(text_in(commits[0], "commit", "committer", "date")) if commits else None,
        )  # fmt: skip

    def link(self, commit: str, path: str) -> str:
        """See `Host`."""
        return f"{self._place.web}/{escaped(f'{self._place.repository}/blob/{commit}/{path}', safe='/')}"

    async def _tree(self, tree: str, *, recursive: bool = False) -> Json:
        return (await self._get(f"git/trees/{tree}", query={"recursive": "1"} if recursive else None)).object()

    async def _get(
        self, path: str, *, query: dict[str, str] | None = None, accept: str = JSON, limit: int | None = None
    ) -> Answer:
        path = f"{self._base}/{path}"
        if limit is None:
            return await self._api.get(path, query, accept=accept)
        return await self._api.get(path, query, accept=accept, limit=limit)

    def _entries(self, tree: Json, prefix: str) -> list[Entry]:
        found = listed(self._api.name, tree.get("tree"))
        if len(found) > MAX_ENTRIES:
            raise UpstreamFailed(f"the repository has more than {MAX_ENTRIES} files and folders")
        return [
            Entry(
                prefix + path_in(each),
                "link" if (mode := text_in(each, "mode")) == _LINK else "module" if mode == _MODULE else "file",
                text_in(each, "sha"), count_in(each, "size"), mode == _PROGRAM,
            )
            for each in found if each.get("type") != "tree"
        ]  # fmt: skip
