"""A Bitbucket Cloud, after its OpenAPI description of API 2.0 (developer.atlassian.com): the `src`, `refs`, `commits`,
`forks`, `issues` and repository operations."""

from tests.support.git_repositories import DAY, LINK, MODULE, NOT_FOUND, PROGRAM, Asked, FakeHost, Json, Reply, Repo


class FakeBitbucketCloud(FakeHost):
    """Serves `/2.0`, `page` entries of a tree at a time."""

    base = "/2.0"
    kind = "bitbucket"

    def __init__(self) -> None:
        super().__init__()
        self.page = 3

    def url(self, web: str, path: str, ref: str = "main") -> str:
        return f"{web}/acme/tools/src/{ref}/{path}".rstrip("/")

    def answer(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[:1] != ["repositories"] or (repo := self.repos.get("/".join(rest[1:3]))) is None:
            return NOT_FOUND
        match rest[3:]:
            case []:
                return Reply(200, self._about(repo))
            case ["refs"]:
                part = asked.query["q"].removeprefix('name ~ "').rstrip('"')
                return Reply(200, {"values": [*self._refs(repo, part)]})
            case ["refs", "tags"]:
                tags: list[Json] = [{"name": name, "target": {"date": DAY}} for name in repo.tags]
                return Reply(200, {"values": [*tags[:1]]})
            case ["commits"]:
                found = repo.find(asked.query["include"])
                return NOT_FOUND if found is None else Reply(200, {"values": [{"hash": found, "date": DAY}]})
            case ["forks"]:
                return Reply(200, {"size": 7, "values": []})
            case ["issues"]:
                return Reply(200, {"size": 3, "values": []})
            case ["src", commit, *path]:
                return self._src(repo, asked, commit, "/".join(path))
        return NOT_FOUND

    def _about(self, repo: Repo) -> Json:
        main: Json = {"mainbranch": {"type": "branch", "name": repo.default}}
        about: Json = {"full_name": repo.name, "language": "python", "has_issues": True, "is_private": False}
        return {**main, **about, **repo.about}

    def _refs(self, repo: Repo, part: str) -> list[Json]:
        return [
            {"type": kind, "name": name, "target": {"hash": commit}}
            for kind, known in (("branch", repo.branches), ("tag", repo.tags))
            for name, commit in known.items() if part in name
        ]  # fmt: skip

    def _src(self, repo: Repo, asked: Asked, commit: str, path: str) -> Reply:
        files = repo.commits.get(commit)
        if files is None:
            return NOT_FOUND
        if path in files:
            if files[path].body.startswith(b"version https://git-lfs"):
                return Reply(301, None, {"location": "https://media.example/lfs"})
            return Reply(200, files[path].body)
        folder = path if path.endswith("/") or not path else ""
        below = sorted(each for each in files if each.startswith(folder))
        listed = [_entry(each, files[each].mode, len(files[each].body)) for each in below]
        if not listed or (path and not folder):
            return NOT_FOUND
        start = int(asked.query.get("page", "0"))
        more = start + self.page < len(listed)
        following: Json = {"next": f"https://elsewhere.example/x?page={start + self.page}"} if more else {}
        return Reply(200, {"values": [*listed[start : start + self.page]], **following})


def _entry(path: str, mode: str, size: int) -> Json:
    attributes = {LINK: ["link"], MODULE: ["subrepository"], PROGRAM: ["executable"]}.get(mode, [])
    return {"type": "commit_file", "path": path, "size": size, "attributes": [*attributes]}
