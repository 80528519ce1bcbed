"""`/api/v1`: one dispatcher over the table of twins. It reads a request, runs the tool and shapes the answer."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import anyio
import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from airegistry.core.assets import Json
from airegistry.core.changes import Changes
from airegistry.core.documents import Repository
from airegistry.core.errors import (
    AccessDenied,
    AirError,
    BackendResting,
    CallRefused,
    Internal,
    Invalid,
    UpstreamFailed,
)
from airegistry.core.ports import Cipher, Clock
from airegistry.core.preconditions import Changed, only_as
from airegistry.core.principals import Principal
from airegistry.core.shelf import Shelf
from airegistry.oauth.identity import principal_of
from airegistry.rest.api.answers import answer, fits, next_page, refusal, tag_of
from airegistry.rest.api.calls import ANSWERS, CallStreams, call_of, streams
from airegistry.rest.api.events import EventStreams
from airegistry.rest.api.idempotency import Idempotency, Kept
from airegistry.rest.api.openapi import description
from airegistry.rest.api.reading import arguments_of, body_of, document_of
from airegistry.rest.api.routes import PREFIX, Endpoint, NoMethod, Operation, Router, endpoints
from airegistry.rest.peer_feed import ASSETS, CHANGES
from airegistry.rest.twins import TWINS

EVENTS, DESCRIPTION = f"{PREFIX}/events", f"{PREFIX}/openapi.json"
_ELSEWHERE = {EVENTS: ["GET"], DESCRIPTION: ["GET"], CHANGES: ["GET"], ASSETS: ["POST"]}
"""Methods of the paths that are no rows of the table."""
RETRIES = 5
"""Times that a change is held to If-Match anew, where somebody wrote the asset meanwhile: by itself it changes too."""
log = logging.getLogger(__name__)
Operations = Callable[[], Awaitable[Sequence[Operation]]]
Challenge = Callable[[Scope, Principal, Sequence[str]], bytes]


@dataclass(frozen=True, slots=True)
class Needs:
    """What the API stands on. `operations` makes them when they are asked for first; `challenge` names the broader
    token that would do."""

    operations: Operations
    changes: Changes
    shelf: Shelf
    keys: Repository[Kept]
    cipher: Cipher
    clock: Clock
    challenge: Challenge
    url: str


class Api:
    """The application behind every path of `/api/v1`; it is built at the first request."""

    def __init__(self, needs: Needs) -> None:
        self._needs = needs
        self._base = urlsplit(needs.url).path
        self._once = Idempotency(needs.keys, needs.cipher, needs.clock)
        self._events = EventStreams(needs.changes)
        self._calls = CallStreams()
        self._building = anyio.Lock()
        self._endpoints: list[Endpoint] = []
        self._router = Router(())
        self._description = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request, begun = Request(scope, receive), False

        async def stream(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            response = await self._answer(request, stream)
        except ClientDisconnect:  # nobody hears the answer, and it is no error of ours to log
            return
        except AirError as error:
            response = self._refused(scope, error)
        except Exception:  # the outermost handler: an error of ours ends one request, in the words of any other
            if begun:
                raise
            log.exception("the API failed")
            response = refusal(Internal("the registry failed"))
        if response is not None:
            await response(scope, receive, send)

    async def endpoints(self) -> list[Endpoint]:
        """Every endpoint, by the table."""
        async with self._building:
            if not self._endpoints:
                found = endpoints(TWINS, await self._needs.operations())
                self._endpoints, self._router = found, Router(found)
        return self._endpoints

    def template(self, method: str, raw_path: bytes) -> str:
        """The template that the path of a request fits; empty where it fits none."""
        path = raw_path.decode("latin-1")
        if path in _ELSEWHERE:
            return path
        if call_of(path) is not None:
            return ANSWERS
        try:
            return PREFIX + self._router.find(method, raw_path)[0].path
        except AirError:
            return ""

    async def description(self) -> bytes:
        """The OpenAPI document."""
        if not self._description:
            self._description = orjson.dumps(description(await self.endpoints(), self._needs.url))
        return self._description

    async def _answer(self, request: Request, stream: Send) -> Response | None:
        """The answer to a request; None for one that was given as a stream."""
        who = principal_of(request.scope)
        path = request.scope["path"]
        if path == EVENTS and request.method in {"GET", "HEAD"}:
            await self._events.serve(request, stream)
            return None
        if path == DESCRIPTION and request.method in {"GET", "HEAD"}:
            return Response(await self.description(), media_type="application/json")
        if path in _ELSEWHERE:
            raise NoMethod(request.method, _ELSEWHERE[path])
        if (call := call_of(path)) is not None:
            return await self._take(request, who, call)
        await self.endpoints()
        endpoint, in_path = self._router.find(
            request.method, request.scope.get("raw_path") or request.url.path.encode()
        )
        body = await body_of(request)
        arguments = arguments_of(request, endpoint, in_path, body)
        make = partial(self._made, request, endpoint, arguments)
        key = request.headers.get("idempotency-key")
        if endpoint.twin.acts and streams(request):
            if key is not None:
                raise Invalid("no stream is kept, so it takes no Idempotency-Key", field="Idempotency-Key")
            await self._calls.serve(request, stream, partial(endpoint.operation.run, request.scope, arguments))
            return None
        if key is None or endpoint.twin.method != "POST":
            return await make()
        place = f"{request.method} {endpoint.path} {orjson.dumps(in_path, option=orjson.OPT_SORT_KEYS).decode()}"
        said = orjson.dumps([request.url.query, body.decode("utf-8", "replace"), request.headers.get("if-match")])
        return await self._once.once(who, key, place, said, make)

    async def _take(self, request: Request, who: Principal, call: str) -> Response:
        """Take what a caller answers to a question of a call."""
        if request.method != "POST":
            raise NoMethod(request.method, ["POST"])
        return answer(self._calls.answer(who, call, document_of(request, await body_of(request))))

    async def _made(self, request: Request, endpoint: Endpoint, arguments: Json) -> Response:
        """Run the tool and shape what it answers."""
        try:
            body = await self._run(request, endpoint, arguments)
        except UpstreamFailed as error:
            if not endpoint.twin.acts or isinstance(error, BackendResting | CallRefused):
                raise
            return refusal(error)  # it may have been done: this is the answer, and a key keeps it
        created = endpoint.twin.creates and not body.get("dry_run")
        response = answer(body, 201 if created else 200)
        if created and endpoint.twin.made:
            response.headers["location"] = self._base + PREFIX + endpoint.twin.made.format_map(body)
        if endpoint.twin.one or (endpoint.twin.guarded and "updated_at" in body):
            response.headers["etag"] = tag = tag_of(body, live=endpoint.twin.one)
            condition = request.headers.get("if-none-match")
            if endpoint.twin.one and condition is not None and fits(condition, tag, whole=True):
                return Response(status_code=304, headers={"etag": tag, "cache-control": "no-store"})
        if (link := next_page(request, self._base, body)) is not None:
            response.headers["link"] = link
        return response

    async def _run(self, request: Request, endpoint: Endpoint, arguments: Json) -> Json:
        """Run the tool, unless what the request says of the asset is not so, or no more when it is written."""
        for _ in range(RETRIES):
            with await self._held(request, endpoint, arguments), suppress(Changed):
                return await endpoint.operation.run(request.scope, arguments)
        raise Changed(f"{endpoint.kind} {arguments.get('path')!r} keeps changing")

    async def _held(self, request: Request, endpoint: Endpoint, arguments: Json) -> AbstractContextManager[None]:
        """What holds the asset of a change at the state that If-Match names.

        Raises:
            Changed: it is another one already.
        """
        condition = ", ".join(request.headers.getlist("if-match"))
        if not condition or endpoint.twin.one:
            return nullcontext()
        if not endpoint.twin.guarded or endpoint.kind is None:
            raise Invalid("If-Match is for changes of one asset", field="If-Match")
        path, version = str(arguments.get("path", "")).removeprefix("/"), arguments.get("version")
        named = endpoint.kind, path, version if isinstance(version, str) else None
        found = await self._needs.shelf.get(*named)  # first, so that no change in between is lost
        reading = next(each for each in self._endpoints if each.twin.one and each.kind == endpoint.kind)
        asked: Json = {"path": path, **reading.fixed, **({} if version is None else {"version": version})}
        tag = tag_of(await reading.operation.run(request.scope, asked), live=False)
        if found is None or not fits(condition, tag, whole=False):
            raise Changed(f"{named[0]} {path!r} has changed since you read it")
        return only_as(named, found[1])

    def _refused(self, scope: Scope, error: AirError) -> Response:
        response = refusal(error)
        if response.status_code == 500:
            log.error("the API failed: %s", error.message, exc_info=error)
        if isinstance(error, AccessDenied) and error.step_up:
            challenge = self._needs.challenge(scope, principal_of(scope), error.step_up)
            response.headers["www-authenticate"] = challenge.decode("latin-1")
        return response
