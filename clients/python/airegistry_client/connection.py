"""One registry and one caller: requests with the caller's token, made again where that helps, and read as models."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import quote, urlencode
from uuid import uuid4

from pydantic import BaseModel, JsonValue, RootModel, ValidationError
from pydantic_core import from_json, to_json

from airegistry_client.errors import BadAnswer, Refused, Unreachable, refusal
from airegistry_client.models.assets import Asset
from airegistry_client.retries import Retries, again, asked_pause
from airegistry_client.tokens import ClientCredentials, Given, Minted, Token, Tokens
from airegistry_client.transport import IO, Reply, Request, Stream, reason

PREFIX = "/api/v1"
API = "/api"
AGENT = "airegistry-client/0.1"
Members = Mapping[str, object]
Json = Mapping[str, object]
"""A JSON object of the caller's."""
Said = Mapping[str, JsonValue]
"""A JSON object of the registry's."""
A = TypeVar("A", bound=BaseModel)


class _Object(RootModel[dict[str, JsonValue]]):
    """A JSON object."""


class Connection:
    """Makes the requests of a client. `url` is the registry's base URL."""

    def __init__(self, url: str, token: Token | None, io: IO, retries: Retries) -> None:
        self.url = url.rstrip("/").removesuffix("/mcp")
        self.io = io
        self.retries = retries
        self._tokens: Tokens = (
            Minted(token, self.url, io, self._persist) if isinstance(token, ClientCredentials) else Given(token, io)
        )

    async def ask(
        self, answer: type[A], method: str, path: str, *, query: Members | None = None, body: Members | None = None,
        document: Json | None = None, if_match: str | None = None, key: str | None = None,
    ) -> A:  # fmt: skip
        """What the API answers. `path` is below `/api/v1`; of `query` and `body` what is None was not given, and
        `document` is a body as it stands.

        A POST names itself by an `Idempotency-Key`, so that it can be made again without being done twice.

        Raises:
            Refused: the registry said no.
            Unreachable, BadAnswer, LoginFailed: there is no answer to speak of.
        """
        headers = {"if-match": if_match} if if_match is not None else {}
        if method == "POST":
            headers["idempotency-key"] = key or str(uuid4())
        said = document if body is None else given(body)
        return read(answer, await self.request(method, path, query=query, body=said, headers=headers))

    async def known(self, path: str, *, query: Members, asset: Asset | None) -> Asset:
        """An asset as it is now: the one given, where that is as it was."""
        headers = {"if-none-match": asset.etag} if asset is not None and asset.etag else {}
        reply = await self.request("GET", path, query=query, headers=headers)
        return asset if asset is not None and reply.status == HTTPStatus.NOT_MODIFIED else read(Asset, reply)

    async def done(self, method: str, path: str, *, query: Members | None = None, if_match: str | None = None) -> None:
        """Do something that has nothing more to say."""
        await self.ask(_Object, method, path, query=query, if_match=if_match)

    async def many(self, answer: type[A], path: str, member: str, query: Members | None = None) -> list[A]:
        """A list that is in no pages; `member` is where it stands in the answer."""
        found = await self.ask(_Object, "GET", path, query=query)
        return _items(answer, found.root, member)

    async def pages(self, answer: type[A], path: str, member: str, query: Members) -> AsyncGenerator[A, None]:
        """The items of all pages, each page when it is come to."""
        asked, cursor = {**query}, query.get("cursor")
        while True:
            found = (await self.ask(_Object, "GET", path, query={**asked, "cursor": cursor})).root
            items = _items(answer, found, member)
            for item in items:
                yield item
            cursor = found.get("next_cursor")
            # What is only ever added to has a cursor at its end too, to go on from later.
            if not cursor or found.get("more") is False or (not items and asked.get("order") == "oldest"):
                return

    async def request(
        self, method: str, path: str, *, query: Members | None = None, body: Members | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """The answer of the API as it is, 304 included.

        Raises:
            Refused, Unreachable, LoginFailed: as for `ask`.
        """
        given = {"accept": "application/json", **(headers or {})}
        if body is not None:
            given["content-type"] = "application/json"
        url = f"{self.url}{PREFIX}{path}{_query(query or {})}"
        sent = Request(method, url, given, b"" if body is None else to_json(body))
        reply = await self.send(sent, API)
        if reply.status >= HTTPStatus.BAD_REQUEST:
            raise refused(reply)
        return reply

    async def send(self, request: Request, resource: str) -> Reply:
        """Make a request as the caller, with another token when the first one is not taken."""
        token = await self._tokens.get(resource, None)
        reply = await self._persist(as_caller(request, token))
        if reply.status == HTTPStatus.UNAUTHORIZED and token is not None:
            other = await self._tokens.get(resource, token)
            if other != token:
                reply = await self._persist(as_caller(request, other))
        return reply

    @asynccontextmanager
    async def open(self, request: Request, resource: str) -> AsyncIterator[Stream]:
        """Make a request as the caller whose answer is read while it comes.

        Raises:
            Refused, Unreachable, LoginFailed: as for `ask`; nothing is tried again here.
        """
        token = await self._tokens.get(resource, None)
        while True:
            async with self.io.stream(as_caller(request, token)) as stream:
                if stream.status < HTTPStatus.BAD_REQUEST:
                    yield stream
                    return
                problem = refused(await reason(stream))
            stale, token = token, await self._tokens.get(resource, token)
            if stream.status != HTTPStatus.UNAUTHORIZED or token == stale:
                raise problem

    async def _persist(self, request: Request) -> Reply:
        """Make a request, and again where that helps."""
        for pause in self.retries.pauses():
            asked = 0.0
            try:
                reply = await self.io.send(request)
            except Unreachable as error:
                if not again(request, error):
                    raise
            else:
                asked = asked_pause(reply) or 0.0
                if not again(request, reply) or asked > self.retries.patience:
                    return reply
            await self.io.sleep(max(pause, asked))
        return await self.io.send(request)


def route(*segments: str) -> str:
    """A path of the API; what stands in a segment never parts it."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def as_caller(request: Request, token: str | None) -> Request:
    """The request with its bearer token."""
    bearer = {"authorization": f"Bearer {token}"} if token else {}
    return replace(request, headers={"user-agent": AGENT, **request.headers, **bearer})


def read(answer: type[A], reply: Reply) -> A:
    """An answer as a model; that of an asset knows its ETag.

    Raises:
        BadAnswer: it is none.
    """
    try:
        found = answer.model_validate_json(reply.body)
    except ValidationError as error:
        raise BadAnswer(f"the answer is no {answer.__name__.lstrip('_')}: {error.errors()[0]['msg']}") from error
    etag = reply.headers.get("etag")
    return found.model_copy(update={"etag": etag}) if etag and isinstance(found, Asset) else found


def refused(reply: Reply) -> Refused | BadAnswer:
    """The error that an answer stands for: problem details (RFC 9457), or what a proxy on the way said."""
    try:
        said = from_json(reply.body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        said = {}
        if reply.status not in _SPEAKING:
            return BadAnswer(f"no registry answers there: HTTP status {reply.status} without problem details")
    pause = asked_pause(reply)
    return refusal(reply.status, said if pause is None else {"retry_after": pause, **said})


_SPEAKING = frozenset({401, 403, 404, 413, 421, 429, 500, 502, 503, 504})
"""What says enough by itself."""


def _items(answer: type[A], found: Said, member: str) -> list[A]:
    """The items of one page."""
    items = found.get(member)
    if not isinstance(items, list):
        raise BadAnswer(f"the answer has no list {member!r}")
    try:
        return [answer.model_validate(item) for item in items]
    except ValidationError as error:
        raise BadAnswer(f"one of {member!r} is no {answer.__name__}: {error.errors()[0]['msg']}") from error


def _query(members: Members) -> str:
    """The query of a URL; a list is its name repeated."""
    pairs = [(name, each) for name, value in given(members).items() for each in _values(value)]
    return f"?{urlencode(pairs)}" if pairs else ""


def _values(value: object) -> list[str]:
    if isinstance(value, list | tuple | set | frozenset):
        return [text for each in value for text in _values(each)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [value.isoformat() if isinstance(value, datetime) else str(value)]


def given(members: Members) -> dict[str, object]:
    """What of it was given: an argument that is None was not."""
    return {name: value for name, value in members.items() if value is not None}
