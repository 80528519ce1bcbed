"""What URLs of Git hosts point at."""

import pytest

from airegistry.core.errors import Invalid
from airegistry.egress.git_hosts.hosts import declared_kinds, declared_tokens
from airegistry.egress.git_hosts.places import Place, place_of

GHE = {"git.corp.example": "github", "code.corp.example": "gitlab", "bb.corp.example": "bitbucket-server"}
KINDS = declared_kinds([f"{host}={kind}" for host, kind in GHE.items()])
GITHUB, CLOUD = "https://api.github.com", "https://api.bitbucket.org/2.0"


def at(url: str) -> tuple[str, str, str, str, str | None, bool]:
    place = place_of(url, KINDS)
    assert place is not None
    return place.kind, place.api, place.repository, place.rest, place.at, place.file


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("https://github.com/o/r", ("github", GITHUB, "o/r", "", None, False)),
        ("https://www.github.com/o/r.git", ("github", GITHUB, "o/r", "", None, False)),
        ("https://github.com/o/r/blob/main/a/SKILL.md", ("github", GITHUB, "o/r", "main/a/SKILL.md", None, True)),
        ("https://github.com/o/r/raw/main/a/SKILL.md", ("github", GITHUB, "o/r", "main/a/SKILL.md", None, True)),
        ("https://github.com/o/r/tree/feature/x/a/", ("github", GITHUB, "o/r", "feature/x/a", None, False)),
        ("https://raw.githubusercontent.com/o/r/main/a/SKILL.md",
         ("github", GITHUB, "o/r", "main/a/SKILL.md", None, True)),
        ("https://raw.githubusercontent.com/o/r/refs/heads/main/a.md",
         ("github", GITHUB, "o/r", "main/a.md", None, True)),
        ("https://acme.ghe.com/o/r/tree/main", ("github", "https://api.acme.ghe.com", "o/r", "main", None, False)),
        ("https://git.corp.example/o/r/blob/main/S%20x.md",
         ("github", "https://git.corp.example/api/v3", "o/r", "main/S x.md", None, True)),
        ("https://raw.git.corp.example/o/r/main/a.md",
         ("github", "https://git.corp.example/api/v3", "o/r", "main/a.md", None, True)),
        ("https://git.corp.example/raw/o/r/main/a.md",
         ("github", "https://git.corp.example/api/v3", "o/r", "main/a.md", None, True)),
        ("https://gitlab.com/g/s/p", ("gitlab", "https://gitlab.com/api/v4", "g/s/p", "", None, False)),
        ("https://gitlab.com/g/s/p/-/blob/main/a/SKILL.md",
         ("gitlab", "https://gitlab.com/api/v4", "g/s/p", "main/a/SKILL.md", None, True)),
        ("https://anywhere.example:8443/g/p/-/raw/main/a.md",
         ("gitlab", "https://anywhere.example:8443/api/v4", "g/p", "main/a.md", None, True)),
        ("https://code.corp.example/g/p/-/tree/v1/a?ref_type=tags",
         ("gitlab", "https://code.corp.example/api/v4", "g/p", "v1/a", None, False)),
        ("https://gitlab.com/g/p/raw/main/a.md",
         ("gitlab", "https://gitlab.com/api/v4", "g/p", "main/a.md", None, True)),
        ("https://bitbucket.org/w/r/src/main/a/", ("bitbucket", CLOUD, "w/r", "main/a", None, False)),
        ("https://bitbucket.org/w/r/src/0a1b2c/a/SKILL.md?at=feature%2Fx",
         ("bitbucket", CLOUD, "w/r", "a/SKILL.md", "feature/x", False)),
        ("https://bb.corp.example/projects/P/repos/r/browse/a?at=refs%2Fheads%2Ffeature%2Fx",
         ("bitbucket-server", "https://bb.corp.example/rest/api/1.0", "P/r", "a", "feature/x", False)),
        ("https://any.example/ctx/users/ann/repos/r/raw/a.md",
         ("bitbucket-server", "https://any.example/ctx/rest/api/1.0", "~ann/r", "a.md", None, False)),
    ],
)  # fmt: skip
def test_a_url_is_read_by_its_form(url: str, where: tuple[str, str, str, str, str | None, bool]) -> None:
    assert at(url) == where


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/SKILL.md", "https://github.com/o", "https://github.com/o/r/issues/1",
        "https://github.com/o/r/releases/download/v1/a.zip", "https://gitlab.com/g/p/-/archive/main/p.zip",
        "https://gitlab.com/g", "https://bitbucket.org/w/r/get/main.zip", "https://unknown.example/o/r/blob/main/a.md",
        "https://bb.corp.example/projects/P/repos/r/archive?at=main", "https://git.corp.example/api/v3/repos/o",
        "ftp://github.com/o/r", "https://user:secret@github.com/o/r", "https://raw.githubusercontent.com/o/r/main",
    ],
)  # fmt: skip
def test_other_urls_are_none_of_a_repository(url: str) -> None:
    assert place_of(url, KINDS) is None


@pytest.mark.parametrize(
    "path",
    [
        "o/r/blob/main/../../x/SKILL.md", "o/r/blob/main/%2e%2e/SKILL.md", "o/r/tree/main/.", "../r/tree/main/a",
        "o/r/blob/main//SKILL.md", "o/r/blob/main/a%5Cb.md", "o/r/blob/main/a%00.md", "o/r/blob/main/a%0d%0a.md",
        "o/r/blob/main/x%2f..%2f..%2fy/SKILL.md", "o/r/tree/..%2f..%2f..%2fuser", "o/...git",
        "o/.git", "o/..git/tree/main", "o/r/blob/main/a%2f%2fb/SKILL.md",
        "o/r/blob/main/a%3Fat=x", "o/r/blob/" + "a/" * 60 + "b",
    ],
)  # fmt: skip
def test_a_path_that_two_readers_could_take_for_two_is_refused(path: str) -> None:
    with pytest.raises(Invalid):
        place_of(f"https://github.com/{path}", KINDS)


def test_an_encoded_slash_is_a_slash() -> None:
    assert at("https://github.com/o/r/tree/feature%2Fx%2Fa")[3] == "feature/x/a"
    assert place_of("https://github.com/o%2Fr%2Ftree", {}) is None
    for hidden in ("https://bitbucket.org/w/r/src/main/..%2f..%2fx?at=main",
                   "https://any.example/x%2f..%2fy/projects/K/repos/r/browse/p?at=m",
                   "https://gitlab.com/..%2f..%2fuser/p/-/tree/main/a"):  # fmt: skip
        with pytest.raises(Invalid):
            place_of(hidden, {})


def test_a_tag_of_gitlab_is_a_tag() -> None:
    place = place_of("https://gitlab.com/g/p/-/tree/v1/a?ref_type=tags", {})
    assert isinstance(place, Place)
    assert place.namespace == "tags"


def test_hosts_and_tokens_are_stated_one_by_one() -> None:
    tokens = declared_tokens("github.com=abc, git.corp.example:8443=x=y\n# a remark\n\ngitlab.com=t0")
    assert {host: each.get_secret_value() for host, each in tokens.items()} == {
        "github.com": "abc", "git.corp.example:8443": "x=y", "gitlab.com": "t0",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["github.com", "=abc", "https://github.com=abc", "github.com=a b", "github.com="])
def test_a_token_that_is_stated_otherwise_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        declared_tokens(text)
    assert "abc" not in refusal.value.message


@pytest.mark.parametrize("entry", ["git.corp.example", "git.corp.example=gitea", "https://x=github", "=github"])
def test_a_host_of_no_known_kind_is_refused(entry: str) -> None:
    with pytest.raises(Invalid):
        declared_kinds([entry])
