"""The two clients: `Registry`, which blocks, and `AsyncRegistry`, which is awaited. They have the same methods."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from types import TracebackType
from typing import Literal, Self
from urllib.parse import urlsplit

import httpx2

from airegistry_client.connection import Connection
from airegistry_client.events import changes
from airegistry_client.groups.access import Access, Groups, Limits, Quarantines, Scopes, TokensGroup, Users
from airegistry_client.groups.assets import Detail
from airegistry_client.groups.identity import Clients, IdentityProviders, TrustedIssuers
from airegistry_client.groups.kinds import Agents, Entities, Servers, Skills, VirtualServers
from airegistry_client.groups.operation import EntityTypes, Index, Sources, Webhooks
from airegistry_client.groups.reviews import Approvals, Audit, Definitions, Kind, Scans
from airegistry_client.groups.tools import Mcp, Tools
from airegistry_client.models.access import Caller
from airegistry_client.models.answer import Answer
from airegistry_client.models.assets import Catalog, Change, FoundTool, SearchAnswer, Usage
from airegistry_client.models.reviews import Health, LogLine
from airegistry_client.modes import Asynchronous, Blocking, Group, M, iterated, operation, run
from airegistry_client.retries import USUAL, Retries
from airegistry_client.tokens import Token
from airegistry_client.transport import AsyncIO, BlockingIO

TIMEOUT = httpx2.Timeout(30, connect=5, read=120)
"""Seconds: a call takes as long as its backend does, and the registry bounds that."""


class Client(Group[M]):
    """A registry as one caller sees it."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.servers: Servers[M] = Servers(connection)
        self.agents: Agents[M] = Agents(connection)
        self.skills: Skills[M] = Skills(connection)
        self.virtual_servers: VirtualServers[M] = VirtualServers(connection)
        self.entities: Entities[M] = Entities(connection)
        self.entity_types: EntityTypes[M] = EntityTypes(connection)
        self.tools: Tools[M] = Tools(connection)
        self.mcp: Mcp[M] = Mcp(connection)
        self.scans: Scans[M] = Scans(connection)
        self.definitions: Definitions[M] = Definitions(connection)
        self.approvals: Approvals[M] = Approvals(connection)
        self.audit: Audit[M] = Audit(connection)
        self.access: Access[M] = Access(connection)
        self.scopes: Scopes[M] = Scopes(connection)
        self.groups: Groups[M] = Groups(connection)
        self.tokens: TokensGroup[M] = TokensGroup(connection)
        self.users: Users[M] = Users(connection)
        self.clients: Clients[M] = Clients(connection)
        self.identity_providers: IdentityProviders[M] = IdentityProviders(connection)
        self.trusted_issuers: TrustedIssuers[M] = TrustedIssuers(connection)
        self.limits: Limits[M] = Limits(connection)
        self.quarantine: Quarantines[M] = Quarantines(connection)
        self.sources: Sources[M] = Sources(connection)
        self.webhooks: Webhooks[M] = Webhooks(connection)
        self.index: Index[M] = Index(connection)

    @operation
    async def search(
        self, query: str, *, kinds: Sequence[Literal["tool"] | Kind] | None = None, limit: int | None = None,
        tags: Sequence[str] | None = None, include_disabled: bool | None = None,
        owner: Sequence[str] | None = None, environment: Sequence[str] | None = None,
        stage: Sequence[str] | None = None, source: Sequence[str] | None = None,
        health: Sequence[Literal["unknown", "healthy", "unhealthy"]] | None = None, by_kind: bool | None = None,
        detail: Detail | None = None,
    ) -> SearchAnswer:  # fmt: skip
        """What fits a query best, of everything that you may see."""
        asked = {
            "query": query, "kinds": kinds, "limit": limit, "tags": tags, "include_disabled": include_disabled,
            "owner": owner, "environment": environment, "stage": stage, "source": source, "health": health,
            "by_kind": by_kind, "detail": detail,
        }  # fmt: skip
        return await self._connection.ask(SearchAnswer, "GET", "/search", query=asked)

    @operation
    async def find_tools(
        self, task: str, *, limit: int | None = None, detail: Detail | None = None
    ) -> Sequence[FoundTool]:
        """The tools for a task, with what calling them takes."""
        query = {"task": task, "limit": limit, "detail": detail}
        return (await self._connection.ask(_FoundTools, "GET", "/search/tools", query=query)).tools

    @operation
    async def browse(
        self, *, query: str | None = None, kinds: Sequence[Kind] | None = None, type: Sequence[str] | None = None,
        tags: Sequence[str] | None = None, owner: Sequence[str] | None = None,
        environment: Sequence[str] | None = None, stage: Sequence[str] | None = None,
        risk: Sequence[str] | None = None, health: Sequence[Literal["unknown", "healthy", "unhealthy"]] | None = None,
        source: Sequence[str] | None = None, include_disabled: bool | None = None, limit: int | None = None,
        cursor: str | None = None,
    ) -> Catalog:  # fmt: skip
        """A page of the catalog in a few lines an asset, and what it could be narrowed by; `cursor` goes on."""
        asked = {
            "query": query, "kinds": kinds, "type": type, "tags": tags, "owner": owner, "environment": environment,
            "stage": stage, "risk": risk, "health": health, "source": source, "include_disabled": include_disabled,
            "limit": limit, "cursor": cursor,
        }  # fmt: skip
        return await self._connection.ask(Catalog, "GET", "/catalog", query=asked)

    @operation
    async def whoami(self) -> Caller:
        """Who you are to the registry, and what you may do."""
        return await self._connection.ask(Caller, "GET", "/me")

    @iterated
    async def logs(
        self, *, since: datetime | None = None, until: datetime | None = None,
        level: Literal["debug", "info", "warning", "error", "critical"] | None = None, logger: str | None = None,
        request_id: str | None = None, subject: str | None = None, text: str | None = None,
        order: Literal["newest", "oldest"] | None = None, page_size: int | None = None,
    ) -> AsyncGenerator[LogLine, None]:  # fmt: skip
        """What the registry itself logged, as far as there is something at this moment."""
        query = {
            "since": since, "until": until, "level": level, "logger": logger, "request_id": request_id,
            "subject": subject, "text": text, "order": order, "limit": page_size,
        }  # fmt: skip
        async for line in self._connection.pages(LogLine, "/logs", "records", query):
            yield line

    @operation
    async def usage(
        self, *, path: str | None = None, kind: Kind | None = None,
        view: Literal["popular", "recent", "unused", "errors", "slow", "periods"] | None = None,
        days: int | None = None, hourly: bool | None = None, limit: int | None = None,
    ) -> Usage:  # fmt: skip
        """How often assets were called, by asset or by period, or what there is of one."""
        query = {"path": path, "kind": kind, "view": view, "days": days, "hourly": hourly, "limit": limit}
        return await self._connection.ask(Usage, "GET", "/usage", query=query)

    @operation
    async def health(self) -> Health:
        """How the registry is, and its backends."""
        return await self._connection.ask(Health, "GET", "/health")

    @iterated
    async def events(self, assets: Sequence[str] = ()) -> AsyncGenerator[Change, None]:
        """What changes from now on, of all assets or of those named as `kind/path`, until you go away.

        A stream that ends is opened again; the first event of it is `reset` then.
        """
        async for change in changes(self._connection, assets):
            yield change


class Registry(Client[Blocking]):
    """A client that blocks, good for any number of threads; to be closed, or used in a `with`.

    `token` is a bearer token, a function that knows one, or `ClientCredentials`. `http` is an HTTP client of your
    own, with its timeouts, proxies and certificates; it stays open.
    """

    def __init__(
        self, url: str, token: Token | None = None, *, timeout: httpx2.Timeout | float = TIMEOUT,
        retries: Retries = USUAL, http: httpx2.Client | None = None,
    ) -> None:  # fmt: skip
        client = http or httpx2.Client(timeout=timeout, trust_env=_beyond(url))
        super().__init__(Connection(url, token, BlockingIO(client, owned=http is None), retries))

    def close(self) -> None:
        """End all connections."""
        run(self._connection.io.close())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncRegistry(Client[Asynchronous]):
    """A client whose methods are awaited, on asyncio or trio; to be closed, or used in an `async with`.

    The arguments are those of `Registry`; a function that knows the token may be a coroutine function here.
    """

    def __init__(
        self, url: str, token: Token | None = None, *, timeout: httpx2.Timeout | float = TIMEOUT,
        retries: Retries = USUAL, http: httpx2.AsyncClient | None = None,
    ) -> None:  # fmt: skip
        client = http or httpx2.AsyncClient(timeout=timeout, trust_env=_beyond(url))
        super().__init__(Connection(url, token, AsyncIO(client, owned=http is None), retries))

    async def close(self) -> None:
        """End all connections."""
        await self._connection.io.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _beyond(url: str) -> bool:
    """Whether a registry is on another machine: a proxy of the environment cannot reach this one's own loopback."""
    return urlsplit(url).hostname not in {"127.0.0.1", "::1", "localhost"}


class _FoundTools(Answer):
    """The tools for a task."""

    tools: tuple[FoundTool, ...]
