"""The walk through the servers that lists of the MCP Registry API are made of.

What cannot fit what is asked for is passed over as it is stored: to parse every server for the few that fit would
cost a hundred times as much.
"""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from airegistry.core.access import Access
from airegistry.core.assets import Server
from airegistry.core.audience import Audience
from airegistry.core.documents import KEY, Document, Glob, Json, Where
from airegistry.core.principals import Principal
from airegistry.core.server_forms import text
from airegistry.core.shelf import ASSETS, VERSIONS, Shelf, key_of
from airegistry.core.visibility import Visibility

LATEST = "latest"
CHUNK = 500
"""Documents looked at together when most of them may not be asked for."""
_FEW = 50
"""Versions beside a page of default ones that are looked at first: most servers have none."""
_BEGIN = key_of("server", "")
_SECONDS = len("2026-01-01T00:00:00")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries of a list are asked for: of a version (or `latest`), changed after a moment, with a word in name,
    title or description, and with those that are deleted."""

    version: str | None = None
    since: datetime | None = None
    search: str = ""
    deleted: bool = False

    @property
    def narrow(self) -> bool:
        """Whether most servers may not be asked for."""
        return bool(self.search) or self.since is not None or self.version not in (None, LATEST)

    def may_fit(self, namespace: str, body: Json) -> bool:
        """Whether a stored version may be asked for; what can not is not."""
        if self.version not in (None, LATEST) and body.get("version") != self.version:
            return False
        if self.since is not None and not _changed(body, self.since):
            return False
        return not self.search or self._says(namespace, body)

    def _says(self, namespace: str, body: Json) -> bool:
        manifest = body.get("manifest")
        name = manifest.get("name") if isinstance(manifest, dict) else None
        said = f"{namespace}/{body.get('path')}\0{name}\0{body.get('title')}\0{body.get('description')}"
        return self.search.lower() in said.lower()


class PublishedWalk:
    """Reads default versions and those beside them, in order of key. `namespace` is that of servers without a name."""

    def __init__(self, shelf: Shelf, access: Access, visibility: Visibility, namespace: str) -> None:
        self._shelf = shelf
        self._access = access
        self._visibility = visibility
        self._namespace = namespace

    async def heads(
        self, who: Principal, wanted: Wanted, tags: Collection[str], after: str, size: int
    ) -> AsyncIterator[Sequence[Server]]:
        """Default versions that the caller may see, enabled ones after a key with one of some tags if any are named,
        `size` at a time at first, of servers of which some version may be asked for."""
        audience = Audience.of(who, ["server"], self._access, self._visibility)
        where: Where = {KEY: Glob(f"{_BEGIN}*"), "kind": "server", "enabled": True}
        where = {**where, "tags": sorted(tags)} if tags else where
        any_of = audience.any_of
        if wanted.narrow:  # to look at a word is cheaper than the conditions, which those few meet that are left
            where, any_of, size = {}, (), CHUNK
        while audience.kinds:
            found = await self._shelf.stored(ASSETS, where=where, any_of=any_of, after=after, limit=size)
            fitting = await self._fitting(found, wanted, tags) if wanted.narrow else found
            yield [server for server in map(self._server, fitting) if self._visibility.shows(who, server)]
            if len(found) < size or not found[-1].key.startswith(_BEGIN):
                return
            after, size = found[-1].key, min(2 * size, CHUNK)

    async def beside(self, who: Principal, heads: Sequence[Server]) -> Mapping[str, Sequence[Server]]:
        """By path the versions beside default ones that the caller may see."""
        found = defaultdict[str, list[Server]](list)
        by_key = {key_of("server", head.path): head for head in heads}
        async for key, document in self._beside(by_key):
            server = self._server(document)
            # What has the number of the default one is left from a switch.
            if server.version != by_key[key].version and self._visibility.shows(who, server):
                found[server.path].append(server)
        return found

    async def _fitting(self, found: Sequence[Document], wanted: Wanted, tags: Collection[str]) -> Sequence[Document]:
        """Default versions of servers of which some version may be asked for."""
        heads = {head.key: head for head in found if _listed(head.body, tags)}
        fitting = {key for key, head in heads.items() if wanted.may_fit(self._namespace, head.body)}
        if wanted.version != LATEST:
            async for key, document in self._beside(heads):
                if key not in fitting and wanted.may_fit(self._namespace, document.body):
                    fitting.add(key)
        return [head for key, head in heads.items() if key in fitting]

    async def _beside(self, keys: Collection[str]) -> AsyncIterator[tuple[str, Document]]:
        """What lies beside the versions at these keys, each with that key: one walk over all between them."""
        after, end = min(keys, default=""), max((f"{key}A" for key in keys), default="")  # A comes after @
        size = _FEW
        while after < end:
            some = await self._shelf.stored(VERSIONS, after=after, limit=size)
            for document in some:
                if (key := document.key.rpartition("@")[0]) in keys:
                    yield key, document
            after, size = (some[-1].key if len(some) == size else end), min(2 * size, CHUNK)

    def _server(self, document: Document) -> Server:
        server = self._shelf.parsed(document)
        assert isinstance(server, Server)  # nothing else has its key, or its kind
        return server


def _listed(body: Json, tags: Collection[str]) -> bool:
    """Whether a stored asset is a server that lists may show, with one of some tags if any are named."""
    if body.get("kind") != "server" or body.get("enabled") is not True:
        return False
    own = body.get("tags")
    return not tags or (isinstance(own, list) and any(tag in tags for tag in own))


def _changed(body: Json, since: datetime) -> bool:
    """Whether a stored version may have changed after a moment; one on its way out also ends without a change."""
    if body.get("deprecation") is not None or body.get("stage") == "deprecated":
        return True
    moment = text(body.get("updated_at"))
    return not moment.endswith("Z") or moment[:_SECONDS] >= _second(since)


@lru_cache(8)
def _second(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()[:_SECONDS]
