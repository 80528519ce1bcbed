"""Skills are read from each of the four hosts: resolved, pinned, within caps, and nothing but what may be taken."""

import hashlib
from dataclasses import replace

import pytest

from airegistry.core.errors import AirError, Invalid, UpstreamFailed
from airegistry.core.git_skills import MAX_FILE, MAX_FILES, Gone, SkillRead
from tests.egress.git_hosts.conftest import SKILL, Desk, opened
from tests.support.fake_github import FakeGitHub
from tests.support.git_repositories import LINK, MODULE, PROGRAM, Asked, Blob, Files, Reply

pytestmark = pytest.mark.anyio
HERE = "skills/notes/"
USUAL: Files = {
    "README.md": "Read me.", f"{HERE}SKILL.md": SKILL, f"{HERE}scripts/run.sh": Blob(b"#!/bin/sh\n", PROGRAM),
    f"{HERE}guide ü.md": "How to.\n", "skills/other/SKILL.md": SKILL.replace("notes", "other"),
    "skills/notesier/x.md": "Not of it.",
}  # fmt: skip


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def test_a_skill_is_read_with_its_companions_at_the_commit_of_its_branch(desk: Desk) -> None:
    repo = desk.repo(USUAL)
    read = await desk.read()
    assert (read.content, dict(read.texts)) == (SKILL, {"guide ü.md": "How to.\n", "scripts/run.sh": "#!/bin/sh\n"})
    pinned = read.pinned
    assert (pinned.commit, pinned.ref, pinned.folder) == (repo.branches["main"], "main", "skills/notes")
    assert (pinned.host, pinned.repository) == (desk.name, "acme/tools")
    listed = {file.name: (file.size, file.sha256, file.kept) for file in pinned.files}
    assert listed == {
        "SKILL.md": (len(SKILL), sha256(SKILL), True), "guide ü.md": (8, sha256("How to.\n"), True),
        "scripts/run.sh": (10, sha256("#!/bin/sh\n"), True),
    }  # fmt: skip
    modes = {file.name: file.mode for file in pinned.files}
    assert modes["scripts/run.sh"] == ("100644" if desk.kind == "bitbucket-server" else "100755")
    assert pinned.commit in read.url


async def test_the_folder_the_repository_and_the_file_are_the_same_skill(desk: Desk) -> None:
    desk.repo({"SKILL.md": SKILL, "a.md": "A."})
    whole = await desk.hosts.read(f"{desk.web}/{root(desk)}")
    assert whole is not None
    assert [file.name for file in whole.pinned.files] == ["SKILL.md", "a.md"]
    assert (await desk.read("SKILL.md")).pinned.digest == whole.pinned.digest
    assert (await desk.read("")).pinned.digest == whole.pinned.digest


def root(desk: Desk) -> str:
    return "projects/acme/repos/tools/browse" if desk.kind == "bitbucket-server" else "acme/tools"


async def test_of_references_that_a_url_could_mean_the_longest_is_taken(desk: Desk) -> None:
    repo = desk.repo({"x/skills/notes/SKILL.md": SKILL.replace("said", "wrong")})
    repo.commit({"skills/notes/SKILL.md": SKILL}, "feature/x")
    repo.commit({"skills/notes/SKILL.md": SKILL.replace("said", "longer")}, "feature/x-longer")
    repo.tags["feature"] = repo.branches["main"]
    read = await desk.read("skills/notes/SKILL.md", "feature/x")
    assert (read.content, read.pinned.ref, read.pinned.commit) == (SKILL, "feature/x", repo.branches["feature/x"])


async def test_tags_and_commits_are_read_as_they_are(desk: Desk) -> None:
    repo = desk.repo(USUAL)
    old = repo.tags["v1.0"] = repo.branches["main"]
    if isinstance(desk.fake, FakeGitHub):
        desk.fake.annotated.add("v1.0")
    repo.commit({f"{HERE}SKILL.md": SKILL.replace("said", "new")})
    for ref in ("v1.0", old):
        read = await desk.read(ref=ref)
        assert (read.content, read.pinned.commit) == (SKILL, old)


async def test_a_branch_that_is_named_like_a_commit_does_not_stand_for_it(desk: Desk) -> None:
    repo = desk.repo(USUAL)
    old = repo.branches["main"]
    first = await desk.read(ref=old)
    repo.branches[old] = repo.commit({f"{HERE}SKILL.md": SKILL.replace("said", "new")}, "other")
    with pytest.raises(Gone):
        await desk.read(ref=old)
    with pytest.raises(Gone):
        await desk.hosts.read(desk.fake.url(desk.web, f"{HERE}SKILL.md", old), first.pinned)


async def test_what_is_not_there_is_gone(desk: Desk) -> None:
    desk.repo(USUAL)
    for path, ref in ((f"{HERE}SKILL.md", "nowhere"), ("skills/none/SKILL.md", "main"), ("skills", "main")):
        with pytest.raises(Gone):
            await desk.read(path, ref)
    desk.fake.repos.clear()
    with pytest.raises(Gone):
        await desk.read()


async def test_what_did_not_change_is_not_read_again(desk: Desk) -> None:
    repo = desk.repo(USUAL)
    url, first = desk.fake.url(desk.web, f"{HERE}SKILL.md"), await desk.read()
    desk.fake.asked.clear()
    assert await desk.hosts.read(url, first.pinned) is None
    assert len(desk.fake.asked) == 1
    repo.commit({**USUAL, "README.md": "Another."})  # elsewhere in the repository
    assert await desk.hosts.read(url, first.pinned) is None
    repo.commit({**USUAL, f"{HERE}guide ü.md": "Otherwise.\n"})
    second = await desk.hosts.read(url, first.pinned)
    assert second is not None
    assert second.texts["guide ü.md"] == "Otherwise.\n"


async def test_a_companion_that_became_a_program_is_a_change(desk: Desk) -> None:
    if desk.kind == "bitbucket-server":
        return  # whose API tells of no modes
    repo = desk.repo({"SKILL.md": SKILL, "a.sh": "x"})
    first = await desk.read("SKILL.md")
    repo.commit({"SKILL.md": SKILL, "a.sh": Blob(b"x", PROGRAM)})
    assert await desk.hosts.read(desk.fake.url(desk.web, "SKILL.md"), first.pinned) is not None


async def test_skills_within_a_skill_are_not_its_companions(desk: Desk) -> None:
    desk.repo({"SKILL.md": SKILL, "a.md": "A.", "inner/SKILL.md": SKILL, "inner/b.md": "B."})
    assert dict((await desk.read("SKILL.md")).texts) == {"a.md": "A."}


async def test_what_is_no_text_is_named_and_not_kept_and_an_archive_is_not_even_fetched(desk: Desk) -> None:
    desk.repo({"SKILL.md": SKILL, "logo.png": b"\x89PNG\0\1", "latin.txt": b"\xe9", "all.zip": b"PK\3\4archive"})
    read = await desk.read("SKILL.md")
    assert dict(read.texts) == {}
    listed = {file.name: (file.kept, file.sha256) for file in read.pinned.files}
    assert listed["logo.png"] == (False, hashlib.sha256(b"\x89PNG\0\1").hexdigest())
    assert (listed["latin.txt"][0], listed["all.zip"]) == (False, (False, None))
    zipped = Blob(b"PK\3\4archive").id
    assert not any("all.zip" in path or zipped in path for path in desk.fake.paths)


async def refused(desk: Desk, files: Files) -> str:
    """Why a skill with these files besides is refused."""
    desk.fake.repos.clear()
    desk.repo({"SKILL.md": SKILL, **files})
    with pytest.raises(Invalid) as refusal:
        await desk.read("SKILL.md")
    return refusal.value.message


@pytest.mark.parametrize(
    "name",
    ["a\\b.md", "con.md", "sub/AUX", "a:b", "trailing.", "space /x", ".git/config", "x/.GIT/hooks/a", "git~1/x",
     "tab\t.md", "bell\x07", "q?.md", "a" * 256, "/".join("deepdeeper"), "\u202egnp.md"],
)  # fmt: skip
async def test_names_that_are_not_the_same_file_everywhere_are_refused(desk: Desk, name: str) -> None:
    message = await refused(desk, {name: "x"})
    assert repr(name)[1:9] in message


async def test_names_that_are_one_where_case_does_not_count_are_refused(desk: Desk) -> None:
    assert "one file" in await refused(desk, {"a/Read.md": "1", "a/read.MD": "2"})
    assert "one file" in await refused(desk, {"skill.md": "3"})


async def test_names_that_leave_the_folder_are_refused() -> None:
    for kind in ("github", "gitlab", "bitbucket"):
        async with opened(kind) as desk:
            for name in ("../x", "a/../../x", "./x", "a//x"):
                assert "leaves the folder" in await refused(desk, {name: "x"})


async def test_symbolic_links_and_submodules_are_refused(desk: Desk) -> None:
    if desk.kind == "bitbucket-server":  # tells of no links: what it gives is the text of where the link leads
        desk.repo({"SKILL.md": SKILL, "link": Blob(b"/etc/passwd", LINK)})
        assert (await desk.read("SKILL.md")).texts["link"] == "/etc/passwd"
    else:
        assert "'link' is a symbolic link" in await refused(desk, {"link": Blob(b"/etc/passwd", LINK)})
        desk.repo({"SKILL.md": Blob(b"../other/SKILL.md", LINK)})
        with pytest.raises(Invalid, match="symbolic link"):
            await desk.read("SKILL.md")
    assert "'vendor' is a submodule" in await refused(desk, {"vendor": Blob(b"", MODULE)})


async def test_pointers_of_lfs_are_refused(desk: Desk) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
    desk.repo({"SKILL.md": SKILL, "big.txt": pointer})
    with pytest.raises(AirError, match="LFS" if desk.kind != "bitbucket" else "redirects to another host"):
        await desk.read("SKILL.md")


async def test_files_and_skills_that_are_too_large_are_refused(desk: Desk) -> None:
    desk.repo({"SKILL.md": SKILL, "big.txt": b"x" * (MAX_FILE + 1)})
    with pytest.raises(Invalid, match=str(MAX_FILE)):
        await desk.read("SKILL.md")
    many = {f"{number}.txt": f"{number}" for number in range(MAX_FILES)}
    if desk.kind in {"github", "bitbucket"}:
        assert f"at most {MAX_FILES}" in await refused(desk, many)


async def test_a_tree_that_has_no_end_is_given_up() -> None:
    async with opened("gitlab") as desk:
        desk.repo(USUAL)
        plain = desk.fake.answer

        def endless(asked: Asked, rest: list[str]) -> Reply:
            link = {"link": '<https://x.example/?page_token=0>; rel="next"'}
            return replace(plain(asked, rest), headers=link if rest[-1] == "tree" else {})

        desk.fake.answer = endless  # type: ignore[method-assign]
        with pytest.raises(UpstreamFailed, match="no end"):
            await desk.read()
        assert len(desk.fake.asked) < 10


async def test_a_tree_that_github_cuts_is_walked() -> None:
    async with opened("github") as desk:
        desk.repo(USUAL)
        assert isinstance(desk.fake, FakeGitHub)
        desk.fake.truncated = True
        read: SkillRead = await desk.read()
        assert sorted(read.texts) == ["guide ü.md", "scripts/run.sh"]
        with pytest.raises(Gone):
            await desk.read("skills/none/SKILL.md")


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_a_file_that_is_not_the_one_of_the_tree_is_refused(kind: str) -> None:
    async with opened(kind) as desk:
        repo = desk.repo(USUAL)
        repo.blob = lambda id: Blob(b"something else")  # type: ignore[method-assign]
        with pytest.raises(UpstreamFailed, match="another file"):
            await desk.read()
