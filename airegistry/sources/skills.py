"""Kind `skills`: the skills of a Git repository, each folder with a SKILL.md that a pattern fits.

A pass whose branch did not move costs one request. One whose branch did compares two trees and reads what differs; at
Bitbucket Cloud, whose trees name no contents, it reads all of them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Annotated

import anyio
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from airegistry.core.assets import Json
from airegistry.core.canonical import digest
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.git_skills import MAIN, Gone, SkillRead, dumped
from airegistry.core.groups import first
from airegistry.core.intake import skill_fields
from airegistry.core.sources import Offer, OfferPage, Source, SourceConfig
from airegistry.core.validation import validated
from airegistry.egress.git_hosts.host import Entry, Host
from airegistry.egress.git_hosts.hosts import GitHosts
from airegistry.egress.git_hosts.places import HostKind, Place, check_segments
from airegistry.egress.git_hosts.reading import Spot, checked, known_digest, pinned_at, read_folder, skill_folder
from airegistry.egress.guard import Guard
from airegistry.sources.reading import FORM, Paths, read

PAGE = 25
"""Skills in one page."""
MAX_SKILLS = 2_000
AT_ONCE = 4
ROOT = "."
"""The id of a skill that lies in no folder of its repository."""
TAG = "GIT"

Pattern = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/\\].*$")]


class Options(BaseModel):
    """Which skills: globs of paths from the root of the repository, where `*` fits within one folder and `**` any
    number of folders. `ref` is a branch, tag or commit, where the URL names none; `host` is the kind of a host of one's
    own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patterns: list[Pattern] = Field(default=["**/SKILL.md"], min_length=1, max_length=100)
    ref: str | None = Field(default=None, min_length=1, max_length=250, pattern=r"^[!-~]+$")
    host: HostKind | None = None


class Secrets(BaseModel):
    """The token of the host, if the repository is not public; `user:password` is sent by Basic."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr | None = Field(default=None, min_length=1, max_length=8192)


class GitSkills:
    """The driver. Fills `sources.open.Driver`."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def check(self, config: SourceConfig) -> None:
        """See `SourceDrivers`."""
        options, hosts = read(Options, config.options), self._hosts(config)
        hosts.host(_place(hosts, config, options))

    @asynccontextmanager
    async def open(self, config: SourceConfig) -> AsyncIterator[Source]:
        """See `SourceDrivers`."""
        options = read(Options, config.options)
        async with self._hosts(config) as hosts:
            place = _place(hosts, config, options)
            yield Pass(hosts.host(place), place, options)

    def _hosts(self, config: SourceConfig) -> GitHosts:
        options, secrets = read(Options, config.options), read(Secrets, config.secrets)
        name = str(self._guard.target(config.url)).removeprefix("www.")
        return GitHosts(
            self._guard, kinds={} if options.host is None else {name: options.host},
            tokens={} if secrets.token is None else {name: secrets.token},
        )  # fmt: skip


def _place(hosts: GitHosts, config: SourceConfig, options: Options) -> Place:
    """The folder that a source is of.

    Raises:
        Invalid: its URL is none of a repository or of a folder in it, or names a reference itself beside its options.
    """
    place = hosts.place(config.url)
    if place is None or place.file:
        raise Invalid("the URL is none of a repository at a Git host, or of a folder in one", field="url")
    if options.ref is None:
        return place
    if place.at is not None or (place.rest and not place.apart):
        raise Invalid("the URL names a branch, tag or commit itself", field="ref")
    check_segments(options.ref.split("/"))
    return replace(place, at=options.ref, apart=True)


@dataclass(slots=True)
class _Plan:
    """What a pass does: skills to read by folder, and those that are gone."""

    spot: Spot
    mark: str
    whole: bool
    folders: Mapping[str, Mapping[str, Entry]] = field(default_factory=dict)
    todo: Sequence[str] = ()
    gone: Sequence[str] = ()


class Pass:
    """One pass over a repository. Fills `core.sources.Source`."""

    def __init__(self, host: Host, place: Place, options: Options) -> None:
        self._host = host
        self._place = place
        self._options = options
        self._paths = Paths("skill")
        self._plan: _Plan | None = None

    async def page(self, since: str | None, after: str | None) -> OfferPage:
        """See `Source`."""
        if after is None:
            self._plan = await self._planned(since)
            for folder in self._plan.folders:
                self._wish(folder)
        plan = self._plan
        if plan is None or (after is not None and not after.isdecimal()):
            raise Invalid("a pass begins at its first page", field="after")
        start = int(after or 0)
        offers = await self._offers(plan, plan.todo[start : start + PAGE])
        following = start + PAGE if start + PAGE < len(plan.todo) else None
        if following is None:
            offers += [Offer(_id(folder)) for folder in plan.gone]
        return OfferPage(
            offers, after=None if following is None else str(following), mark=plan.mark if following is None else None,
            whole=plan.whole,
        )  # fmt: skip

    async def _planned(self, since: str | None) -> _Plan:
        spot = await pinned_at(self._host, self._place)
        form = digest([FORM, [*self._options.patterns], spot.ref, spot.path, self._place.repository])
        mark = f"{spot.commit} {form}"
        before, _, same = (since or "").partition(" ")
        if since == mark:
            return _Plan(spot, mark, whole=False)
        new = await self._folders(spot.commit, spot.path)
        digests = {folder: known_digest(files) for folder, files in new.items()}
        if same != form or None in digests.values():
            return _Plan(spot, mark, whole=True, folders=new, todo=sorted(new))
        try:
            old = {at: known_digest(files) for at, files in (await self._folders(before, spot.path)).items()}
        except Gone:  # the history was written anew
            return _Plan(spot, mark, whole=True, folders=new, todo=sorted(new))
        changed = sorted(folder for folder, known in digests.items() if old.get(folder) != known)
        return _Plan(spot, mark, whole=False, folders=new, todo=changed, gone=sorted(old.keys() - new.keys()))

    async def _folders(self, commit: str, base: str) -> dict[str, dict[str, Entry]]:
        """The files of each skill's folder that a pattern fits."""
        entries = await self._host.tree(commit, base)
        wanted = [
            entry.path.removesuffix(MAIN).rstrip("/") for entry in entries
            if entry.path.rpartition("/")[2] == MAIN and any(fits(entry.path, each) for each in self._options.patterns)
        ]  # fmt: skip
        if len(wanted) > MAX_SKILLS:
            raise UpstreamFailed(f"{self._place.repository} has {len(wanted)} skills; at most {MAX_SKILLS} are taken")
        below = _by_folder(entries, set(wanted))
        return {folder: skill_folder(below[folder], folder) for folder in wanted}

    async def _offers(self, plan: _Plan, folders: Sequence[str]) -> list[Offer]:
        """What some folders offer, a few read at a time."""
        made: dict[str, Offer] = {}
        limiter = anyio.CapacityLimiter(AT_ONCE)

        async def one(folder: str) -> None:
            async with limiter:
                made[folder] = await self._offer(plan, folder)

        try:
            async with anyio.create_task_group() as tasks:
                for folder in folders:
                    tasks.start_soon(one, folder)
        except ExceptionGroup as failed:
            raise first(failed) from failed
        return [made[folder] for folder in folders]

    async def _offer(self, plan: _Plan, folder: str) -> Offer:
        files = plan.folders[folder]
        known = known_digest(files) or ""
        try:
            checked(files)
            skill = await read_folder(self._host, self._place, plan.spot, folder, files)
            asset = validated(self._fields(folder, skill))
        except Invalid as refusal:
            return Offer(_id(folder), digest=known, refused=refusal.message)
        return Offer(_id(folder), [asset], skill.pinned.digest)

    def _fields(self, folder: str, skill: SkillRead) -> Json:
        fields = skill_fields(self._wish(folder), skill.content, dict(skill.texts), skill.url)
        return {
            **fields, "pinned": dumped(skill.pinned), "tags": [TAG], "provenance": {"url": skill.url},
            "repository_url": f"{self._place.web}/{self._place.repository}",
        }  # fmt: skip

    def _wish(self, folder: str) -> str:
        """The path that a skill wishes for: its folder's name, or more of where it lies."""
        repository = self._place.repository.rpartition("/")[2]
        name, *above = [*reversed(folder.split("/")), repository] if folder else [repository]
        return self._paths.of(_id(folder), name, *above)


def fits(path: str, pattern: str) -> bool:
    """Whether a path fits a glob, folder by folder; `**` fits any number of them."""
    return _fits(path.split("/"), [part for part in pattern.split("/") if part])


def _fits(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    """In time of both lengths together: what is reached after each part of the pattern is kept, not tried again."""
    reached = {0}
    for each in wanted:
        if each == "**":
            reached = set(range(min(reached), len(parts) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(parts) and fnmatchcase(parts[at], each)}
        if not reached:
            return False
    return len(parts) in reached


def _by_folder(entries: Sequence[Entry], folders: set[str]) -> dict[str, list[Entry]]:
    """The entries in and below each folder."""
    below: dict[str, list[Entry]] = {folder: [] for folder in folders}
    for entry in entries:
        at = entry.path
        while at:
            at = at.rpartition("/")[0]
            if at in below:
                below[at].append(entry)
    return below


def _id(folder: str) -> str:
    return folder or ROOT
