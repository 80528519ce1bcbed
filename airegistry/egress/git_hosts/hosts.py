"""The Git hosts that the registry reads: which kind each is of, and with which token. Fills the ports of the core."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import get_args

import anyio
from pydantic import SecretStr

from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.git_skills import MAIN, Gone, Pinned, SkillRead
from airegistry.core.repository_facts import Facts
from airegistry.egress.git_hosts.api import Api, Rests
from airegistry.egress.git_hosts.host import Host
from airegistry.egress.git_hosts.places import HostKind, Place, place_of
from airegistry.egress.git_hosts.reading import (
    Spot,
    checked,
    commit_of,
    known_digest,
    pinned_at,
    read_folder,
    skill_folder,
    split,
)
from airegistry.egress.guard import Guard
from airegistry.egress.json_http import JsonHttp

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?|\[[0-9a-f:.]+\](?::[0-9]{1,5})?")
PATIENCE = 180.0
"""Seconds for one skill or the facts of one repository, however slowly each of the answers comes."""
Kinds = Mapping[str, HostKind]
Tokens = Mapping[str, SecretStr]


class GitHosts:
    """Reads skills and facts of repositories. `kinds` and `tokens` are by host, as URLs name it, with its port if that
    is not the usual one. One client, to be closed."""

    def __init__(self, guard: Guard, *, kinds: Kinds | None = None, tokens: Tokens | None = None) -> None:
        self._guard = guard
        self._kinds = kinds or {}
        self._tokens = tokens or {}
        self._rests = Rests()
        self._http: JsonHttp | None = None

    async def __aenter__(self) -> "GitHosts":
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._http is not None:
            await self._http.__aexit__(*exc_info)

    def reads(self, url: str) -> bool:
        """See `SkillHosts`."""
        return self.place(url) is not None

    def place(self, url: str) -> Place | None:
        """Where a URL points; None when it is none of a Git host.

        Raises:
            Invalid: it is one, with a path that is none of a repository.
        """
        return place_of(url, self._kinds)

    def host(self, place: Place) -> Host:
        """The repository of a place, asked with the token of its host.

        Raises:
            Invalid: its host may not be called, or the token would go there in the clear.
        """
        self._guard.check_url(place.api)
        if self._http is None:
            self._http = JsonHttp(self._guard)
        return _MAKERS[place.kind]()(Api(self._http, place.api, self._tokens.get(place.host), self._rests), place)

    async def read(self, url: str, known: Pinned | None = None) -> SkillRead | None:
        """See `SkillHosts`."""
        with _within(PATIENCE):
            return await self._read(url, known)

    async def _read(self, url: str, known: Pinned | None) -> SkillRead | None:
        place = self.place(url)
        if place is None:
            raise Invalid("the URL is none of a Git host", field="url")
        host = self.host(place)
        spot = await self._spot(host, place, known)
        if known is not None and known.commit == spot.commit:
            return None
        folder, main = split(place, spot.path)
        entries = await host.tree(spot.commit, folder)
        files = skill_folder(entries, folder)
        if main not in files:
            raise Gone(f"{place.repository} at {place.host} has no {main[:120]} in {folder[:200]!r}", field="url")
        files = files if main == MAIN else {main: files[main]}
        checked(files)
        if known is not None and known_digest(files) == known.digest:
            return None
        read = await read_folder(host, place, spot, folder, files, main)
        return None if known is not None and read.pinned.digest == known.digest else read

    @staticmethod
    async def _spot(host: Host, place: Place, known: Pinned | None) -> Spot:
        """The place as it is now. Which part of the URL is the reference is known of what was read before."""
        if known is None or (known.host, known.repository) != (place.host, place.repository):
            return await pinned_at(host, place)
        path = place.rest if place.apart else place.rest[len(known.ref) :].removeprefix("/")
        return Spot(known.ref, place.namespace, await commit_of(host, known.ref or None, place.namespace), path)

    def repository(self, url: str) -> str | None:
        """See `Repositories`."""
        try:
            place = self.place(url.removesuffix("/"))
        except Invalid:
            return None
        if place is None or place.repository.count("/") < 1:
            return None
        return f"{place.host}/{place.repository}".lower()

    async def facts(self, url: str) -> Facts:
        """See `Repositories`."""
        place = self.place(url.removesuffix("/"))
        if place is None:
            raise Invalid("the URL is none of a Git host", field="url")
        try:
            with _within(PATIENCE):
                return await self.host(place).facts()
        except Gone:  # in the same words whether there is none, or one that only we see
            raise Gone(f"{place.host} shows no such repository to everybody", field="url") from None


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raises:
    UpstreamFailed: it takes longer.
    """
    try:
        with anyio.fail_after(seconds):
            yield
    except TimeoutError:
        raise UpstreamFailed(f"the Git host was not done within {seconds:g} s") from None


def declared_kinds(entries: Sequence[str]) -> Kinds:
    """The kinds of hosts, stated as `git.example.com=github`.

    Raises:
        Invalid: one is stated otherwise.
    """
    kinds: dict[str, HostKind] = {}
    for entry in entries:
        host, _, wanted = entry.strip().partition("=")
        kind = next((each for each in get_args(HostKind) if each == wanted.strip()), None)
        if kind is None:
            raise Invalid(f"{entry[:80]!r} is not of the form HOST={'|'.join(get_args(HostKind))}", field="GIT_HOSTS")
        kinds[_host(host, "GIT_HOSTS")] = kind
    return kinds


def declared_tokens(text: str) -> Tokens:
    """The tokens of hosts, stated as `github.com=TOKEN`, separated by commas or lines; lines that begin with # aside.

    Raises:
        Invalid: one is stated otherwise; no token is in the message.
    """
    tokens: dict[str, SecretStr] = {}
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for entry in (each.strip() for line in lines for each in line.split(",")):
        if not entry:
            continue
        host, separator, token = entry.partition("=")
        if not separator or not re.fullmatch(r"[!-+\--~]+", token):
            raise Invalid("a token of a Git host is stated as HOST=TOKEN", field="GIT_TOKENS")
        tokens[_host(host, "GIT_TOKENS")] = SecretStr(token)
    return tokens


def _host(text: str, field: str) -> str:
    host = text.strip().lower()
    if not _HOST.fullmatch(host):
        raise Invalid("a Git host is stated as a name or address, with its port if it has one of its own", field=field)
    return host


def _github() -> Callable[[Api, Place], Host]:
    from airegistry.egress.git_hosts.github import GitHub

    return GitHub


def _gitlab() -> Callable[[Api, Place], Host]:
    from airegistry.egress.git_hosts.gitlab import GitLab

    return GitLab


def _bitbucket() -> Callable[[Api, Place], Host]:
    from airegistry.egress.git_hosts.bitbucket_cloud import BitbucketCloud

    return BitbucketCloud


def _bitbucket_server() -> Callable[[Api, Place], Host]:
    from airegistry.egress.git_hosts.bitbucket_server import BitbucketServer

    return BitbucketServer


_MAKERS: Mapping[HostKind, Callable[[], Callable[[Api, Place], Host]]] = {
    "github": _github,
    "gitlab": _gitlab,
    "bitbucket": _bitbucket,
    "bitbucket-server": _bitbucket_server,
}
"""A host's module is imported when it is first asked."""
