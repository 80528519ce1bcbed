"""The servers of the catalog as the MCP Registry API shows them: every version by itself, under a name in reverse DNS.

Who asks sees what he sees elsewhere. Nobody in particular (`ANONYMOUS`) sees the public assets, or those of them that
carry one of the tags that are open to everybody.
"""

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Literal
from urllib.parse import unquote, urlsplit

from airegistry.core.access import Access
from airegistry.core.assets import Json, Server
from airegistry.core.catalog import Catalog
from airegistry.core.errors import AccessDenied, Invalid, NotFound
from airegistry.core.ports import AnyAsset, Clock
from airegistry.core.principals import Principal
from airegistry.core.published_walk import LATEST, PublishedWalk, Wanted
from airegistry.core.server_json import document_of, name_of, path_of
from airegistry.core.server_versions import order_of
from airegistry.core.shelf import Shelf, key_of
from airegistry.core.versions import deprecation_of, is_over
from airegistry.core.visibility import Visibility

ANONYMOUS = Principal(subject="anonymous", client="anonymous")
"""Whoever reads without a token where that is allowed."""
Status = Literal["active", "deprecated", "deleted"]
Found = tuple[Server, Sequence[Server]]
"""The default version of a server, and versions of it in order."""
MESSAGE = 500
"""Characters of a message that goes with a status."""
_CURSOR = re.compile(r"([a-z0-9][a-z0-9._-]{0,63})@([A-Za-z0-9][A-Za-z0-9._+-]{0,63})")


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a server: its `server.json`, and what the registry says of it."""

    server: Server
    document: Json
    status: Status
    message: str | None
    changed: datetime
    latest: bool


@dataclass(frozen=True, slots=True)
class Entries:
    """A page of a list, and the cursor of the next one."""

    entries: Sequence[Entry]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Showing:
    """How servers are shown. `namespace` is for those that have no name in reverse DNS. `gateway` is where callers call
    through the registry: it takes the place of servers' own URLs, which are shown where it is empty. `open_tags` narrow
    what nobody in particular sees."""

    namespace: str
    gateway: str = ""
    open_tags: frozenset[str] = frozenset()


def namespace_of_url(url: str) -> str:
    """The host of a URL in reverse DNS: `com.example.registry` of `https://registry.example.com`."""
    host = urlsplit(url).hostname or "localhost"
    with suppress(ValueError):
        host = ip_address(host).reverse_pointer
    return ".".join(reversed(host.split(".")))


class Published:
    """Reads the catalog for the MCP Registry API."""

    def __init__(
        self, catalog: Catalog, shelf: Shelf, access: Access, visibility: Visibility, clock: Clock, showing: Showing
    ) -> None:
        self._catalog = catalog
        self._servers = PublishedWalk(shelf, access, visibility, showing.namespace)
        self._access = access
        self._clock = clock
        self._showing = showing

    async def list(self, who: Principal, wanted: Wanted, *, limit: int, cursor: str | None = None) -> Entries:
        """A page of the entries the caller may see, in order of path, then of version from the highest down.

        Raises:
            Invalid: the cursor is none of this registry's.
        """
        found: list[Entry] = []
        async for head, versions in self._walk(who, wanted, limit, cursor):
            for server in versions:
                if not self._fits(server, head, wanted):
                    continue
                entry = self.entry(server, head)
                if entry.status == "deleted" and not wanted.deleted:
                    continue
                if wanted.since is not None and max(server.updated_at, entry.changed) <= wanted.since:
                    continue
                if len(found) == limit:
                    last = found[-1].server
                    return Entries(found, f"{last.path}@{last.version}")
                found.append(entry)
        return Entries(found, None)

    async def versions(self, who: Principal, name: str, *, deleted: bool = False) -> Sequence[Entry]:
        """All versions of a server that the caller may see, the highest first.

        Raises:
            NotFound: there is no such server, none the caller may know of, or none of its versions is left.
        """
        head = await self.head(who, name)
        beside = [server for server in (await self._beside(who, [head]))[head.path] if self._shown(who, server)]
        shown = [self.entry(server, head) for server in _ordered([head, *beside])]
        entries = [entry for entry in shown if deleted or entry.status != "deleted"]
        if not entries:
            raise _no_server(name)
        return entries

    async def version(self, who: Principal, name: str, version: str, *, deleted: bool = False) -> Entry:
        """One version of a server, `latest` for the one that is served by default.

        Raises:
            NotFound: there is no such server or version, or none the caller may know of.
        """
        head = await self.head(who, name)
        version = unquote(version)
        with suppress(NotFound, AccessDenied):
            found = await self._catalog.get(who, "server", head.path, head.version if version == LATEST else version)
            if isinstance(found, Server) and self._shown(who, found):
                entry = self.entry(found, head)
                if deleted or entry.status != "deleted":
                    return entry
        raise NotFound(f"server {name[:200]!r} has no version {version[:80]!r}")

    async def head(self, who: Principal, name: str) -> Server:
        """The version of a server that is served by default, by the server's name.

        Raises:
            NotFound: there is none, or none the caller may know of.
        """
        name = unquote(name)  # some clients escape it twice
        with suppress(NotFound, AccessDenied, Invalid):
            found = await self._catalog.get(who, "server", self.path(name))
            if isinstance(found, Server) and self.name(found) == name and self._shown(who, found):
                return found
        raise _no_server(name)

    def path(self, name: str) -> str:
        """The path of a server by its name in reverse DNS.

        Raises:
            Invalid: there is none.
        """
        return path_of(name, own=self._showing.namespace)

    def name(self, server: Server) -> str:
        """The name of a server in reverse DNS."""
        return name_of(server, self._showing.namespace)

    def entry(self, server: Server, head: Server) -> Entry:
        """A version of a server as it is shown; `head` is the one that is served by default."""
        latest, over = server.version == head.version, is_over(server, self._clock.now())
        gateway, endpoint = self._showing.gateway, None
        if gateway and server.callable:
            endpoint = f"{gateway}/{server.path}{'' if latest else f'@{server.version}'}/mcp"
        document = document_of(server, namespace=self._showing.namespace, endpoint=endpoint, upstream=not gateway)
        status, message, changed = _standing(server, over)
        return Entry(server, document, status, message and message[:MESSAGE], changed, latest)

    async def _walk(self, who: Principal, wanted: Wanted, limit: int, cursor: str | None) -> AsyncIterator[Found]:
        """Servers the caller may see, with their versions: those after a cursor."""
        after = key_of("server", "")
        if cursor is not None:
            path, last = _opened(cursor)
            after = key_of("server", path)
            if wanted.version != LATEST:
                async for head, versions in self._rest(who, wanted, path):
                    yield head, [server for server in versions if order_of(server.version) < order_of(last)]
        tags = self._showing.open_tags if who == ANONYMOUS else frozenset[str]()
        async for heads in self._servers.heads(who, wanted, tags, after, limit + 1):
            for found in await self._with_versions(who, heads, wanted):
                yield found

    async def _rest(self, who: Principal, wanted: Wanted, path: str) -> AsyncIterator[Found]:
        """The server that a page ended in, unless it went since."""
        with suppress(NotFound, AccessDenied):
            head = await self._catalog.get(who, "server", path)
            if isinstance(head, Server) and head.enabled and self._open(who, head):
                for found in await self._with_versions(who, [head], wanted):
                    yield found

    async def _with_versions(self, who: Principal, heads: Sequence[Server], wanted: Wanted) -> Sequence[Found]:
        if wanted.version == LATEST:
            return [(head, [head]) for head in heads]
        beside = await self._beside(who, heads)
        return [(head, _ordered([head, *(server for server in beside[head.path] if server.enabled)])) for head in heads]

    async def _beside(self, who: Principal, heads: Sequence[Server]) -> Mapping[str, Sequence[Server]]:
        """By path the versions beside the default ones, none of them where there are none."""
        beside = await self._servers.beside(who, heads)
        return {
            head.path: [server for server in beside.get(head.path, ()) if self._open(who, server)] for head in heads
        }

    def _fits(self, server: Server, head: Server, wanted: Wanted) -> bool:
        number = head.version if wanted.version == LATEST else wanted.version
        if number is not None and server.version != number:
            return False
        said = (self.name(server), server.title or "", server.description)
        return not wanted.search or any(wanted.search.lower() in each.lower() for each in said)

    def _shown(self, who: Principal, server: Server) -> bool:
        """Whether a version that was asked for by name is shown: what is disabled to those who may change it."""
        return self._open(who, server) and (server.enabled or self._access.allows(who, "update", server))

    def _open(self, who: Principal, asset: AnyAsset) -> bool:
        """Whether an asset is open to everybody, if that is who asks."""
        tags = self._showing.open_tags
        return who != ANONYMOUS or not tags or not tags.isdisjoint(asset.tags)


def _opened(cursor: str) -> tuple[str, str]:
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise Invalid(f"cursor {cursor[:80]!r} is none of this registry's", field="cursor")
    return found[1], found[2]


def _ordered(servers: Iterable[Server]) -> Sequence[Server]:
    return sorted(servers, key=lambda server: order_of(server.version), reverse=True)


def _no_server(name: str) -> NotFound:
    return NotFound(f"no server named {name[:200]!r}")


def _standing(server: Server, over: bool) -> tuple[Status, str | None, datetime]:
    """The status of a version, why, and since when."""
    if server.stage == "retired":
        return "deleted", server.stage_reason, server.stage_since or server.updated_at
    deprecation = deprecation_of(server)
    if deprecation is None:
        return "active", None, server.created_at
    message = server.stage_reason if server.stage == "deprecated" else deprecation.message
    if over and deprecation.sunset is not None:
        return "deleted", message, deprecation.sunset
    return "deprecated", message or (deprecation.successor and f"use {deprecation.successor}"), deprecation.since
