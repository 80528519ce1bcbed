"""Whole repositories of skills, at each of the four fake hosts."""

from collections.abc import AsyncIterator

import pytest

from airegistry.core.assets import Skill
from airegistry.core.errors import CredentialRefused, Invalid, RateLimited, UpstreamFailed
from airegistry.core.git_skills import Gone
from airegistry.core.sources import Offer, OfferPage, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.open import Drivers
from airegistry.sources.skills import PAGE, fits
from tests.egress.git_hosts.conftest import FAKES, Desk, opened
from tests.support.git_repositories import LINK, Blob, Files, Reply

pytestmark = pytest.mark.anyio
TOKEN = "t0ken-of-the-source"


def skill(name: str, text: str = "Do it.") -> str:
    return f"---\nname: {name}\ndescription: Does what {name} does.\n---\n{text}\n"


FILES: Files = {
    "README.md": "Read me.", "skills/alpha/SKILL.md": skill("alpha"), "skills/alpha/a.md": "A.",
    "skills/beta/SKILL.md": skill("beta"), "more/deep/gamma/SKILL.md": skill("gamma"),
}  # fmt: skip


@pytest.fixture(params=list(FAKES))
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with opened(request.param) as made:
        yield made


def config(desk: Desk, path: str = "", *, token: str | None = None, **options: object) -> SourceConfig:
    whole = "projects/acme/repos/tools/browse" if desk.kind == "bitbucket-server" else "acme/tools"
    url = desk.fake.url(desk.web, path) if path else f"{desk.web}/{whole}"
    secrets = {} if token is None else {"token": token}
    return SourceConfig("tools", "skills", url, {"host": desk.kind, **options}, {**secrets})  # type: ignore[dict-item]  # JSON


async def passed(config: SourceConfig, since: str | None = None) -> tuple[list[Offer], OfferPage, bool]:
    """All offers of a pass, its last page, and whether it was whole."""
    drivers = Drivers(Guard(loopback=True))
    drivers.check(config)
    offers: list[Offer] = []
    async with drivers.open(config) as source:
        page = await source.page(since, None)
        whole = page.whole
        offers += page.offers
        while page.after is not None:
            page = await source.page(since, page.after)
            offers += page.offers
    return offers, page, whole


async def test_a_first_pass_offers_each_folder_with_a_skill(desk: Desk) -> None:
    commit = desk.repo(FILES).branches["main"]
    offers, page, whole = await passed(config(desk))
    assert whole
    assert [offer.id for offer in offers] == ["more/deep/gamma", "skills/alpha", "skills/beta"]
    (alpha,) = offers[1].versions
    assert isinstance(alpha, Skill)
    assert (alpha.path, alpha.name, alpha.content, alpha.files) == ("alpha", "alpha", skill("alpha"), {"a.md": "A."})
    assert alpha.pinned is not None
    assert alpha.pinned["commit"] == commit
    assert commit in str(alpha.provenance.url)
    assert alpha.tags == ["GIT"]
    assert str(page.mark).startswith(commit)


TREES = {"github": "/git/trees/", "gitlab": "/tree", "bitbucket": "/src/", "bitbucket-server": "/browse"}
WITHOUT_A_LIST = {
    "nothing": Reply(200, {"children": {}}),
    "no list": Reply(200, {"tree": {}, "values": "", "children": {"values": {}}}),
    "no objects": Reply(200, {"tree": [7], "values": [7], "children": {"values": [7]}}),
    "an end that is none": Reply(200, {"values": [], "next": "https://elsewhere.example/x", "truncated": True,
                                       "tree": [], "children": {"values": [], "isLastPage": False}}),
}  # fmt: skip


@pytest.mark.parametrize("said", list(WITHOUT_A_LIST))
async def test_what_is_no_whole_list_of_files_does_not_pass_for_an_empty_repository(desk: Desk, said: str) -> None:
    desk.repo(FILES)
    _, page, _ = await passed(config(desk))
    desk.repo({**FILES, "skills/beta/SKILL.md": skill("beta", "Otherwise.")})
    desk.fake.fault = lambda asked: WITHOUT_A_LIST[said] if TREES[desk.kind] in asked.path else None
    for since in (None, page.mark):
        with pytest.raises(UpstreamFailed):
            await passed(config(desk), since)


async def test_a_page_of_gitlab_that_leads_nowhere_is_not_the_last_one() -> None:
    async with opened("gitlab") as desk:
        desk.repo(FILES)
        nowhere = Reply(200, [], {"link": '<https://elsewhere.example/x?y=1>; rel="next"'})
        desk.fake.fault = lambda asked: nowhere if asked.path.endswith("/tree") else None
        with pytest.raises(UpstreamFailed):
            await passed(config(desk))


async def test_a_folder_that_github_left_out_of_a_list_is_not_gone() -> None:
    async with opened("github") as desk:
        desk.repo(FILES)
        cut = Reply(200, {"tree": [], "truncated": True})
        desk.fake.fault = lambda asked: cut if "/git/trees/" in asked.path else None
        with pytest.raises(UpstreamFailed):
            await passed(config(desk, "skills"))


async def test_a_reference_that_leaves_the_repository_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid):
        Drivers(Guard(loopback=True)).check(config(desk, ref="../../../user"))


async def test_a_pass_whose_branch_did_not_move_costs_a_request_and_says_nothing(desk: Desk) -> None:
    desk.repo(FILES)
    asked = config(desk)
    _, page, _ = await passed(asked)
    desk.fake.asked.clear()
    offers, again, whole = await passed(asked, page.mark)
    assert (offers, again.mark, whole) == ([], page.mark, False)
    assert len(desk.fake.asked) <= (2 if desk.kind == "bitbucket" else 1)


async def test_a_pass_after_a_commit_tells_what_changed_and_what_is_gone(desk: Desk) -> None:
    repo, asked = desk.repo(FILES), config(desk)
    before, page, _ = await passed(asked)
    kept = {path: text for path, text in FILES.items() if "gamma" not in path}
    repo.commit({**kept, "skills/alpha/a.md": "Other."})
    desk.fake.asked.clear()
    offers, _, whole = await passed(asked, page.mark)
    if desk.kind == "bitbucket":  # its trees name no contents: all are read, and what did not change says so
        assert whole
        digests = {offer.id: offer.digest for offer in before}
        assert [(each.id, each.digest == digests[each.id]) for each in offers] == [
            ("skills/alpha", False), ("skills/beta", True),
        ]  # fmt: skip
        return
    assert not whole
    assert [(offer.id, len(offer.versions)) for offer in offers] == [("skills/alpha", 1), ("more/deep/gamma", 0)]
    changed = offers[0].versions[0]
    assert isinstance(changed, Skill)
    assert changed.files == {"a.md": "Other."}
    assert not any("beta" in path for path in desk.fake.paths if "blobs" in path or "raw" in path)


async def test_a_history_that_was_written_anew_is_read_as_a_whole(desk: Desk) -> None:
    repo, asked = desk.repo(FILES), config(desk)
    _, page, _ = await passed(asked)
    repo.commit({"skills/beta/SKILL.md": skill("beta", "Otherwise.")})
    del repo.commits[str(page.mark).partition(" ")[0]]
    offers, _, whole = await passed(asked, page.mark)
    assert ([offer.id for offer in offers], whole) == (["skills/beta"], True)


async def test_other_patterns_are_another_pass(desk: Desk) -> None:
    desk.repo(FILES)
    _, page, _ = await passed(config(desk))
    offers, _, whole = await passed(config(desk, patterns=["skills/*/SKILL.md"]), page.mark)
    assert ([offer.id for offer in offers], whole) == (["skills/alpha", "skills/beta"], True)


async def test_a_folder_of_a_repository_is_a_source_and_so_is_a_branch(desk: Desk) -> None:
    repo = desk.repo(FILES)
    repo.commit({"skills/delta/SKILL.md": skill("delta")}, "feature/x")
    assert [offer.id for offer in (await passed(config(desk, "more")))[0]] == ["more/deep/gamma"]
    assert [offer.id for offer in (await passed(config(desk, ref="feature/x")))[0]] == ["skills/delta"]


async def test_what_cannot_be_a_skill_is_refused_with_its_reason_and_the_others_come(desk: Desk) -> None:
    link = Blob(b"../../..", LINK) if desk.kind != "bitbucket-server" else "no frontmatter"
    three = skill("three") if isinstance(link, Blob) else link
    desk.repo({
        **FILES, "bad/one/SKILL.md": "no frontmatter", "bad/two/SKILL.md": skill("two"), "bad/two/a:b": "x",
        "bad/three/SKILL.md": three, "bad/three/l": link,
    })  # fmt: skip
    offers, _, _ = await passed(config(desk))
    refused = {offer.id: offer.refused for offer in offers if offer.refused}
    assert list(refused) == ["bad/one", "bad/three", "bad/two"]
    assert "frontmatter" in refused["bad/one"]
    assert "a:b" in refused["bad/two"]
    assert sum(bool(offer.versions) for offer in offers) == 3


async def test_skills_of_one_name_wish_for_paths_of_their_own() -> None:
    async with opened("github") as desk:
        desk.repo({"a/x/SKILL.md": skill("x"), "b/x/SKILL.md": skill("x"), "SKILL.md": skill("root")})
        offers, _, _ = await passed(config(desk))
        assert [(each.id, each.versions[0].path) for each in offers] == [(".", "tools"), ("a/x", "x"), ("b/x", "x-b")]


async def test_many_skills_come_in_pages() -> None:
    async with opened("github") as desk:
        desk.repo({f"s/n{number:03}/SKILL.md": skill(f"n{number:03}") for number in range(PAGE + 3)})
        offers, page, _ = await passed(config(desk))
        assert (len(offers), page.after, bool(page.mark)) == (PAGE + 3, None, True)


@pytest.mark.parametrize("kind", list(FAKES))
async def test_a_source_shows_its_own_token(kind: str) -> None:
    async with opened(kind) as desk:
        desk.repo(FILES)
        desk.fake.authorization = f"Bearer {TOKEN}"
        assert len((await passed(config(desk, token=TOKEN)))[0]) == 3
        with pytest.raises(Gone):
            await passed(config(desk))


@pytest.mark.parametrize(
    ("status", "error"), [(401, CredentialRefused), (403, CredentialRefused), (404, Invalid), (429, RateLimited),
                          (503, UpstreamFailed)],
)  # fmt: skip
async def test_a_host_that_refuses_in_the_middle_of_a_pass_ends_it(
    desk: Desk, status: int, error: type[Exception]
) -> None:
    desk.repo(FILES)
    desk.fake.fault = lambda asked: Reply(status, {}) if "commits" in asked.path else None
    with pytest.raises(error):
        await passed(config(desk))
    desk.fake.fault = lambda asked: (
        Reply(500, {}) if any(word in asked.path for word in ("blobs", "raw", "a.md")) else None
    )
    with pytest.raises(UpstreamFailed):
        await passed(config(desk))


@pytest.mark.parametrize(
    ("url", "options", "secrets", "field"),
    [
        ("https://example.com/x", {}, {}, "url"),
        ("https://github.com/o/r/blob/main/SKILL.md", {}, {}, "url"),
        ("https://github.com/o/r/tree/main", {"ref": "v1"}, {}, "ref"),
        ("https://github.com/o/r", {"patterns": []}, {}, "patterns"),
        ("https://github.com/o/r", {"patterns": ["/etc/*"]}, {}, "patterns.0"),
        ("https://github.com/o/r", {"unknown": 1}, {}, "unknown"),
        ("https://github.com/o/r", {"host": "gitea"}, {}, "host"),
        ("https://github.com/o/r", {}, {"token": ""}, "token"),
        ("http://10.0.0.7/g/p/-/tree/main", {}, {}, "url"),
        ("http://gitlab.example/g/p", {"host": "gitlab"}, {"token": "x"}, "url"),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_read_is_not_kept(
    url: str, options: dict[str, object], secrets: dict[str, object], field: str
) -> None:
    drivers = Drivers(Guard())
    with pytest.raises(Invalid) as refusal:
        drivers.check(SourceConfig("s", "skills", url, {**options}, {**secrets}))  # type: ignore[dict-item]  # as people state it
    assert str(refusal.value.field).startswith(field.partition(".")[0])


@pytest.mark.parametrize(
    ("path", "pattern", "fit"),
    [
        ("SKILL.md", "**/SKILL.md", True), ("a/b/SKILL.md", "**/SKILL.md", True), ("a/SKILL.md", "*/SKILL.md", True),
        ("a/b/SKILL.md", "*/SKILL.md", False), ("skills/a/SKILL.md", "skills/*/SKILL.md", True),
        ("skills/a/b/SKILL.md", "skills/**/SKILL.md", True), ("skills/a/SKILL.md", "skills/b*/SKILL.md", False),
        ("x/skills/a/SKILL.md", "skills/**", False), ("a/b/c/d/SKILL.md", "a/**/c/**/SKILL.md", True),
        ("/".join("a" * 30) + "/SKILL.md", "/".join(["**", "a"] * 25) + "/b", False),
    ],
)  # fmt: skip
def test_patterns_go_folder_by_folder(path: str, pattern: str, fit: bool) -> None:
    assert fits(path, pattern) is fit
