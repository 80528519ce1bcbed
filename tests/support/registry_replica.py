"""A replica of the official MCP registry, after its API description and the behaviour of its code.

Lists in order of name and version, `name:version` as cursor, a cursor after every full page; `updated_since` is
exclusive and tells of deleted versions too; `search` looks into names; a version that is published becomes the latest.
It can be as slow to talk to as the real one on a bad day: 429 with Retry-After, 503, and answers cut in the middle.
"""

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.support.asgi import serve

Json = dict[str, Any]
Trouble = Literal["busy", "broken", "cut"]
OFFICIAL = "io.modelcontextprotocol.registry/official"
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Row:
    """A version as the registry keeps it."""

    server: Json
    published: datetime
    updated: datetime
    status: str = "active"
    message: str | None = None
    changed: datetime | None = None
    latest: bool = False

    def shown(self) -> Json:
        """The row as the API answers with it."""
        meta = {
            "status": self.status,
            "statusChangedAt": _text(self.changed or self.published),
            "publishedAt": _text(self.published),
            "updatedAt": _text(self.updated),
            "isLatest": self.latest,
        }
        return {"server": self.server, "_meta": {OFFICIAL: {**meta, **_given(statusMessage=self.message)}}}


class Replica:
    """The rows and the API over them. `trouble` is asked at each request by its number from 1; `asked` are the URLs.

    `prefixes` are the versions of the API there are. `token` is wanted of callers where there is one.
    """

    def __init__(
        self, documents: Iterable[Json] = (), *, prefixes: Sequence[str] = ("v0.1", "v0"), apart: float = 1.0
    ) -> None:  # fmt: skip
        """The documents were published in their order, `apart` seconds one after the other, long ago."""
        self.rows: dict[tuple[str, str], Row] = {}
        self.trouble: Callable[[int], Trouble | None] = lambda number: None
        self.asked: list[str] = []
        self.token: str | None = None
        self.retry_after = "0"
        self._order: list[tuple[str, str]] = []
        for number, document in enumerate(documents):
            self.publish(document, at=LONG_AGO + timedelta(seconds=number * apart))
        routes = [
            route
            for prefix in prefixes
            for route in (
                Route(f"/{prefix}/servers", self._list),
                Route(f"/{prefix}/servers/{{name:path}}/versions", self._versions),
            )
        ]
        self.app = Starlette(routes=routes)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """The replica on a loopback port; yields its URL."""
        async with serve(self.app) as url:
            yield url

    def publish(self, document: Json, *, at: datetime | None = None) -> None:
        """Publish a version, which is the latest then; of one that is there the document is replaced."""
        now = at or datetime.now(UTC)
        key = (document["name"], document["version"])
        if key in self.rows:
            self.rows[key].server, self.rows[key].updated = document, now
            return
        for row in self.versions(key[0]):
            row.latest = False  # without touching `updated`, as the registry's own code does it
        self.rows[key] = Row(document, published=now, updated=now, latest=True)
        self._order = []

    def set_status(self, name: str, status: str, *, version: str | None = None, message: str | None = None) -> None:
        """Deprecate, delete or bring back a server or one version; the newest that is left is the latest."""
        now = datetime.now(UTC)
        for row in self.versions(name):
            if version in (None, row.server["version"]):
                row.status, row.message, row.updated, row.changed = status, message, now, now
        left = [row for row in self.versions(name) if row.status != "deleted"]
        for row in self.versions(name):
            row.latest = bool(left) and row is max(left, key=lambda one: one.published)

    def versions(self, name: str) -> Sequence[Row]:
        """The rows of a server."""
        return [row for (of, _), row in self.rows.items() if of == name]

    async def _list(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        query = request.query_params
        limit = int(query.get("limit", "30"))
        if not 1 <= limit <= 100:
            return _problem(422, "expected number between 1 and 100")
        since = datetime.fromisoformat(query["updated_since"]) if "updated_since" in query else None
        keys = self._ordered()
        start = bisect_right(keys, tuple(query["cursor"].split(":", 1))) if "cursor" in query else 0
        found: list[Row] = []
        for key in keys[start:]:
            row = self.rows[key]
            if len(found) < limit and self._fits(row, query.get("search", ""), query.get("version"), since):
                found.append(row)
        metadata: Json = {"count": len(found)}
        if len(found) == limit:
            metadata["nextCursor"] = f"{found[-1].server['name']}:{found[-1].server['version']}"
        return self._answer({"servers": [row.shown() for row in found], "metadata": metadata})

    async def _versions(self, request: Request) -> Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        rows = [row for row in self.versions(request.path_params["name"]) if row.status != "deleted"]
        if not rows:
            return _problem(404, "Server not found")
        rows.sort(key=lambda row: row.published, reverse=True)
        return self._answer({"servers": [row.shown() for row in rows], "metadata": {"count": len(rows)}})

    def _ordered(self) -> list[tuple[str, str]]:
        if not self._order:
            self._order = sorted(self.rows)
        return self._order

    def _fits(self, row: Row, search: str, version: str | None, since: datetime | None) -> bool:
        if since is None and row.status == "deleted":
            return False
        if since is not None and row.updated <= since:
            return False
        if search.lower() not in row.server["name"].lower():
            return False
        return version is None or (row.latest if version == "latest" else row.server["version"] == version)

    def _refusal(self, request: Request) -> Response | None:
        self.asked.append(str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""))
        if self.token is not None and request.headers.get("authorization") != f"Bearer {self.token}":
            return _problem(401, "Invalid or expired token")
        trouble = self.trouble(len(self.asked))
        if trouble == "busy":
            return JSONResponse({"title": "Too Many Requests"}, 429, {"retry-after": self.retry_after})
        return _problem(503, "upstream unavailable") if trouble == "broken" else None

    def _answer(self, body: Json) -> Response:
        whole = JSONResponse(body)
        if self.trouble(len(self.asked)) != "cut":
            return whole
        length = len(whole.body)

        async def half() -> AsyncIterator[bytes]:
            yield bytes(whole.body[: length // 2])
            raise ConnectionAbortedError("cut")

        return StreamingResponse(half(), headers={"content-length": str(length)}, media_type="application/json")


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"title": detail, "status": status, "detail": detail}, status)


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _given(**members: object) -> Json:
    return {name: value for name, value in members.items() if value is not None}
