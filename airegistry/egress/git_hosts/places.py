"""What a URL of a Git host points at: repository, and a file or folder in it at some branch, tag or commit.

A URL is read by its form. Hosts whose form is not their own alone (GitHub Enterprise) have to be declared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from airegistry.core.errors import Invalid
from airegistry.egress.guard import parse_url

HostKind = Literal["github", "gitlab", "bitbucket", "bitbucket-server"]
KINDS: tuple[HostKind, ...] = get_args(HostKind)
Namespace = Literal["heads", "tags", ""]

_KNOWN: Mapping[str, HostKind] = {"github.com": "github", "gitlab.com": "gitlab", "bitbucket.org": "bitbucket"}
_RAW = "raw.githubusercontent.com"
_VERBS = frozenset({"blob", "raw", "tree"})
_MAX_PARTS = 40


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL points. `host` names it and its token, `web` and `api` are base URLs without a slash at the end.

    `rest` is reference and path in one, since both may hold slashes; where the URL states the reference apart, it is
    `at`, and `rest` is the path alone. `namespace` says whether it is a branch or a tag, where the URL does. `file`:
    it is a file for sure.
    """

    kind: HostKind
    host: str
    web: str
    api: str
    repository: str
    rest: str = ""
    at: str | None = None
    apart: bool = False
    namespace: Namespace = ""
    file: bool = False


@dataclass(frozen=True, slots=True)
class _Url:
    """A URL taken apart. `parts` are the segments of its path, decoded."""

    scheme: str
    host: str
    parts: Sequence[str]
    query: Mapping[str, str]

    @property
    def web(self) -> str:
        return f"{self.scheme}://{self.host}"


def place_of(url: str, kinds: Mapping[str, HostKind]) -> Place | None:
    """The place that a URL points at; None when it is none of a Git host. `kinds` are of declared hosts.

    Raises:
        Invalid: it is one, with a path that is none of a repository.
    """
    try:
        target = parse_url(url)
    except Invalid:
        return None
    parts = unquote(urlsplit(url).path).split("/")[1:]  # an encoded slash is one: else `..%2f` would be one segment
    if parts and parts[-1] == "":
        parts.pop()
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    host = str(target).removeprefix("www.")
    asked = _Url(target.scheme, host, parts, query)
    kind = kinds.get(host) or _known(host)
    place = _READ[kind](asked) if kind is not None else _by_form(asked, kinds)
    if place is not None:
        check_segments([*parts, *place.repository.split("/"), *(place.at.split("/") if place.at else ())])
    return place


def _known(host: str) -> HostKind | None:
    return "github" if host.endswith(".ghe.com") and host.count(".") == 2 else _KNOWN.get(host)


def _by_form(url: _Url, kinds: Mapping[str, HostKind]) -> Place | None:
    """A place at a host that is not known: raw content of GitHub, or a form that no other host has."""
    parts, web = url.parts, url.host.removeprefix("raw.")
    if url.host == _RAW or (web != url.host and kinds.get(web) == "github"):
        host = "github.com" if url.host == _RAW else web
        return _github_file(_Url(url.scheme, host, parts, {}), parts[:2], parts[2:]) if len(parts) > 3 else None
    if "-" in parts and set(parts[parts.index("-") + 1 :][:1]) <= _VERBS and parts[-1] != "-":
        return _gitlab(url)
    return _bitbucket_server(url) if {"browse", "raw"} & set(parts) else None


def _github(url: _Url) -> Place | None:
    parts = list(url.parts)
    if len(parts) > 4 and parts[0] == "raw" and parts[2] not in _VERBS:  # GitHub Enterprise without subdomains
        return _github_file(url, parts[1:3], parts[3:])
    if len(parts) == 2:
        return _placed(url, "github", _github_api(url), parts[:2])
    if len(parts) < 4 or parts[2] not in _VERBS:
        return None
    if parts[2] == "tree":
        return _placed(url, "github", _github_api(url), parts[:2], parts[3:])
    return _github_file(url, parts[:2], parts[3:])


def _github_file(url: _Url, repository: Sequence[str], rest: Sequence[str]) -> Place:
    return _placed(url, "github", _github_api(url), repository, rest, file=True)


def _github_api(url: _Url) -> str:
    if url.host == "github.com":
        return "https://api.github.com"
    return f"{url.scheme}://api.{url.host}" if url.host.endswith(".ghe.com") else f"{url.web}/api/v3"


def _gitlab(url: _Url) -> Place | None:
    parts, api = url.parts, f"{url.web}/api/v4"
    if "-" in parts:
        cut = parts.index("-")
        verb, rest = (parts[cut + 1 :][:1] or [""])[0], parts[cut + 2 :]
    else:  # as it was before GitLab 12
        cut = next((number for number, part in enumerate(parts) if number > 1 and part in _VERBS), len(parts))
        verb, rest = (parts[cut:][:1] or [""])[0], parts[cut + 1 :]
    if cut < 2 or (verb and (verb not in _VERBS or not rest)):
        return None
    namespace: Namespace = "tags" if url.query.get("ref_type") == "tags" else ""
    return _placed(url, "gitlab", api, parts[:cut], rest, namespace=namespace, file=verb in {"blob", "raw"})


def _bitbucket(url: _Url) -> Place | None:
    parts, api = url.parts, "https://api.bitbucket.org/2.0"
    if url.host != "bitbucket.org":
        api = f"{url.web}/2.0"
    if len(parts) == 2 or (len(parts) == 3 and parts[2] == "src"):
        return _placed(url, "bitbucket", api, parts[:2])
    if len(parts) < 4 or parts[2] not in {"src", "raw"}:
        return None
    at = url.query.get("at")
    if at:  # then the segment before the path is the commit that the branch was at
        return _placed(url, "bitbucket", api, parts[:2], parts[4:], at=at)
    return _placed(url, "bitbucket", api, parts[:2], parts[3:])


def _bitbucket_server(url: _Url) -> Place | None:
    parts = url.parts
    for cut in range(len(parts) - 3):
        if parts[cut] in {"projects", "users"} and parts[cut + 2] == "repos":
            verb, path = (parts[cut + 4 :][:1] or ["browse"])[0], parts[cut + 5 :]
            if verb not in {"browse", "raw"}:
                return None
            key = parts[cut + 1] if parts[cut] == "projects" else f"~{parts[cut + 1].removeprefix('~')}"
            api = "/".join([url.web, *parts[:cut], "rest/api/1.0"])
            at = url.query.get("at")
            return _placed(url, "bitbucket-server", api, [key, parts[cut + 3]], path, at=at or None, apart=True)
    return None


def _placed(
    url: _Url, kind: HostKind, api: str, repository: Sequence[str], rest: Sequence[str] = (), *, at: str | None = None,
    apart: bool = False, namespace: Namespace = "", file: bool = False,
) -> Place:  # fmt: skip
    last = repository[-1].removesuffix(".git") if repository else ""
    known, rest = "/".join([*repository[:-1], last]), list(rest)
    for prefix, of in (("refs/heads/", "heads"), ("refs/tags/", "tags")):
        if at is not None and at.startswith(prefix):
            at, namespace = at.removeprefix(prefix), "heads" if of == "heads" else "tags"
        elif at is None and not apart and rest[:2] == prefix.strip("/").split("/") and len(rest) > 2:
            rest, namespace = rest[2:], "heads" if of == "heads" else "tags"
    path = "/".join(rest)
    return Place(kind, url.host, url.web, api, known, path, at, apart or at is not None, namespace, file)


_READ = {"github": _github, "gitlab": _gitlab, "bitbucket": _bitbucket, "bitbucket-server": _bitbucket_server}


def check_segments(parts: Sequence[str]) -> None:
    """Refuse segments of paths and references that two readers could take for two places.

    Raises:
        Invalid: one of them is such.
    """
    if len(parts) > _MAX_PARTS:
        raise Invalid("the URL is too many folders deep", field="url")
    for part in parts:
        if part in {"", ".", ".."} or "\\" in part or not part.isprintable() or set(part) & set("?#"):
            raise Invalid("the URL has a path or a reference that no repository has", field="url")
