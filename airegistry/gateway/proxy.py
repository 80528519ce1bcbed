"""Carries one admitted request to a backend and streams its answer back, byte for byte unless a list is filtered."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from airegistry.core.errors import NotFound
from airegistry.egress.stream import StreamClient, StreamResponse
from airegistry.gateway.a2a.handles import Handles
from airegistry.gateway.attempts import OK, Again, Result, attempts
from airegistry.gateway.errors import BadAnswer, CallRefused, CredentialRefused, Reply, RequestId, SessionLost
from airegistry.gateway.glance import HANDLES, INSPECTED, Checked, Glance, Look
from airegistry.gateway.lists import Filter, JsonFilter, Keep, SseFilter
from airegistry.gateway.states import States
from airegistry.gateway.tasks import Tasks

# An allow-list: cookies, challenges, CORS and the like are the backend's and must not act on the gateway's origin.
_SHOWN = frozenset((b"content-type", b"content-encoding", b"mcp-protocol-version", b"retry-after", b"allow"))
_JSON_HEADERS = [(b"cache-control", b"no-store")]
_SSE_HEADERS = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]

OnHead = Callable[[int, str | None], str | None]
"""Is told the backend's status and session id before the client is; returns the session id the client may see."""

Renew = Callable[[], Awaitable[Sequence[tuple[str, str]] | None]]
Bind = Callable[[Result], Awaitable[None]]


@dataclass(slots=True)
class Outgoing:
    """A request as the backend gets it.

    `one_way` means that no JSON-RPC answer is due. `safe` is whether it may be sent twice, as it changes nothing,
    `endless` whether its answer may be silent for ever.
    `renew` gets other headers after the backend answered 401, `reopen` after it lost the session; None when there is
    no help. `reopened` is whether that was tried: a session that is lost again is not opened for ever.
    `heard` is told the bytes of an event stream, `bind` what a result gives the caller, before the caller has it whole.
    `only` is the id of the request where the client has others under way elsewhere: no other is answered.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    one_way: bool
    first_byte_timeout: float
    safe: bool = False
    endless: bool = False
    renew: Renew | None = None
    reopen: Renew | None = None
    reopened: bool = False
    heard: Callable[[bytes], None] | None = None
    bind: Bind | None = None
    only: RequestId = None


class _Head:
    """The head of a backend's answer: what goes on of it, and what decides how the body is carried."""

    __slots__ = ("encoded", "headers", "heard", "json", "length", "session", "sse", "status")

    def __init__(self, response: StreamResponse) -> None:
        self.status = response.status
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.session: str | None = None
        self.json = self.sse = self.encoded = False
        self.heard: Callable[[bytes], None] | None = None
        for name, value in response.headers:
            if name in _SHOWN:
                self.headers.append((name, value))
                if name == b"content-type":
                    kind = value.partition(b";")[0].strip().lower()
                    self.json, self.sse = kind == b"application/json", kind == b"text/event-stream"
                elif name == b"content-encoding":
                    self.encoded = value.strip().lower() != b"identity"
            elif name == b"content-length" and value.isdigit():
                self.length = int(value)
            elif name == b"mcp-session-id":
                self.session = value.decode("latin-1")


class Proxy:
    """Streams answers over a pool of connections to backends. `shared` knows whose the ids are that backends give out,
    where replicas have to know them all."""

    def __init__(self, client: StreamClient, shared: Handles | None = None) -> None:
        self._client = client
        self.shared = shared is not None
        self.states = States(shared=shared)
        self.tasks = Tasks(shared)

    async def relay(self, outgoing: Outgoing, reply: Reply, on_head: OnHead, keep: Keep | None = None) -> Result:
        """Send the request and its answer on; never raises for what a backend does.

        With `keep` the answer is filtered. An answer that breaks off half-way is left unfinished, so that the client
        sees it broken too. Cancelling closes the connection to the backend, which is how it learns of it.
        """
        attempt = partial(self._attempt, outgoing, reply, on_head, keep)
        return await attempts(attempt, reply, safe=outgoing.safe)

    async def _attempt(self, outgoing: Outgoing, reply: Reply, on_head: OnHead, keep: Keep | None) -> Result:
        """One attempt.

        Raises:
            AirError: it failed.
            Again: the backend wants other headers, and they are at hand by now.
        """
        try:
            response = await self._client.request(
                outgoing.method, outgoing.url, outgoing.headers, outgoing.body,
                first_byte_timeout=outgoing.first_byte_timeout, endless=outgoing.endless,
            )  # fmt: skip
            with response:
                return await self._carry(response, outgoing, reply, on_head, keep)
        except CredentialRefused:
            renew, outgoing.renew = outgoing.renew, None
            better = None if renew is None else await renew()
            if better is None:
                raise
        except SessionLost:
            reopen, outgoing.reopen = outgoing.reopen, None
            better = None if reopen is None else await reopen()
            outgoing.reopened = True
            if better is None:
                on_head(404, None)
                await reply.refuse(NotFound("the backend lost the session"))
                return Result("error", "the backend lost the session")
        outgoing.headers = better
        raise Again

    async def _carry(
        self, response: StreamResponse, outgoing: Outgoing, reply: Reply, on_head: OnHead, keep: Keep | None
    ) -> Result:
        head = _Head(response)
        status = head.status
        if status == 401:
            raise CredentialRefused("the backend answered 401")
        if status == 403:
            raise CallRefused("the backend answered 403")
        if 300 <= status < 400:
            raise BadAnswer(f"the backend answered {status}")
        if (outgoing.reopen is not None or outgoing.reopened) and status in (400, 404):
            if status == 404:
                raise SessionLost
            return await _maybe_lost(response, head, reply, on_head)
        session = on_head(status, head.session)
        if session is not None:
            head.headers.append((b"mcp-session-id", session.encode("latin-1")))
        if not head.json and not head.sse:
            return await _bodiless(head, outgoing, reply)
        head.heard = outgoing.heard if head.sse else None
        if keep is not None:
            if head.encoded:
                raise BadAnswer("the backend compressed a list without being asked to")
            return await _filter(response, head, reply, SseFilter(keep) if head.sse else JsonFilter(keep))
        return await _stream(response, head, reply, outgoing)


async def _maybe_lost(response: StreamResponse, head: _Head, reply: Reply, on_head: OnHead) -> Result:
    """An answer of 400: servers that lost a session say so in words.

    Raises:
        SessionLost: it speaks of the session.
    """
    body = bytearray()
    async for chunk in response.chunks():
        body += chunk
        if len(body) > INSPECTED:
            raise BadAnswer("the backend answered 400 at length")
    if b"ession" in body:
        raise SessionLost
    on_head(head.status, head.session)
    if head.json:
        await reply.whole(head.status, head.headers + _JSON_HEADERS, bytes(body))
    else:
        await reply.refuse(BadAnswer("the backend answered 400"), status=400)
    return Result("error", "HTTP 400")


async def _bodiless(head: _Head, outgoing: Outgoing, reply: Reply) -> Result:
    """Answers without a JSON-RPC body: their status at most goes on, never their text."""
    status = head.status
    if 200 <= status < 300:
        if not outgoing.one_way:
            raise BadAnswer("the backend's answer is neither JSON nor an event stream")
        await reply.whole(status if status == 202 else 200, _without_type(head))
        return OK
    if not 400 <= status < 500:
        raise BadAnswer(f"the backend answered {status}")
    await reply.refuse(BadAnswer(f"the backend answered {status}"), status=status)
    return Result("error", f"HTTP {status}")


def _without_type(head: _Head) -> list[tuple[bytes, bytes]]:
    return [(name, value) for name, value in head.headers if name not in (b"content-type", b"content-encoding")]


async def _stream(response: StreamResponse, head: _Head, reply: Reply, outgoing: Outgoing) -> Result:
    """Send on what comes as it comes. What looks like the last event waits a moment for the end of its stream."""
    bind = outgoing.bind
    look = _look(head, outgoing)
    headers = head.headers + (_SSE_HEADERS if head.sse else _JSON_HEADERS)
    if head.length is not None:
        headers.append((b"content-length", b"%d" % head.length))
    if not response.has_piece:
        await reply.start(head.status, headers)
    result: Result | None = None
    while (piece := await response.piece()) is not None:
        if head.sse and not outgoing.endless and (b'"result"' in piece or b'"error"' in piece):
            await response.settle()
        look.feed(piece)
        result = look.end() if response.ended else None
        if bind is not None and (result is not None or any(handle in piece for handle in HANDLES)):
            await bind(result or look.result())
        if not reply.started:
            await reply.start(head.status, headers, follows=True)
        await reply.body(piece, more=result is None)
    if result is None:
        result = look.end()
        if bind is not None:
            await bind(result)
        await reply.body(b"", more=False)
    return result


def _look(head: _Head, outgoing: Outgoing) -> Look:
    if outgoing.only is None:
        return Glance(head.status, sse=head.sse, heard=head.heard)
    if head.encoded:
        raise BadAnswer("the backend compressed its answer without being asked to")
    return Checked(head.status, sse=head.sse, id=outgoing.only)


async def _filter(response: StreamResponse, head: _Head, reply: Reply, filter_: Filter) -> Result:
    glance = Glance(head.status, sse=head.sse, heard=head.heard)
    if head.sse:
        await reply.start(head.status, head.headers + _SSE_HEADERS)
        async for chunk in response.chunks():
            if shown := filter_.feed(chunk):
                glance.feed(shown)
                await reply.body(shown, more=True)
        await reply.body(filter_.finish(), more=False)
    else:
        async for chunk in response.chunks():
            filter_.feed(chunk)
        body = filter_.finish()
        glance.feed(body)
        await reply.whole(head.status, head.headers + _JSON_HEADERS, body)
    return glance.result()
