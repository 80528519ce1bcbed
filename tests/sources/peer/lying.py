"""A peer that says whatever a test wants it to."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airegistry.core.sources import Offer, OfferPage, SourceConfig
from airegistry.egress.guard import Guard
from airegistry.sources.peer import Peers
from tests.support.asgi import serve

Json = dict[str, Any]
REGISTRY = "a" * 32
OTHER = "b" * 32
TOKEN = "token-of-the-peer"


def a_server(path: str, /, **fields: object) -> Json:
    """The body of a server with one tool and one version."""
    tool = {"name": "forecast", "description": f"Forecasts at {path}.", "inputSchema": {"type": "object"}}
    version = {"name": path, "version": "1.0.0", "url": "http://127.0.0.1:9/mcp", "tools": [tool], **fields}
    return {"via": [], "versions": [version]}


class LyingPeer:
    """Serves `bodies` by id as an honest peer would, page after page of `size`, unless a test overrides a part of it.

    `digests` stand in for honest ones; `pages` for the listing; `answers` for the assets; `refusal` for everything.
    `seen` are the requests: path, query and authorization. `asked` are the ids whose bodies were asked for.
    """

    def __init__(self, bodies: Mapping[str, Json] | None = None) -> None:
        self.bodies: dict[str, Any] = dict(bodies or {})
        self.digests: dict[str, str] = {}
        self.pages: Sequence[object] | None = None
        self.answers: object = None
        self.refusal: Response | None = None
        self.gateway = True
        self.registry = REGISTRY
        self.size = 100
        self.seen: list[tuple[str, dict[str, str], str | None]] = []
        self.asked: list[str] = []

    def app(self) -> Starlette:
        """The peer as an application."""
        return Starlette(
            routes=[
                Route("/api/v1/federation/changes", self._changes),
                Route("/api/v1/federation/assets", self._assets, methods=["POST"]),
            ]
        )

    def _note(self, request: Request) -> None:
        query = dict(request.query_params)
        self.seen.append((request.url.path, query, request.headers.get("authorization")))

    async def _changes(self, request: Request) -> Response:
        self._note(request)
        if self.refusal is not None:
            return self.refusal
        at = int(request.query_params.get("after", "0"))
        if self.pages is not None:
            return JSONResponse(self.pages[min(at, len(self.pages) - 1)])
        ids = [*self.bodies]
        items = [{"id": id, "digest": self.digests.get(id) or self.digest(id)} for id in ids[at : at + self.size]]
        following = str(at + self.size) if at + self.size < len(ids) else None
        return JSONResponse({"registry": self.registry, "gateway": self.gateway, "items": items, "next": following})

    def digest(self, id: str) -> str:
        """An honest digest."""
        return str(hash(orjson.dumps(self.bodies[id])))

    async def _assets(self, request: Request) -> Response:
        self._note(request)
        if self.refusal is not None:
            return self.refusal
        ids = orjson.loads(await request.body())["ids"]
        self.asked += ids
        if self.answers is not None:
            return JSONResponse(self.answers)
        items = [{"id": id, "body": self.bodies[id]} for id in ids if id in self.bodies]
        return JSONResponse({"registry": self.registry, "items": items, "left": []})


class Reader:
    """Reads one peer, pass after pass, as the core does."""

    def __init__(self, url: str, guard: Guard | None = None, secrets: Json | None = None, **options: object) -> None:
        self.config = SourceConfig("a-peer", "peer", url, options, secrets or {"token": TOKEN})  # type: ignore[arg-type]  # JSON, as tests give it
        self.driver = Peers(guard or Guard(loopback=True))
        self.mark: str | None = None
        self.pages: list[OfferPage] = []

    async def read(self, *, whole: bool = False) -> list[Offer]:
        """One pass; all that it offers."""
        self.pages = []
        async with self.driver.open(self.config) as source:
            since = None if whole else self.mark
            page = await source.page(since, None)
            self.pages.append(page)
            while page.after is not None:
                page = await source.page(since, page.after)
                self.pages.append(page)
        self.mark = page.mark
        return [offer for each in self.pages for offer in each.offers]


@asynccontextmanager
async def reading(peer: LyingPeer, **options: object) -> AsyncIterator[Reader]:
    """A reader of a peer that is served on loopback."""
    async with serve(peer.app()) as url:
        yield Reader(url, **options)  # type: ignore[arg-type]  # options of the peer
