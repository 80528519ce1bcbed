"""`/.well-known/ai-catalog.json`: the servers that are open to everybody, as an AI Catalog.

After the draft 1.0 of the Agent Card working group (`specification/ai-catalog.md` in `Agent-Card/ai-catalog`), level 2.
Its media type for a `server.json` is that of the draft's pull request 54.
"""

from urllib.parse import quote, urlsplit

import anyio
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from airegistry.core.assets import Json
from airegistry.core.ports import Clock
from airegistry.core.published import ANONYMOUS, Entry, Published
from airegistry.core.published_walk import LATEST, Wanted
from airegistry.rest.registry_answers import moment, told

PATH = "/.well-known/ai-catalog.json"
MEDIA_TYPE = "application/ai-catalog+json"
SERVER = "application/mcp-server+json"
MOST = 1000
"""Entries of a catalog; who wants more reads `/v0.1/servers`."""
KEPT = 60.0
"""Seconds for which a catalog is kept: anybody may ask for it, and it is work."""
_PAGE = 100


class AiCatalog:
    """The catalog, made anew at most once a minute. `url` is where the registry is reached."""

    def __init__(self, published: Published, clock: Clock, url: str) -> None:
        self._published = published
        self._clock = clock
        self._url = url
        self._made: tuple[float, bytes] | None = None
        self._making = anyio.Lock()

    def routes(self) -> list[BaseRoute]:
        """Its one route."""
        return [Route(PATH, told(self._catalog), methods=["GET"])]

    async def _catalog(self, request: Request) -> Response:
        async with self._making:
            if self._made is None or self._clock.monotonic() - self._made[0] >= KEPT:
                self._made = self._clock.monotonic(), orjson.dumps(await self._document())
        headers = {"cache-control": f"public, max-age={KEPT:.0f}"}
        return Response(self._made[1], media_type=MEDIA_TYPE, headers=headers)

    async def _document(self) -> Json:
        host = urlsplit(self._url).hostname or "localhost"
        entries: list[Entry] = []
        cursor = None
        while len(entries) < MOST:
            page = await self._published.list(ANONYMOUS, Wanted(LATEST), limit=_PAGE, cursor=cursor)
            entries += page.entries
            if (cursor := page.next_cursor) is None:
                break
        return {
            "specVersion": "1.0",
            "host": {"displayName": host, "identifier": host},
            "entries": [self._entry(entry) for entry in entries[:MOST]],
        }

    def _entry(self, entry: Entry) -> Json:
        """One server. Its name, description and version are in its own document, as the draft prefers it."""
        name = quote(str(entry.document["name"]), safe="")
        said: Json = {
            # Whoever lists an artifact of others identifies it by something of his own, and not by a urn:air.
            "identifier": f"{self._url}/v0.1/servers/{name}",
            "type": SERVER,
            "data": entry.document,
            "updatedAt": moment(entry.server.updated_at),
        }
        if entry.server.tags:
            said["tags"] = [*entry.server.tags]
        return said
