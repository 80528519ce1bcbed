"""What peers read over HTTP: the listing page by page, and what of it they ask for."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import get_args

import orjson
from pydantic import Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from airegistry.core.assets import Kind, Model
from airegistry.core.errors import AirError, Invalid
from airegistry.core.peer_feed import ASKED, PAGE, PeerFeed, Wanted
from airegistry.core.validation import invalid
from airegistry.oauth.identity import principal_of
from airegistry.rest.api.answers import refusal

CHANGES, ASSETS = "/api/v1/federation/changes", "/api/v1/federation/assets"
MAX_QUESTION = 65_536
"""Bytes of a question for bodies."""
MAX_TAGS = 64
_KINDS = frozenset(get_args(Kind))
_PARAMETERS = frozenset(("after", "limit", "kinds", "tags", "relay"))
Handler = Callable[[Request], Awaitable[Response]]


class Question(Model):
    """The items whose bodies are asked for."""

    ids: list[str] = Field(max_length=ASKED)


def routes(feed: PeerFeed) -> list[BaseRoute]:
    """The two routes of the feed."""

    @_told
    async def changes(request: Request) -> Response:
        query = request.query_params
        listed = await feed.list(
            principal_of(request.scope), _wanted(query), limit=_limit(query), cursor=query.get("after")
        )
        items = [
            {"id": entry.id, "digest": entry.digest, **({"via": [*entry.via]} if entry.via else {})}
            for entry in listed.entries
        ]
        head = {"registry": await feed.id(), "gateway": bool(feed.url)}
        return _json(orjson.dumps({**head, "items": items, "next": listed.next_cursor}))

    @_told
    async def assets(request: Request) -> Response:
        question = await _question(request)
        found = await feed.bodies(principal_of(request.scope), _wanted(request.query_params), question.ids)
        items = b",".join(item.whole() for item in found.items)
        head = orjson.dumps({"registry": await feed.id(), "left": [*found.left]})
        return _json(b'%b,"items":[%b]}' % (head[:-1], items))

    return [Route(CHANGES, changes, methods=["GET"]), Route(ASSETS, assets, methods=["POST"])]


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def _told(handler: Handler) -> Handler:
    """Answers the errors of the core as problem details."""

    @wraps(handler)
    async def answered(request: Request) -> Response:
        try:
            return await handler(request)
        except AirError as error:
            return refusal(error)

    return answered


def _wanted(query: QueryParams) -> Wanted:
    if unknown := sorted(query.keys() - _PARAMETERS):
        raise Invalid(f"{unknown[0][:40]!r} is no parameter here", field=unknown[0][:40])
    kinds, tags = _words(query, "kinds"), _words(query, "tags")
    if wrong := [kind for kind in kinds if kind not in _KINDS]:
        raise Invalid(f"{wrong[0][:40]!r} is no kind; kinds are: {', '.join(sorted(_KINDS))}", field="kinds")
    if len(tags) > MAX_TAGS:
        raise Invalid(f"at most {MAX_TAGS} tags are taken", field="tags")
    relay = query.get("relay", "false")
    if relay not in {"true", "false"}:
        raise Invalid("relay is true or false", field="relay")
    chosen = [kind for kind in get_args(Kind) if kind in kinds] or [*get_args(Kind)]
    return Wanted(chosen, tags, relay == "true")


def _words(query: QueryParams, name: str) -> list[str]:
    return [word for word in query.get(name, "").split(",") if word]


def _limit(query: QueryParams) -> int:
    given = query.get("limit", str(PAGE))
    if not given.isascii() or not given.isdigit() or len(given) > 6 or int(given) < 1:
        raise Invalid("limit is a number from 1 up", field="limit")
    return min(int(given), PAGE)


async def _question(request: Request) -> Question:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_QUESTION:
            raise Invalid(f"a question has at most {MAX_QUESTION} bytes")
    try:
        return Question.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error) from None
