"""What is outside the core, as tests have it: backends by URL, and nobody who takes messages."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio

from airegistry.core.assets import Json, Server, Tool
from airegistry.core.errors import Invalid, UpstreamFailed
from airegistry.core.lane import Answered
from airegistry.core.ports import NOBODY, Audience, Description, Renew, UpstreamResult
from airegistry.core.repository_facts import Facts


class NoPost:
    """Carries no message anywhere."""

    def check_url(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid(f"{url} is none that may be called", field="url")

    async def send(self, url: str, headers: dict[str, str], body: bytes) -> Answered:
        return Answered(None, "out of reach")


class NoRepositories:
    """Knows no repository: see `Repositories`."""

    def repository(self, url: str) -> str | None:
        return None

    async def facts(self, url: str) -> Facts:
        raise Invalid(f"{url} is none of a Git host", field="url")


Answer = Callable[[str, Json], UpstreamResult]


def _done(method: str, params: Json) -> UpstreamResult:
    return UpstreamResult({"content": [], "echo": params}, None)


class FakeNetwork:
    """The `Backends` and `Upstream` ports over a table: tools and texts by URL; other URLs are out of reach."""

    def __init__(self) -> None:
        self.tools: dict[str, Sequence[Tool]] = {}
        self.texts: dict[str, str] = {}
        self.described: list[str] = []
        self.sent: list[dict[str, str]] = []
        self.called: list[tuple[str, str, Json, str | None]] = []
        self.answer: Answer = _done
        self.pause: Callable[[], Awaitable[None]] = anyio.lowlevel.checkpoint
        self.before_describe: Callable[[], object] = lambda: None

    async def describe(self, server: Server, headers: Mapping[str, str] = {}) -> Description:
        self.described.append(server.path)
        self.sent.append(dict(headers))
        outcome = self.before_describe()
        if hasattr(outcome, "__await__"):
            await outcome
        if server.url not in self.tools:
            raise UpstreamFailed(f"{server.url} is out of reach")
        return Description(self.tools[server.url], [], [], [], "Be kind.", {"name": server.path}, "2026-07-28")

    async def ping(self, server: Server, headers: Mapping[str, str] = {}) -> None:
        if server.url not in self.tools:
            raise UpstreamFailed(f"{server.url} is out of reach")

    async def list_tools(self, server: Server, headers: Mapping[str, str] = {}) -> Sequence[Tool]:
        return (await self.describe(server, headers)).tools

    async def reach(self, url: str) -> None:
        if url not in self.tools and url not in self.texts:
            raise UpstreamFailed(f"{url} is out of reach")

    async def fetch_text(self, url: str, *, limit: int) -> str:
        if url not in self.texts:
            raise UpstreamFailed(f"{url} is out of reach")
        return self.texts[url]

    def check_url(self, url: str) -> None:
        if not url.startswith("https://"):
            raise Invalid(f"{url} is none that may be fetched", field="url")

    async def request(
        self, server: Server, headers: Mapping[str, str], method: str, params: Json, *, timeout: float,
        owner: str | None = None, audience: Audience = NOBODY, renew: Renew | None = None,
    ) -> UpstreamResult:  # fmt: skip
        self.called.append((server.path, method, params, owner))
        answer = self.answer(method, params)
        await self.pause()
        return answer
