"""Each of the four fake hosts on loopback, and the registry's reader of Git hosts before it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest

from airegistry.core.git_skills import SkillRead
from airegistry.egress.git_hosts.hosts import GitHosts, declared_kinds, declared_tokens
from airegistry.egress.guard import Guard
from tests.support.asgi import serve
from tests.support.fake_bitbucket_cloud import FakeBitbucketCloud
from tests.support.fake_bitbucket_server import FakeBitbucketServer
from tests.support.fake_github import FakeGitHub
from tests.support.fake_gitlab import FakeGitLab
from tests.support.git_repositories import FakeHost, Files, Repo

FAKES: dict[str, type[FakeHost]] = {
    each.kind: each for each in (FakeGitHub, FakeGitLab, FakeBitbucketCloud, FakeBitbucketServer)
}
SKILL = "---\nname: notes\ndescription: Takes notes of what was said.\n---\nWrite down what was said.\n"


@dataclass
class Desk:
    """A fake host, where it is, and the reader."""

    fake: FakeHost
    kind: str
    web: str
    hosts: GitHosts

    @property
    def name(self) -> str:
        return urlsplit(self.web).netloc

    def repo(self, files: Files) -> Repo:
        """A repository with these files on its default branch."""
        repo = self.fake.repo()
        repo.commit(files)
        return repo

    async def read(self, path: str = "skills/notes/SKILL.md", ref: str = "main") -> SkillRead:
        """The skill at a path, as it is read for the first time."""
        read = await self.hosts.read(self.fake.url(self.web, path, ref))
        assert read is not None
        return read


@asynccontextmanager
async def opened(kind: str, token: str = "") -> AsyncIterator[Desk]:
    """A desk with a host of one kind; the reader has a token for it, if one is given."""
    fake = FAKES[kind]()
    async with serve(fake) as web:
        name = urlsplit(web).netloc
        tokens = declared_tokens(f"{name}={token}" if token else "")
        async with GitHosts(Guard(loopback=True), kinds=declared_kinds([f"{name}={kind}"]), tokens=tokens) as hosts:
            yield Desk(fake, kind, web, hosts)


@pytest.fixture(params=list(FAKES))
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    async with opened(request.param) as made:
        yield made
