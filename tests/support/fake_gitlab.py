"""A GitLab, after its API v4 documentation (doc/api/repositories.md, repository_files.md, commits.md, branches.md,
tags.md, projects.md): trees by keyset pages, blobs, commits, branches and tags by search, releases."""

from urllib.parse import urlencode

from tests.support.git_repositories import DAY, MODULE, NOT_FOUND, Asked, FakeHost, Json, Reply, Repo


class FakeGitLab(FakeHost):
    """Serves `/api/v4`, `page` entries of a tree at a time."""

    base = "/api/v4"
    kind = "gitlab"

    def __init__(self) -> None:
        super().__init__()
        self.page = 3
        self.next_host = ""

    def url(self, web: str, path: str, ref: str = "main") -> str:
        return f"{web}/acme/tools/-/{'blob' if path.endswith('.md') else 'tree'}/{ref}/{path}".rstrip("/")

    def answer(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[:1] != ["projects"] or len(rest) < 2 or (repo := self.repos.get(rest[1])) is None:
            return NOT_FOUND
        match rest[2:]:
            case []:
                return Reply(200, self._about(repo))
            case ["languages"]:
                return Reply(200, {"Shell": 10.5, "Python": 89.5})
            case ["releases"]:
                return Reply(200, [{"tag_name": "v2.0.0", "released_at": DAY}] if repo.tags else [])
            case ["repository", ("branches" | "tags") as kind]:
                known, first = repo.branches if kind == "branches" else repo.tags, asked.query["search"]
                found = [name for name in known if name.startswith(first.removeprefix("^"))]
                return Reply(200, [{"name": name, "commit": {"id": known[name]}} for name in found[:100]])
            case ["repository", "commits"]:
                return Reply(200, [{"id": repo.find(None), "committed_date": DAY}])
            case ["repository", "commits", ref]:
                found_ = repo.find(ref)
                return NOT_FOUND if found_ is None else Reply(200, {"id": found_, "committed_date": DAY})
            case ["repository", "tree"]:
                return self._tree(repo, asked)
            case ["repository", "blobs", id, "raw"]:
                blob = repo.blob(id)
                return NOT_FOUND if blob is None else Reply(200, blob.body)
        return NOT_FOUND

    def _about(self, repo: Repo) -> Json:
        return {
            "path_with_namespace": repo.name, "default_branch": repo.default, "star_count": 42, "forks_count": 7,
            "open_issues_count": 3, "archived": False, "license": {"key": "mit", "name": "MIT License"},
            "visibility": "public", **repo.about,
        }  # fmt: skip

    def _tree(self, repo: Repo, asked: Asked) -> Reply:
        commit, folder = repo.find(asked.query["ref"]), asked.query.get("path", "")
        if commit is None or asked.query.get("recursive") != "true":
            return NOT_FOUND
        prefix = f"{folder}/" if folder else ""
        files = repo.commits[commit]
        listed: list[Json] = [
            {"id": blob.id, "name": path.rpartition("/")[2], "path": path, "mode": blob.mode,
             "type": "commit" if blob.mode == MODULE else "blob"}
            for path, blob in sorted(files.items()) if path.startswith(prefix)
        ]  # fmt: skip
        folders = sorted({path.rpartition("/")[0] for path in files if path.startswith(prefix) and "/" in path})
        listed += [{"id": "b" * 40, "name": each, "path": each, "type": "tree", "mode": "040000"} for each in folders]
        if not listed:
            return NOT_FOUND
        start = int(asked.query.get("page_token", "0"))
        after = {"page_token": str(start + self.page), "per_page": "100", "pagination": "keyset"}
        link = f'<{self.next_host or "https://elsewhere.example"}/api/v4/x?{urlencode(after)}>; rel="next"'
        headers = {"link": link} if start + self.page < len(listed) else {}
        return Reply(200, [*listed[start : start + self.page]], headers)
