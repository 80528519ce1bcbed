"""A GitHub Enterprise Server, after `github/rest-api-description` (api.github.com, 2022-11-28): the `repos`, `commits`,
`git/matching-refs`, `git/trees`, `git/blobs` and `releases/latest` operations."""

from tests.support.git_repositories import DAY, MODULE, NOT_FOUND, Asked, FakeHost, Json, Reply, Repo


class FakeGitHub(FakeHost):
    """Serves `/api/v3`. `truncated` trees are those of repositories that are too large for one answer."""

    base = "/api/v3"
    kind = "github"

    def __init__(self) -> None:
        super().__init__()
        self.truncated = False
        self.annotated: set[str] = set()

    def url(self, web: str, path: str, ref: str = "main") -> str:
        return f"{web}/acme/tools/{'blob' if path.endswith('.md') else 'tree'}/{ref}/{path}".rstrip("/")

    def answer(self, asked: Asked, rest: list[str]) -> Reply:
        if rest[:1] != ["repos"] or (repo := self.repos.get("/".join(rest[1:3]))) is None:
            return NOT_FOUND
        match rest[3:]:
            case []:
                return Reply(200, self._about(repo))
            case ["commits"]:
                return Reply(200, [{"sha": repo.find(None), "commit": {"committer": {"date": DAY}}}])
            case ["commits", *ref]:
                found = repo.find("/".join(ref))
                return Reply(422, {"message": "No commit found"}) if found is None else Reply(200, found.encode())
            case ["releases", "latest"]:
                return Reply(200, {"tag_name": "v2.0.0", "published_at": DAY}) if repo.tags else NOT_FOUND
            case ["git", "matching-refs", kind, *name]:
                known = repo.branches if kind == "heads" else repo.tags
                found_ = [each for each in known if each.startswith("/".join(name))]
                return Reply(200, [self._ref(kind, each, known[each]) for each in found_])
            case ["git", "trees", tree]:
                return self._tree(repo, tree, recursive="recursive" in asked.query)
            case ["git", "blobs", id]:
                blob = repo.blob(id)
                raw = asked.headers["accept"] == "application/vnd.github.raw+json"
                return NOT_FOUND if blob is None or not raw else Reply(200, blob.body)
        return NOT_FOUND

    def _about(self, repo: Repo) -> Json:
        return {
            "full_name": repo.name, "default_branch": repo.default, "license": {"key": "mit", "spdx_id": "MIT"},
            "stargazers_count": 42, "forks_count": 7, "language": "Python", "open_issues_count": 3, "archived": False,
            "private": False, **repo.about,
        }  # fmt: skip

    def _ref(self, kind: str, name: str, commit: str) -> Json:
        tagged = name in self.annotated
        return {"ref": f"refs/{kind}/{name}", "object": {"type": "tag" if tagged else "commit",
                                                         "sha": "a" * 40 if tagged else commit}}  # fmt: skip

    def _tree(self, repo: Repo, tree: str, *, recursive: bool) -> Reply:
        """Trees are named after their commit and folder here, as real ones are by a hash of what is in them."""
        commit, _, number = (tree[:8], "", tree[8:]) if tree not in repo.commits else (tree[:8], "", "")
        found = next((each for each in repo.commits if each.startswith(commit)), None)
        if found is None:
            return NOT_FOUND
        folders = sorted({path.rpartition("/")[0] for path in self._with_parents(repo.commits[found])})
        folder = folders[int(number, 16)] if number else ""
        prefix = f"{folder}/" if folder else ""
        listed: list[Json] = []
        for path, blob in repo.commits[found].items():
            if path.startswith(prefix) and (recursive or "/" not in path[len(prefix) :]):
                kind = "commit" if blob.mode == MODULE else "blob"
                listed.append({"path": path[len(prefix) :], "mode": blob.mode, "type": kind, "sha": blob.id,
                               "size": len(blob.body)})  # fmt: skip
        for number_, each in enumerate(folders):
            inside = each[len(prefix) :] if each.startswith(prefix) and each != folder else ""
            if inside and (recursive or "/" not in inside):
                sha = f"{found[:8]}{number_:032x}"
                listed.append({"path": inside, "mode": "040000", "type": "tree", "sha": sha})
        truncated = self.truncated and recursive and not folder
        return Reply(200, {"sha": tree, "tree": [*listed[: 1 if truncated else None]], "truncated": truncated})

    @staticmethod
    def _with_parents(paths: object) -> list[str]:
        found: list[str] = []
        for path in paths if isinstance(paths, dict) else ():
            parts = str(path).split("/")
            found += ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return found
