"""A Bitbucket Data Center, after its OpenAPI description (rest/api/1.0): `browse`, `raw`, `commits`, `tags` and the
repository itself. It tells of no modes: a symbolic link is a file whose text is where it leads."""

from tests.support.git_repositories import MODULE, NOT_FOUND, Asked, FakeHost, Json, Reply, Repo


class FakeBitbucketServer(FakeHost):
    """Serves `/rest/api/1.0`, `page` entries of a folder at a time."""

    base = "/rest/api/1.0"
    kind = "bitbucket-server"

    def __init__(self) -> None:
        super().__init__()
        self.page = 2

    def url(self, web: str, path: str, ref: str = "main") -> str:
        return f"{web}/projects/acme/repos/tools/browse/{path}?at={ref}"

    def answer(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[:1] != ["projects"] or len(rest) < 4 or (repo := self.repos.get(f"{rest[1]}/{rest[3]}")) is None:
            return NOT_FOUND
        match rest[4:]:
            case []:
                return Reply(200, {"slug": "tools", "archived": False, "public": True, **repo.about})
            case ["commits"]:
                found = repo.find(asked.query.get("until"))
                if found is None:
                    return NOT_FOUND
                return Reply(200, {"values": [{"id": found, "committerTimestamp": 1_793_520_000_000}]})
            case ["tags"]:
                tags: list[Json] = [{"displayId": name, "latestCommit": commit} for name, commit in repo.tags.items()]
                return Reply(200, {"values": [*tags[:1]]})
            case ["raw", *path]:
                commit = repo.find(asked.query.get("at"))
                blob = repo.commits[commit].get("/".join(path)) if commit else None
                return NOT_FOUND if blob is None else Reply(200, blob.body)
            case ["browse", *path]:
                return self._browse(repo, asked, "/".join(path))
        return NOT_FOUND

    def _browse(self, repo: Repo, asked: Asked, folder: str) -> Reply:
        commit = repo.find(asked.query.get("at"))
        if commit is None:
            return NOT_FOUND
        files = repo.commits[commit]
        if folder in files:
            return Reply(200, {"lines": [{"text": "…"}], "isLastPage": True})
        prefix = f"{folder}/" if folder else ""
        listed: dict[str, Json] = {}
        for path, blob in sorted(files.items()):
            name, _, more = path[len(prefix) :].partition("/") if path.startswith(prefix) else ("", "", "")
            if name and more:
                listed[name] = {"path": {"name": name}, "type": "DIRECTORY"}
            elif name:
                kind = "SUBMODULE" if blob.mode == MODULE else "FILE"
                listed[name] = {"path": {"name": name}, "type": kind, "contentId": blob.id, "size": len(blob.body)}
        if not listed:
            return NOT_FOUND
        start = int(asked.query["start"])
        last = start + self.page >= len(listed)
        page: Json = {"values": [*[*listed.values()][start : start + self.page]], "isLastPage": last}
        following: Json = {} if last else {"nextPageStart": start + self.page}
        return Reply(200, {"path": {"name": folder}, "children": {**page, **following}})
